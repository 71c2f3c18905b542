//! The verbs for artifacts, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use wattle_spec::reference::{Reference, ReferenceError, RegistryName, RegistryNameError};
use wattle_spec::units::{Span, UnitError};

use crate::verb::push::target::is_world;

/// How registries are reached
#[derive(Debug, Default, Args)]
pub(crate) struct Reaching {
    /// Speak plain HTTP with the registry; with one on this machine it is tried
    /// anyway
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Trust this authority, a PEM file, beside those that the system trusts
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The host's own file, host.toml: how it reaches registries
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// A .wasm or .wat file, or a folder with wattle.toml: a whole app
    #[arg(value_name = "PATH")]
    pub(crate) what: PathBuf,
    /// Where to, as in ghcr.io/me/cart:1.0
    #[arg(value_parser = reference)]
    pub(crate) reference: Reference,
    /// Publish it in this form
    #[arg(long = "as", value_name = "FORM", default_value = "artifact")]
    pub(crate) form: Form,
    /// The world that it was made for, as in wasi:http/proxy@0.2.0
    /// [default: the target in the metadata of its Cargo.toml]
    #[arg(long, value_name = "WORLD", value_parser = world)]
    pub(crate) world: Option<String>,
    /// When it was made, in RFC 3339 [default: SOURCE_DATE_EPOCH, or 1970]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) created: Option<String>,
    /// Say more of it, as in org.opencontainers.image.vendor=Acme
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = super::variable)]
    pub(crate) annotations: Vec<(String, String)>,
    /// Sign it with this private key, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Option<PathBuf>,
    /// Attach what it is made of, SPDX or CycloneDX as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: Option<PathBuf>,
    /// Take what is there already from this repository of the same registry;
    /// may be given more than once
    #[arg(long, value_name = "REPOSITORY", value_parser = reference)]
    pub(crate) from: Vec<Reference>,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a component is published as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The Wasm artifact of the CNCF
    Artifact,
    /// A container image, wasi/wasm, for containerd and Docker
    Image,
}

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// What, as in ghcr.io/me/cart:1.0
    #[arg(value_parser = reference)]
    pub(crate) reference: Reference,
    /// Write the component into this file, too (`-` is stdout), or an app into
    /// this folder
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Which component of an artifact that holds several
    #[arg(long, value_name = "NAME")]
    pub(crate) component: Option<String>,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The registry, as in ghcr.io or localhost:5000
    #[arg(value_parser = registry)]
    pub(crate) registry: RegistryName,
    /// Who you are there
    #[arg(long, short, value_name = "NAME")]
    pub(crate) user: String,
    /// Read the password from stdin
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// The registry, as in ghcr.io or localhost:5000
    #[arg(value_parser = registry)]
    pub(crate) registry: RegistryName,
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// What, as in ghcr.io/me/cart:1.0
    #[arg(value_parser = reference)]
    pub(crate) reference: Reference,
    /// The private key, a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Let the signature count for so long, as in 2160h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) expires: Option<Span>,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// What, as in ghcr.io/me/cart:1.0
    #[arg(value_parser = reference)]
    pub(crate) reference: Reference,
    /// A public key, a PEM file; may be given more than once
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a pair of keys: FILE for signing, FILE.pub for all who verify
    New(KeyNew),
}

#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// Where the private key goes; the public one is beside it
    pub(crate) file: PathBuf,
    /// Which kind
    #[arg(long, value_name = "KIND", default_value = "ed25519")]
    pub(crate) kind: KeyKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// Ed25519
    Ed25519,
    /// ECDSA on P-256, as cosign makes it
    P256,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Show what is kept of registries on this machine
    List(CacheList),
    /// Remove what no reference leads to, and unused folders of apps
    Prune(CachePrune),
    /// Read everything that is kept, and remove what is damaged
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct CacheList {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CachePrune {
    /// Forget references that were not used for so long, as in 720h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) older_than: Option<Span>,
    /// Keep what was used so lately: it may be part of a pull that is under way,
    /// which fails if it goes. With 0 nobody may pull meanwhile
    #[arg(long, value_name = "SPAN", value_parser = grace, default_value = "1h")]
    pub(crate) grace: Span,
}

pub(super) fn reference(text: &str) -> Result<Reference, String> {
    let text = text.strip_prefix("oci://").unwrap_or(text);
    text.parse().map_err(|error: ReferenceError| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })
}

fn registry(text: &str) -> Result<RegistryName, String> {
    text.parse().map_err(|error: RegistryNameError| error.to_string())
}

fn span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error: UnitError| error.to_string())
}

fn world(text: &str) -> Result<String, String> {
    match is_world(text) {
        true => Ok(text.to_owned()),
        false => Err("expected a world with its package, as in wasi:http/proxy@0.2.0".into()),
    }
}

/// A span, or none at all.
fn grace(text: &str) -> Result<Span, String> {
    match text {
        "0" => Ok(Span(Duration::ZERO)),
        text => span(text),
    }
}

fn time(text: &str) -> Result<String, String> {
    let time = chrono::DateTime::parse_from_rfc3339(text);
    time.map(|_| text.to_owned()).map_err(|_| "expected a time as in 2026-01-31T12:00:00Z".into())
}
