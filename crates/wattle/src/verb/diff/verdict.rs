//! Whether a policy would let something run in the place of what runs.

use std::collections::BTreeSet;

use serde::Serialize;
use wattle_spec::policy::Approval;

use super::{ASKING, Side};
use crate::app_file::{AppFile, ReadHost};
use crate::problem::Problem;
use crate::report;

/// What the policy says.
#[derive(Serialize)]
pub(super) struct Verdict {
    verdict: Word,
    reasons: Vec<String>,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Nobody named the file of a host.
    NotRead,
    Allowed,
    NeedsApproval,
    Refused,
}

impl Verdict {
    fn new(verdict: Word, reason: impl Into<String>) -> Self {
        Self { verdict, reasons: vec![reason.into()] }
    }

    /// There is no policy to ask.
    pub(super) fn unasked() -> Self {
        Self { verdict: Word::NotRead, reasons: Vec::new() }
    }

    /// Whether the policy lets it run now, without anybody doing something first.
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.verdict, Word::Allowed)
    }

    pub(super) fn page(&self) -> String {
        let word = match self.verdict {
            Word::NotRead => "no policy was read: name the host's own file with `--config`",
            Word::Allowed => "the policy lets it take its place",
            Word::NeedsApproval => "the policy lets it take its place once somebody approves it",
            Word::Refused => "the policy refuses it",
        };
        let reasons = self.reasons.iter().map(|reason| format!("  {reason}\n"));
        format!("{word}\n{}", reasons.collect::<String>())
    }
}

/// What `wattle up` on `host` would say to `to`, which asks for `more` things than what runs.
pub(super) fn of(to: &Side, host: ReadHost, more: usize) -> Result<Verdict, Problem> {
    let approval = host.spec.policy.approval;
    let read = AppFile::read_on(&to.path, host, ASKING).and_then(AppFile::sound);
    let file = match read {
        Ok(file) => file,
        // Nothing was wrong without the policy.
        Err(Problem::Faults(texts)) => {
            let reasons = texts.iter().flat_map(|text| &text.faults).map(|fault| fault.message.clone());
            return Ok(Verdict { verdict: Word::Refused, reasons: reasons.collect() });
        }
        Err(problem @ Problem::Policy(_)) => return Ok(Verdict::new(Word::Refused, report::sentence(&problem))),
        Err(problem) => return Err(problem),
    };
    let refused = |file: &AppFile| -> Result<BTreeSet<String>, Problem> {
        let imports = file.explain()?.into_iter().flat_map(|component| component.imports);
        Ok(imports.filter_map(|import| Some(import.outcome.err()?.message)).collect())
    };
    let reasons: Vec<_> = refused(&file)?.difference(&refused(&to.file)?).cloned().collect();
    if !reasons.is_empty() {
        return Ok(Verdict { verdict: Word::Refused, reasons });
    }
    Ok(match (approval, more) {
        (Approval::Never, _) | (_, 0) => Verdict { verdict: Word::Allowed, reasons: Vec::new() },
        (Approval::Wider, _) => Verdict::new(Word::NeedsApproval, "it asks for more (approval = \"wider\")"),
    })
}
