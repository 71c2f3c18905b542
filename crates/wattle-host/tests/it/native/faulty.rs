//! What is wrong with native capabilities is said when the host is built, and what to do about it.

use wattle_host::wasmtime::bail;
use wattle_host::{Host, HostError, JoinNative, NativeCapability, NativeInterface};

/// A capability with these interfaces, of a type of its own for each `TYPE`.
struct Named<const TYPE: u32>(&'static [&'static str]);

impl<const TYPE: u32> NativeCapability for Named<TYPE> {
    fn interfaces(&self) -> Vec<NativeInterface<Self>> {
        let join: JoinNative<Self> = match TYPE {
            0 => |_, _| bail!("there is no such function"),
            _ => |_, _| Ok(()),
        };
        self.0.iter().map(|name| NativeInterface::new(*name, join)).collect()
    }
}

/// What is said of a host with these, and the advice.
#[track_caller]
fn check(one: impl NativeCapability, other: impl NativeCapability, expected: &str) {
    let error = Host::builder().capability(one).capability(other).build().err().expect("it is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}\nhint: {}", error.hint().expect("there is advice"));
    assert_eq!(text.replace(std::any::type_name::<Named<1>>(), "Named<1>"), expected);
}

#[test]
fn names() {
    let none = || Named::<2>(&[]);
    let advice = "hint: write namespace:package/interface@version, as in acme:dice/roll@0.1.0";
    for (name, why) in [
        ("dice", ": an interface is written namespace:package/name@version, as in wasi:keyvalue/store"),
        ("acme:dice/roll@1", ": \"1\" is not a semantic version, as in 0.2.0"),
        ("acme:dice/ro/ll", ": an interface is written namespace:package/name@version, as in wasi:keyvalue/store"),
        ("acme:dice", ""),
        ("acme:dice@0.1.0", ""),
    ] {
        let names: &'static [&'static str] = Box::leak(Box::new([name]));
        let expected = format!("the capability Named<1> names {name:?}, which is not an interface{why}\n{advice}");
        check(Named::<1>(names), none(), &expected);
        // Whichever comes first.
        check(none(), Named::<1>(names), &expected);
    }
}

#[test]
fn provided_already() {
    let built_in = "\nhint: give it a package of its own: what is built in cannot be replaced";
    check(
        Named::<1>(&["wasi:http/types@0.2.1"]),
        Named::<2>(&[]),
        &format!("the interface wasi:http/types@0.2.1 cannot be added: wasi:http/types@0.2.12 is built in{built_in}"),
    );
    check(
        Named::<1>(&["wasi:logging/logging"]),
        Named::<2>(&[]),
        &format!("the interface wasi:logging/logging cannot be added: wasi:logging/logging is built in{built_in}"),
    );
    let twice = "the interface acme:dice/roll@0.1.3 cannot be added: another native capability has acme:dice/roll@0.1.0\n\
                 hint: leave it out of one of the two";
    check(Named::<1>(&["acme:dice/roll@0.1.0"]), Named::<2>(&["acme:dice/roll@0.1.3"]), twice);
    check(Named::<1>(&["acme:dice/roll@0.1.0", "acme:dice/roll@0.1.3"]), Named::<2>(&[]), twice);
    check(
        Named::<1>(&["acme:dice/roll@0.1.0"]),
        Named::<1>(&["acme:dice/shake@0.1.0"]),
        "the capability Named<1> is given twice\nhint: give it once, with all of its interfaces",
    );
}

/// Versions that do not serve each other's imports are side by side, and so is one that no host has built in.
#[test]
fn side_by_side() {
    let one = Named::<1>(&["acme:dice/roll@0.1.0", "acme:dice/roll@0.2.0", "acme:dice/roll@0.2.0-draft"]);
    let other = Named::<2>(&["acme:dice/roll", "wasi:keyvalue/store@0.9.0"]);
    let host = Host::builder().capability(one).capability(other).build().unwrap();
    assert_eq!(host.offers().len(), wattle_host::offers().len() + 5);
}

#[test]
fn a_join_that_fails() {
    check(
        Named::<1>(&["acme:cards/deal@1.0.0"]),
        Named::<0>(&["acme:dice/roll@0.1.0"]),
        "the interface acme:dice/roll@0.1.0 cannot be joined: there is no such function\n\
         hint: functions that are `async` in WIT want `NativeInterface::concurrent`; no two have one name",
    );
}

mod concurrent {
    use wattle_host::wasmtime::component::Accessor;
    use wattle_host::{Native, NativeCall, NativeCapability, NativeInterface};

    wattle_host::wasmtime::component::bindgen!({
        inline: "package acme:dice@0.1.0;
                 interface roll { roll: async func(sides: u32) -> u32; }
                 world house { import roll; }",
        wasmtime_crate: wattle_host::wasmtime,
    });
    use acme::dice::roll;

    /// Dice whose function is `async` in WIT: whether they say so.
    pub(super) struct Slow(pub(super) bool);

    impl NativeCapability for Slow {
        fn interfaces(&self) -> Vec<NativeInterface<Self>> {
            let own = NativeInterface::new("acme:dice/roll@0.1.0", roll::add_to_linker_instance::<_, Native<Self>>);
            vec![if self.0 { own.concurrent() } else { own }]
        }
    }

    impl roll::Host for NativeCall<'_, Slow> {}

    impl<T: Send> roll::HostWithStore<T> for Native<Slow> {
        async fn roll(_: &Accessor<T, Self>, sides: u32) -> u32 {
            sides
        }
    }
}

/// Functions that are `async` in WIT are for one of the engines, and whoever forgets to say so is told.
#[test]
fn concurrent_functions() {
    let offered = |host: Host| host.offers().last().unwrap().is_concurrent;
    assert!(offered(Host::builder().capability(concurrent::Slow(true)).build().unwrap()));
    match Host::builder().capability(concurrent::Slow(false)).build().err() {
        Some(HostError::Join { interface, .. }) => assert_eq!(interface.to_string(), "acme:dice/roll@0.1.0"),
        other => panic!("{other:?}"),
    }
}
