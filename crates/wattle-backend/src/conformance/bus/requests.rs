//! Requests and their answers.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::{PATIENCE, Place, app, done, group_id, join, listen, message, next, publish};
use crate::bucket::Owner;
use crate::bus::{Bus, Deliveries, Message};
use crate::error::BackendError;

/// Answers `count` requests with what they said, in capitals.
async fn answer(bus: &dyn Bus, owner: &Owner, deliveries: &mut Deliveries, count: usize) {
    for _ in 0..count {
        let delivery = next(deliveries).await;
        let reply_to = delivery.message.reply_to.clone().expect("a request says where its answer goes");
        let answer = Message { subject: reply_to, ..message("x", delivery.message.body.to_ascii_uppercase()) };
        bus.publish(owner, answer).await.expect("publish");
        done(delivery).await;
    }
}

/// A request is answered by one of a group; with several who answer, the first answer counts.
pub async fn requests_are_answered(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("requests-are-answered");
    let mut member = join(&*bus, &owner, &group_id("group", "ask.*"), 10).await;
    let requests = join_all((0..20).map(|number| {
        let request =
            Message { headers: vec![("k".into(), "v".into())], ..message("ask.a", format!("hello {number}")) };
        bus.request(&owner, request, PATIENCE)
    }));
    let (answers, ()) = futures::join!(requests, answer(&*bus, &owner, &mut member, 20));
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.expect("an answer").body, format!("HELLO {number}"));
    }
    let mut listener = listen(&*bus, &owner, "ask.>").await;
    let answering =
        futures::future::join(answer(&*bus, &owner, &mut member, 1), answer(&*bus, &owner, &mut listener, 1));
    let (answer, _) = futures::join!(bus.request(&owner, message("ask.b", "two"), PATIENCE), answering);
    assert_eq!(answer.expect("an answer").body, "TWO");
}

/// An answer goes to who asked and is no message for others, and no other owner can answer.
pub async fn answers_go_to_who_asked(place: &dyn Place) {
    let bus = place.open().await;
    let (owner, other) = (app("asks"), app("answers"));
    let mut member = join(&*bus, &owner, &group_id("group", "ask"), 10).await;
    let mut strangers = listen(&*bus, &other, ">").await;
    let asking = bus.request(&owner, message("ask", "a"), PATIENCE);
    let answering = async {
        let delivery = next(&mut member).await;
        let reply_to = delivery.message.reply_to.clone().expect("a request says where its answer goes");
        let answer = |body: &str| Message { subject: reply_to.clone(), ..message("x", body) };
        bus.publish(&other, answer("wrong")).await.expect("publish");
        bus.publish(&owner, answer("right")).await.expect("publish");
        bus.publish(&owner, answer("late")).await.expect("an answer that nobody waits for is no error");
        done(delivery).await;
    };
    let (answer, ()) = futures::join!(asking, answering);
    assert_eq!(answer.expect("an answer").body, "right");
    publish(&*bus, &owner, "x", "mine").await;
    publish(&*bus, &other, "x", "theirs").await;
    loop {
        match super::heard(&mut strangers).await.as_str() {
            // What they published themselves.
            "wrong" => {}
            "theirs" => break,
            heard => panic!("a stranger heard {heard}"),
        }
    }
}

/// That nobody listens is told at once.
pub async fn nobody_to_answer_is_told(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("nobody");
    let _others = join(&*bus, &owner, &group_id("group", "other"), 10).await;
    let _strangers = join(&*bus, &app("nobody-else"), &group_id("group", ">"), 10).await;
    drop(join(&*bus, &owner, &group_id("left", "ask"), 10).await);
    drop(listen(&*bus, &owner, "ask").await);
    // A network may need a moment to know that somebody left.
    let start = Instant::now();
    loop {
        let error = bus.request(&owner, message("ask", ""), Duration::from_secs(1)).await.expect_err("nobody listens");
        match error {
            BackendError::NoResponder { subject } => break assert!(subject.ends_with("ask"), "{subject}"),
            BackendError::TimedOut { .. } if start.elapsed() < PATIENCE => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A request that is not answered in time ends then.
pub async fn requests_end_in_time(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("in-time");
    let mut member = join(&*bus, &owner, &group_id("group", "ask"), 10).await;
    let (patience, start) = (Duration::from_millis(200), Instant::now());
    let error = bus.request(&owner, message("ask", "a"), patience).await.expect_err("nobody answers");
    assert!(matches!(error, BackendError::TimedOut { .. }), "{error:?}");
    assert!((patience..Duration::from_secs(10)).contains(&start.elapsed()), "after {:?}", start.elapsed());
    // Who gets to it now answers nobody, and the next request is answered.
    done(next(&mut member).await).await;
    let (answer, ()) =
        futures::join!(bus.request(&owner, message("ask", "b"), PATIENCE), answer(&*bus, &owner, &mut member, 1));
    assert_eq!(answer.expect("an answer").body, "B");
}
