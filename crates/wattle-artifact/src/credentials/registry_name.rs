//! The name of a registry, in all the ways in which files of credentials spell it.

use std::fmt;

use wattle_spec::reference;

use super::CredentialsError;

/// What Docker's own registry is called here.
const DOCKER: &str = "docker.io";
/// What it is called in Docker's files, and to helpers.
const DOCKER_KEY: &str = "https://index.docker.io/v1/";

/// A registry: a host name, with its port if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RegistryName(String);

impl RegistryName {
    /// Reads what a person or a reference calls a registry.
    pub(super) fn parse(text: &str) -> Result<Self, CredentialsError> {
        let name = Self::of_key(text);
        let fits = |name: &Self| name.0.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c));
        name.filter(fits).ok_or_else(|| CredentialsError::Registry(text.chars().take(255).collect()))
    }

    /// The registry that a key of a file is about, if it is about all of one.
    ///
    /// With a scheme, all of the path is left out, as Docker does it. Without one it is a part of a registry, as Podman
    /// has them, unless it is only the version of the API.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let without = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
        let (host, path) = match without.unwrap_or(key).split_once('/') {
            Some((host, path)) => (host, path.trim_end_matches('/')),
            None => (without.unwrap_or(key), ""),
        };
        let is_whole = without.is_some() || matches!(path, "" | "v1" | "v2");
        if !is_whole || host.is_empty() {
            return None;
        }
        Some(Self::of_host(host))
    }

    /// The registry and the path in it that a key of a file is about, if it is about a part of one, as Podman has them.
    pub(super) fn of_part(key: &str) -> Option<(Self, &str)> {
        if Self::of_key(key).is_some() || key.contains("://") {
            return None;
        }
        let (host, path) = key.split_once('/')?;
        let path = path.trim_end_matches('/');
        (!host.is_empty() && !path.is_empty()).then(|| (Self::of_host(host), path))
    }

    /// As references spell it; what is in none is only compared with itself.
    fn of_host(host: &str) -> Self {
        let known = host.parse::<reference::RegistryName>();
        Self(known.map_or_else(|_| host.to_ascii_lowercase(), |name| name.to_string()))
    }

    /// How Docker writes it, into its files and to helpers.
    pub(super) fn key(&self) -> &str {
        match self.0 == DOCKER {
            true => DOCKER_KEY,
            false => &self.0,
        }
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RegistryName;

    fn check(key: &str, expected: Option<&str>) {
        assert_eq!(RegistryName::of_key(key).map(|name| name.0).as_deref(), expected, "{key}");
    }

    #[test]
    fn keys() {
        check("ghcr.io", Some("ghcr.io"));
        check("GHCR.io/", Some("ghcr.io"));
        check("https://ghcr.io/v1/", Some("ghcr.io"));
        check("http://localhost:5000", Some("localhost:5000"));
        check("localhost:5000/v2", Some("localhost:5000"));
        check("https://index.docker.io/v1/", Some("docker.io"));
        check("registry-1.docker.io", Some("docker.io"));
        check("docker.io", Some("docker.io"));
        check("https://GHCR.io:443/v2/", Some("ghcr.io"));
        check("[0:0::1]:5000", Some("[::1]:5000"));
        check("https://quay.io/team", Some("quay.io"));
        check("quay.io/team", None);
        check("quay.io/team/v2", None);
        check("https://", None);
        check("", None);
    }

    #[test]
    fn parts() {
        let part = |key| RegistryName::of_part(key).map(|(name, path)| format!("{name} {path}"));
        assert_eq!(part("quay.io/team/a").as_deref(), Some("quay.io team/a"));
        assert_eq!(part("localhost:5000/acme/").as_deref(), Some("localhost:5000 acme"));
        assert_eq!(part("index.docker.io/library").as_deref(), Some("docker.io library"));
        for key in ["quay.io", "quay.io/v2", "https://quay.io/team", "/team", "quay.io//", ""] {
            assert_eq!(part(key), None, "{key}");
        }
    }

    #[test]
    fn names() {
        let key = |text| RegistryName::parse(text).map(|name| name.key().to_owned()).map_err(|error| error.to_string());
        assert_eq!(key("docker.io").as_deref(), Ok("https://index.docker.io/v1/"));
        assert_eq!(key("https://ghcr.io").as_deref(), Ok("ghcr.io"));
        assert_eq!(key("[::1]:5000").as_deref(), Ok("[::1]:5000"));
        for text in ["", "a b", "user@host", "ghcr.io/team", "a\nb", "https:///"] {
            assert_eq!(key(text), Err(format!("{text:?} is no registry")));
        }
    }
}
