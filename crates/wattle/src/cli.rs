//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wattle_spec::listen::Listen;

/// Builds, ships and runs WebAssembly applications
#[derive(Debug, Parser)]
#[command(name = "wattle", version, max_term_width = 79, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run an app in the foreground
    Up(Up),
    /// Show what a Wasm file is and what it could touch
    Inspect(Inspect),
    /// Show what provides each import, and which rule chose it
    Explain(Explain),
    /// Find every fault of a manifest without running it
    Check(Check),
    /// Print the JSON Schema of wattle.toml or host.toml
    Schema(Schema),
    /// Print completions for a shell
    Completions(Completions),
}

/// Which app, and on what kind of host
#[derive(Debug, Args)]
pub(crate) struct What {
    /// A folder with wattle.toml, a manifest, or a .wasm or .wat file
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// The host's own file, host.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) what: What,
    /// Serve on this address; may be given more than once, and with http:// or
    /// https:// in front [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<Listen>,
    /// Serve TLS with this chain of certificates, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Write a line for each request to the log
    #[arg(long)]
    pub(crate) access_log: bool,
    /// Keep data here [default: .wattle beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Give every component this environment variable
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Write the log in this form
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .wasm or .wat file
    pub(crate) file: PathBuf,
    /// Print the WIT of its world
    #[arg(long, conflicts_with = "json")]
    pub(crate) wit: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) what: What,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) what: What,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which file's schema
    #[arg(default_value = "app")]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaOf {
    /// wattle.toml
    App,
    /// host.toml
    Host,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// The process that the host starts to compile: Wasm on stdin, code on stdout.
/// No verb, so that no completion offers it.
#[derive(Debug, Parser)]
#[command(name = "wattle-compile")]
pub(crate) struct Compile {
    /// The engine profile
    #[arg(long)]
    pub(crate) profile: String,
    /// Seconds of processor time
    #[arg(long)]
    pub(crate) cpu_seconds: u64,
    /// Bytes of address space
    #[arg(long)]
    pub(crate) memory_bytes: u64,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE, as in LEVEL=debug".into()),
    }
}
