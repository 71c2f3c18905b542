//! Why bytes have no shape.

use std::fmt;

/// Why bytes have no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// They are something else.
    #[error("this is not WebAssembly, it looks like {0}")]
    NotWasm(NotWasm),
    /// They stop in the middle.
    #[error("the WebAssembly ends too soon, at byte {offset}")]
    Truncated {
        /// Where they end.
        offset: usize,
    },
    /// They break a rule of the format.
    #[error("invalid WebAssembly at byte {offset}: {reason}")]
    Invalid {
        /// Where.
        offset: usize,
        /// Which rule.
        reason: String,
    },
}

/// What bytes that are not Wasm look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWasm {
    /// No bytes at all.
    Empty,
    /// WebAssembly in its text format.
    WasmText,
    /// What a web server sends in place of a file.
    Html,
    /// A program for Linux, or code that Wasmtime compiled.
    Elf,
    /// A program for Windows.
    WindowsProgram,
    /// A program for macOS.
    MachO,
    /// A library of object files.
    Archive,
    /// What LLVM keeps between its steps.
    LlvmBitcode,
    /// A script with `#!`.
    Script,
    /// A zip file.
    Zip,
    /// Something compressed with gzip.
    Gzip,
    /// Something compressed with Zstandard.
    Zstandard,
    /// A pointer to a file that Git LFS did not fetch.
    GitLfsPointer,
    /// JSON.
    Json,
    /// Some text.
    Text,
    /// Something else.
    Unknown,
}

impl ShapeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ShapeError::NotWasm(found) => found.hint(),
            ShapeError::Truncated { .. } => Some("copy, download or build the file again"),
            ShapeError::Invalid { .. } => Some("ask `wasm-tools validate` for more"),
        }
    }
}

const PREFIXES: [(&[u8], NotWasm); 14] = [
    (b"\x7fELF", NotWasm::Elf),
    (b"MZ", NotWasm::WindowsProgram),
    (b"\xcf\xfa\xed\xfe", NotWasm::MachO),
    (b"\xca\xfe\xba\xbe", NotWasm::MachO),
    (b"!<arch>", NotWasm::Archive),
    (b"BC\xc0\xde", NotWasm::LlvmBitcode),
    (b"#!", NotWasm::Script),
    (b"PK\x03\x04", NotWasm::Zip),
    (b"\x1f\x8b", NotWasm::Gzip),
    (b"\x28\xb5\x2f\xfd", NotWasm::Zstandard),
    (b"version https://git-lfs", NotWasm::GitLfsPointer),
    (b"(module", NotWasm::WasmText),
    (b"(component", NotWasm::WasmText),
    (b";;", NotWasm::WasmText),
];

impl NotWasm {
    /// What the first bytes look like.
    pub(super) fn sniff(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(512)];
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        match PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            Some((_, found)) => *found,
            None if bytes.is_empty() => NotWasm::Empty,
            None if text.starts_with(b"<") => NotWasm::Html,
            None if text.starts_with(b"{") || text.starts_with(b"[") => NotWasm::Json,
            None if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => NotWasm::Text,
            None => NotWasm::Unknown,
        }
    }

    fn hint(self) -> Option<&'static str> {
        Some(match self {
            NotWasm::WasmText => "translate it with `wasm-tools parse FILE -o FILE.wasm`",
            NotWasm::Html => "a server answered with a page; look at the address that it was downloaded from",
            NotWasm::Elf => {
                "build for a WebAssembly target, as with `cargo build --target wasm32-wasip2`; \
                 code that another host compiled is never loaded"
            }
            NotWasm::WindowsProgram | NotWasm::MachO | NotWasm::Archive | NotWasm::LlvmBitcode => {
                "build for a WebAssembly target, as with `cargo build --target wasm32-wasip2`"
            }
            NotWasm::Zip | NotWasm::Gzip | NotWasm::Zstandard => "unpack it first",
            NotWasm::GitLfsPointer => "fetch the file itself with `git lfs pull`",
            NotWasm::Empty => "build it again",
            NotWasm::Script | NotWasm::Json | NotWasm::Text | NotWasm::Unknown => "name a .wasm file",
        })
    }
}

impl fmt::Display for NotWasm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotWasm::Empty => "an empty file",
            NotWasm::WasmText => "WebAssembly text (.wat)",
            NotWasm::Html => "an HTML page",
            NotWasm::Elf => "an ELF binary, such as a program for Linux or code compiled by Wasmtime",
            NotWasm::WindowsProgram => "a program for Windows",
            NotWasm::MachO => "a program for macOS",
            NotWasm::Archive => "a static library",
            NotWasm::LlvmBitcode => "LLVM bitcode",
            NotWasm::Script => "a script",
            NotWasm::Zip => "a zip file",
            NotWasm::Gzip => "a gzip file",
            NotWasm::Zstandard => "a Zstandard file",
            NotWasm::GitLfsPointer => "a Git LFS pointer",
            NotWasm::Json => "JSON",
            NotWasm::Text => "a text",
            NotWasm::Unknown => "unknown binary data",
        })
    }
}
