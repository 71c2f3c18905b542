//! The access log: a line for each request once its answer has ended, for operators who ask for it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Version};

use crate::component::Identity;
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
    /// Whose component answers, if one does.
    pub(super) component: Option<Arc<Identity>>,
    /// `None` until the answer has begun.
    pub(super) status: Option<u16>,
    /// How much of the answer's body went out.
    pub(super) bytes: u64,
}

impl Drop for Access {
    fn drop(&mut self) {
        tracing::info!(
            target: "access",
            client = %self.client,
            app = self.component.as_ref().map(|identity| tracing::field::display(&identity.app)),
            component = self.component.as_ref().map(|identity| tracing::field::display(&identity.name)),
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
