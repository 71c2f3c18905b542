//! What the host's policy says of what is to run, before anything of it is compiled: who signed it, and whether somebody
//! approved that it asks for more than what ran before.

pub(crate) mod approval;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use wattle_artifact::fetch::Artifacts;
use wattle_artifact::sign::key::PublicKey;
use wattle_spec::digest::Digest;
use wattle_spec::fault::listed;
use wattle_spec::policy::{NamePattern, Policy, SignedRule, Unsigned};
use wattle_spec::reference::Reference;

use crate::problem::Problem;
use crate::{input, report};

/// The most bytes of a key's file.
pub(crate) const KEY_MAX_LEN: u64 = 64 << 10;
/// How many signatures that are not believed are told of.
const REASONS_MAX: usize = 4;

/// Why the policy does not let something run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "the policy of this host refuses {reference}: the rule for `{rule}` wants a signature of {}, and {}",
        listed(keys),
        said(reasons, *asked)
    )]
    NotSigned {
        reference: Reference,
        rule: NamePattern,
        keys: Vec<String>,
        /// Why those that were found do not count.
        reasons: Vec<String>,
        /// Whether its registry was asked.
        asked: bool,
    },
    #[error(
        "the policy of this host refuses {0}: it has no rule about who must have signed it (unsigned = \"refuse\")"
    )]
    NoRule(Reference),
    #[error("the policy of this host refuses {}: nobody signs a file (unsigned = \"refuse\")", .0.display())]
    File(PathBuf),
}

/// What a rule wants, and nobody can say whether it is so: what is kept here does not do, and the registry cannot be
/// asked.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot tell whether the policy of this host lets {reference} run: the rule for `{rule}` wants a signature of {}, \
     {}, and its registry cannot be asked",
    listed(keys),
    lacking(reasons)
)]
pub(crate) struct Unjudged {
    reference: Reference,
    rule: NamePattern,
    keys: Vec<String>,
    /// Why those that were found do not count.
    reasons: Vec<String>,
}

fn lacking(reasons: &[String]) -> String {
    match reasons {
        [] => "none is kept here".into(),
        reasons => format!("what is kept here does not do ({})", reasons.join("; ")),
    }
}

fn said(reasons: &[String], asked: bool) -> String {
    match (reasons, asked) {
        ([], true) => "it has no signature".into(),
        ([], false) => "no signature of it is kept here, and no registry is asked".into(),
        (reasons, true) => format!("it has none: {}", reasons.join("; ")),
        (reasons, false) => format!("none is kept here, and no registry is asked: {}", reasons.join("; ")),
    }
}

impl Refusal {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NotSigned { reference, asked: false, .. } => {
                format!("where there is a network: wattle pull {reference} with the same `--config`")
            }
            Self::NotSigned { reference, .. } => {
                format!("whoever has one of the keys signs it: wattle sign {reference} --key FILE")
            }
            Self::NoRule(reference) => format!(
                "the operator of the host can add a rule:\n[[policy.signed]]\nartifacts = \"{}\"\nkeys = [\"FILE.pub\"]",
                reference.repository
            ),
            Self::File(_) => "push it, sign it, and name the reference as its source".into(),
        }
    }
}

/// Who must have signed what, with the keys.
#[derive(Default)]
pub(crate) struct Signers {
    policy: Policy,
    /// Those of each rule, in the order of the rules.
    keys: Vec<Vec<(String, PublicKey)>>,
}

impl Signers {
    /// Reads the keys that `policy` names.
    ///
    /// # Errors
    ///
    /// If one of them is no public key.
    pub(crate) fn of(policy: &Policy) -> Result<Self, Problem> {
        let key = |path: &PathBuf| Ok((path.display().to_string(), public_key(path)?));
        let keys = |rule: &SignedRule| rule.keys.iter().map(key).collect::<Result<Vec<_>, Problem>>();
        let keys = policy.signed.iter().map(keys).collect::<Result<_, _>>()?;
        Ok(Self { policy: policy.clone(), keys })
    }

    /// Lets what comes from the file at `path` run, or not.
    pub(crate) fn check_file(&self, path: &Path) -> Result<(), Problem> {
        match self.policy.unsigned {
            Unsigned::Allow => Ok(()),
            Unsigned::Refuse => Err(Refusal::File(path.into()).into()),
        }
    }

    /// Lets the artifact at `reference`, which leads to the manifest `digest`, run, or not.
    ///
    /// # Errors
    ///
    /// If a rule about it is not met, or if that cannot be found out.
    pub(crate) async fn check(
        &self,
        artifacts: &Artifacts,
        reference: &Reference,
        digest: Digest,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let repository = &reference.repository;
        let name = repository.to_string();
        let rules = self.policy.signed.iter().zip(&self.keys);
        let mut rules = rules.filter(|(rule, _)| rule.artifacts.matches(&name)).peekable();
        if rules.peek().is_none() && self.policy.unsigned == Unsigned::Refuse {
            return Err(Refusal::NoRule(reference.pinned(digest)).into());
        }
        for (rule, named) in rules {
            let keys: Vec<_> = named.iter().map(|(_, key)| key.clone()).collect();
            let mut judged = artifacts.signed(repository, digest, &keys, now).await?;
            if !judged.verified.is_empty() {
                continue;
            }
            let reference = reference.pinned(digest);
            let failure = judged.failure();
            let refused = judged.refused.iter().map(|error| report::sentence(error));
            let unread = judged.unread.iter().map(|error| report::sentence(error));
            let mut reasons: Vec<_> = refused.chain(unread).collect();
            reasons.sort_unstable();
            reasons.dedup();
            reasons.truncate(REASONS_MAX);
            let keys = named.iter().map(|(file, key)| format!("{file} ({})", key.id())).collect();
            let (rule, asked) = (rule.artifacts.clone(), judged.asked);
            return Err(match failure {
                Some(source) => Problem::Unjudged { unjudged: Unjudged { reference, rule, keys, reasons }, source },
                None => Refusal::NotSigned { reference, rule, keys, reasons, asked }.into(),
            });
        }
        Ok(())
    }
}

/// The public key in a file.
pub(crate) fn public_key(path: &Path) -> Result<PublicKey, Problem> {
    let read = input::small(path, KEY_MAX_LEN);
    let read = read.map_err(|source| Problem::File { operation: "read", path: path.into(), source })?;
    PublicKey::from_pem(&read).map_err(|source| Problem::Key { path: path.into(), source })
}
