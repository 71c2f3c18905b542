//! What every [`Bus`](crate::bus::Bus) must do. Each check uses an owner of its own.

mod audiences;
mod keeping;
mod load;
mod messages;
mod requests;
mod settlement;
mod slowness;
mod subjects;

pub use audiences::{everyone_hears, group_names_and_patterns_are_apart, groups_hear_once, groups_share};
pub use keeping::{
    forgotten_groups_keep_nothing, messages_are_kept_for_a_group, messages_wait_for_their_group, requests_are_not_kept,
    settled_messages_are_gone,
};
pub use load::{many_at_once_are_each_settled_once, what_fails_is_settled_at_last};
pub use messages::{messages_come_back, order_is_kept, too_large_is_refused};
pub use requests::{answers_go_to_who_asked, nobody_to_answer_is_told, requests_are_answered, requests_end_in_time};
pub use settlement::{dropped_deliveries_come_again, retries_come_not_before_their_span, settled_is_settled};
pub use slowness::{slow_listeners_stop_nobody, who_does_not_settle_gets_no_more};
pub use subjects::{owners_are_apart, wildcards_match_as_in_nats};

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::time::timeout;
use wattle_spec::name::AppId;

use crate::bucket::Owner;
use crate::bus::{Audience, Bus, Deliveries, Delivery, GroupId, Message, Settlement, Subscription};

/// Where a backend keeps what it keeps.
pub trait Place: Send + Sync {
    /// Opens the backend. When the one that was opened before is gone, what it kept is found again.
    fn open(&self) -> BoxFuture<'_, Arc<dyn Bus>>;
}

/// Runs the suite on a backend, as one test for each check. `$place` is an expression that can be called and gives a
/// new [`Place`](crate::conformance::bus::Place); with `@optional` before it, an `Option` of one. The crate that uses it
/// needs Tokio with `macros`, `rt` and `time`.
#[macro_export]
macro_rules! bus_conformance {
    (@optional $place:expr) => {
        $crate::bus_conformance! {
            @each $place;
            answers_go_to_who_asked
            dropped_deliveries_come_again
            everyone_hears
            forgotten_groups_keep_nothing
            group_names_and_patterns_are_apart
            groups_hear_once
            groups_share
            many_at_once_are_each_settled_once
            messages_are_kept_for_a_group
            messages_come_back
            messages_wait_for_their_group
            nobody_to_answer_is_told
            order_is_kept
            owners_are_apart
            requests_are_answered
            requests_are_not_kept
            requests_end_in_time
            retries_come_not_before_their_span
            settled_is_settled
            settled_messages_are_gone
            slow_listeners_stop_nobody
            too_large_is_refused
            what_fails_is_settled_at_last
            who_does_not_settle_gets_no_more
            wildcards_match_as_in_nats
        }
    };
    (@each $place:expr; $($check:ident)*) => {$(
        #[tokio::test]
        async fn $check() {
            // Where the backend's server is not installed there is nothing to check.
            let Some(place) = ($place)() else { return };
            $crate::conformance::bus::$check(&place).await;
        }
    )*};
    ($place:expr) => {
        $crate::bus_conformance!(@optional || Some($place()));
    };
}

/// How long a check waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a check waits to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(300);

/// What a backend of that name keeps for an app, or for all.
fn named(backend: &str, app: Option<&str>) -> Owner {
    let app = app.map(|app| AppId::in_default_namespace(app.parse().expect("a valid name")));
    Owner::Named { backend: backend.parse().expect("a valid name"), app }
}

fn app(name: &str) -> Owner {
    Owner::App(AppId::in_default_namespace(name.parse().expect("a valid name")))
}

fn message(subject: &str, body: impl Into<Vec<u8>>) -> Message {
    let subject = subject.parse().expect("a subject");
    Message { subject, body: body.into().into(), reply_to: None, headers: Vec::new() }
}

async fn publish(bus: &dyn Bus, owner: &Owner, subject: &str, body: &str) {
    bus.publish(owner, message(subject, body)).await.expect("publish");
}

fn group_id(name: &str, pattern: &str) -> GroupId {
    GroupId { name: name.to_owned(), pattern: pattern.parse().expect("a pattern") }
}

/// One of the group `name` that may have `unsettled` messages at a time.
async fn join(bus: &dyn Bus, owner: &Owner, group: &GroupId, unsettled: usize) -> Deliveries {
    let unsettled = NonZeroUsize::new(unsettled).expect("one at least");
    let audience = Audience::Group(group.name.clone());
    let subscription = Subscription { owner: owner.clone(), pattern: group.pattern.clone(), audience, unsettled };
    bus.subscribe(subscription).await.expect("subscribe")
}

/// One that hears everything.
async fn listen(bus: &dyn Bus, owner: &Owner, pattern: &str) -> Deliveries {
    let pattern = pattern.parse().expect("a pattern");
    let unsettled = NonZeroUsize::new(64).expect("more than none");
    let subscription = Subscription { owner: owner.clone(), pattern, audience: Audience::Everyone, unsettled };
    bus.subscribe(subscription).await.expect("subscribe")
}

/// The next message, which must come.
async fn next(deliveries: &mut Deliveries) -> Delivery {
    let next = timeout(PATIENCE, deliveries.next()).await.expect("nothing came");
    next.expect("the deliveries ended").expect("a delivery failed")
}

/// The body of the next message, which is settled.
async fn heard(deliveries: &mut Deliveries) -> String {
    let delivery = next(deliveries).await;
    let body = text(&delivery);
    done(delivery).await;
    body
}

async fn nothing_comes(deliveries: &mut Deliveries) {
    if let Ok(Some(Ok(delivery))) = timeout(MOMENT, deliveries.next()).await {
        panic!("{:?} came", text(&delivery));
    }
}

async fn done(delivery: Delivery) {
    delivery.receipt.settle(Settlement::Done).await.expect("settle");
}

fn text(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body).into_owned()
}
