//! `wattle sign`, `wattle verify` and `wattle key`: who ships what.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{TimeDelta, Utc};
use serde::Serialize;
use wattle_artifact::format::manifest::Descriptor;
use wattle_artifact::look::LookError;
use wattle_artifact::registry::Registries;
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{Kind, PrivateKey};
use wattle_artifact::signatures;
use wattle_spec::reference::Reference;

use super::{print, print_json, runtime, tell, time};
use crate::artifacts::registries;
use crate::cli::{Key, KeyKind, KeyNew, Sign, Verify};
use crate::input;
use crate::policy::{KEY_MAX_LEN, public_key};
use crate::problem::Problem;

/// How many signatures that are not believed are told of.
const REASONS_MAX: usize = 8;
/// What a private key's file ends in, if it says what it is; its public one is beside it.
const PUBLIC: &str = "pub";

/// What `verify --json` prints.
#[derive(Serialize)]
struct Verified {
    reference: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize)]
struct Signature {
    key: String,
    signed: Option<String>,
    expires: Option<String>,
}

pub(crate) fn run(arguments: &Sign) -> Result<(), Problem> {
    let Sign { reference, key, expires, .. } = arguments;
    let key = private_key(key)?;
    let registries = registries(&arguments.reaching, reference)?;
    let signed_with = runtime()?.block_on(async {
        let failed = |source| LookError::Registry { reference: reference.clone(), source };
        let manifest = registries.manifest(&reference.repository, &reference.which).await.map_err(failed)?;
        let kind = manifest.media_type.as_deref().unwrap_or(wattle_artifact::format::media_type::MANIFEST);
        let subject = Descriptor::of(kind, &manifest.bytes);
        sign(&registries, reference, subject, expires.map(|span| span.0), &key).await
    })?;
    tell(&format!("signed with {signed_with}\n"));
    Ok(())
}

/// Signs `subject` of where `reference` is. The id of the key.
pub(super) async fn sign(
    registries: &Registries,
    reference: &Reference,
    subject: Descriptor,
    valid_for: Option<std::time::Duration>,
    key: &PrivateKey,
) -> Result<String, Problem> {
    let now = Utc::now();
    let end = |span| TimeDelta::from_std(span).ok().and_then(|span| now.checked_add_signed(span));
    let expires = valid_for.map(|span| end(span).ok_or(Problem::TooLate)).transpose()?;
    let claims = Claims { expires, ..Claims::at(now) };
    let signed = signatures::sign(registries, &reference.repository, subject, &claims, key).await;
    signed.map_err(|source| Problem::Sign { reference: reference.clone(), source })?;
    Ok(key.public().id().to_string())
}

pub(crate) fn verify(arguments: &Verify) -> Result<(), Problem> {
    let Verify { reference, key, .. } = arguments;
    let keys = key.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let registries = registries(&arguments.reaching, reference)?;
    let (digest, judged) = runtime()?
        .block_on(async {
            let digest = match reference.digest() {
                Some(digest) => digest,
                None => registries.resolve(reference).await?.digest,
            };
            let judged = signatures::verify(&registries, &reference.repository, digest, &keys, Utc::now()).await?;
            Ok((digest, judged))
        })
        .map_err(|source| Problem::Verify { reference: reference.clone(), source })?;
    if judged.verified.is_empty() {
        let refused = judged.refused.iter().map(|error| crate::report::sentence(error));
        let unread = judged.unread.iter().map(|error| crate::report::sentence(error));
        let reasons: BTreeSet<_> = refused.chain(unread).collect();
        let reasons = reasons.into_iter().take(REASONS_MAX).collect();
        return Err(Problem::NotSigned { reference: reference.pinned(digest), reasons });
    }
    let pinned = reference.pinned(digest).to_string();
    if arguments.json {
        let signature = |(key, claims): (String, &Claims)| Signature {
            key,
            signed: claims.signed.map(time),
            expires: claims.expires.map(time),
        };
        let signatures = judged.keys().into_iter().map(signature).collect();
        return print_json(&Verified { reference: pinned, signatures });
    }
    for (key, claims) in judged.keys() {
        let signed = claims.signed.map(|at| format!(" at {}", time(at)));
        tell(&format!("signed with {key}{}\n", signed.unwrap_or_default()));
    }
    print(&format!("{pinned}\n"))
}

pub(crate) fn key(arguments: &Key) -> Result<(), Problem> {
    let Key::New(KeyNew { file, kind }) = arguments;
    let kind = match kind {
        KeyKind::Ed25519 => Kind::Ed25519,
        KeyKind::P256 => Kind::P256,
    };
    let key = PrivateKey::generate(kind).map_err(|source| Problem::Key { path: file.clone(), source })?;
    let mut public = file.clone().into_os_string();
    public.push(format!(".{PUBLIC}"));
    let public = Path::new(&public);
    write_new(file, 0o600, key.to_pem().as_bytes())?;
    write_new(public, 0o644, key.public().to_pem().as_bytes()).inspect_err(|_| {
        let _ = fs::remove_file(file);
    })?;
    tell(&format!(
        "{} is for signing, and nobody else's; {} is for all who verify\n",
        file.display(),
        public.display()
    ));
    print(&format!("{}\n", key.public().id()))
}

/// Writes a file that is not there yet: no key is ever overwritten.
fn write_new(path: &Path, mode: u32, text: &[u8]) -> Result<(), Problem> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text).and_then(|()| file.sync_all())).map_err(|source| Problem::File {
        operation: "write",
        path: path.into(),
        source,
    })
}

/// The private key in a file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKey, Problem> {
    PrivateKey::from_pem(&read(path)?).map_err(|source| Problem::Key { path: path.into(), source })
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Problem> {
    let read = input::small(path, KEY_MAX_LEN);
    read.map(Into::into).map_err(|source| Problem::File { operation: "read", path: path.into(), source })
}
