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
    insta::assert_snapshot!(check("[backends.main]\ntype = 'disk'\n[links]\n'wasi:keyvalue' = 'main'"), @r#"["127.0.0.1:8080"] [] None ["wasi:keyvalue -> main"] ["main BackendSpec { engine: Disk, scope: App, quota: Quota { keys: None, bytes: None } }"] 10s"#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue/store' = { to = 'memory' }"), @r#"["127.0.0.1:8080"] [] None ["wasi:keyvalue/store -> memory"] [] 10s"#);
    insta::assert_snapshot!(check("listen = ['https://0.0.0.0:443', 'http://[::]:80']\n[[tls]]\ncert = 'a.pem'\nkey = 'a.key'"), @r#"["https://0.0.0.0:443", "http://[::]:80"] [("a.pem", "a.key")] None [] [] 10s"#);
}

#[test]
fn trusted_proxies() {
    let networks = |text: &str| {
        HostSpec::parse(text).map(|spec| spec.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert!(HostSpec::parse("access-log = true").is_ok_and(|spec| spec.access_log));
    let text = "trusted-proxies = ['10.0.0.0/8', 'fd00::/8', '127.0.0.1', 'private']";
    assert_eq!(
        networks(text),
        Ok(vec!["10.0.0.0/8".into(), "fd00::/8".into(), "127.0.0.1/32".into(), "private".into()])
    );
    insta::assert_snapshot!(check("trusted-proxies = ['10.0.0.0/33', 'proxy.example']\naccess-log = 'yes'"), @r#"
    1:20 an address of IPv4 has no more than 32 bits
      hint: as in `"private"`
    1:35 "proxy.example" is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16
      hint: as in `"private"`
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
    1:11 "0.0.0.0" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write `0.0.0.0:8080`
    1:30 "ftp://0.0.0.0:21" is not an IP address and a port, as in 127.0.0.1:8080 or [::]:8080
      hint: write an address and no name, as in `127.0.0.1:21`
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

/// What is wrong in one line hides nothing of what is wrong in another.
#[test]
fn what_is_sound_beside_faults() {
    let text = "listen = 7\n[links]\n'wasi:http' = 'disk'\n'wasi:keyvalue' = 'main'\n[backends.main]\ntype = 'redis'";
    let (host, faults) = HostSpec::parse_lenient(text);
    assert_eq!((host.unwrap().links.len(), faults.len()), (2, 2), "{}", render(text, &faults));
}

#[test]
fn backends_that_every_host_has() {
    insta::assert_snapshot!(check("[backends.disk]\ntype = 'disk'\nscope = 'shared'"), @r#"["127.0.0.1:8080"] [] None [] ["disk BackendSpec { engine: Disk, scope: Shared, quota: Quota { keys: None, bytes: None } }"] 10s"#);
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
    insta::assert_snapshot!(check("listen = '127.0.0.1:8080'\ndata_dir = 'x'\ndefaults = 'redis'"), @r#"
    1:10 `listen` must be an array, not a string
      hint: write it in brackets
    2:1 unknown key `data_dir`
      hint: did you mean `data-dir`?
    3:12 "redis" is none of `dev` and `nats`
    "#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'mani'\n[backends.main]\ntype = 'redis'"), @r#"
    2:19 there is no backend `mani`
      hint: did you mean `main`?
    4:8 "redis" is none of `memory`, `disk`, `nats`, `environment` and `files`
    "#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'orders'"), @r#"
    2:19 there is no backend `orders`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.orders]
      hint: type = "disk"
    "#);
    // A host has no components.
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = { to = 'disk', mode = 'apart' }"), @r#"
    2:34 unknown key `mode` in `links."wasi:keyvalue"`
      hint: the keys here are `to`
    "#);
    insta::assert_snapshot!(check("[limits]\nheaders = '100'\nmemory = '1MiB'"), @"
    2:11 `limits.headers` must be a whole number, not a string
      hint: write it without quotes
    3:1 unknown key `memory` in `limits`
      hint: the keys here are `awake-code`, `awake-components`, `body-timeout`, `compile-memory`, `compile-size`, `compile-time`, `compile-turn`, `concurrent-calls`, `concurrent-requests`, `connections`, `connections-per-address`, `drain`, `guest-memory`, `header-bytes`, `header-timeout`, `headers`, `http2-connection-window`, `http2-control-frames-per-second`, `http2-errors`, `http2-keep-alive`, `http2-resets-per-second`, `http2-send-buffer`, `http2-stream-window`, `http2-streams`, `idle-timeout`, `metric-components`, `stored-bytes`, `stored-keys`, `tls-handshake-timeout` and `wake-timeout`
    ");
}

#[test]
fn nats_as_the_default() {
    insta::assert_snapshot!(check("defaults = 'nats'\noff = ['wasi:logging']"), @r#"["127.0.0.1:8080"] [] None [] ["nats BackendSpec { engine: Nats(NatsSpec { servers: [NatsServer { tls: false, host: \"127.0.0.1\", port: 4222 }], auth: Nobody, tls: NatsTls { required: false, ca: None, own: None }, replicas: 1, stream: None }), scope: App, quota: Quota { keys: None, bytes: None } }"] 10s"#);
    insta::assert_snapshot!(check("defaults = 'nats'\n[backends.nats]\ntype = 'nats'\nservers = ['tls://one', 'nats://two:4333']\nuser = 'wattle'\npassword-file = 'password'\ntls = { ca = 'ca.pem' }"), @r#"["127.0.0.1:8080"] [] None [] ["nats BackendSpec { engine: Nats(NatsSpec { servers: [NatsServer { tls: true, host: \"one\", port: 4222 }, NatsServer { tls: false, host: \"two\", port: 4333 }], auth: Password { user: \"wattle\", file: \"password\" }, tls: NatsTls { required: false, ca: Some(\"ca.pem\"), own: None }, replicas: 1, stream: None }), scope: App, quota: Quota { keys: None, bytes: None } }"] 10s"#);
    insta::assert_snapshot!(check("[links]\n'wasi:keyvalue' = 'nats'"), @r#"
    2:19 there is no backend `nats`
      hint: the backends are `disk` and `memory`; to have another, add:
      hint: [backends.nats]
      hint: type = "nats"
    "#);
}

#[test]
fn keys_of_a_type_of_backend() {
    let backend = |keys: &str| check(&format!("[backends.main]\n{keys}"));
    insta::assert_snapshot!(backend("type = 'disk'\nservers = ['nats://one']"), @r#"
    3:11 a backend of the type `disk` has no `servers`
      hint: remove it, or write `type = "nats"`
    "#);
    insta::assert_snapshot!(backend("type = 'nats'\nprefix = 'A_'\nreplicas = 3"), @"
    3:10 a backend of the type `nats` has no `prefix`
      hint: remove it: the type `nats` has `replicas`
    ");
    insta::assert_snapshot!(backend("type = 'nats'\nuser = 'me'"), @"
    3:8 `user` is of no use without `password-file`
      hint: add `password-file`
    ");
    insta::assert_snapshot!(backend("type = 'nats'\npassword-file = 'p'"), @"
    3:17 `password-file` is of no use without `user`
      hint: add `user`
    ");
    insta::assert_snapshot!(backend("type = 'nats'\nnkey = 'seed'\ncredentials = 'creds'"), @"
    3:8 `credentials` and `nkey` say twice who the host is
      4:15 the first is here
      hint: remove one of the two
    ");
    insta::assert_snapshot!(backend("type = 'nats'\ntls = { cert = 'c.pem' }"), @"
    3:7 `cert` is of no use without `key`
      hint: add `key`
    ");
    insta::assert_snapshot!(backend("type = 'nats'\nstream = 'ORDERS'"), @r#"
    3:10 an app's own messages have a stream of their own
      hint: remove `stream`, or write `scope = "shared"`
    "#);
    insta::assert_snapshot!(backend("type = 'nats'\nservers = ['nats://me:canary@one']"), @"
    3:12 a server's address has no user, password or token in it
      hint: write `user` and `password-file`, `token-file`, `credentials` or `nkey` beside it
    ");
    insta::assert_snapshot!(backend("type = 'nats'\nreplicas = 0"), @"
    3:12 `backends.main.replicas` must be a whole number from 1 to 5
      hint: choose a number in that range
    ");
    insta::assert_snapshot!(backend("type = 'files'"), @r#"
    1:11 the key `directory` is missing in `backends.main`
      hint: write `directory = "secrets"`
    "#);
    insta::assert_snapshot!(backend("type = 'nats'\nservers = []"), @r#"
    3:11 `backends.main.servers` must not be empty
      hint: write one, as in `"nats://nats.example.com:4222"`, or remove it
    "#);
    assert!(!backend("type = 'environment'\nprefix = 'shop_2'").contains("hint"));
    insta::assert_snapshot!(backend("type = 'environment'\nprefix = '1 2'"), @r#"
    3:10 "1 2" cannot begin the name of a variable
      hint: write letters, digits and `_`, and no digit first, as in `"WATTLE_SECRET_"`
    "#);
    insta::assert_snapshot!(backend("type = 'environment'\nprefix = '2A'"), @r#"
    3:10 "2A" cannot begin the name of a variable
      hint: write letters, digits and `_`, and no digit first, as in `"WATTLE_SECRET_"`
    "#);
    insta::assert_snapshot!(backend("type = 'environment'\nprefix = 'A=B'"), @r#"
    3:10 the name of a variable must not be empty nor contain `=` or a NUL
      hint: as in `"RUST_LOG"`
    "#);
}

#[test]
fn quotas() {
    let backend = |keys: &str| check(&format!("[backends.main]\n{keys}"));
    insta::assert_snapshot!(backend("type = 'disk'\nquota = { keys = 7, bytes = '1GiB' }"), @r#"["127.0.0.1:8080"] [] None [] ["main BackendSpec { engine: Disk, scope: App, quota: Quota { keys: Some(7), bytes: Some(1073741824) } }"] 10s"#);
    insta::assert_snapshot!(backend("type = 'disk'\nscope = 'shared'\nquota = { keys = 7 }"), @r#"
    4:9 a quota is for what an app keeps by itself, and here all apps share
      hint: remove `quota`, or `scope = "shared"`
    "#);
    insta::assert_snapshot!(backend("type = 'environment'\nquota = { keys = 7 }"), @"
    3:9 a backend of the type `environment` has no `quota`
      hint: remove it: apps keep nothing there
    ");
    insta::assert_snapshot!(backend("type = 'nats'\nquota = { keys = 0, bytes = '1' }"), @r#"
    3:18 `backends.main.quota.keys` must be a whole number from 1 to 4294967295
      hint: choose a number in that range
    3:29 expected a whole number and one of the units B, KiB, MiB, GiB, as in "64MiB"
      hint: as in `"64MiB"`
    "#);
    insta::assert_snapshot!(backend("type = 'nats'\nquota = { size = '1GiB' }"), @"
    3:11 unknown key `size` in `backends.main.quota`
      hint: the keys here are `bytes` and `keys`
    ");
    insta::assert_snapshot!(check("limits.stored-bytes = '0B'"), @r#"
    1:23 a size limit must be more than nothing
      hint: as in `"64MiB"`
    "#);
}
