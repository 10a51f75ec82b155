//! The keeper: the process between the command that asked for a lab and the lab's supervisor.
//!
//! It claims the lab's name, makes the user and process namespaces, starts the supervisor as process 1 of the
//! latter, waits for it, and removes the lab's home. If the keeper is killed, the supervisor notices and removes
//! the home itself; if the supervisor is killed, the kernel kills everything in the lab with it.

use super::home::{Card, Home};
use crate::text::values::LabName;
use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{dup2_stdin, getegid, geteuid, pipe2, setsid};
use std::fs::{self, File};
use std::process::{Command, ExitCode, Stdio};

/// Words by which the executable is told to be a keeper or a supervisor.
pub const KEEPER: &str = "internal-keeper";
pub const SUPERVISOR: &str = "internal-supervisor";

/// The executable as it is now, even if its file has been replaced or removed since it was started.
pub const THIS_EXECUTABLE: &str = "/proc/self/exe";

/// Runs as keeper: arguments are the lab's name and the topology's file name; standard input is the connection to
/// the command. Must be called before any thread is started.
pub fn run(args: &[String]) -> ExitCode {
    let [name, topology] = args else {
        eprintln!("ovn sandbox: {KEEPER} is for internal use");
        return ExitCode::from(crate::cli::NOTHING_RAN);
    };
    match name.parse().map_err(anyhow::Error::from).and_then(|name| keep(&name, topology)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("ovn sandbox: {e:#}");
            ExitCode::from(crate::cli::BROKEN)
        }
    }
}

fn keep(name: &LabName, topology: &str) -> Result<()> {
    // The terminal's signals are for the command; the lab ends by its connection.
    let _ = setsid();
    let home = Home::claim(name)?;
    let result = keep_home(name, topology, &home);
    home.remove();
    result
}

fn keep_home(name: &LabName, topology: &str, home: &Home) -> Result<()> {
    isolate()?;
    // The supervisor reads from one end, and sees it end when we are gone and with us the other.
    let (theirs, _mine) = pipe2(OFlag::O_CLOEXEC).context("making a pipe")?;
    // Every process of the lab holds the lock, so that it is free when the last of them has ended.
    fcntl(&*home.lock, FcntlArg::F_SETFD(FdFlag::empty())).context("sharing the lock")?;
    let mut supervisor = Command::new(THIS_EXECUTABLE)
        .args(["sandbox", SUPERVISOR])
        .arg(&home.dir)
        .stdout(Stdio::from(theirs))
        .spawn()
        .context("starting the supervisor")?;
    let card = Card {
        name: name.clone(),
        topology: topology.to_owned(),
        keeper: std::process::id(),
        supervisor: supervisor.id(),
        started_ms: wall_ms(),
    };
    fs::write(home.dir.join("card.json"), serde_json::to_vec(&card)?).context("writing card.json")?;
    // The connection to the command is the supervisor's alone from here on.
    let null = File::open("/dev/null").context("opening /dev/null")?;
    dup2_stdin(&null).context("leaving the connection")?;
    let null = File::options().write(true).open("/dev/null").context("opening /dev/null")?;
    // Whoever reads the command's output through a pipe waits for the last one who holds it.
    nix::unistd::dup2_stderr(&null).context("leaving standard error")?;
    supervisor.wait().context("waiting for the supervisor")?;
    Ok(())
}

/// Makes the namespace of processes for our children, and for an ordinary user the namespace in which he is root.
fn isolate() -> Result<()> {
    if geteuid().is_root() {
        match unshare(CloneFlags::CLONE_NEWPID) {
            // Root in a container without the right: as an ordinary user then.
            Err(Errno::EPERM) => {}
            result => return result.context("unshare(CLONE_NEWPID)"),
        }
    }
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID).map_err(|e| {
        anyhow!(
            "cannot make a user namespace: {e}. Run as root, or let ordinary users make them (sysctl \
             user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
        )
    })?;
    fs::write("/proc/self/setgroups", "deny").context("writing /proc/self/setgroups")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("writing /proc/self/uid_map")?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("writing /proc/self/gid_map")?;
    Ok(())
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
