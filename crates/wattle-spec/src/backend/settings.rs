//! What is in force of a backend, as keys and values of a manifest. Secrets are in files: these name the files.

use super::{BackendSpec, EngineSpec, NatsAuth, NatsSpec, Scope};

impl BackendSpec {
    /// What is in force, as one would write it, `type` and `scope` first. Quotas are not of one backend alone: those are
    /// in [`crate::quota`].
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let Self { engine, scope, .. } = self;
        let scope = match scope {
            Scope::App => "app",
            Scope::Shared => "shared",
        };
        let mut settings = vec![("type", engine.kind().to_string()), ("scope", scope.into())];
        match engine {
            EngineSpec::Memory | EngineSpec::Disk => {}
            EngineSpec::Nats(nats) => settings.extend(of_nats(nats)),
            EngineSpec::Environment { prefix } => settings.push(("prefix", prefix.clone())),
            EngineSpec::Files { directory } => settings.push(("directory", directory.display().to_string())),
        }
        settings
    }
}

fn of_nats(nats: &NatsSpec) -> Vec<(&'static str, String)> {
    let NatsSpec { servers, auth, tls, replicas, stream } = nats;
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    let mut settings = vec![("servers", servers.join(", "))];
    match auth {
        NatsAuth::Nobody => {}
        NatsAuth::Password { user, file } => {
            settings.extend([("user", user.clone()), ("password-file", file.display().to_string())]);
        }
        NatsAuth::Token(file) => settings.push(("token-file", file.display().to_string())),
        NatsAuth::Credentials(file) => settings.push(("credentials", file.display().to_string())),
        NatsAuth::Nkey(file) => settings.push(("nkey", file.display().to_string())),
    }
    settings.extend(tls.required.then(|| ("tls.required", "true".into())));
    settings.extend(tls.ca.iter().map(|ca| ("tls.ca", ca.display().to_string())));
    settings.extend(tls.own.iter().map(|own| ("tls.cert", own.cert.display().to_string())));
    settings.push(("replicas", replicas.to_string()));
    settings.extend(stream.iter().map(|stream| ("stream", stream.clone())));
    settings
}
