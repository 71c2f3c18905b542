//! The guides to a first app and to registries: what they show of the program is what the program does.
//!
//! Blocks marked `console` are run as they stand, in their order. Those marked `sh` need a compiler, the network or a
//! person; of them only the verbs are looked up. A block marked `toml` is the whole manifest from there on, or the file
//! that is named behind that.

use std::fs;
use std::path::{Path, PathBuf};

use wattle_spec::host_file::LISTEN_DEFAULT;
use wattle_testkit::{App, Ran, Registry, Server, guests};

use crate::WATTLE;

const FIRST_APP: &str = include_str!("../../../../docs/guides/first-app.md");
const REGISTRIES: &str = include_str!("../../../../docs/guides/registries.md");
/// Where the guide has its registry.
const REGISTRY: &str = "localhost:5000";

/// What a reader has in front of them: a directory, and perhaps a server.
struct Reader {
    app: App,
    directory: PathBuf,
    server: Option<Server>,
    /// What is in the place of the guide's registry.
    registry: String,
}

/// The blocks of a guide: what they are marked as, and their text.
fn blocks(guide: &'static str) -> Vec<(&'static str, &'static str)> {
    let fenced = guide.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

/// The commands of a block, each with what it is to print.
fn commands(block: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    block.split("$ ").skip(1).map(|command| command.split_once('\n').unwrap())
}

/// Whether `text` is `shown`, in which `...` stands for anything.
fn is_shown(text: &str, shown: &str) -> bool {
    let mut pieces = shown.trim_end().split("...");
    let Some(mut rest) = text.trim_end().strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some((_, behind)) = rest.split_once(piece) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

impl Reader {
    fn new(registry: String) -> Self {
        let app = App::empty();
        Self { directory: app.path().to_owned(), app, server: None, registry }
    }

    /// Does and compares all that a guide says.
    fn follow_all(mut self, guide: &'static str) {
        for (mark, block) in blocks(guide) {
            match mark.split_once(' ').unwrap_or((mark, "wattle.toml")) {
                ("toml", file) => fs::write(self.directory.join(file), block).unwrap(),
                ("console", _) => {
                    for (command, shown) in commands(block) {
                        let printed = self.follow(&command.replace(REGISTRY, &self.registry.clone()));
                        let printed = printed.replace(&self.registry, REGISTRY);
                        assert!(
                            is_shown(&printed, shown),
                            "`{command}` prints\n{printed}\nand the guide shows\n{shown}"
                        );
                    }
                }
                ("sh" | "rust", _) => {}
                (mark, _) => panic!("a block is marked {mark:?}"),
            }
        }
    }

    /// Does what the guide says, and returns what a terminal shows.
    fn follow(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cd", "wattle"] => self.directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
            ["cd", below] => self.directory.push(below),
            ["wattle", "up", what @ ..] => {
                let path = what.first().map_or_else(|| self.directory.clone(), PathBuf::from);
                let server = WATTLE.up(&self.app).path(&path).start();
                self.server = Some(server);
                return format!("http://{LISTEN_DEFAULT}");
            }
            ["wattle", arguments @ ..] => return self.run(arguments),
            ["curl", "-s", url] => {
                let path = url.strip_prefix(&format!("http://{LISTEN_DEFAULT}")).expect("the address of `up`");
                return self.server.as_ref().expect("a server").get(path).text();
            }
            _ => panic!("nobody knows how to follow `{command}`"),
        }
        String::new()
    }

    fn run(&mut self, arguments: &[&str]) -> String {
        let ran = Ran::of(WATTLE.command(&self.app).current_dir(&self.directory).args(arguments));
        if let ["new", name, ..] = arguments {
            self.build(&self.directory.join(name).join("target/wasm32-wasip2/release").join(format!("{name}.wasm")));
        }
        ran.stdout + &ran.stderr
    }

    /// Stands in for a compiler.
    fn build(&self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(guests::hello_wstd(), path).unwrap();
    }
}

#[test]
fn it_can_be_followed() {
    Reader::new(REGISTRY.into()).follow_all(FIRST_APP);
}

#[test]
fn registries() {
    let Some(registry) = Registry::start() else { return };
    Reader::new(registry.authority()).follow_all(REGISTRIES);
}

#[test]
fn verbs_exist() {
    let mut found = 0;
    let blocks = [FIRST_APP, REGISTRIES].into_iter().flat_map(blocks).filter(|(mark, _)| *mark == "sh");
    for (command, _) in blocks.flat_map(|(_, block)| commands(block)) {
        let Some(verb) = command.strip_prefix("wattle ").and_then(|rest| rest.split(' ').next()) else { continue };
        let ran = WATTLE.run(&App::empty(), [verb, "--help"]);
        assert!(ran.is_ok(), "`{command}`: {ran}");
        found += 1;
    }
    assert!(found > 0, "no guide has a command marked `sh`");
}

/// The line that the guide has readers change is in the template.
#[test]
fn the_line_to_change_is_there() {
    let template = include_str!("../../templates/http-rust/src/lib.rs");
    let rust = blocks(FIRST_APP).into_iter().find(|(mark, _)| *mark == "rust").unwrap().1;
    let before = rust.lines().find_map(|line| line.strip_prefix("- ")).unwrap();
    assert!(template.contains(before.trim()), "the template has no `{before}`");
}

#[test]
fn what_is_shown() {
    assert!(is_shown("one two three\n", "one two three"));
    assert!(is_shown("one two three", "one ... three"));
    assert!(is_shown("one two three", "...three"));
    assert!(is_shown("one two three", "one..."));
    assert!(!is_shown("one two three", "one ... four"));
    assert!(!is_shown("one two three", "one two"));
    assert!(!is_shown("zero one two", "one ... two"));
}
