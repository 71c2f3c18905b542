//! The JSON Schemas that editors use.

use serde_json::Value;
use wattle_spec::{host_file, manifest};

/// The keys of a schema with type, grammar and default, one a line.
fn outline(schema: &Value, path: &str, out: &mut String) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        line(&format!("{path}{key}"), value, out);
    }
    if schema["additionalProperties"].is_object() {
        line(&format!("{path}*"), &schema["additionalProperties"], out);
    }
    if schema["items"].is_object() {
        outline(&schema["items"], &format!("{path}[]."), out);
    }
}

fn line(path: &str, value: &Value, out: &mut String) {
    let text = |key: &str| value[key].as_str().map(|text| format!(" {text}")).unwrap_or_default();
    let default = value.get("default").filter(|value| !value.is_object() && !value.is_array());
    let default = default.map(|value| format!(" = {value}")).unwrap_or_default();
    out.push_str(&format!("{path}:{}{}{default}\n", text("type"), text("format")));
    outline(value, &format!("{path}."), out);
}

fn check(schema: Value) -> String {
    let mut out = format!("{} {}\n", schema["$schema"].as_str().unwrap(), schema["title"].as_str().unwrap());
    outline(&schema, "", &mut out);
    out
}

/// The places in a schema that an editor would show without a word of explanation.
fn undescribed(schema: &Value, path: &str, out: &mut Vec<String>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{key}");
        if value["description"].as_str().is_none_or(str::is_empty) {
            out.push(path.clone());
        }
        undescribed(value, &path, out);
    }
    for below in ["additionalProperties", "items"].into_iter().filter(|below| schema[*below].is_object()) {
        undescribed(&schema[below], &format!("{path}/{below}"), out);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        undescribed(choice, path, out);
    }
}

#[test]
fn every_key_has_a_description() {
    for schema in [manifest::schema(), host_file::schema()] {
        let mut out = Vec::new();
        undescribed(&schema, "", &mut out);
        assert_eq!(out, Vec::<String>::new());
    }
}

#[test]
fn schemas_have_no_null_and_no_reference() {
    for schema in [manifest::schema(), host_file::schema()] {
        let text = schema.to_string();
        assert!(!text.contains("\"null\"") && !text.contains("$ref") && !text.contains("$id"), "{text}");
    }
}

#[test]
fn manifest() {
    insta::assert_snapshot!(check(manifest::schema()), @r#"
    https://json-schema.org/draft/2020-12/schema Wattle manifest
    backends: object
    backends.*: object
    backends.*.credentials: string host-path
    backends.*.directory: string host-path
    backends.*.nkey: string host-path
    backends.*.password-file: string host-path
    backends.*.prefix: string variable-name = "WATTLE_SECRET_"
    backends.*.quota: object
    backends.*.quota.bytes: string byte-size
    backends.*.quota.keys: integer uint32
    backends.*.replicas: integer uint32 = 1
    backends.*.scope: = "app"
    backends.*.servers: array
    backends.*.stream: string text
    backends.*.tls: object
    backends.*.tls.ca: string host-path
    backends.*.tls.cert: string host-path
    backends.*.tls.key: string host-path
    backends.*.tls.required: boolean = false
    backends.*.token-file: string host-path
    backends.*.type:
    backends.*.user: string text
    components: object
    components.*: object
    components.*.allow: object
    components.*.allow.http: array
    components.*.allow.listen: array
    components.*.allow.networks: array
    components.*.allow.tcp: array
    components.*.allow.udp: array
    components.*.build: string
    components.*.config: object
    components.*.config.*: string text
    components.*.env: object
    components.*.env.*: string text
    components.*.instances: object
    components.*.instances.concurrency: integer uint32
    components.*.instances.idle: string time-span
    components.*.instances.reuse: integer uint32
    components.*.limits: object
    components.*.limits.concurrent-calls: integer = 256
    components.*.limits.deadline: string time-limit = "30s"
    components.*.limits.fields: string byte-size = "80KiB"
    components.*.limits.handles: integer = 2000
    components.*.limits.host-call-bytes: string byte-size = "16MiB"
    components.*.limits.log-line: string byte-size = "8KiB"
    components.*.limits.log-lines-per-second: integer = 1000
    components.*.limits.memory: string byte-size = "128MiB"
    components.*.limits.outgoing-answer-timeout: string time-limit = "30s"
    components.*.limits.outgoing-body-timeout: string time-limit = "30s"
    components.*.limits.outgoing-connect-timeout: string time-limit = "10s"
    components.*.limits.outgoing-head: string byte-size = "64KiB"
    components.*.limits.outgoing-request-body: string byte-size = "64MiB"
    components.*.limits.outgoing-response-body: string byte-size = "1GiB"
    components.*.limits.request-body: string byte-size = "64MiB"
    components.*.limits.response-body: string byte-size = "1GiB"
    components.*.limits.table-elements: integer = 100000
    components.*.links: object
    components.*.links.*:
    components.*.mounts: array
    components.*.mounts.[].access: = "read"
    components.*.mounts.[].guest: string guest-path
    components.*.mounts.[].host: string host-path
    components.*.pull: = "missing"
    components.*.secrets: array
    components.*.source: string source
    health: object
    health.path: string request-path
    health.timeout: string time-limit = "30s"
    limits: object
    limits.concurrent-calls: integer = 1024
    limits.concurrent-requests: integer = 1024
    limits.cron-backlog: integer = 16
    limits.cron-runs: integer = 16
    limits.outgoing-connections: integer = 256
    limits.outgoing-idle-timeout: string time-limit = "10s"
    limits.outgoing-requests: integer = 256
    limits.queue-time: string time-limit = "1s"
    links: object
    links.*:
    name: string app-name
    services: object
    services.*: object
    services.*.allow: object
    services.*.allow.http: array
    services.*.allow.listen: array
    services.*.allow.networks: array
    services.*.allow.tcp: array
    services.*.allow.udp: array
    services.*.build: string
    services.*.config: object
    services.*.config.*: string text
    services.*.env: object
    services.*.env.*: string text
    services.*.limits: object
    services.*.limits.concurrent-calls: integer = 256
    services.*.limits.deadline: string time-limit = "30s"
    services.*.limits.fields: string byte-size = "80KiB"
    services.*.limits.handles: integer = 2000
    services.*.limits.host-call-bytes: string byte-size = "16MiB"
    services.*.limits.log-line: string byte-size = "8KiB"
    services.*.limits.log-lines-per-second: integer = 1000
    services.*.limits.memory: string byte-size = "128MiB"
    services.*.limits.outgoing-answer-timeout: string time-limit = "30s"
    services.*.limits.outgoing-body-timeout: string time-limit = "30s"
    services.*.limits.outgoing-connect-timeout: string time-limit = "10s"
    services.*.limits.outgoing-head: string byte-size = "64KiB"
    services.*.limits.outgoing-request-body: string byte-size = "64MiB"
    services.*.limits.outgoing-response-body: string byte-size = "1GiB"
    services.*.limits.table-elements: integer = 100000
    services.*.links: object
    services.*.links.*:
    services.*.mounts: array
    services.*.mounts.[].access: = "read"
    services.*.mounts.[].guest: string guest-path
    services.*.mounts.[].host: string host-path
    services.*.pull: = "missing"
    services.*.restart: object
    services.*.restart.backoff: string time-span = "1s"
    services.*.restart.budget: integer uint32 = 10
    services.*.restart.max-backoff: string time-span = "1m"
    services.*.restart.on: = "failure"
    services.*.restart.within: string time-span = "10m"
    services.*.secrets: array
    services.*.source: string source
    triggers: object
    triggers.cron: array
    triggers.cron.[].component: string component-name
    triggers.cron.[].jitter: string time-span
    triggers.cron.[].missed: = "skip"
    triggers.cron.[].overlap: = "skip"
    triggers.cron.[].schedule: string cron-schedule
    triggers.cron.[].timezone: string time-zone = "UTC"
    triggers.http: array
    triggers.http.[].component: string component-name
    triggers.http.[].files: string host-path
    triggers.http.[].host: string host-name
    triggers.http.[].path: string path-pattern
    triggers.message: array
    triggers.message.[].broadcast: boolean = false
    triggers.message.[].component: string component-name
    triggers.message.[].concurrency: integer uint32 = 16
    triggers.message.[].dead-letter: string subject
    triggers.message.[].group: string group-name
    triggers.message.[].retry: object
    triggers.message.[].retry.attempts: integer uint32 = 5
    triggers.message.[].retry.backoff: string time-span = "1s"
    triggers.message.[].retry.max-backoff: string time-span = "1m"
    triggers.message.[].subject: string subject-pattern
    version: string semantic-version
    "#);
}

#[test]
fn host_file() {
    insta::assert_snapshot!(check(host_file::schema()), @r#"
    https://json-schema.org/draft/2020-12/schema Wattle host
    access-log: boolean = false
    admin: string socket-address
    backends: object
    backends.*: object
    backends.*.credentials: string host-path
    backends.*.directory: string host-path
    backends.*.nkey: string host-path
    backends.*.password-file: string host-path
    backends.*.prefix: string variable-name = "WATTLE_SECRET_"
    backends.*.quota: object
    backends.*.quota.bytes: string byte-size
    backends.*.quota.keys: integer uint32
    backends.*.replicas: integer uint32 = 1
    backends.*.scope: = "app"
    backends.*.servers: array
    backends.*.stream: string text
    backends.*.tls: object
    backends.*.tls.ca: string host-path
    backends.*.tls.cert: string host-path
    backends.*.tls.key: string host-path
    backends.*.tls.required: boolean = false
    backends.*.token-file: string host-path
    backends.*.type:
    backends.*.user: string text
    control: object
    control.cert: string host-path
    control.key: string host-path
    control.listen: string socket-address
    control.token-file: string host-path
    data-dir: string host-path
    defaults: = "dev"
    limits: object
    limits.awake-code: string byte-size = "1GiB"
    limits.awake-components: integer = 2000
    limits.body-timeout: string time-limit = "30s"
    limits.compile-memory: string byte-size = "4GiB"
    limits.compile-size: string byte-size = "64MiB"
    limits.compile-time: string time-limit = "2m"
    limits.compile-turn: string time-limit = "5s"
    limits.concurrent-calls: integer = 2048
    limits.concurrent-requests: integer = 4096
    limits.connections: integer = 10000
    limits.connections-per-address: integer = 1024
    limits.drain: string time-limit = "10s"
    limits.guest-memory: string byte-size = "16GiB"
    limits.header-bytes: string byte-size = "64KiB"
    limits.header-timeout: string time-limit = "10s"
    limits.headers: integer = 100
    limits.http2-connection-window: string byte-size = "1MiB"
    limits.http2-control-frames-per-second: integer = 1000
    limits.http2-errors: integer = 256
    limits.http2-keep-alive: string time-limit = "30s"
    limits.http2-resets-per-second: integer = 200
    limits.http2-send-buffer: string byte-size = "256KiB"
    limits.http2-stream-window: string byte-size = "256KiB"
    limits.http2-streams: integer = 100
    limits.idle-timeout: string time-limit = "75s"
    limits.metric-components: integer = 2000
    limits.stored-bytes: string byte-size = "10GiB"
    limits.stored-keys: integer = 1000000
    limits.tls-handshake-timeout: string time-limit = "10s"
    limits.wake-timeout: string time-limit = "10s"
    links: object
    links.*:
    listen: array
    name-servers: array
    off: array
    policy: object
    policy.approval: = "never"
    policy.imports: array
    policy.imports.[].allow: array
    policy.imports.[].apps: string name-pattern
    policy.signed: array
    policy.signed.[].artifacts: string name-pattern
    policy.signed.[].keys: array
    policy.unsigned: = "allow"
    registries: object
    registries.*: object
    registries.*.ca: string host-path
    registries.*.mirrors: array
    registries.*.plain-http: boolean = false
    telemetry: object
    telemetry.endpoint: string collector-url
    telemetry.headers: object
    telemetry.headers.*: string text
    telemetry.interval: string interval = "60s"
    telemetry.propagate: boolean = true
    telemetry.ratio: string percentage = "100%"
    telemetry.service-name: string = "wattle"
    tls: array
    tls.[].cert: string host-path
    tls.[].key: string host-path
    trusted-proxies: array
    "#);
}
