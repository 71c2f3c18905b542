//! The program of `examples/embed`, which has a workspace of its own, built with what this one has: CI asks it for an answer.

#![allow(missing_docs, unreachable_pub, clippy::print_stdout, reason = "it is written as somebody else's program")]

include!("../../../examples/embed/src/main.rs");
