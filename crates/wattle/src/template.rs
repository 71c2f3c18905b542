//! The templates of `wattle new`: files that are embedded in the binary, with names to fill in. They are data only:
//! nothing in them runs until their owner builds the app.

mod table;

use std::borrow::Cow;

use wattle_spec::name::AppName;

pub(crate) use table::TEMPLATES;

/// What a new app can begin as.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// What has to be installed before it can be built.
    pub(crate) needs: &'static str,
    /// The command to run once in a new app, before it is built.
    pub(crate) setup: Option<&'static str>,
    /// The command that runs its tests.
    pub(crate) test: &'static str,
    /// The command that runs it once it is built.
    pub(crate) run: &'static str,
    pub(crate) files: &'static [TemplateFile],
}

/// A file as it is kept in `templates/`.
pub(crate) struct TemplateFile {
    stored: &'static str,
    bytes: &'static [u8],
}

impl Template {
    pub(crate) fn named(name: &str) -> Option<&'static Template> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TEMPLATES.iter().map(|template| template.name)
    }
}

impl TemplateFile {
    /// Where it belongs in a new app. The ending `.tmpl` only keeps other tools off it while it is here.
    pub(crate) fn path(&self) -> &'static str {
        let path = self.stored.split_once('/').map_or(self.stored, |(_, path)| path);
        path.strip_suffix(".tmpl").unwrap_or(path)
    }

    /// Its content in the app called `name`.
    pub(crate) fn content(&self, name: &AppName) -> Cow<'static, [u8]> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if text.contains("{{") => Cow::Owned(filled_in(text, name).into_bytes()),
            _ => Cow::Borrowed(self.bytes),
        }
    }
}

/// `text` with the names that follow from the app's.
pub(crate) fn filled_in(text: &str, name: &AppName) -> String {
    let package = package(name);
    text.replace("{{name}}", name.as_str())
        .replace("{{module}}", &package.replace('-', "_"))
        .replace("{{crate}}", &package)
}

/// The name of the Cargo package. It must not begin with a digit, and an app's may.
fn package(name: &AppName) -> String {
    match name.as_str() {
        digit if digit.starts_with(|c: char| c.is_ascii_digit()) => format!("app-{digit}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files_in(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).expect("read a directory of templates");
        let paths = entries.map(|entry| entry.expect("read an entry").path());
        paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
    }

    /// A file that no template takes would never be tried.
    #[test]
    fn every_file_of_the_tree_is_in_the_table() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let in_tree: BTreeSet<String> = files_in(&root)
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_str()?.to_owned()))
            .filter(|path| path != "README.md")
            .collect();
        let in_table =
            TEMPLATES.iter().flat_map(|template| template.files).map(|file| file.stored.to_owned()).collect();
        assert_eq!(in_tree, in_table);
    }

    #[test]
    fn paths_stay_in_the_app() {
        for file in TEMPLATES.iter().flat_map(|template| template.files) {
            let is_inside = file.path().split('/').all(|part| !part.is_empty() && part != "." && part != "..");
            assert!(is_inside, "{}", file.stored);
        }
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let name: AppName = "7-days".parse().expect("a name");
        for file in TEMPLATES.iter().flat_map(|template| template.files) {
            let content = file.content(&name);
            let is_open = std::str::from_utf8(&content).is_ok_and(|text| text.contains("{{"));
            assert!(!is_open, "{}", file.stored);
        }
        assert_eq!(filled_in("{{name}} {{crate}} {{module}}", &name), "7-days app-7-days app_7_days");
    }
}
