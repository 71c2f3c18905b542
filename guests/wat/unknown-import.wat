;; An HTTP component with an import that nobody provides.
(component
  (import "acme:warehouse/stock@1.0.0" (instance
    (export "count" (func (param "item" string) (result u32)))))
  (import "wasi:http/types@0.2.0" (instance $http
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $http "incoming-request" (type $incoming-request))
  (alias export $http "response-outparam" (type $response-outparam))
  (core module $program
    (func (export "handle") (param i32 i32)))
  (core instance $program (instantiate $program))
  (func $handle
    (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
    (canon lift (core func $program "handle")))
  (instance $export (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $export)))
