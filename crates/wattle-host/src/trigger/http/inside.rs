//! The routes of an app as its own components reach them, at `http://self`: without a socket, on the core of whoever asks,
//! with the same limits, numbers and errors as from outside.

use std::sync::Arc;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::{Error, WasiBody};
use wattle_spec::route::{PathPattern, RouteTable};

use super::server::Server;
use super::target::Target;
use crate::cores::CoreId;

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

    /// Answers `request`, on the core that this runs on.
    pub(crate) async fn answer(&self, core: CoreId, request: Request<WasiBody>) -> Response<WasiBody> {
        let answer = self.server.answer_inside(&self.routes, request, core).await;
        // Whoever answered has told the log why.
        answer.map(|body| body.map_err(|_| Error::HttpResponseIncomplete).boxed_unsync())
    }
}
