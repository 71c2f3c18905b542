//! The access log: a line for each request once its answer has ended, for operators who ask for it.

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, Version};

use super::target::Answerer;
use crate::invocation::RequestId;

/// What is known of a request so far. Its line is written when this is dropped.
pub(super) struct Access {
    pub(super) request: RequestId,
    pub(super) client: IpAddr,
    pub(super) method: Method,
    /// Without the query, in which there may be secrets.
    pub(super) path: String,
    pub(super) protocol: Version,
    pub(super) began: Instant,
    /// Who answers, if somebody does.
    pub(super) answerer: Option<Answerer>,
    /// `None` until the answer has begun.
    pub(super) status: Option<u16>,
    /// How much of the answer's body went out.
    pub(super) bytes: u64,
}

impl Drop for Access {
    fn drop(&mut self) {
        let answerer = self.answerer.as_ref();
        let (app, component) = (answerer.map(Answerer::app), answerer.and_then(Answerer::component));
        tracing::info!(
            target: "access",
            client = %self.client,
            app = app.map(tracing::field::display),
            component = component.map(tracing::field::display),
            method = %self.method,
            path = self.path,
            protocol = ?self.protocol,
            status = self.status,
            bytes = self.bytes,
            duration_ms = self.began.elapsed().as_secs_f64() * 1000.0,
            request = %self.request,
        );
    }
}
