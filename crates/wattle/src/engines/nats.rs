//! NATS as a spec says it, opened.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::runtime::Handle;
use wattle_backend::error::BackendError;
use wattle_backend::nats::{
    NatsBlobs, NatsBus, NatsConnection, NatsIdentity, NatsKeyValue, NatsLayout, NatsLogin, NatsOptions, NatsSecret,
    NatsTls,
};
use wattle_backend::stores::Stores;
use wattle_spec::backend::{NatsAuth, NatsSpec};

/// What can be kept on the NATS of `spec`. It is connected to when it is first used; the files that this takes must be there.
pub(super) fn open(spec: &NatsSpec, runtime: Handle) -> Result<Stores, BackendError> {
    let options = options(spec);
    options.check_files()?;
    let connection = NatsConnection::new(options, runtime)
        .map_err(|error| BackendError::Unavailable { backend: "nats".into(), source: Arc::new(error) })?;
    let layout = NatsLayout {
        replicas: NonZeroUsize::try_from(spec.replicas).unwrap_or(NonZeroUsize::MIN),
        ..NatsLayout::default()
    };
    Ok(Stores {
        key_value: Some(Arc::new(NatsKeyValue::new(connection.clone(), layout.clone()))),
        blobs: Some(Arc::new(NatsBlobs::new(connection.clone(), layout.clone()))),
        bus: Some(Arc::new(NatsBus::new(connection, layout, spec.stream.clone()))),
        ..Stores::default()
    })
}

/// Whether the files can be used that the NATS of `spec` is reached with.
pub(super) fn check_files(spec: &NatsSpec) -> Result<(), BackendError> {
    options(spec).check_files()
}

fn options(spec: &NatsSpec) -> NatsOptions {
    let login = match spec.auth.clone() {
        NatsAuth::Nobody => NatsLogin::Nobody,
        NatsAuth::Password { user, file } => NatsLogin::Password { user, password: NatsSecret::File(file) },
        NatsAuth::Token(file) => NatsLogin::Token(NatsSecret::File(file)),
        NatsAuth::Credentials(file) => NatsLogin::CredentialsFile(file),
        NatsAuth::Nkey(file) => NatsLogin::NkeySeed(NatsSecret::File(file)),
    };
    let identity =
        spec.tls.own.as_ref().map(|own| NatsIdentity { certificate: own.cert.clone(), key: own.key.clone() });
    let tls = NatsTls { required: spec.tls.required, authorities: spec.tls.ca.clone(), identity };
    NatsOptions { login, tls, ..NatsOptions::new(spec.servers.iter().map(ToString::to_string)) }
}
