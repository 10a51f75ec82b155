//! A switch of ours with two ports, and guests behind them: each test in a network namespace of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

use crate::process::{Daemon, RunDir, run_ok};
use crate::{need, need_root, wait_for};

/// Long enough for a step on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A switch with the internal ports `a` and `b`, in a network namespace of this thread.
pub struct Bed {
    /// Where its sockets are.
    pub run: RunDir,
    /// The process.
    pub switch: Daemon,
    ofctl: PathBuf,
    _server: Daemon,
}

impl Bed {
    /// Makes a namespace for this thread, and all in it.
    fn new(ofctl: PathBuf) -> Self {
        unshare(CloneFlags::CLONE_NEWNET).expect("a test stops where it fails");
        let run = RunDir::default();
        std::fs::write(run.path("vswitch.ovsschema"), schema::vswitch::schema().to_json().to_string())
            .expect("a test stops where it fails");
        let mut create = run.ours("ovsdb-tool");
        create.args(["create", "conf.db", "vswitch.ovsschema"]);
        run_ok(create);
        let mut server = run.ours("ovsdb-server");
        server.args(["conf.db", "--remote=punix:db.sock", "--unixctl=none", "-vconsole:err"]);
        let server = run.start("ovsdb-server", server);
        run.wait_for_socket("db.sock");
        let switch = start_switch(&run, "first");
        let bed = Self { run, ofctl, switch, _server: server };
        bed.vsctl("--no-wait init");
        bed.vsctl(
            "add-br br0 -- set-fail-mode br0 secure -- add-port br0 a -- set interface a type=internal ofport_request=1 \
             -- add-port br0 b -- set interface b type=internal ofport_request=2",
        );
        bed
    }

    /// `ovs-vsctl` of ours.
    pub fn vsctl(&self, words: &str) -> String {
        let mut command = self.run.ours("ovs-vsctl");
        command.arg("--timeout=60").args(words.split_whitespace());
        run_ok(command)
    }

    /// Debian's `ovs-ofctl`.
    pub fn ofctl(&self, words: &[&str]) -> String {
        let mut command = self.run.peer(&self.ofctl);
        command.args(["-OOpenFlow15"]).args(words);
        run_ok(command)
    }

    /// Adds flows, one a line.
    pub fn flows(&self, flows: &str) {
        for flow in flows.lines().map(str::trim).filter(|flow| !flow.is_empty()) {
            self.ofctl(&["add-flow", "br0", flow]);
        }
    }

    /// `ovs-appctl` of ours.
    pub fn appctl(&self, words: &[&str]) -> String {
        let mut command = self.run.ours("ovs-appctl");
        command.args(["-t", "ovs-vswitchd"]).args(words);
        run_ok(command)
    }

    /// Has another switch take the place of the one that runs, which then is gone.
    pub fn replace(&mut self) {
        let new = start_switch(&self.run, "next");
        let mut old = std::mem::replace(&mut self.switch, new);
        assert_eq!(old.wait(), Some(0), "{}", self.run.outputs());
        wait_for("the pidfile of the new switch", PATIENCE, || {
            let pid = std::fs::read_to_string(self.run.path("ovs-vswitchd.pid")).unwrap_or_default();
            if pid.trim() == self.switch.pid().to_string() { Ok(()) } else { Err(pid) }
        });
    }
}

/// Starts a switch in a run directory.
pub fn start_switch(run: &RunDir, name: &str) -> Daemon {
    let mut switch = run.ours("ovs-vswitchd");
    switch.args(["--pidfile", "-vconsole:info", "unix:db.sock"]);
    run.start(name, switch)
}

/// Runs a test with a switch in a network namespace of its own.
pub fn with_switch(test: impl FnOnce(Bed) + Send) {
    let (true, Some(ofctl)) = (need_root(), need("ovs-ofctl")) else { return };
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| test(Bed::new(ofctl))).join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// A network namespace that a port of the switch was moved into.
pub struct Guest {
    pid: u32,
    holder: Child,
}

impl Guest {
    /// Moves a port into a namespace of its own and gives it addresses.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn new(port: &str, addresses: &[&str]) -> Self {
        // It waits for the end of its input, which comes with the end of the test.
        let mut command = Command::new("unshare");
        command.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = command.spawn().expect("util-linux is there");
        let guest = Self { pid: holder.id(), holder };
        let own = std::fs::read_link("/proc/thread-self/ns/net").expect("this thread has a namespace");
        wait_for("a namespace for the guest", PATIENCE, || {
            let theirs = std::fs::read_link(format!("/proc/{}/ns/net", guest.pid));
            let theirs = theirs.map_err(|error| error.to_string())?;
            if theirs == own { Err("it is in ours".to_owned()) } else { Ok(()) }
        });
        let mut ip = Command::new("ip");
        ip.args(["link", "set", "dev", port, "netns", &guest.pid.to_string()]);
        run_ok(ip);
        guest.ok(&["ip", "link", "set", "dev", "lo", "up"]);
        for address in addresses {
            let mut words = vec!["ip", "address", "add", address, "dev", port];
            if address.contains(':') {
                words.push("nodad");
            }
            guest.ok(&words);
        }
        guest.ok(&["ip", "link", "set", "dev", port, "up"]);
        guest
    }

    /// A command in it.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid.to_string(), "-n", "--"]).args(words);
        command
    }

    /// Runs a command in it, which must succeed; its output.
    #[track_caller]
    pub fn ok(&self, words: &[&str]) -> String {
        run_ok(self.command(words))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
