//! What a host tells of itself: its table in `host.toml`, and the variables that come before it.

use std::time::Duration;

use wattle_spec::host_file::HostSpec;
use wattle_spec::telemetry::{CollectorUrl, Parent, Ratio, Secret, TelemetrySpec};

use crate::render;

const TABLE: &str = "[telemetry]\nendpoint = 'https://otel.example.com/base/'\nheaders = { x-key = 'hidden' }\n\
    ratio = '0.5%'\ninterval = '5s'\nservice-name = 'shop'\npropagate = false\n";

fn parsed() -> TelemetrySpec {
    HostSpec::parse(TABLE).expect("a sound file").telemetry
}

#[test]
fn the_table() {
    let spec = parsed();
    assert_eq!(
        spec.endpoint.as_ref().map(|url| url.of("traces")).as_deref(),
        Some("https://otel.example.com/base/v1/traces")
    );
    assert_eq!(spec.headers["x-key"], Secret("hidden".into()));
    assert_eq!((spec.sampling.ratio.millionths(), spec.sampling.parent), (5_000, Parent::Followed));
    assert_eq!((spec.interval, spec.service_name.as_str(), spec.propagate), (Duration::from_secs(5), "shop", false));
    assert!(!format!("{spec:?}").contains("hidden"));
    assert_eq!(HostSpec::parse("").expect("a sound file").telemetry, TelemetrySpec::default());
}

#[test]
fn faults() {
    let text = "admin = 'localhost:9090'\n[telemetry]\nendpoint = 'collector:4318'\nheaders = { X-Key = 'a' }\n\
        ratio = '101%'\ninterval = '0s'\nsampler = 'always_on'\n";
    insta::assert_snapshot!(render(text, &HostSpec::parse(text).unwrap_err()), @r#"
    1:9 "localhost:9090" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write `127.0.0.1:9090` or `[::1]:9090`
    3:12 the URL of a collector begins with http:// or https://
      hint: as in `http://127.0.0.1:4318`, the usual port of OTLP over HTTP
    4:13 the name of a header field is made of lower-case letters, digits and hyphens
      hint: as in `"authorization"`
    5:9 expected a percentage from 0% to 100%, as in "10%"
      hint: as in `"10%"`
    6:12 an interval is at least 100ms
      hint: as in `"60s"`
    7:1 unknown key `sampler` in `telemetry`
      hint: the keys here are `endpoint`, `headers`, `interval`, `propagate`, `ratio` and `service-name`
    "#);
}

#[test]
fn collectors() {
    let read =
        |text: &str| text.parse::<CollectorUrl>().map(|url| url.of("metrics")).map_err(|error| error.to_string());
    assert_eq!(read("http://127.0.0.1:4318").as_deref(), Ok("http://127.0.0.1:4318/v1/metrics"));
    assert_eq!(read("http://otel_collector/").as_deref(), Ok("http://otel_collector/v1/metrics"));
    assert_eq!(read("https://[::1]:1/a/b").as_deref(), Ok("https://[::1]:1/a/b/v1/metrics"));
    for wrong in [
        "",
        "127.0.0.1:4318",
        "grpc://a",
        "http://",
        "http://a b",
        "http://a?b",
        "http://a/#b",
        "http://me:pw@a",
        "http://a:x",
    ] {
        let error = read(wrong).expect_err(wrong);
        assert!(!error.contains("pw"), "{error}");
    }
}

#[test]
fn ratios() {
    for (text, millionths) in [("0%", 0), ("100%", 1_000_000), ("12.5%", 125_000), ("0.0001%", 1)] {
        assert_eq!(text.parse().map(Ratio::millionths), Ok(millionths), "{text}");
        assert_eq!(text.parse::<Ratio>().map(|ratio| ratio.to_string()).as_deref(), Ok(text));
    }
    for wrong in ["", "%", "10", "101%", "-1%", "1e1%", "NaN%", "inf%", "0.1"] {
        assert!(wrong.parse::<Ratio>().is_err(), "{wrong}");
    }
}

#[test]
fn variables() {
    let with = |pairs: &[(&str, &str)]| {
        let find = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        parsed().in_environment(find)
    };
    assert_eq!(with(&[]), Ok(parsed()));
    assert_eq!(with(&[("OTEL_SERVICE_NAME", ""), ("OTEL_TRACES_SAMPLER", " ")]), Ok(parsed()), "empty is not set");
    let spec = with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=a%20b, y=c=d,"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_SERVICE_NAME", "theirs"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ])
    .expect("sound variables");
    assert_eq!(spec.endpoint.map(|url| url.to_string()).as_deref(), Some("http://localhost:4318"));
    assert_eq!((&spec.headers["x-key"].0[..], &spec.headers["y"].0[..]), ("a b", "c=d"));
    assert_eq!((spec.sampling.ratio.millionths(), spec.sampling.parent), (250_000, Parent::Ignored));
    assert_eq!(spec.service_name, "theirs");
    let sampling = |name: &str| with(&[("OTEL_TRACES_SAMPLER", name)]).map(|spec| spec.sampling.ratio.millionths());
    assert_eq!(sampling("parentbased_always_off"), Ok(0));
    assert_eq!(sampling("parentbased_traceidratio"), Ok(1_000_000));
    assert_eq!(with(&[("OTEL_SDK_DISABLED", "TRUE")]).map(|spec| spec.endpoint), Ok(None));
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%ff"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_SAMPLER", "parentbased_"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
    ] {
        let error = with(&[(name, value)]).expect_err(name);
        assert!(error.to_string().contains(name) && !error.hint().is_empty(), "{error}");
    }
    let none =
        TelemetrySpec::default().in_environment(|name| (name == "OTEL_EXPORTER_OTLP_PROTOCOL").then(|| "grpc".into()));
    assert_eq!(none, Ok(TelemetrySpec::default()), "a protocol that nobody is spoken to in");
}
