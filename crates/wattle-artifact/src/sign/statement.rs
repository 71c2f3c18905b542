//! What is inside a signature: a statement of in-toto about a subject.
//!
//! Written as [Statement v1](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md); version 0.1, which
//! tools still write and where these fields are the same, is read as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wattle_spec::digest::Digest;

use super::error::{SignatureError, Subjects, excerpt};
use crate::format::manifest::Annotations;

const V1: &str = "https://in-toto.io/Statement/v1";
const V0_1: &str = "https://in-toto.io/Statement/v0.1";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statement<P = Value> {
    #[serde(rename = "_type")]
    version: String,
    subject: Vec<Subject>,
    pub(super) predicate_type: String,
    #[serde(default)]
    pub(super) predicate: P,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    /// Hex digits by the name of an algorithm. Absent where something else than bytes is meant.
    #[serde(default)]
    digest: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, Value>>,
}

impl<P: Serialize> Statement<P> {
    /// Its bytes: the same ones for the same statement.
    pub(super) fn write(subject: &Digest, annotations: &Annotations, predicate_type: &str, predicate: P) -> Vec<u8> {
        let annotations = annotations.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        let subject = Subject {
            digest: [("sha256".to_owned(), subject.hex())].into(),
            annotations: Some(annotations.collect()).filter(|map: &BTreeMap<_, _>| !map.is_empty()),
        };
        let (version, predicate_type) = (V1.to_owned(), predicate_type.to_owned());
        serde_json::to_vec(&Self { version, subject: vec![subject], predicate_type, predicate })
            .expect("invariant: maps with text keys are JSON")
    }
}

impl Statement {
    pub(super) fn read(payload: &[u8]) -> Result<Self, SignatureError> {
        let statement: Self = serde_json::from_slice(payload).map_err(SignatureError::Statement)?;
        match statement.version.as_str() {
            V1 | V0_1 => Ok(statement),
            other => Err(SignatureError::StatementVersion { found: excerpt(other) }),
        }
    }

    /// What is said of `subject` itself, which has to be among the subjects.
    pub(super) fn about(&mut self, subject: &Digest) -> Result<Annotations, SignatureError> {
        match self.subject.iter().position(|candidate| candidate.digest() == Some(*subject)) {
            Some(index) => Ok(texts(self.subject.swap_remove(index).annotations.unwrap_or_default())),
            None => {
                let signed = Subjects(self.subject.iter().filter_map(Subject::digest).collect());
                Err(SignatureError::OtherSubject { signed, asked: *subject })
            }
        }
    }
}

impl Subject {
    fn digest(&self) -> Option<Digest> {
        format!("sha256:{}", self.digest.get("sha256")?).parse().ok()
    }
}

/// Annotations as texts: what is none is told in JSON, so that nothing is lost.
pub(super) fn texts(values: BTreeMap<String, Value>) -> Annotations {
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    values.into_iter().map(|(name, value)| (name, text(value))).collect()
}
