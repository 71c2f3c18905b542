//! Helpers: programs `docker-credential-x` that keep credentials, asked as Docker asks them.
//!
//! The operation is their argument; what they get and give is on their standard streams: `get` and `erase` a server,
//! `store` and the answer of `get` a JSON object (the protocol of `docker-credential-helpers`).

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::child::{self, Ended, Failure};
use super::registry_name::RegistryName;
use super::{Credential, CredentialsError, Places};

/// The name of a user that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// What all helpers say if they have nothing.
const NOT_FOUND: &str = "credentials not found";
/// The most characters that are told of what a helper says.
const TOLD_MAX_LEN: usize = 500;

/// A helper that a file names.
pub(super) struct Helper<'a> {
    places: &'a Places,
    file: &'a Path,
    program: String,
}

impl<'a> Helper<'a> {
    /// The helper that `file` calls `name`.
    pub(super) fn new(places: &'a Places, file: &'a Path, name: &str) -> Result<Self, CredentialsError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(fits) {
            let name = name.chars().take(TOLD_MAX_LEN).collect();
            return Err(CredentialsError::HelperName { path: file.into(), name });
        }
        Ok(Self { places, file, program: format!("docker-credential-{name}") })
    }

    /// The program's name.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// What it has for `registry`.
    pub(super) fn get(&self, registry: &RegistryName) -> Result<Option<Credential>, CredentialsError> {
        let ended = self.run("get", registry.key().as_bytes())?;
        match ended.status.success() {
            true => self.read_answer(&ended),
            false if [&ended.stdout, &ended.stderr].iter().any(|output| says(&output.bytes, NOT_FOUND)) => Ok(None),
            false => Err(self.refused("get", &ended, None)),
        }
    }

    /// Has it keep a name and a password.
    pub(super) fn store(&self, registry: &RegistryName, user: &str, password: &str) -> Result<(), CredentialsError> {
        let input = json!({ "ServerURL": registry.key(), "Username": user, "Secret": password });
        let input = Zeroizing::new(input.to_string());
        let ended = self.run("store", input.as_bytes())?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(self.refused("store", &ended, Some(password))),
        }
    }

    /// Has it forget what it has.
    pub(super) fn erase(&self, registry: &RegistryName) -> Result<(), CredentialsError> {
        let ended = self.run("erase", registry.key().as_bytes())?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(self.refused("erase", &ended, None)),
        }
    }

    fn run(&self, operation: &'static str, input: &[u8]) -> Result<Ended, CredentialsError> {
        let program = self.program.clone();
        let Some(path) = self.find() else {
            return Err(CredentialsError::HelperMissing { path: self.file.into(), program });
        };
        let mut command = Command::new(path);
        command.arg(operation).env("PATH", &self.places.path);
        let deadline = self.places.helper_deadline;
        child::run(command, input, deadline).map_err(|failure| match failure {
            Failure::Io(source) => CredentialsError::HelperRun { program, source },
            Failure::Timeout => CredentialsError::HelperTimeout { program, operation, deadline },
        })
    }

    /// The first of that name. A directory that is not absolute could be anybody's.
    fn find(&self) -> Option<PathBuf> {
        let directories = env::split_paths(&self.places.path).filter(|directory| directory.is_absolute());
        directories.map(|directory| directory.join(&self.program)).find(|path| path.is_file())
    }

    fn read_answer(&self, ended: &Ended) -> Result<Option<Credential>, CredentialsError> {
        let of_no_use = |reason| CredentialsError::HelperAnswer { program: self.program.clone(), reason };
        if ended.stdout.is_cut {
            return Err(of_no_use("it is too long"));
        }
        // The decoder's message may have pieces of the answer in it.
        let answer: Value = serde_json::from_slice(&ended.stdout.bytes).map_err(|_| of_no_use("it is no JSON"))?;
        let Value::Object(mut answer) = answer else { return Err(of_no_use("it is no object")) };
        let mut text = |key| match answer.remove(key) {
            Some(Value::String(text)) => Ok(Zeroizing::new(text)),
            _ => Err(of_no_use("it needs the texts `Username` and `Secret`")),
        };
        let (user, secret) = (text("Username")?, text("Secret")?);
        Ok(match (user.as_str(), secret.is_empty()) {
            (_, true) => None,
            (TOKEN_USER, false) => Some(Credential::IdentityToken(secret)),
            (user, false) => Some(Credential::Password { user: user.into(), password: secret }),
        })
    }

    fn refused(&self, operation: &'static str, ended: &Ended, secret: Option<&str>) -> CredentialsError {
        CredentialsError::HelperFailed {
            program: self.program.clone(),
            operation,
            status: ended.status,
            told: told(ended, secret),
        }
    }
}

fn says(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What a helper said of its failure, on one line: on its standard error, or else where answers are, if it is none.
fn told(ended: &Ended, secret: Option<&str>) -> String {
    let (stderr, stdout) = (ended.stderr.bytes.trim_ascii(), ended.stdout.bytes.trim_ascii());
    let said = match (stderr.is_empty(), stdout.first()) {
        (false, _) => stderr,
        (true, Some(b'{') | None) => return String::new(),
        (true, Some(_)) => stdout,
    };
    let mut said = String::from_utf8_lossy(said).into_owned();
    for secret in secret.into_iter().filter(|secret| !secret.is_empty()) {
        // As it is, and as it was in what we sent.
        let quoted = Zeroizing::new(Value::from(secret).to_string());
        said = said.replace(secret, "***").replace(&quoted[1..quoted.len() - 1], "***");
    }
    let line = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(TOLD_MAX_LEN).collect()
}
