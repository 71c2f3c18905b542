//! Many who push and sign the same at once, each as a process of its own would: with a real registry that keeps none of
//! them apart.

use wattle_artifact::format::component::Packed;
use wattle_artifact::publish::publish;
use wattle_artifact::registry::{Registries, Retries, Settings};
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{Kind, PrivateKey, PublicKey};
use wattle_artifact::signatures::{sign, verify};
use wattle_spec::reference::Reference;
use wattle_testkit::Registry;

use crate::registry_setup::{client, told};
use crate::shelf::{packed, wasm};
use crate::sign::now;

/// How many push.
const PUSHING: usize = 20;
/// How many sign: fewer, as each of them has to wait for the others.
const SIGNING: usize = 8;

/// As patient as who uses it is by default, and with other chances than the others.
fn one_of_many(number: usize) -> Registries {
    client(|settings| {
        settings.retries = Retries { seed: number as u64, ..Retries::default() };
        settings.pause = Settings::default().pause;
    })
}

/// Has `many` of them do something at once, each in a thread with a runtime of its own.
fn at_once<T: Send>(many: usize, one: impl AsyncFn(usize) -> T + Sync) -> Vec<T> {
    let run = &|number| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(one(number))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..many).map(|number| scope.spawn(move || run(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[tokio::test]
async fn the_same_is_pushed() {
    let Some(registry) = Registry::start() else { return };
    for round in 0..3 {
        let pushed: Packed = packed("cart", &wasm(&format!("cart {round}")));
        for tag in [|_: usize| 0, |number| number] {
            let place = |number| format!("{}/round/n{round}:t{}", registry.authority(), tag(number));
            let outcomes = at_once(PUSHING, async |number| {
                let reference: Reference = place(number).parse().unwrap();
                publish(&one_of_many(number), &reference, &pushed).await.map_err(|error| told(&error))
            });
            for outcome in outcomes {
                assert_eq!(outcome.unwrap().digest, pushed.descriptor.digest);
            }
            for number in 0..PUSHING {
                let resolved = one_of_many(0).resolve(&place(number).parse().unwrap()).await.unwrap();
                assert_eq!(resolved.digest, pushed.descriptor.digest);
            }
        }
    }
}

/// Each adds itself to one list, which this registry lets anybody write over. None that says that it is in it is lost.
#[tokio::test]
async fn the_same_is_signed() {
    let Some(registry) = Registry::start() else { return };
    let keys: Vec<PrivateKey> = (0..SIGNING).map(|_| PrivateKey::generate(Kind::Ed25519).unwrap()).collect();
    let known: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
    for round in 0..5 {
        let cart = packed("cart", &wasm("cart"));
        let reference: Reference = format!("{}/round/n{round}:1", registry.authority()).parse().unwrap();
        publish(&one_of_many(0), &reference, &cart).await.unwrap();
        let (repository, subject) = (reference.repository.clone(), cart.descriptor.clone());
        let outcomes = at_once(SIGNING, async |number| {
            let (registries, key) = (one_of_many(number), &keys[number]);
            let signed = sign(&registries, &repository, subject.clone(), &Claims::at(now()), key).await;
            signed.map(|_| key.public().id().to_string()).map_err(|error| told(&error))
        });
        let signed: Vec<String> = outcomes.into_iter().map(Result::unwrap).collect();
        let judged = verify(&one_of_many(0), &repository, subject.digest, &known, now()).await.unwrap();
        let found: Vec<String> = judged.keys().into_keys().collect();
        let lost: Vec<_> = signed.iter().filter(|key| !found.contains(key)).collect();
        assert!(lost.is_empty() && found.len() == SIGNING, "round {round}: {} are lost", lost.len());
    }
}
