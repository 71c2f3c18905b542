//! Whether a policy would let something run in the place of what runs.

use chrono::Utc;
use serde::Serialize;
use wattle_spec::fault::listed;
use wattle_spec::policy::{Approval, Policy};
use wattle_spec::reference::Reference;

use super::runtime;
use crate::app_file::AppFile;
use crate::artifacts::of_host;
use crate::policy::Signers;
use crate::problem::Problem;
use crate::report;

/// What the policy says.
#[derive(Serialize)]
pub(super) struct Verdict {
    verdict: Word,
    reasons: Vec<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Allowed,
    NeedsApproval,
    Refused,
}

impl Verdict {
    fn new(verdict: Word, reason: impl Into<String>) -> Self {
        Self { verdict, reasons: vec![reason.into()] }
    }

    const ALLOWED: Self = Self { verdict: Word::Allowed, reasons: Vec::new() };

    /// Both together: the harder one counts.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.verdict = self.verdict.max(other.verdict);
        self.reasons.extend(other.reasons);
        self
    }

    pub(super) fn page(&self) -> String {
        let word = match self.verdict {
            Word::Allowed => "the policy lets it take its place",
            Word::NeedsApproval => "the policy lets it take its place once somebody approves it",
            Word::Refused => "the policy refuses it",
        };
        let reasons = self.reasons.iter().map(|reason| format!("  {reason}\n"));
        format!("{word}\n{}", reasons.collect::<String>())
    }
}

/// Whether everything is signed that has to be.
pub(super) fn of_signers(policy: &Policy, reference: Option<&Reference>, file: &AppFile) -> Result<Verdict, Problem> {
    let signers = Signers::of(policy)?;
    let checked = match reference {
        None => signers.check_file(&file.file),
        Some(reference) => {
            let artifacts = of_host(&file.host)?;
            let digest = reference.digest().expect("invariant: it was pinned");
            runtime()?.block_on(signers.check(&artifacts, reference, digest, Utc::now()))
        }
    };
    match checked {
        Ok(()) => Ok(Verdict::ALLOWED),
        Err(problem @ Problem::Policy(_)) => Ok(Verdict::new(Word::Refused, report::sentence(&problem))),
        Err(problem) => Err(problem),
    }
}

/// Whether its app may import everything that it imports.
pub(super) fn of_imports(policy: &Policy, file: &AppFile) -> Verdict {
    let app = file.app();
    let refused = file.parts().into_iter().filter_map(|(name, part)| {
        let imports = part.shape.imported_interfaces();
        let refused: Vec<_> = imports.filter(|interface| !policy.against(&app.name, interface).is_empty()).collect();
        let reason = || format!("`{name}` imports {}, which `{}` may not have", listed(&refused), app.name);
        (!refused.is_empty()).then(|| Verdict::new(Word::Refused, reason()))
    });
    refused.fold(Verdict::ALLOWED, Verdict::and)
}

/// Whether somebody has to approve it.
pub(super) fn of_approval(policy: &Policy, asks_for_more: bool) -> Verdict {
    match (policy.approval, asks_for_more) {
        (Approval::Wider, true) => Verdict::new(Word::NeedsApproval, "it asks for more (approval = \"wider\")"),
        (Approval::Wider, false) | (Approval::Never, _) => Verdict::ALLOWED,
    }
}
