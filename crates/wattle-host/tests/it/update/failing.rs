//! Updates that fail: all is as it was before.

use bytes::Bytes;
use wattle_host::StartError;
use wattle_spec::control::ComponentStatus;
use wattle_spec::digest::Digest;
use wattle_testkit::Connection;

use crate::site::{KEEPS, Site, Version, shop, version};

/// What can be seen of a host and must not change.
fn look(site: &Site) -> impl PartialEq + std::fmt::Debug + use<> {
    let status = site.status();
    // What was done lately becomes less all the time, and an instance may be about to go.
    let still = |component| ComponentStatus { rates: None, instances: None, ..component };
    let parts: Vec<_> = status.components.into_iter().map(still).collect();
    (site.readiness(), status.ready, status.requests, parts, site.counters("wattle_requests_total"))
}

/// Tries to update the app of `site` to `version`, which must fail.
#[track_caller]
fn refused(site: &Site, version: &Version) -> String {
    assert_eq!(site.get("/kv/shelf/key").text(), "kept");
    let before = look(site);
    let error = site.update(version).expect_err("it cannot take over");
    assert_eq!(look(site), before);
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn kept() -> Site {
    let site = Site::start(&shop("state", KEEPS));
    assert!(Connection::open(site.address).call("PUT", "/kv/shelf/key", b"kept").status() < 300);
    site
}

#[test]
fn all_is_as_it_was() {
    let site = kept();
    let other = version(
        "name = \"other\"\n[components.web]\nsource = \"hello.wasm\"\n\
         [[triggers.http]]\npath = \"/other\"\ncomponent = \"web\"\n",
    );
    assert!(site.update(&other).is_ok());

    // Bytes that are none.
    let mut broken = shop("hello", "");
    let garbage = Bytes::from_static(b"\0asm\x0d\0\x01\0no component");
    let digest = Digest::of(&garbage);
    broken.app.components.values_mut().for_each(|component| component.digest = digest);
    broken.bytes.insert(digest, garbage);
    let told = refused(&site, &broken);
    assert!(told.starts_with("cannot compile component web: "), "{told}");

    // More memory than it may have, at its first instance.
    let told = refused(&site, &shop("hello", "limits.memory = \"64KiB\"\n"));
    assert!(told.starts_with("component web fails when it is started: "), "{told}");

    let route = "[[triggers.http]]\npath = \"/other\"\ncomponent = \"web\"\n";
    let told = refused(&site, &shop("hello", route));
    assert_eq!(told, "the route /other belongs to the app default/other already");

    let none = "links = { 'wasi:keyvalue' = 'far' }\n[backends.far]\ntype = \"disk\"\n";
    let told = refused(&site, &shop("state", none));
    assert_eq!(told, "the backend far is of the kind Disk, which this host was built without");

    let ill = format!("{KEEPS}[health]\npath = \"/nothing\"\ntimeout = \"300ms\"\n");
    let told = refused(&site, &shop("state", &ill));
    assert_eq!(
        told,
        "the app default/shop is not well: GET /nothing was asked until its time was over, and at last the answer was \
         404 Not Found"
    );
    let error = site.update(&shop("state", &ill)).unwrap_err();
    assert!(
        matches!(&error, StartError::Unhealthy { path, .. } if path.as_str() == "/nothing") && error.hint().is_some()
    );

    // And then one that is well.
    site.update(&shop("state", &format!("{KEEPS}[health]\npath = \"/env\"\n"))).unwrap();
    assert_eq!(site.get("/kv/shelf/key").text(), "kept");
}

/// What an app may keep is what the version that serves says.
#[test]
fn quotas() {
    let site = kept();
    let ill = "links = { 'wasi:keyvalue' = 'small' }\n[backends.small]\ntype = \"memory\"\nquota = { keys = 1 }\n\
               [health]\npath = \"/nothing\"\ntimeout = \"100ms\"\n";
    assert!(site.update(&shop("state", ill)).is_err());
    for key in 0..4 {
        let put = Connection::open(site.address).call("PUT", &format!("/kv/shelf/key-{key}"), b"x");
        assert!(put.status() < 300, "{}", put.summary());
    }
}

/// An app that is not well does not start, and its services end.
#[test]
fn a_start_that_fails_ends_services() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let site = Site::empty(|host| host);
    let ill = shop(
        "misbehave",
        &format!(
            "{KEEPS}[services.job]\nsource = \"command.wasm\"\nenv.COMMAND = \"hold {address}\"\nallow.tcp = [\"{address}\"]\n\
             [health]\npath = \"/panic\"\ntimeout = \"2s\"\n"
        ),
    );
    let connected = std::thread::spawn(move || listener.accept().unwrap().0);
    let error = site.update(&ill).unwrap_err();
    assert!(matches!(error, StartError::Unhealthy { .. }), "{error}");
    let mut connection = connected.join().unwrap();
    connection.set_read_timeout(Some(wattle_testkit::PATIENCE)).unwrap();
    assert_eq!(std::io::Read::read(&mut connection, &mut [0]).unwrap(), 0, "the service still runs");
    assert!(site.wait(site.host.status()).apps.is_empty());
}
