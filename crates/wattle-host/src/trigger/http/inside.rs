//! The routes of an app as its own components reach them, at `http://self`: without a socket, on the core of whoever asks,
//! with the same limits, numbers and errors as from outside.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use wasmtime_wasi_http::WasiBody;
use wattle_spec::route::{PathPattern, RequestPath, RouteTable};

use super::server::Server;
use super::target::Target;
use crate::cores::CoreId;
use crate::invocation::Chain;

/// The routes of one app.
pub(crate) struct Inside {
    server: Arc<Server>,
    routes: RouteTable<Arc<Target>>,
}

impl Inside {
    /// Those that lead from these paths to these targets. Which host a route is for does not count; of several routes
    /// with one path it is the first.
    pub(crate) fn new<'a>(
        server: Arc<Server>,
        paths: impl IntoIterator<Item = (&'a PathPattern, Target)>,
    ) -> Arc<Self> {
        let mut routes = RouteTable::new();
        for (path, target) in paths {
            // There is one already.
            let _ = routes.insert(None, path, Arc::new(target));
        }
        Arc::new(Self { server, routes })
    }

    /// Answers the `request` of whoever is `asking`, on the core that this runs on.
    pub(crate) async fn answer(&self, asking: Asking, request: Request<WasiBody>) -> Response<WasiBody> {
        self.server.answer_inside(&self.routes, request, asking).await.map(|body| body.boxed_unsync())
    }

    /// What the host itself is answered when it asks for `path` on `core`, where this runs; the answer must have ended by
    /// `deadline`.
    pub(crate) async fn ask(&self, path: &RequestPath, core: CoreId, deadline: Instant) -> StatusCode {
        let mut request = Request::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority("self")
            .path_and_query(path.as_str())
            .build()
            .expect("invariant: a path in its normal form is one of a URI");
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("invariant: it has a place");
        let asking = Asking { core, chain: Chain::default(), deadline: Some(deadline), place };
        let answer = self.answer(asking, request).await;
        let status = answer.status();
        // Who goes before the end ends the instance, too.
        let mut rest = answer.into_body();
        let read = async { while let Some(Ok(_)) = rest.frame().await {} };
        let _ = timeout_at(deadline.into(), read).await;
        status
    }
}

/// What a request inside has of whoever sends it.
pub(crate) struct Asking {
    pub(crate) core: CoreId,
    /// The requests inside that led to it, itself the last. None: the host itself asks.
    pub(crate) chain: Chain,
    /// When what sends it must have ended.
    pub(crate) deadline: Option<Instant>,
    /// Its place among the app's outgoing requests.
    pub(crate) place: OwnedSemaphorePermit,
}
