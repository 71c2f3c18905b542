//! `wattle push`: a component into a registry, the same bytes as the same artifact each time.

use std::path::Path;

use serde::Serialize;
use wattle_artifact::format::component::{About, Packed, pack};
use wattle_artifact::format::image;
use wattle_artifact::publish::{Published, publish, tag};

use super::signature;
use super::{print, print_json, runtime, tell};
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
}

pub(crate) fn run(arguments: &Push) -> Result<(), Problem> {
    let Push { reference, .. } = arguments;
    let key = arguments.sign.as_deref().map(signature::private_key).transpose()?;
    let packed = packed(arguments)?;
    if let Some(asked) = reference.digest().filter(|asked| *asked != packed.descriptor.digest) {
        return Err(Problem::OtherDigest { asked, digest: packed.descriptor.digest });
    }
    let registries = registries(&arguments.reaching, reference)?;
    let failed = |source| Problem::Push { reference: reference.clone(), source };
    let (published, signed_with) = runtime()?.block_on(async {
        let Some(key) = &key else {
            return Ok((publish(&registries, reference, &packed).await.map_err(failed)?, None));
        };
        // The tag comes last: nobody finds it there without its signature.
        let pinned = reference.repository.at(packed.descriptor.digest);
        let published = publish(&registries, &pinned, &packed).await.map_err(failed)?;
        let signed_with = signature::sign(&registries, reference, packed.descriptor.clone(), None, key).await?;
        tag(&registries, reference, &packed).await.map_err(failed)?;
        Ok::<_, Problem>((published, Some(signed_with)))
    })?;
    let Published { digest, sent, present, .. } = published;
    if arguments.json {
        return print_json(&Pushed {
            reference: reference.to_string(),
            digest: digest.to_string(),
            sent_bytes: sent,
            present_bytes: present,
            signed_with,
        });
    }
    tell(&match present {
        0 => format!("pushed {sent} bytes\n"),
        present => format!("pushed {sent} bytes; the registry had {present}\n"),
    });
    if let Some(key) = signed_with {
        tell(&format!("signed with {key}\n"));
    }
    print(&format!("{}\n", reference.pinned(digest)))
}

fn packed(arguments: &Push) -> Result<Packed, Problem> {
    let (bytes, shape) = input::component(&arguments.file, component_limit(&arguments.reaching)?)?;
    let about = About {
        title: title(&arguments.file),
        created: arguments.created.clone().or_else(source_date).unwrap_or_else(|| EPOCH.into()),
        target: arguments.world.clone(),
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

/// The time that builds which can be repeated agree on: <https://reproducible-builds.org/specs/source-date-epoch/>.
fn source_date() -> Option<String> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    Some(chrono::DateTime::from_timestamp(seconds, 0)?.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
