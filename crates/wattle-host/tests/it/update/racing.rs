//! Updates beside stops, other updates, links that are set, and the end of the host.

use std::time::{Duration, Instant};

use futures::future::join;
use wattle_host::StartError;
use wattle_spec::control::Action;
use wattle_spec::limits::HostLimits;
use wattle_testkit::Connection;

use crate::site::{KEEPS, Site, shop};

const LINKS: &str = "links = { 'wasi:keyvalue' = 'memory' }\n[backends.other]\ntype = \"memory\"\n";

/// Whatever comes beside it, each has its turn and the app is one of the versions or gone.
#[test]
fn turns() {
    let site = Site::start(&shop("state", LINKS));
    let app = shop("state", LINKS).app.id;
    for round in 0..10 {
        let updates = [shop("state", LINKS), shop("hello", "")].map(|version| site.updating(version));
        let set = Action::SetLink {
            app: app.clone(),
            component: "web".parse().unwrap(),
            interface: "wasi:keyvalue".parse().unwrap(),
            provider: "other".parse().unwrap(),
        };
        let (_set, stopped) = site.wait(join(site.host.act(set), async {
            match round % 2 {
                0 => site.host.stop(&app).await,
                _ => false,
            }
        }));
        for update in updates {
            match site.wait(update).unwrap() {
                Ok(()) => {}
                Err(StartError::Stopped(_)) => assert!(stopped),
                Err(error) => panic!("{error}"),
            }
        }
        site.update(&shop("state", LINKS)).unwrap();
        assert_eq!(site.get("/env").status(), 200);
        let links = site.host.links(Some(&app), None).unwrap();
        let keeps = links[0].components[0].links.iter().filter(|link| format!("{link:?}").contains("other"));
        assert_eq!(keeps.count(), 0, "a link that was set ends with its version");
    }
}

/// A stop waits for the version that ends, and for the one before it; an update under way is given up.
#[test]
fn a_stop_waits_for_all_versions() {
    let site = Site::start(&shop("misbehave", KEEPS));
    let app = shop("hello", "").app.id;
    let mut first = Connection::open(site.address);
    let begun = Instant::now();
    first.request("GET", "/sleep?ms=3000", b"");
    site.under_way(1);
    site.update(&shop("misbehave", &format!("{KEEPS}config.version = \"two\"\n"))).unwrap();
    let mut second = Connection::open(site.address);
    second.request("GET", "/sleep?ms=300", b"");
    site.under_way(2);
    let ill = shop("misbehave", &format!("{KEEPS}[health]\npath = \"/panic\"\n"));
    let made = || site.counters("wattle_instances_made").values().sum::<u64>();
    let (before, updating) = (made(), site.updating(ill));
    wattle_testkit::until("it is asked whether it is well", || (made() > before + 1).then_some(()));
    assert!(site.wait(site.host.stop(&app)));
    assert!(begun.elapsed() >= Duration::from_secs(3), "it returns before they have their answers");
    assert!(matches!(site.wait(updating).unwrap(), Err(StartError::Stopped(_))));
    assert_eq!(first.answer("GET").text(), "slept 3000 ms\n");
    assert_eq!(second.answer("GET").text(), "slept 300 ms\n");
}

/// A host that ends in the middle of an update ends in time, and so does the update.
#[test]
fn a_host_that_ends() {
    let limits = HostLimits { drain: Duration::from_secs(3), ..HostLimits::default() };
    let site = Site::empty(|host| host.limits(limits));
    site.update(&shop("hello", "")).unwrap();
    let updating = site.updating(shop("misbehave", &format!("{KEEPS}[health]\npath = \"/panic\"\ntimeout = \"1h\"\n")));
    let began = Instant::now();
    assert_eq!(site.wait(site.host.drain()), Ok(()));
    let error = site.wait(updating).unwrap().unwrap_err();
    assert!(matches!(error, StartError::Ending), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}
