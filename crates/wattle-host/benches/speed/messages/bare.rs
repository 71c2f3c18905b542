//! The reference: `async-nats` and nothing else.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc;
use std::thread;

use async_nats::jetstream;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::join;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::order::receipt;
use super::{DONE, Over, STREAM, Way, Work};

/// Runs `work` on a thread of its own with a connection of its own.
pub(super) fn connected<F: Future>(
    url: &str,
    work: impl FnOnce(Client) -> F + Send + 'static,
) -> thread::JoinHandle<F::Output>
where
    F::Output: Send + 'static,
{
    let url = url.to_owned();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { work(async_nats::connect(url).await.expect("a connection")).await })
    })
}

/// What a subscriber does about what it has published on core NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Care {
    /// Nothing: it is in a buffer of the client.
    Hopes,
    /// It takes as many messages as have come, and waits until the server has all that it answers: a message to itself comes
    /// back.
    Confirms,
    /// It does so for each message alone, as a component does.
    ConfirmsEach,
}

/// Answers what is published for `lane`, for as long as the process runs.
pub(super) fn start(way: &Way, lane: &str, care: Care) {
    let (listens, listening) = mpsc::channel();
    let &Way { over, work, places, .. } = way;
    let (subject, done) = (way.in_nats(&way.subject(lane)), way.in_nats(DONE));
    connected(&way.url, move |client| async move {
        match over {
            Over::Core => {
                let messages = client.queue_subscribe(subject, "bare".into()).await.expect("a subscription");
                let inbox = client.new_inbox();
                let mut echoes = client.subscribe(inbox.clone()).await.expect("a subscription");
                client.flush().await.expect("a flush");
                listens.send(()).expect("somebody waits");
                if care == Care::ConfirmsEach {
                    // They come back in the order in which they were sent.
                    let waiting = RefCell::new(VecDeque::new());
                    let handle = async |message: Message| {
                        client.publish(done.clone(), answer(work, &message)).await.expect("it is published");
                        let (heard, confirmed) = oneshot::channel();
                        waiting.borrow_mut().push_back(heard);
                        client.publish(inbox.clone(), Bytes::new()).await.expect("it is published");
                        confirmed.await.expect("it comes back");
                    };
                    let hear = async {
                        while echoes.next().await.is_some() {
                            let first: oneshot::Sender<()> = waiting.borrow_mut().pop_front().expect("somebody waits");
                            let _ = first.send(());
                        }
                    };
                    join(messages.for_each_concurrent(places, handle), hear).await;
                    return;
                }
                let mut messages = messages.ready_chunks(places);
                while let Some(messages) = messages.next().await {
                    for message in messages {
                        client.publish(done.clone(), answer(work, &message)).await.expect("it is published");
                    }
                    if care == Care::Confirms {
                        confirmed(&client, &inbox, &mut echoes).await;
                    }
                }
            }
            Over::JetStream => {
                let jetstream = jetstream::new(client);
                let stream = jetstream.get_stream(STREAM).await.expect("a stream");
                let config = Config { filter_subject: subject, ack_policy: AckPolicy::Explicit, ..Config::default() };
                let consumer = stream.create_consumer(config).await.expect("a consumer");
                let messages = consumer.messages().await.expect("messages");
                listens.send(()).expect("somebody waits");
                let handle = async |message: Result<jetstream::Message, _>| {
                    let message = message.expect("a message");
                    let kept = jetstream.publish(done.clone(), answer(work, &message)).await.expect("it is published");
                    kept.await.expect("it is kept");
                    message.ack().await.expect("an acknowledgement");
                };
                messages.for_each_concurrent(places, handle).await;
            }
        }
    });
    listening.recv().expect("it listens");
}

/// Returns when the server has all that was published before.
async fn confirmed(client: &Client, inbox: &str, echoes: &mut Subscriber) {
    client.publish(inbox.to_owned(), Bytes::new()).await.expect("it is published");
    echoes.next().await.expect("it comes back");
}

fn answer(work: Work, message: &Message) -> Bytes {
    match work {
        Work::Orders => receipt(&message.payload).expect("an order").into(),
        Work::Echo => message.payload.clone(),
    }
}
