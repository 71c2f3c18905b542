;; Passes every request on to what provides its import of a handler. The marks are where a test adds something.
(component
  (import "wasi:http/types@0.2.0" (instance $http
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $http "incoming-request" (type $request))
  (alias export $http "response-outparam" (type $outparam))
  (import "wasi:http/incoming-handler@0.2.0" (instance $next
    (export "handle" (func (param "request" (own $request)) (param "response-out" (own $outparam))))))
  (;IMPORTS;)
  (core func $next (canon lower (func $next "handle")))
  (;LOWERED;)
  (core module $program
    (import "" "next" (func $next (param i32 i32)))
    (;CORE-IMPORTS;)
    (memory 1)
    (func (export "handle") (param i32 i32)
      (;FIRST;)
      (call $next (local.get 0) (local.get 1))))
  (core instance $program (instantiate $program (with "" (instance
    (;WITH;)
    (export "next" (func $next))))))
  (func $handle (param "request" (own $request)) (param "response-out" (own $outparam))
    (canon lift (core func $program "handle")))
  (instance $handler (export "handle" (func $handle)))
  (;EXPORTS;)
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
