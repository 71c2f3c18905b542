//! `wattle push`: a component or a whole app into a registry, the same bytes as the same artifact each time.

mod app;
pub(crate) mod target;

use std::path::Path;

use serde::Serialize;
use wattle_artifact::format::app::PackedApp;
use wattle_artifact::format::component::{About, Packed, pack};
use wattle_artifact::format::image;
use wattle_artifact::format::sbom::SBOM_MAX_LEN;
use wattle_artifact::progress::Progress;
use wattle_artifact::publish::{Options, Published, Sbom, publish_app, publish_with, sbom, tag};
use wattle_artifact::registry::{Registries, RegistryError};
use wattle_artifact::sign::key::PrivateKey;
use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use super::{bar, print, print_json, runtime, signature, tell};
use crate::artifacts::{component_limit, registries};
use crate::cli::{Form, Push};
use crate::input;
use crate::problem::Problem;

/// When something was made of which nobody says when.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// What `--json` prints.
#[derive(Serialize)]
struct Pushed {
    reference: String,
    digest: String,
    sent_bytes: u64,
    present_bytes: u64,
    signed_with: Option<String>,
    /// The digest of the artifact that the SBOM is.
    sbom: Option<String>,
}

/// What is sent.
enum Parcel {
    Component(Packed),
    App(PackedApp),
}

/// What is attached to it before anybody finds it under its tag.
struct Attached {
    key: Option<PrivateKey>,
    /// The name of the file and its bytes.
    sbom: Option<(String, bytes::Bytes)>,
}

pub(crate) fn run(arguments: &Push) -> Result<(), Problem> {
    let Push { reference, .. } = arguments;
    let attached = Attached {
        key: arguments.sign.as_deref().map(signature::private_key).transpose()?,
        sbom: arguments.sbom.as_deref().map(read_sbom).transpose()?,
    };
    if let Some((title, bytes)) = &attached.sbom {
        // What is none is refused before anything is sent.
        let unusable = |source| Problem::Sbom { reference: reference.clone(), source };
        Sbom { title, created: "", bytes: bytes.clone() }.kind().map_err(unusable)?;
    }
    let parcel = match arguments.what.is_dir() || app::is_manifest(&arguments.what) {
        true => Parcel::App(app::packed(arguments)?),
        false => Parcel::Component(component(arguments)?),
    };
    if let Some(asked) = reference.digest().filter(|asked| *asked != parcel.digest()) {
        return Err(Problem::OtherDigest { asked, digest: parcel.digest() });
    }
    let registries = registries(&arguments.reaching, reference)?;
    let progress = Progress::default();
    let send = parcel.send(&registries, arguments, &attached, progress.clone());
    let pushed = runtime()?.block_on(bar::beside("pushing", progress, send))?;
    if arguments.json {
        return print_json(&pushed);
    }
    tell(&match pushed.present_bytes {
        0 => format!("pushed {} bytes\n", pushed.sent_bytes),
        present => format!("pushed {} bytes; the registry had {present}\n", pushed.sent_bytes),
    });
    if let Some(key) = pushed.signed_with {
        tell(&format!("signed with {key}\n"));
    }
    print(&format!("{}\n", reference.pinned(parcel.digest())))
}

impl Parcel {
    fn digest(&self) -> Digest {
        match self {
            Self::Component(packed) => packed.descriptor.digest,
            Self::App(app) => app.descriptor.digest,
        }
    }

    /// What its reference leads to.
    fn top(&self) -> Packed {
        match self {
            Self::Component(packed) => packed.clone(),
            Self::App(app) => app.top(),
        }
    }

    async fn publish(
        &self,
        registries: &Registries,
        reference: &Reference,
        options: &Options,
    ) -> Result<Published, RegistryError> {
        match self {
            Self::Component(packed) => publish_with(registries, reference, packed, options).await,
            Self::App(app) => publish_app(registries, reference, app, options).await,
        }
    }

    /// Sends it, what is attached, and its tag last: nobody finds it there without its signature.
    async fn send(
        &self,
        registries: &Registries,
        arguments: &Push,
        attached: &Attached,
        progress: Progress,
    ) -> Result<Pushed, Problem> {
        let Push { reference, from, .. } = arguments;
        let failed = |source| Problem::Push { reference: reference.clone(), source };
        let may_have = from.iter().map(|reference| reference.repository.clone()).collect();
        let options = Options { may_have, progress: Some(progress) };
        let repository = &reference.repository;
        let pinned = repository.at(self.digest());
        let published = self.publish(registries, &pinned, &options).await.map_err(failed)?;
        let mut pushed = Pushed {
            reference: reference.to_string(),
            digest: published.digest.to_string(),
            sent_bytes: published.sent,
            present_bytes: published.present,
            signed_with: None,
            sbom: None,
        };
        let top = self.top();
        if let Some((title, bytes)) = &attached.sbom {
            let created = created(arguments);
            let file = Sbom { title, created: &created, bytes: bytes.clone() };
            let attached = sbom(registries, repository, top.descriptor.clone(), file).await;
            let attached = attached.map_err(|source| Problem::Sbom { reference: reference.clone(), source })?;
            pushed.sbom = Some(attached.digest.to_string());
        }
        if let Some(key) = &attached.key {
            let signed = signature::sign(registries, reference, top.descriptor.clone(), None, key).await?;
            pushed.signed_with = Some(signed);
        }
        if reference.tag().is_some() {
            tag(registries, reference, &top).await.map_err(failed)?;
        }
        Ok(pushed)
    }
}

fn component(arguments: &Push) -> Result<Packed, Problem> {
    let file = &arguments.what;
    let (bytes, shape) = input::component(file, component_limit(&arguments.reaching)?)?;
    let about = About {
        title: title(file),
        created: created(arguments),
        target: target::of(file, arguments.world.as_deref(), &shape),
        annotations: arguments.annotations.iter().cloned().collect(),
    };
    match arguments.form {
        Form::Artifact => Ok(pack(bytes, &shape, &about)),
        Form::Image => {
            image::pack(&bytes, &about).map_err(|source| Problem::System { operation: "make the image", source })
        }
    }
}

/// The name of the file, with the ending that its bytes have.
fn title(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    format!("{}.wasm", stem.unwrap_or_else(|| "component".into()))
}

fn read_sbom(file: &Path) -> Result<(String, bytes::Bytes), Problem> {
    let read = input::small(file, SBOM_MAX_LEN);
    let read = read.map_err(|source| Problem::File { operation: "read", path: file.into(), source })?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, read.into()))
}

/// When it was made, if anybody says so.
fn created(arguments: &Push) -> String {
    arguments.created.clone().or_else(source_date).unwrap_or_else(|| EPOCH.into())
}

/// The time that builds which can be repeated agree on: <https://reproducible-builds.org/specs/source-date-epoch/>.
fn source_date() -> Option<String> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    Some(chrono::DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
