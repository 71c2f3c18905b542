//! What tells one content from all others, and what its file is called.

/// The most contents in one directory.
const DIRECTORY_CONTENTS: u64 = 4096;

/// Which content: the run of the store that wrote it, and its number in that run. It is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ContentId {
    pub(super) run: u64,
    pub(super) number: u64,
}

/// A directory of contents: the run, and which of its directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) run: u64,
    pub(super) number: u64,
}

impl ContentId {
    /// Which directory it is in.
    pub(super) fn group(self) -> Group {
        Group { run: self.run, number: self.number / DIRECTORY_CONTENTS }
    }

    pub(super) fn file_name(self) -> String {
        format!("{:x}", self.number)
    }
}

impl Group {
    /// The content whose file has this name in the directory, if one has.
    pub(super) fn content(self, file_name: &str) -> Option<ContentId> {
        let number = u64::from_str_radix(file_name, 16).ok()?;
        let content = ContentId { run: self.run, number };
        (content.group() == self && content.file_name() == file_name).then_some(content)
    }

    pub(super) fn dir_name(self) -> String {
        format!("{:x}-{:x}", self.run, self.number)
    }

    /// The group whose directory has this name, if one has.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (run, number) = name.split_once('-')?;
        let group = Self { run: u64::from_str_radix(run, 16).ok()?, number: u64::from_str_radix(number, 16).ok()? };
        (group.dir_name() == name).then_some(group)
    }
}
