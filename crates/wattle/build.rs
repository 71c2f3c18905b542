//! Links what is shipped: a program that is moved as a whole where it is loaded has a table of what is moved, which is
//! packed to a fiftieth. The loader of a static program is its own, so that only that has to know the packed form.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| {
        std::env::var(format!("CARGO_CFG_{name}")).is_ok_and(|values| values.split(',').any(|one| one == value))
    };
    if is("TARGET_OS", "linux") && is("TARGET_ENV", "gnu") && is("TARGET_FEATURE", "crt-static") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
