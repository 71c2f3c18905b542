//! The routes of an app as its own components reach them, at `http://self`: without a socket, on the core of whoever asks,
//! with the same limits, numbers and errors as from outside.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::WasiBody;
use wattle_spec::route::{PathPattern, RouteTable};

use super::server::Server;
use super::target::Target;
use crate::cores::CoreId;
use crate::invocation::Chain;

/// The routes of one app.
pub(crate) struct Inside {
    server: Arc<Server>,
    routes: RouteTable<Target>,
}

impl Inside {
    /// Those that lead from these paths to these targets. Which host a route is for does not count; of several routes
    /// with one path it is the first.
    pub(crate) fn new<'a>(
        server: Arc<Server>,
        paths: impl IntoIterator<Item = (&'a PathPattern, &'a Target)>,
    ) -> Arc<Self> {
        let mut routes = RouteTable::new();
        for (path, target) in paths {
            // There is one already.
            let _ = routes.insert(None, path, target.clone());
        }
        Arc::new(Self { server, routes })
    }

    /// Answers the `request` of whoever is `asking`, on the core that this runs on.
    pub(crate) async fn answer(&self, asking: Asking, request: Request<WasiBody>) -> Response<WasiBody> {
        self.server.answer_inside(&self.routes, request, asking).await.map(|body| body.boxed_unsync())
    }
}

/// What a request inside has of whoever sends it.
pub(crate) struct Asking {
    pub(crate) core: CoreId,
    /// The requests inside that led to it, itself the last.
    pub(crate) chain: Chain,
    /// When what sends it must have ended.
    pub(crate) deadline: Option<Instant>,
    /// Its place among the app's outgoing requests.
    pub(crate) place: OwnedSemaphorePermit,
}
