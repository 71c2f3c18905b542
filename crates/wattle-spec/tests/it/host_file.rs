//! The operator's file: what it says, and every fault in it.

use wattle_spec::host_file::HostSpec;

use crate::render;

/// The faults of a host's file, or what is not as it is by default.
fn check(text: &str) -> String {
    match HostSpec::parse(text) {
        Ok(spec) if spec == HostSpec::default() => "the default".into(),
        Ok(spec) => {
            let links: Vec<_> = spec.links.iter().map(|(key, link)| format!("{key} -> {}", link.to)).collect();
            let backends: Vec<_> = spec.backends.iter().map(|(name, spec)| format!("{name} {spec:?}")).collect();
            format!("{:?} {:?} {links:?} {backends:?} {:?}", spec.listen, spec.data_dir, spec.limits.drain)
        }
        Err(faults) => render(text, &faults),
    }
}

#[test]
fn host_files() {
    insta::assert_snapshot!(check(""), @"the default");
    insta::assert_snapshot!(check("defaults = 'dev'\nlisten = ['127.0.0.1:8080']"), @"the default");
    insta::assert_snapshot!(check("listen = ['0.0.0.0:80', '[::]:0']\ndata-dir = '/srv/wattle'\nlimits.drain = '1m'"), @r#"[0.0.0.0:80, [::]:0] Some("/srv/wattle") [] [] 60s"#);
    insta::assert_snapshot!(check("[backends.main]\ntype = 'disk'\n[links]\n'wasi:keyvalue' = 'main'"), @r#"[127.0.0.1:8080] None ["wasi:keyvalue -> main"] ["main BackendSpec { kind: Disk, scope: App }"] 10s"#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue/store' = { to = 'memory' }"), @r#"[127.0.0.1:8080] None ["wasi:keyvalue/store -> memory"] [] 10s"#);
}

/// What is wrong in one line hides nothing of what is wrong in another.
#[test]
fn what_is_sound_beside_faults() {
    let text = "listen = 7\n[links]\n'wasi:http' = 'disk'\n'wasi:keyvalue' = 'main'\n[backends.main]\ntype = 'redis'";
    let (host, faults) = HostSpec::parse_lenient(text);
    assert_eq!((host.unwrap().links.len(), faults.len()), (2, 2), "{}", render(text, &faults));
}

#[test]
fn backends_that_every_host_has() {
    insta::assert_snapshot!(check("[backends.disk]\ntype = 'disk'\nscope = 'shared'"), @r#"[127.0.0.1:8080] None [] ["disk BackendSpec { kind: Disk, scope: Shared }"] 10s"#);
    insta::assert_snapshot!(check("[backends.disk]\ntype = 'memory'"), @"
    1:11 the backend `disk`, which every host has, cannot be of the type `memory`
      hint: choose another name for a backend of that type, as in [backends.my-memory]
    ");
}

#[test]
fn addresses() {
    let listen = |address: &str| check(&format!("listen = ['{address}']"));
    for (address, instead) in [
        ("8080", "write `127.0.0.1:8080` for this machine alone, or `0.0.0.0:8080`"),
        (":80", "write `127.0.0.1:80` for this machine alone, or `0.0.0.0:80`"),
        ("localhost:8102", "write `127.0.0.1:8102` or `[::1]:8102`"),
        ("*:81", "write `0.0.0.0:81` or `[::]:81`"),
        ("::1", "write `[::1]:8080`"),
        ("10.0.0.1", "write `10.0.0.1:8080`"),
        ("10.0.0.1:99999", "write `10.0.0.1:8080`"),
        ("example.com", "write an address and no name, as in `127.0.0.1:8080`"),
    ] {
        let said = listen(address);
        assert!(said.contains(instead), "{address}: {said}");
    }
    insta::assert_snapshot!(check("listen = ['127.0.0.1:0', '127.0.0.1:0', '[::1]:80', '[::1]:80']"), @"
    1:53 the address [::1]:80 is there twice
      1:41 the first is here
      hint: remove one of the two
    ");
}

#[test]
fn faults() {
    insta::assert_snapshot!(check("listen = ['localhost:8080', '127.0.0.1', 8080]"), @r#"
    1:11 "localhost:8080" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write `127.0.0.1:8080` or `[::1]:8080`
    1:29 "127.0.0.1" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write `127.0.0.1:8080`
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
      hint: the keys here are `body-timeout`, `compile-memory`, `compile-size`, `compile-time`, `concurrent-requests`, `connections`, `connections-per-address`, `drain`, `header-bytes`, `header-timeout`, `headers` and `idle-timeout`
    ");
}
