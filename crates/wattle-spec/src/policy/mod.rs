//! What an operator lets run: who must have signed it, what it may import, and whether somebody has to approve that a new
//! version asks for more.
//!
//! All of it is decided before anything is compiled.

mod asks;
mod entry;
mod pattern;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::asks::{APPROVED_MAX_LEN, Approved, ApprovedError, Asks};
pub(crate) use self::entry::{PolicyEntry, rule_faults};
pub use self::pattern::{NamePattern, NamePatternError};
use crate::interface::Interface;
use crate::name::AppName;
use crate::shape::touches_nothing;

/// What an operator lets run. By default everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// What becomes of components that no rule of `signed` is about, those in files included.
    pub unsigned: Unsigned,
    /// When somebody has to approve a version.
    pub approval: Approval,
    /// Who must have signed what. An artifact meets every rule that is about it.
    pub signed: Vec<SignedRule>,
    /// What apps may import. An app may import what any rule that is about it allows.
    pub imports: Vec<ImportRule>,
}

/// What becomes of what nobody has to have signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unsigned {
    /// It runs.
    #[default]
    Allow,
    /// It does not.
    Refuse,
}

/// When somebody has to approve a version of an app before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Never.
    #[default]
    Never,
    /// If it asks for more than the last one that ran here.
    Wider,
}

/// Artifacts that one of some keys must have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRule {
    /// The names of their repositories, with their registries, as `ghcr.io/acme/cart`.
    pub artifacts: NamePattern,
    /// The files of the public keys (PEM).
    pub keys: Vec<PathBuf>,
}

/// What some apps may import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRule {
    /// The names of the apps.
    pub apps: NamePattern,
    /// The interfaces and packages.
    pub allow: Vec<Interface>,
}

impl Policy {
    /// The rules because of which `app` may not import `interface` from the host. None: it may.
    ///
    /// What touches nothing outside of a component, such as `wasi:io`, is always allowed.
    pub fn against(&self, app: &AppName, interface: &Interface) -> Vec<&ImportRule> {
        let rules: Vec<_> = self.imports.iter().filter(|rule| rule.apps.matches(app.as_str())).collect();
        let allows = |rule: &&ImportRule| rule.allow.iter().any(|allowed| allowed.covers(interface));
        if touches_nothing(interface) || rules.iter().any(allows) {
            return Vec::new();
        }
        rules
    }
}
