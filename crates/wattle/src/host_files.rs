//! Whether the files that a host's file names can be used: looked at without starting anything, with the eyes of the start.

use wattle_spec::app::App;
use wattle_spec::backend::BackendSpec;
use wattle_spec::fault::{Fault, FaultyFile};
use wattle_spec::host_file::HostSpec;
use wattle_spec::name::BackendName;

use crate::control::Token;
use crate::problem::Problem;
use crate::{artifacts, certificate_files, engines, report};

/// What is wrong with the files that `host` names: certificates, tokens, and what backends are reached with.
pub(crate) fn faults(host: &HostSpec) -> Vec<Fault> {
    let HostSpec { tls, control, backends, registries, .. } = host;
    let served = tls.iter().map(certificate_files::check);
    let control = control.iter().flat_map(|control| {
        let token = Token::read(&control.token_file).map(drop).map_err(Problem::Token);
        [certificate_files::check(&control.certificate), token]
    });
    let registries = artifacts::check_certificates(registries);
    let problems = served.chain(control).chain([registries]).filter_map(Result::err);
    let faults = problems.map(|problem| {
        let fault = Fault::new(report::sentence(&problem));
        problem.hint().into_iter().fold(fault, Fault::hint)
    });
    faults.chain(faults_of(backends)).map(|fault| fault.within(FaultyFile::Host)).collect()
}

/// The same of the backends that `app` brings.
pub(crate) fn faults_of_app(app: &App) -> Vec<Fault> {
    faults_of(&app.backends).collect()
}

fn faults_of<'a>(
    backends: impl IntoIterator<Item = (&'a BackendName, &'a BackendSpec)>,
) -> impl Iterator<Item = Fault> {
    backends.into_iter().filter_map(|(name, spec)| {
        let error = engines::check_files(&spec.engine).err()?;
        let fault = Fault::new(format!("backend `{name}`: {}", report::sentence(&error)));
        Some(error.hint().into_iter().fold(fault, Fault::hint))
    })
}
