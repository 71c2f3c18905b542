//! Signatures: who says that a digest is what they ship.
//!
//! Bytes in, bytes out: nothing here waits, does I/O or asks for the time. [`bundle`] makes and checks what cosign 3
//! makes with a key, a Sigstore bundle; [`simple`] checks what cosign made before. Both are believed because of a
//! [`key`] that the caller trusts, and of nothing else: transparency logs and certificates are not looked at.

pub mod bundle;
pub mod claims;
mod dsse;
pub mod error;
pub mod key;
mod keyring;
mod pem;
pub mod simple;
mod statement;
