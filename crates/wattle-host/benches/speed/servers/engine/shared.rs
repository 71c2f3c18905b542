//! An instance for each core, which serves all that come there together (WASI 0.3).

use std::cell::OnceCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use wasmtime::Engine;
use wasmtime::component::{Accessor, Component, Linker};
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{Error, WasiHttpView};

use super::super::cores;
use super::{Concurrency, Guest, Limits, engine, store};

type Answer = http::Response<UnsyncBoxBody<Bytes, Error>>;

/// A request, and where its answer goes.
struct Job {
    request: http::Request<Incoming>,
    answer: oneshot::Sender<Answer>,
}

thread_local! {
    /// What the instance of this core is given.
    static JOBS: OnceCell<mpsc::UnboundedSender<Job>> = const { OnceCell::new() };
}

/// Serves for as long as the process runs.
pub(in super::super) fn start(guest: &Path) -> SocketAddr {
    let engine = engine(Limits::Off, Concurrency::On).expect("an engine");
    let pre = Arc::new(join(&engine, guest).expect("the guest is a component for HTTP"));
    cores::start(move |stream| serve(stream, pre.clone()))
}

fn join(engine: &Engine, guest: &Path) -> wasmtime::Result<ServicePre<Guest>> {
    let component = Component::from_file(engine, guest)?;
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    ServicePre::new(linker.instantiate_pre(&component)?)
}

async fn serve(stream: TcpStream, pre: Arc<ServicePre<Guest>>) {
    let jobs = JOBS.with(|jobs| jobs.get_or_init(|| instance(pre)).clone());
    let service = service_fn(|request| {
        let (answer, answered) = oneshot::channel();
        let given = jobs.send(Job { request, answer });
        async {
            given.expect("the instance lives");
            Ok::<_, Infallible>(answered.await.expect("an answer"))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Starts one, and returns how it is given what it has to do.
fn instance(pre: Arc<ServicePre<Guest>>) -> mpsc::UnboundedSender<Job> {
    let (given, mut jobs) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut store = store(pre.engine(), Limits::Off);
        let exports = pre.instantiate_async(&mut store).await.expect("an instance");
        let driven = store.run_concurrent(async |accessor| {
            let mut calls = FuturesUnordered::new();
            loop {
                tokio::select! {
                    biased;
                    Some(called) = calls.next() => called?,
                    Some(job) = jobs.recv() => calls.push(call(accessor, &exports, job)),
                    else => return wasmtime::error::Ok(()),
                }
            }
        });
        driven.await.flatten().expect("the guest answers");
    });
    given
}

async fn call(accessor: &Accessor<Guest>, exports: &Service, job: Job) -> wasmtime::Result<()> {
    let (request, sent) = accessor.with(|mut access| {
        let (request, sent) = Request::from_http(access.data_mut().http().hooks, job.request);
        let sent: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(sent);
        (request, sent)
    });
    let response = exports.handle(accessor, request).await?.expect("a good answer");
    let answer = accessor.with(|access| response.into_http(access, sent))?;
    // Whoever asked may be gone.
    let _ = job.answer.send(answer);
    Ok(())
}
