/* Answers HTTP requests: the export wasi:http/incoming-handler of the world in wit/. */

#include <string.h>

#include "../gen/app.h"
#include "greeting.h"

static const char content_type[] = "text/plain; charset=utf-8";

static wasi_http_types_own_fields_t headers(void) {
    wasi_http_types_own_fields_t fields = wasi_http_types_constructor_fields();
    app_string_t name;
    app_string_set(&name, "content-type");
    wasi_http_types_field_value_t value = {(uint8_t *)content_type, strlen(content_type)};
    wasi_http_types_header_error_t error;
    wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(fields), &name, &value, &error);
    return fields;
}

static void write_body(wasi_http_types_own_outgoing_body_t body, const char *text, size_t text_len) {
    wasi_http_types_own_output_stream_t stream;
    if (wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream)) {
        app_list_u8_t bytes = {(uint8_t *)text, text_len};
        wasi_io_streams_stream_error_t error;
        wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream),
                                                                      &bytes, &error);
        wasi_io_streams_output_stream_drop_own(stream);
    }
    wasi_http_types_error_code_t error;
    wasi_http_types_static_outgoing_body_finish(body, NULL, &error);
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t request,
                                               exports_wasi_http_incoming_handler_own_response_outparam_t outparam) {
    app_string_t path;
    bool has_path = wasi_http_types_method_incoming_request_path_with_query(
        wasi_http_types_borrow_incoming_request(request), &path);
    char text[4096];
    size_t text_len = has_path ? greeting(text, sizeof text, (const char *)path.ptr, path.len)
                               : greeting(text, sizeof text, "/", 1);

    wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers());
    wasi_http_types_own_outgoing_body_t body;
    wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
    wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false, .val = {.ok = response}};
    wasi_http_types_static_response_outparam_set(outparam, &answer);
    write_body(body, text, text_len);
}
