//! What a message is made of.

use super::{Place, app, done, group_id, heard, join, listen, message, next, publish};
use crate::bus::Message;
use crate::error::{BackendError, Part};
use crate::limits::MESSAGE_MAX_BYTES;

/// Bodies, headers and the subject for an answer come back byte for byte, to a group and to everyone.
pub async fn messages_come_back(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("messages-come-back");
    let mut member = join(&*bus, &owner, &group_id("group", ">"), 10).await;
    let mut listener = listen(&*bus, &owner, ">").await;
    let headers = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    let large: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let messages = [
        message("empty", ""),
        message("binary", (0..=255).collect::<Vec<u8>>()),
        message("large", large),
        Message { reply_to: Some("where.to".parse().expect("a subject")), ..message("reply", "to") },
        Message { headers: headers(&[("traceparent", "00-1-2-01"), ("X", "")]), ..message("headers.some", "body") },
        Message { headers: headers(&[("a", "1"), ("a", "2"), ("A", "é, and: more")]), ..message("headers.twice", "") },
    ];
    for message in &messages {
        bus.publish(&owner, message.clone()).await.expect("publish");
    }
    for message in &messages {
        for deliveries in [&mut member, &mut listener] {
            let delivery = next(deliveries).await;
            assert!(delivery.message == *message, "{} came back as another", message.subject);
            assert_eq!(delivery.attempt.get(), 1);
            done(delivery).await;
        }
    }
}

/// Messages about one subject come in the order in which they were published.
pub async fn order_is_kept(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("order-is-kept");
    let mut member = join(&*bus, &owner, &group_id("group", "a.*"), 7).await;
    let mut listener = listen(&*bus, &owner, "a.*").await;
    let publishing = async {
        for number in 0..200 {
            publish(&*bus, &owner, "a.b", &number.to_string()).await;
        }
    };
    let hearing = async {
        for number in 0..200 {
            assert_eq!(heard(&mut member).await, number.to_string());
            assert_eq!(heard(&mut listener).await, number.to_string());
        }
    };
    futures::join!(publishing, hearing);
}

/// What is larger than any backend takes is refused as such, and nobody hears of it.
pub async fn too_large_is_refused(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("too-large");
    let mut member = join(&*bus, &owner, &group_id("group", ">"), 10).await;
    let large_body = message("a", vec![0; MESSAGE_MAX_BYTES + 1]);
    let large_header = Message { headers: vec![("a".into(), "x".repeat(MESSAGE_MAX_BYTES))], ..message("a", "") };
    for large in [large_body, large_header] {
        check(bus.publish(&owner, large.clone()).await);
        check(bus.request(&owner, large, super::PATIENCE).await.map(drop));
    }
    publish(&*bus, &owner, "a", "small").await;
    assert_eq!(heard(&mut member).await, "small");
}

fn check(result: Result<(), BackendError>) {
    match result {
        Err(BackendError::TooLarge { part: Part::Message, .. }) => {}
        other => panic!("a message that is too large gave {other:?}"),
    }
}
