//! The reference: `async-nats` and nothing else.

use std::sync::mpsc;
use std::thread;

use async_nats::jetstream;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;

use super::order::receipt;
use super::{DONE, Over, STREAM, Way, Work};

/// Runs `work` on a thread of its own with a connection of its own.
pub(crate) fn connected<F: Future>(
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Nothing: it is in a buffer of the client.
    Hopes,
    /// It waits until the server has it, as a component does: a message to itself comes back.
    Confirms,
}

/// Answers what is published for `lane`, for as long as the process runs.
pub(crate) fn start(way: &Way<'_>, lane: &str, care: Care) {
    let (listens, listening) = mpsc::channel();
    let Way { over, work, places, .. } = *way;
    let (subject, done) = (way.in_nats(&way.subject(lane)), way.in_nats(DONE));
    connected(way.url, move |client| async move {
        match over {
            Over::Core => {
                let messages = client.queue_subscribe(subject, "bare".into()).await.expect("a subscription");
                let inbox = client.new_inbox();
                let mut echoes = client.subscribe(inbox.clone()).await.expect("a subscription");
                client.flush().await.expect("a flush");
                listens.send(()).expect("somebody waits");
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
