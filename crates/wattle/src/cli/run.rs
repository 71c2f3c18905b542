//! `wattle run`, as clap reads it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use wattle_spec::app::Access;
use wattle_spec::fault::{listed, nearest};
use wattle_spec::label::LinkKey;
use wattle_spec::limits::{ComponentLimits, LimitSet};
use wattle_spec::name::BackendName;
use wattle_spec::network::{
    AddressRange, AddressRangeError, EndpointPattern, EndpointPatternError, OriginPattern, OriginPatternError,
};

use super::running::link;
use super::variable;

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A .wasm or .wat file, or an app of one component
    pub(crate) file: PathBuf,
    /// What the command gets as arguments; behind `--` if they look like options
    #[arg(value_name = "ARGS")]
    pub(crate) arguments: Vec<OsString>,
    /// Call this export, as in 'add(1, 2)', and print what it returns
    #[arg(long, value_name = "CALL", conflicts_with = "arguments")]
    pub(crate) invoke: Option<String>,
    /// Give it an environment variable; without a value, the one that it has here
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable_or_ours)]
    pub(crate) env: Vec<(String, String)>,
    /// Let it see a directory, read-only with `:ro`
    #[arg(long = "dir", value_name = "HOST[::GUEST][:ro]", value_parser = mount)]
    pub(crate) mounts: Vec<Mount>,
    /// Let a backend provide an interface, as in wasi:keyvalue=memory
    #[arg(long = "link", value_name = "INTERFACE=BACKEND", value_parser = link::<BackendName>)]
    pub(crate) links: Vec<(LinkKey, BackendName)>,
    /// Let it reach something: http=ORIGIN, network=RANGE, tcp=ENDPOINT or
    /// udp=ENDPOINT, as in tcp=10.0.0.0/8:5432
    #[arg(long = "allow", value_name = "KIND=WHAT", value_parser = allow)]
    pub(crate) allow: Vec<Allow>,
    /// Set a limit, as in memory=64MiB or deadline=5s; it has no deadline
    /// otherwise
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<Limit>,
    /// Keep data here [default: .wattle beside the file]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// A directory that a command sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) host: String,
    pub(crate) guest: String,
    pub(crate) access: Access,
}

/// Something of the network that a command may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allow {
    Http(OriginPattern),
    Network(AddressRange),
    Tcp(EndpointPattern),
    Udp(EndpointPattern),
}

/// A limit that is known, with a value that it can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// `NAME=VALUE`, or `NAME` for what it is in our own environment.
fn variable_or_ours(text: &str) -> Result<(String, String), String> {
    if text.contains('=') || text.is_empty() {
        return variable(text);
    }
    match std::env::var(text) {
        Ok(value) => Ok((text.into(), value)),
        Err(_) => Err(format!("{text} is not set here; to give it a value, write {text}=VALUE")),
    }
}

/// `HOST::GUEST`, or `HOST` for the same path in the guest, below its root.
fn mount(text: &str) -> Result<Mount, String> {
    let (paths, access) = match text.strip_suffix(":ro") {
        Some(paths) => (paths, Access::Read),
        None => (text, Access::ReadWrite),
    };
    let (host, guest) = match paths.split_once("::") {
        Some((host, guest)) => (host, guest.to_owned()),
        None => (paths, format!("/{}", paths.trim_start_matches("./").trim_matches('/'))),
    };
    let guest = if guest == "/." { "/".into() } else { guest };
    let is_odd = |segment: &str| matches!(segment, "" | "..");
    let below = guest.trim_start_matches('/').trim_end_matches('/');
    if host.is_empty() || guest.is_empty() || !below.is_empty() && below.split('/').any(is_odd) {
        return Err("expected HOST::GUEST or HOST::GUEST:ro, as in ./data::/data".into());
    }
    Ok(Mount { host: host.into(), guest, access })
}

fn allow(text: &str) -> Result<Allow, String> {
    let expected = || "expected http=ORIGIN, network=RANGE, tcp=ENDPOINT or udp=ENDPOINT".to_owned();
    let (kind, what) = text.split_once('=').ok_or_else(expected)?;
    match kind {
        "http" => what.parse().map(Allow::Http).map_err(|error: OriginPatternError| error.to_string()),
        "network" => what.parse().map(Allow::Network).map_err(|error: AddressRangeError| error.to_string()),
        "tcp" => what.parse().map(Allow::Tcp).map_err(|error: EndpointPatternError| error.to_string()),
        "udp" => what.parse().map(Allow::Udp).map_err(|error: EndpointPatternError| error.to_string()),
        _ => Err(expected()),
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("expected NAME=VALUE, as in memory=64MiB".into());
    };
    match ComponentLimits::default().set(name, value) {
        Ok(()) => Ok(Limit { name: name.into(), value: value.into() }),
        Err(Some(expected)) => Err(expected),
        Err(None) => {
            let known: Vec<String> = ComponentLimits::rows().into_iter().map(|row| row.key).collect();
            let advice = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the limits are {}", listed(&known)),
            };
            Err(format!("there is no limit `{name}`; {advice}"))
        }
    }
}
