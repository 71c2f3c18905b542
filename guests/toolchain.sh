#!/usr/bin/env bash
# Sets up what `cargo build --target wasm32-wasip2` needs, and writes it to PREFIX/env for a subshell to source.
#
#   guests/toolchain.sh PREFIX
#
# A compiler that has the target (`rustup target add wasm32-wasip2`) is used as it is. Without one, on Debian, the
# distribution's compiler of a newer suite is unpacked under PREFIX and run with its own loader and libraries: nothing
# of the system or of the host's toolchain is touched. In both cases the linker for components is installed beside,
# because the one that Rust 1.95 brings is too old for WASI 0.3.
set -euo pipefail

readonly suite=${WATTLE_GUEST_SUITE:-forky}
readonly linker_version='^0.5.24'

main() {
    mkdir -p "${1:?usage: toolchain.sh PREFIX}"
    prefix=$(cd "$1" && pwd)
    compiler=rustc
    if [ ! -d "$(rustc --print target-libdir --target wasm32-wasip2)" ]; then
        compiler=$prefix/bin/rustc
        [ -d "$prefix/debian" ] || unpack_compiler
        write_wrapper
    fi
    [ -x "$prefix/bin/wasm-component-ld" ] || install_linker
    write_env
    say "$("$compiler" --version), $("$prefix/bin/wasm-component-ld" --version)"
}

say() { echo "guest toolchain: $*" >&2; }

fail() { say "$*"; exit 1; }

# Downloads with an apt configuration of its own, as the host's suite is another one.
unpack_compiler() {
    command -v apt-get >/dev/null ||
        fail "no Rust target wasm32-wasip2 here, and this is not Debian; hint: rustup target add wasm32-wasip2"
    local mirror work
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$') ||
        fail "no Debian mirror in the apt sources; hint: rustup target add wasm32-wasip2"
    say "unpacking rustc of Debian $suite under $prefix/debian"
    work=$(mktemp -d "$prefix/unpack.XXXXXX")
    # shellcheck disable=SC2064 # expanded now: the variable is gone when the trap runs
    trap "rm -rf '$work'" EXIT
    mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
    touch "$work/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
    cat >"$work/apt.conf" <<CONF
Dir::State::Lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Cache::archives "$work/archives";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
CONF
    export APT_CONFIG=$work/apt.conf
    apt-get -qq update >&2
    apt-get -qq --yes --download-only install rustc libstd-rust-dev-wasm32 >&2
    unset APT_CONFIG
    local package
    for package in "$work"/archives/*.deb; do
        dpkg --extract "$package" "$work/root"
    done
    mv "$work/root" "$prefix/debian" # all or nothing
}

write_wrapper() {
    local root=$prefix/debian/usr loader libraries
    loader=$(find "$prefix/debian" -name 'ld-linux*.so.*' -print -quit)
    libraries=$(dirname "$(find "$root/lib" -name libc.so.6 -print -quit)")
    mkdir -p "$prefix/bin"
    cat >"$prefix/bin/rustc" <<SH
#!/bin/sh
exec "$loader" --library-path "$libraries:$root/lib" "$root/bin/rustc" --sysroot "$root" "\$@"
SH
    chmod +x "$prefix/bin/rustc"
}

install_linker() {
    say "installing wasm-component-ld $linker_version under $prefix/bin"
    cargo install --quiet --locked --root "$prefix" --target-dir "$prefix/build" --version "$linker_version" \
        wasm-component-ld >&2
    rm -rf "$prefix/build"
}

# The component linker calls wasm-ld, which rustup ships with the host's toolchain.
write_env() {
    local host lld
    host=$(rustc --version --verbose | sed -n 's/^host: //p')
    lld=$(rustc --print sysroot)/lib/rustlib/$host/bin
    cat >"$prefix/env" <<SH
export RUSTC="$compiler"
export PATH="$lld:$lld/gcc-ld:\$PATH"
export CARGO_TARGET_WASM32_WASIP2_LINKER="$prefix/bin/wasm-component-ld"
SH
}

main "$@"
