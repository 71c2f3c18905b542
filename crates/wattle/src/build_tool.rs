//! The programs that build commands call: which one is missing, and how to get it.

use std::env;
use std::path::Path;
use std::process::ExitStatus;

/// What `sh` says when it does not find a program.
const NOT_FOUND: i32 = 127;

/// The tools that the templates use and their like, with how to get them.
const TOOLS: &[(&str, &str)] = &[
    ("cargo", "install Rust with rustup, then `rustup target add wasm32-wasip2`"),
    ("clang", "install clang and a WASI SDK"),
    ("componentize-js", "`npm install`, or `npm install --save-dev @bytecodealliance/componentize-js`"),
    ("componentize-py", "`pip install componentize-py`"),
    ("go", "install Go 1.25 or newer"),
    ("jco", "`npm install`, or `npm install --save-dev @bytecodealliance/jco`"),
    ("make", "install make"),
    ("node", "install Node.js 20 or newer"),
    ("npm", "install Node.js 20 or newer, with npm"),
    ("npx", "install Node.js 20 or newer, with npm"),
    ("python3", "install Python 3.10 or newer"),
    ("tinygo", "install TinyGo"),
    ("wasm-component-ld", "`cargo install wasm-component-ld`"),
    ("wasm-tools", "`cargo install wasm-tools`"),
    ("wit-bindgen", "`cargo install wit-bindgen-cli`"),
    ("zig", "install Zig 0.17"),
];

/// What to do about a build command that failed in the directory `base`.
pub(crate) fn hint(command: &str, base: &Path, status: ExitStatus) -> String {
    let missing = words(command).filter_map(tool).find(|(program, _, _)| !is_installed(program, base));
    match missing {
        Some((_, name, how)) => format!("`{name}` is not installed: {how}"),
        None if status.code() == Some(NOT_FOUND) => {
            "a program that it calls is not installed; it is named above".into()
        }
        None => "what it printed above says why".into(),
    }
}

fn words(command: &str) -> impl Iterator<Item = &str> {
    command.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c))
}

/// The program as it was written, its name, and how to get it.
fn tool(word: &str) -> Option<(&str, &'static str, &'static str)> {
    let name = word.rsplit('/').next()?;
    TOOLS.iter().find(|(known, _)| *known == name).map(|(known, how)| (word, *known, *how))
}

fn is_installed(program: &str, base: &Path) -> bool {
    if program.contains('/') {
        return base.join(program).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
