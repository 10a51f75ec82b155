//! Processes that end with their test, and temporary run directories as daemons expect them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{executable, wait_for};

/// A run directory of its own: sockets, pidfiles, logs and databases of one test.
pub struct RunDir {
    dir: TempDir,
}

impl Default for RunDir {
    fn default() -> Self {
        Self { dir: TempDir::with_prefix("ovn-test-").expect("the temporary directory is writable") }
    }
}

impl RunDir {
    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command of our executable, with every directory variable pointing here.
    pub fn ours(&self, applet: &str) -> Command {
        let mut command = Command::new(executable());
        command.arg(applet);
        self.prepare(command)
    }

    /// A command of a peer, with every directory variable pointing here.
    pub fn peer(&self, program: &Path) -> Command {
        self.prepare(Command::new(program))
    }

    fn prepare(&self, mut command: Command) -> Command {
        for family in ["OVS", "OVN"] {
            for what in ["RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR"] {
                command.env(format!("{family}_{what}"), self.dir.path());
            }
        }
        for variable in ["OVN_NB_DB", "OVN_SB_DB", "OVN_NB_DAEMON", "OVN_SB_DAEMON", "OVN_NBCTL_OPTIONS"] {
            command.env_remove(variable);
        }
        command.current_dir(self.dir.path());
        command
    }

    /// Starts a peer's database server with empty northbound and southbound databases of its own, at `db.sock` here.
    pub fn peer_databases(&self, tool: &Path, server: &Path) -> Daemon {
        for database in ["nb", "sb"] {
            let mut create = self.peer(tool);
            create.arg("create").arg(self.path(&format!("{database}.db")));
            create.arg(format!("/usr/share/ovn/ovn-{database}.ovsschema"));
            run_ok(create);
        }
        let mut serve = self.peer(server);
        serve.arg(format!("--remote=punix:{}", self.path("db.sock").display())).arg("-vconsole:warn");
        serve.arg(format!("--unixctl={}", self.path("db.ctl").display()));
        serve.args([self.path("nb.db"), self.path("sb.db")]);
        let databases = self.start("databases", serve);
        self.wait_for_socket("db.sock");
        databases
    }

    /// Starts a daemon in the foreground; its output goes to `NAME.out` here.
    pub fn start(&self, name: &str, mut command: Command) -> Daemon {
        let out = fs::File::create(self.path(&format!("{name}.out"))).expect("the run directory is writable");
        let err = out.try_clone().expect("a descriptor can be cloned");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} starts: {error}"));
        Daemon { name: name.to_owned(), child }
    }

    /// Waits until something accepts on the Unix socket `name`.
    #[track_caller]
    pub fn wait_for_socket(&self, name: &str) {
        let path = self.path(name);
        wait_for(&format!("a listener on {name}"), Duration::from_secs(30), || {
            UnixStream::connect(&path).map(|_| ()).map_err(|error| format!("{error}; {}", self.outputs()))
        });
    }

    /// The output of every daemon, for failure messages.
    pub fn outputs(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.dir.path()).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension() == Some(OsStr::new("out")) {
                let output = fs::read_to_string(&path).unwrap_or_default();
                text.push_str(&format!("--- {}\n{output}", path.display()));
            }
        }
        text
    }
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    name: String,
    child: Child,
}

impl Daemon {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it as kill -9 does, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it has ended by itself; its exit code.
    #[track_caller]
    pub fn wait(&mut self) -> Option<i32> {
        let name = self.name.clone();
        wait_for(&format!("the end of {name}"), Duration::from_secs(30), || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status.code()),
            Ok(None) => Err("it runs".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a finished command left behind, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code; none after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn run(mut command: Command) -> Outcome {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?} starts: {error}")).into()
}

/// Runs a command that must succeed; its standard output.
#[track_caller]
pub fn run_ok(command: Command) -> String {
    let shown = format!("{command:?}");
    let outcome = run(command);
    assert_eq!(outcome.code, Some(0), "{shown}: {outcome:?}");
    outcome.stdout
}
