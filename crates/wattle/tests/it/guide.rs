//! The guide to a first app: what it shows of the program is what the program does.
//!
//! Blocks marked `console` are run as they stand, in their order. Those marked `sh` need a compiler, the network or a
//! person; of them only the verbs are looked up. A block marked `toml` is the whole manifest from there on.

use std::fs;
use std::path::{Path, PathBuf};

use wattle_spec::host_file::LISTEN_DEFAULT;
use wattle_testkit::{App, Ran, Server, guests};

use crate::WATTLE;

const GUIDE: &str = include_str!("../../../../docs/guides/first-app.md");

/// What a reader has in front of them: a directory, and perhaps a server.
struct Reader {
    app: App,
    directory: PathBuf,
    server: Option<Server>,
}

/// The blocks of the guide: what they are marked as, and their text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = GUIDE.split("```").skip(1).step_by(2);
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
    fn new() -> Self {
        let app = App::empty();
        Self { directory: app.path().to_owned(), app, server: None }
    }

    /// Does what the guide says, and returns what a terminal shows.
    fn follow(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cd", "wattle"] => self.directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
            ["cd", below] => self.directory.push(below),
            ["wattle", "up"] => {
                let server = WATTLE.up(&self.app).path(&self.directory).start();
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
    let mut reader = Reader::new();
    for (mark, block) in blocks() {
        match mark {
            "toml" => fs::write(reader.directory.join("wattle.toml"), block).unwrap(),
            "console" => {
                for (command, shown) in commands(block) {
                    let printed = reader.follow(command);
                    assert!(is_shown(&printed, shown), "`{command}` prints\n{printed}\nand the guide shows\n{shown}");
                }
            }
            "sh" | "rust" => {}
            mark => panic!("a block is marked {mark:?}"),
        }
    }
}

#[test]
fn verbs_exist() {
    let mut found = 0;
    for (command, _) in blocks().into_iter().filter(|(mark, _)| *mark == "sh").flat_map(|(_, block)| commands(block)) {
        let Some(verb) = command.strip_prefix("wattle ").and_then(|rest| rest.split(' ').next()) else { continue };
        let ran = WATTLE.run(&App::empty(), [verb, "--help"]);
        assert!(ran.is_ok(), "`{command}`: {ran}");
        found += 1;
    }
    assert!(found > 0, "the guide has no command marked `sh`");
}

/// The line that the guide has readers change is in the template.
#[test]
fn the_line_to_change_is_there() {
    let template = include_str!("../../templates/http-rust/src/lib.rs");
    let rust = blocks().into_iter().find(|(mark, _)| *mark == "rust").unwrap().1;
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
