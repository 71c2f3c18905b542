//! Worlds in a folder of WIT, or in a file of it.

use std::path::Path;

use wit_parser::UnresolvedPackageGroup;

use super::TargetError;

/// Where WIT is unless somebody says something else.
pub(super) const FOLDER: &str = "wit";

/// The world of this name, or the only one, of the package at `path`, as `namespace:package/world@version`. What the
/// package needs of others is not looked at.
pub(super) fn world(path: &Path, name: Option<&str>) -> Result<String, TargetError> {
    let failed = |reason: String| TargetError::Wit { path: path.into(), reason };
    let parsed = match path.is_dir() {
        true => UnresolvedPackageGroup::parse_dir(path).map_err(|error| failed(first_line(&format!("{error:#}"))))?,
        false => {
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            UnresolvedPackageGroup::parse(path, &text).map_err(|(_, error)| failed(first_line(&error.to_string())))?
        }
    };
    let package = parsed.main;
    let mut worlds = package.worlds.iter().map(|(_, world)| world.name.as_str());
    let found = match name {
        Some(name) => worlds.find(|world| *world == name),
        None => worlds.next().filter(|_| worlds.next().is_none()),
    };
    let none = || TargetError::NoWorld { path: path.into(), world: name.unwrap_or("of its own alone").into() };
    let world = found.ok_or_else(none)?;
    Ok(package.name.interface_id(world))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
