//! The reference: `async-nats` and nothing else.

use std::sync::mpsc;
use std::thread;

use async_nats::jetstream;
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::{Client, Message};
use futures::StreamExt;

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
pub(crate) fn start(url: &str, subject: &str, stream: Option<&str>) {
    let (listens, listening) = mpsc::channel();
    let (subject, stream) = (subject.to_owned(), stream.map(str::to_owned));
    connected(url, move |client| async move {
        match stream {
            None => {
                let mut messages = client.queue_subscribe(subject, "bare".into()).await.expect("a subscription");
                client.flush().await.expect("a flush");
                listens.send(()).expect("somebody waits");
                while let Some(message) = messages.next().await {
                    answer(&client, &message).await;
                }
            }
            Some(stream) => {
                let config = Config {
                    filter_subject: subject,
                    ack_policy: AckPolicy::Explicit,
                    max_ack_pending: super::WINDOW as i64,
                    ..Config::default()
                };
                let stream = jetstream::new(client.clone()).get_stream(stream).await.expect("a stream");
                let consumer = stream.create_consumer(config).await.expect("a consumer");
                let mut messages = consumer.messages().await.expect("messages");
                listens.send(()).expect("somebody waits");
                while let Some(message) = messages.next().await {
                    let message = message.expect("a message");
                    answer(&client, &message).await;
                    message.ack().await.expect("an acknowledgement");
                }
            }
        }
    });
    listening.recv().expect("it listens");
}

async fn answer(client: &Client, message: &Message) {
    client.publish(super::DONE, message.payload.clone()).await.expect("it is published");
}
