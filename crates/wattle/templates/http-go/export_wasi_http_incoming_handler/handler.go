// Package export_wasi_http_incoming_handler answers HTTP requests. The generated wit_exports.go calls it by this name.
package export_wasi_http_incoming_handler

import (
	"wit_component/greeting"
	. "wit_component/wasi_http_types"

	. "go.bytecodealliance.org/pkg/wit/types"
)

// Handle answers one request.
func Handle(request *IncomingRequest, out *ResponseOutparam) {
	text := greeting.For(request.PathWithQuery().SomeOr("/"))
	headers := MakeFields()
	headers.Append("content-type", []byte("text/plain; charset=utf-8"))
	response := MakeOutgoingResponse(headers)
	body := response.Body().Ok()
	ResponseOutparamSet(out, Ok[*OutgoingResponse, ErrorCode](response))
	stream := body.Write().Ok()
	stream.BlockingWriteAndFlush([]byte(text))
	stream.Drop()
	OutgoingBodyFinish(body, None[*Fields]())
}
