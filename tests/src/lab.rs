//! `ovn sandbox` as a user runs it, with labs of its own for each test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Outcome, run};
use crate::{executable, root, wait_for};

/// Where the labs of one test are, and a copy of the executable and of the files it runs that everybody may read:
/// an ordinary user may not be let into the checkout.
pub struct Labs {
    dir: TempDir,
}

impl Default for Labs {
    fn default() -> Self {
        let dir = TempDir::with_prefix("ovn-labs-").expect("the temporary directory is writable");
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("what we made is ours");
        };
        open(dir.path(), 0o777);
        fs::copy(executable(), dir.path().join("ovn")).expect("the executable can be copied");
        open(&dir.path().join("ovn"), 0o755);
        for folder in ["topologies", "scenarios"] {
            let to = dir.path().join(folder);
            fs::create_dir(&to).expect("a fresh directory");
            open(&to, 0o755);
            for entry in fs::read_dir(root().join(folder)).expect("a folder of the checkout").flatten() {
                let copy = to.join(entry.file_name());
                fs::copy(entry.path(), &copy).expect("a file of the checkout");
                open(&copy, 0o644);
            }
        }
        Self { dir }
    }
}

impl Labs {
    /// A path here.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `ovn sandbox ARGS`, a command of this test's labs.
    pub fn sandbox(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path("ovn"));
        command
            .arg("sandbox")
            .args(args)
            .current_dir(self.dir.path())
            .env("OVN_SANDBOX_DIR", self.path("labs"));
        command
    }

    /// Runs `ovn sandbox ARGS`, which must succeed; its standard output.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let outcome = run(self.sandbox(args));
        assert_eq!(outcome.code, Some(0), "ovn sandbox {args:?}\n{}\n{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    }

    /// Runs `ovn sandbox ARGS`, whatever comes of it.
    pub fn run(&self, args: &[&str]) -> Outcome {
        run(self.sandbox(args))
    }

    /// Waits until no process is left that this test's labs started. Namespaces and their interfaces go with them.
    #[track_caller]
    pub fn wait_until_gone(&self) {
        wait_for("the end of every process of the lab", Duration::from_secs(20), || {
            match self.processes().as_slice() {
                [] => Ok(()),
                left => Err(left.join(", ")),
            }
        });
    }

    /// What runs with this test's directory of labs in its environment.
    pub fn processes(&self) -> Vec<String> {
        let mark = format!("OVN_SANDBOX_DIR={}", self.path("labs").display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            // A process may end, or belong to somebody else, between two looks.
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|octet| *octet == 0).any(|variable| variable == mark.as_bytes()) {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                found.push(format!("{} {line}", entry.file_name().to_string_lossy()));
            }
        }
        found
    }
}

impl Drop for Labs {
    fn drop(&mut self) {
        // A test that failed in the middle leaves labs; they are not to outlive it.
        let _ = run(self.sandbox(&["down", "--all"]));
    }
}
