//! The reference: `async-nats` and nothing else.

use std::sync::mpsc;
use std::thread;

use async_nats::jetstream;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::{Client, Message};
use futures::StreamExt;

use super::order::receipt;
use super::{DONE, Way, Work};

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

/// Makes the stream of all subjects that begin with its name.
pub(crate) fn make_stream(url: &str, name: &str) {
    let config = jetstream::stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        retention: jetstream::stream::RetentionPolicy::Interest,
        storage: jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    let made = connected(url, |client| async { jetstream::new(client).create_stream(config).await });
    made.join().expect("no panic").expect("a stream");
}

/// Answers what is published about `subject`, for as long as the process runs.
pub(crate) fn start(way: &Way<'_>, subject: &str) {
    let (listens, listening) = mpsc::channel();
    let (subject, stream, work) = (subject.to_owned(), way.stream.map(str::to_owned), way.work);
    connected(way.url, move |client| async move {
        match stream {
            None => {
                let mut messages = client.queue_subscribe(subject, "bare".into()).await.expect("a subscription");
                client.flush().await.expect("a flush");
                listens.send(()).expect("somebody waits");
                while let Some(message) = messages.next().await {
                    answer(&client, work, &message).await;
                }
            }
            Some(stream) => {
                let stream = jetstream::new(client.clone()).get_stream(stream).await.expect("a stream");
                let config = Config { filter_subject: subject, ack_policy: AckPolicy::Explicit, ..Config::default() };
                let consumer = stream.create_consumer(config).await.expect("a consumer");
                let mut messages = consumer.messages().await.expect("messages");
                listens.send(()).expect("somebody waits");
                while let Some(message) = messages.next().await {
                    let message = message.expect("a message");
                    answer(&client, work, &message).await;
                    message.ack().await.expect("an acknowledgement");
                }
            }
        }
    });
    listening.recv().expect("it listens");
}

async fn answer(client: &Client, work: Work, message: &Message) {
    let body = match work {
        Work::Orders => receipt(&message.payload).expect("an order").into(),
        Work::Echo => message.payload.clone(),
    };
    client.publish(DONE, body).await.expect("it is published");
}
