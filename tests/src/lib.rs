//! What the tests across crates share: the executable, the real peers, processes that end with their test, and waiting
//! for a condition with a deadline.
//!
//! A test that needs something the machine may lack asks for it by [`need`] and friends, and returns when it is told
//! to skip. With `OVN_PEERS=required`, as in CI, a skip is a failure.
#![allow(clippy::disallowed_methods)] // Tests across processes live in real time and read their environment.

pub mod console;
pub mod differential;
pub mod fuzz;
pub mod lab;
pub mod ovsdb;
pub mod ovsdb_pair;
pub mod ovsdb_random;
pub mod ovsdb_wire;
pub mod process;
pub mod scale;
pub mod switch;
pub mod switch_core;
pub mod switch_pair;
pub mod traffic;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the workspace").to_owned()
}

/// The `ovn` executable, built once for all tests of this process in the profile of the tests.
pub fn executable() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // target/PROFILE/deps/this-test
        let this = std::env::current_exe().expect("a test knows its own executable");
        let profile_dir =
            this.ancestors().nth(2).expect("a test lies two folders deep in the target").to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "ovn", "--bin", "ovn"]).current_dir(root());
        if profile_dir.ends_with("release") {
            build.arg("--release");
        }
        if let Some(target_dir) = profile_dir.parent() {
            build.arg("--target-dir").arg(target_dir);
        }
        let status = build.status().expect("cargo runs the tests, so it is there");
        assert!(status.success(), "the executable builds");
        profile_dir.join("ovn")
    })
}

/// Says that a test is skipped, and why; a failure where the peers are required.
pub fn skip(why: &str) {
    assert!(
        std::env::var("OVN_PEERS").as_deref() != Ok("required"),
        "skipped, and OVN_PEERS=required forbids it: {why}"
    );
    eprintln!("skipped: {why}");
}

/// The peer's program `name`, or nothing after saying that the test is skipped.
pub fn need(name: &str) -> Option<PathBuf> {
    let found = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// Whether this process is root; says that the test is skipped where it is not.
pub fn need_root() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|metadata| {
        use std::os::unix::fs::MetadataExt as _;
        metadata.uid() == 0
    });
    if !root {
        skip("not root");
    }
    root
}

/// Asks until `condition` gives something, for at most `deadline`; panics with `what` and the last state otherwise.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + deadline;
    loop {
        match condition() {
            Ok(found) => return found,
            Err(state) if Instant::now() >= end => {
                panic!("{what}: not within {deadline:?}; last seen: {state}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
