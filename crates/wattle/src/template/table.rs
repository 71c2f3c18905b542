//! The table of templates, in the order in which `wattle new --list` shows them.

use super::{Template, TemplateFile};

/// Files by their paths in `templates/`. Those in `shared/` belong to more than one template.
macro_rules! files {
    ($($stored:literal)*) => {
        &[$(TemplateFile { stored: $stored, bytes: include_bytes!(concat!("../../templates/", $stored)) }),*]
    };
}

pub(crate) const TEMPLATES: &[Template] = &[
    Template {
        name: "http-rust",
        summary: "Rust, answers HTTP, WASI 0.2",
        needs: "Rust with `rustup target add wasm32-wasip2`",
        setup: None,
        test: "cargo test",
        run: "wattle up",
        files: files! {
            "http-rust/.gitignore.tmpl" "http-rust/Cargo.toml.tmpl" "http-rust/README.md" "http-rust/src/lib.rs"
            "http-rust/wattle.toml"
        },
    },
    Template {
        name: "http-rust-p3",
        summary: "Rust, answers HTTP, WASI 0.3",
        needs: "Rust with `rustup target add wasm32-wasip2`, and `cargo install wasm-component-ld`",
        setup: None,
        test: "cargo test",
        run: "wattle up",
        files: files! {
            "http-rust-p3/.gitignore.tmpl" "http-rust-p3/Cargo.toml.tmpl" "http-rust-p3/README.md"
            "http-rust-p3/src/lib.rs" "http-rust-p3/wattle.toml"
        },
    },
    Template {
        name: "http-go",
        summary: "Go, answers HTTP, WASI 0.2",
        needs: "Go 1.25, and `cargo install wit-bindgen-cli@0.63.0 wasm-tools`",
        setup: None,
        test: "go test ./greeting",
        run: "wattle up",
        files: files! {
            "http-go/.gitignore.tmpl" "http-go/README.md" "http-go/export_wasi_http_incoming_handler/handler.go"
            "http-go/go.mod" "http-go/greeting/greeting.go" "http-go/greeting/greeting_test.go" "http-go/wattle.toml"
            "shared/adapter/wasi_snapshot_preview1.reactor.wasm" "shared/wit/app.wit" "shared/wit/deps/clocks.wit"
            "shared/wit/deps/http.wit" "shared/wit/deps/io.wit"
        },
    },
    Template {
        name: "http-js",
        summary: "JavaScript, answers HTTP, WASI 0.2",
        needs: "Node.js 20",
        setup: Some("npm install"),
        test: "npm test",
        run: "wattle up",
        files: files! {
            "http-js/.gitignore.tmpl" "http-js/README.md" "http-js/package.json" "http-js/src/app.js"
            "http-js/src/greeting.js" "http-js/test/greeting.test.js" "http-js/wattle.toml" "http-js/wit/app.wit"
        },
    },
    Template {
        name: "http-python",
        summary: "Python, answers HTTP, WASI 0.2",
        needs: "Python 3.10; a virtual environment is advised",
        setup: Some("pip install -r requirements.txt"),
        test: "python3 -m unittest",
        run: "wattle up",
        files: files! {
            "http-python/.gitignore.tmpl" "http-python/README.md" "http-python/app.py" "http-python/greeting.py"
            "http-python/requirements.txt" "http-python/test_greeting.py" "http-python/wattle.toml"
            "shared/wit/app.wit" "shared/wit/deps/clocks.wit" "shared/wit/deps/http.wit" "shared/wit/deps/io.wit"
        },
    },
    Template {
        name: "http-c",
        summary: "C, answers HTTP, WASI 0.2",
        needs: "Zig 0.17, and `cargo install wit-bindgen-cli wasm-tools`",
        setup: None,
        test: "mkdir -p build && zig cc -o build/test src/greeting.c test/greeting_test.c && build/test",
        run: "wattle up",
        files: files! {
            "http-c/.gitignore.tmpl" "http-c/README.md" "http-c/src/greeting.c" "http-c/src/greeting.h"
            "http-c/src/main.c" "http-c/test/greeting_test.c" "http-c/wattle.toml"
            "shared/adapter/wasi_snapshot_preview1.reactor.wasm" "shared/wit/app.wit" "shared/wit/deps/clocks.wit"
            "shared/wit/deps/http.wit" "shared/wit/deps/io.wit"
        },
    },
    Template {
        name: "command-rust",
        summary: "Rust, a command with arguments and an exit code, WASI 0.2",
        needs: "Rust with `rustup target add wasm32-wasip2`",
        setup: None,
        test: "cargo test",
        run: "wattle run target/wasm32-wasip2/release/{{crate}}.wasm -- Ada",
        files: files! {
            "command-rust/.gitignore.tmpl" "command-rust/Cargo.toml.tmpl" "command-rust/README.md"
            "command-rust/src/main.rs" "command-rust/wattle.toml"
        },
    },
];
