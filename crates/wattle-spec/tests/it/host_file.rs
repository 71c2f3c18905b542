//! The operator's file: what it says, and every fault in it.

use wattle_spec::host_file::HostSpec;

use crate::render;

/// The faults of a host's file, or what is not as it is by default.
fn check(text: &str) -> String {
    match HostSpec::parse(text) {
        Ok(spec) if spec == HostSpec::default() => "the default".into(),
        Ok(spec) => {
            let links: Vec<_> = spec.links.iter().map(|(key, backend)| format!("{key} -> {backend}")).collect();
            let backends: Vec<_> = spec.backends.iter().map(|(name, spec)| format!("{name} {spec:?}")).collect();
            let listen: Vec<_> = spec.listen.iter().map(ToString::to_string).collect();
            let tls: Vec<_> = spec.tls.iter().map(|paths| (&paths.cert, &paths.key)).collect();
            format!("{listen:?} {tls:?} {:?} {links:?} {backends:?} {:?}", spec.data_dir, spec.limits.drain)
        }
        Err(faults) => render(text, &faults),
    }
}

#[test]
fn host_files() {
    insta::assert_snapshot!(check(""), @"the default");
    insta::assert_snapshot!(check("defaults = 'dev'\nlisten = ['127.0.0.1:8080']"), @"the default");
    insta::assert_snapshot!(check("listen = ['0.0.0.0:80', '[::]:0']\ndata-dir = '/srv/wattle'\nlimits.drain = '1m'"), @r#"["0.0.0.0:80", "[::]:0"] [] Some("/srv/wattle") [] [] 60s"#);
    insta::assert_snapshot!(check("[backends.main]\ntype = 'disk'\n[links]\n'wasi:keyvalue' = 'main'"), @r#"["127.0.0.1:8080"] [] None ["wasi:keyvalue -> main"] ["main BackendSpec { kind: Disk, scope: App }"] 10s"#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue/store' = { to = 'memory' }"), @r#"["127.0.0.1:8080"] [] None ["wasi:keyvalue/store -> memory"] [] 10s"#);
    insta::assert_snapshot!(check("listen = ['https://0.0.0.0:443', 'http://[::]:80']\n[[tls]]\ncert = 'a.pem'\nkey = 'a.key'"), @r#"["https://0.0.0.0:443", "http://[::]:80"] [("a.pem", "a.key")] None [] [] 10s"#);
}

#[test]
fn trusted_proxies() {
    let networks = |text: &str| {
        HostSpec::parse(text).map(|spec| spec.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert!(HostSpec::parse("access-log = true").is_ok_and(|spec| spec.access_log));
    let text = "trusted-proxies = ['10.1.2.3/8', 'fd00::/8', '127.0.0.1']";
    assert_eq!(networks(text), Ok(vec!["10.0.0.0/8".into(), "fd00::/8".into(), "127.0.0.1/32".into()]));
    insta::assert_snapshot!(check("trusted-proxies = ['10.0.0.0/33', 'proxy.example']\naccess-log = 'yes'"), @r#"
    1:20 "10.0.0.0/33" is not a network, as in 10.0.0.0/8, fd00::/8 or 127.0.0.1
      hint: as in `"10.0.0.0/8"`
    1:35 "proxy.example" is not a network, as in 10.0.0.0/8, fd00::/8 or 127.0.0.1
      hint: as in `"10.0.0.0/8"`
    2:14 `access-log` must be true or false, not a string
    "#);
}

#[test]
fn faults_of_tls() {
    insta::assert_snapshot!(check("listen = ['https://0.0.0.0:443', '0.0.0.0:80']"), @r#"
    1:11 `https://0.0.0.0:443` needs a certificate
      hint: add its files:
      hint: [[tls]]
      hint: cert = "fullchain.pem"
      hint: key = "privkey.pem"
    "#);
    insta::assert_snapshot!(check("listen = ['https://0.0.0.0', 'ftp://0.0.0.0:21']\n[[tls]]\ncert = 'a.pem'\nkeys = 'a.key'\n[[tls]]\nkey = ''"), @r#"
    1:11 "https://0.0.0.0" is not an IP address and a port, as in 127.0.0.1:8080, [::]:8080 or https://0.0.0.0:443
      hint: as in `"127.0.0.1:8080"`
    1:30 "ftp://0.0.0.0:21" is not an IP address and a port, as in 127.0.0.1:8080, [::]:8080 or https://0.0.0.0:443
      hint: as in `"127.0.0.1:8080"`
    2:1 the key `key` is missing in `tls`
      hint: add key = "data"
    4:1 unknown key `keys` in `tls`
      hint: did you mean `key`?
    5:1 the key `cert` is missing in `tls`
      hint: add cert = "data"
    6:7 a path must not be empty nor contain a NUL
      hint: as in `"data"`
    "#);
}

#[test]
fn faults() {
    insta::assert_snapshot!(check("listen = ['localhost:8080', '127.0.0.1', 8080]"), @r#"
    1:11 "localhost:8080" is not an IP address and a port, as in 127.0.0.1:8080, [::]:8080 or https://0.0.0.0:443
      hint: as in `"127.0.0.1:8080"`
    1:29 "127.0.0.1" is not an IP address and a port, as in 127.0.0.1:8080, [::]:8080 or https://0.0.0.0:443
      hint: as in `"127.0.0.1:8080"`
    1:42 `listen` must be a string, not a whole number
      hint: write it in quotes, as in "127.0.0.1:8080"
    "#);
    insta::assert_snapshot!(check("listen = '127.0.0.1:8080'\ndata_dir = 'x'\ndefaults = 'nats'"), @r#"
    1:10 `listen` must be an array, not a string
      hint: write it in brackets
    2:1 unknown key `data_dir`
      hint: did you mean `data-dir`?
    3:12 "nats" is none of `dev`
    "#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'mani'\n[backends.main]\ntype = 'redis'"), @r#"
    2:19 there is no backend `mani`
      hint: did you mean `main`?
    4:8 "redis" is none of `memory` and `disk`
    "#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'orders'"), @r#"
    2:19 there is no backend `orders`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.orders]
      hint: type = "disk"
    "#);
    insta::assert_snapshot!(check("[limits]\nheaders = '100'\nmemory = '1MiB'"), @"
    2:11 `limits.headers` must be a whole number, not a string
      hint: write it without quotes
    3:1 unknown key `memory` in `limits`
      hint: the keys here are `body-timeout`, `compile-memory`, `compile-size`, `compile-time`, `concurrent-requests`, `connections`, `connections-per-address`, `drain`, `header-bytes`, `header-timeout`, `headers`, `http2-connection-window`, `http2-control-frames-per-second`, `http2-errors`, `http2-keep-alive`, `http2-resets-per-second`, `http2-send-buffer`, `http2-stream-window`, `http2-streams`, `idle-timeout` and 1 more
    ");
}
