//! How the executable is linked.

#![allow(clippy::disallowed_methods)] // What it is built for is told in the environment.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A program that may lie anywhere is written to when it starts, in each process that runs it: three on every
    // chassis would each have 300 KiB of their own of what they otherwise share, and begin half a millisecond later.
    let is_linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let is_gnu = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    if is_linux && is_gnu {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
