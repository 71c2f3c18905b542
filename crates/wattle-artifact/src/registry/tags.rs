//! The tags of a repository.

use wattle_spec::reference::{Repository, Tag};

use super::Registries;
use super::error::{Action, RegistryError};
use super::host::Host;
use super::pages::List;
use super::token::Access;
use super::wire::TagPage;

/// How many tags a page is asked to have.
const PAGE_LEN: usize = 1000;

impl Registries {
    /// Every tag of `repository`, in the order of the registry. What is no tag by the specification is left out.
    ///
    /// # Errors
    ///
    /// If there is no such repository, if its list has no end, or if the registry cannot be asked.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let host = Host::registry(&repository.registry);
        let access = Access::new(&host, repository, Action::Pull);
        let path = format!("tags/list?n={PAGE_LEN}");
        let list = List { host: &host, access: &access, path, what: "tags", accept: None };
        let mut tags = Vec::new();
        self.pages(&list, |page| {
            let reason = "its tags are in no JSON that we know";
            let page: TagPage = serde_json::from_slice(page)
                .map_err(|_| RegistryError::Protocol { host: host.name.clone(), reason })?;
            let page = page.tags.unwrap_or_default();
            tags.extend(page.iter().filter_map(|tag| tag.parse::<Tag>().ok()));
            Ok(page.len())
        })
        .await?;
        Ok(tags)
    }
}
