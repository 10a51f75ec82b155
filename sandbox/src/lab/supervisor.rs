//! The supervisor: process 1 of a lab. It holds everything the lab consists of; when it ends, all of it ends.

use super::boot::{Boot, Event, Order};
use super::control;
use super::process::Processes;
use super::world::Lab;
use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::SignalKind;

/// Where a lab keeps its files, in its own mount namespace.
pub const LAB_DIR: &str = "/run/lab";
/// Where `ip netns` looks for names.
pub const NAMES_DIR: &str = "/run/netns";

/// Runs as supervisor; the argument is the lab's home. Standard input is the connection to the command, standard
/// output the pipe that ends with the keeper. Must be called before any thread is started.
pub fn run(args: &[String]) -> ExitCode {
    let [home] = args else {
        eprintln!("ovn sandbox: {} is for internal use", super::keeper::SUPERVISOR);
        return ExitCode::from(crate::cli::NOTHING_RAN);
    };
    match start(Path::new(home)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("ovn sandbox: {e:#}");
            ExitCode::from(crate::cli::BROKEN)
        }
    }
}

fn start(home: &Path) -> Result<()> {
    let command = std::io::stdin().as_fd().try_clone_to_owned().context("taking over the connection")?;
    let keeper = std::io::stdout().as_fd().try_clone_to_owned().context("taking over the pipe")?;
    let null = File::options().read(true).write(true).open("/dev/null").context("opening /dev/null")?;
    nix::unistd::dup2_stdin(&null).context("closing standard input")?;
    nix::unistd::dup2_stdout(&null).context("closing standard output")?;
    more_files();

    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting tokio")?;
    let _entered = runtime.enter();
    // While the host's /run is still in sight.
    let control = UnixListener::bind(home.join("control")).context("making the control socket")?;
    let home = Cleaner { dir: home.to_owned(), home: File::open(home).context("opening the lab's home")? };
    privatise()?;
    let result = tokio::task::LocalSet::new().block_on(&runtime, supervise(command, keeper, control));
    if matches!(result, Ok(End::KeeperGone)) {
        home.clean();
    }
    result.map(drop)
}

/// Why a lab ends.
enum End {
    CommandGone,
    KeeperGone,
    Asked,
}

async fn supervise(command: OwnedFd, keeper: OwnedFd, control: UnixListener) -> Result<End> {
    let command = std::os::unix::net::UnixStream::from(command);
    command.set_nonblocking(true).context("preparing the connection")?;
    let (orders, events) = UnixStream::from_std(command).context("preparing the connection")?.into_split();
    let mut orders = BufReader::new(orders).lines();
    let Some(line) = orders.next_line().await.context("reading what the lab is to be")? else {
        return Ok(End::CommandGone);
    };
    let boot: Boot = serde_json::from_str(&line).context("reading what the lab is to be")?;
    let keeper = tokio::net::unix::pipe::Receiver::from_owned_fd(keeper).context("preparing the pipe")?;
    let mut terminate =
        tokio::signal::unix::signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let processes = Processes::default();
    let (end, asked) = tokio::sync::watch::channel(false);
    tokio::select! {
        result = processes.reap() => result.map(|()| End::Asked),
        () = gone(keeper) => Ok(End::KeeperGone),
        _ = terminate.recv() => Ok(End::Asked),
        result = work(boot, &processes, control, events, end) => result.map(|()| End::Asked),
        () = released(orders) => Ok(End::CommandGone),
        () = ended(asked) => Ok(End::Asked),
    }
}

/// Makes the lab, says so, and serves it until it is asked to end.
async fn work(
    boot: Boot,
    processes: &Processes,
    control: UnixListener,
    events: OwnedWriteHalf,
    end: tokio::sync::watch::Sender<bool>,
) -> Result<()> {
    let events = Events(tokio::sync::Mutex::new(events));
    let lab = Rc::new(Lab::new(&boot, processes.clone())?);
    let serving = tokio::task::spawn_local(control::serve(control, lab.clone(), end));
    match lab.start().await {
        Ok(()) => events.say(&Event::Ready { after_ms: lab.age_ms() }).await,
        Err(e) => {
            let error = format!("{e:#}");
            events.say(&Event::Broken { error, logs: lab.log_tails(None) }).await;
            return Ok(());
        }
    }
    serving.await.context("serving")
}

/// What the supervisor says to the command; when nobody listens any more, nothing is lost.
pub struct Events(tokio::sync::Mutex<OwnedWriteHalf>);

impl Events {
    pub async fn say(&self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        let _ = self.0.lock().await.write_all(&line).await;
    }
}

/// Returns when the other end of the pipe is gone.
async fn gone(mut pipe: tokio::net::unix::pipe::Receiver) {
    let _ = pipe.read(&mut [0]).await;
}

/// Returns when the command is gone without having let the lab live on.
async fn released(mut orders: Lines<BufReader<OwnedReadHalf>>) {
    if let Ok(Some(line)) = orders.next_line().await
        && serde_json::from_str(&line).ok() == Some(Order::Detach)
    {
        std::future::pending().await
    }
}

async fn ended(mut asked: tokio::sync::watch::Receiver<bool>) {
    if asked.wait_for(|asked| *asked).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A lab of many nodes needs more descriptors than the usual soft limit.
fn more_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Namespaces of our own for mounts, interfaces and System V objects; a private /run, and a /proc that shows only
/// the lab's processes.
fn privatise() -> Result<()> {
    let flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC;
    unshare(flags).context("unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)")?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).context("making mounts private")?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("lab"), "/run", Some("tmpfs"), quiet, Some("mode=755")).context("mounting a private /run")?;
    for dir in [LAB_DIR, NAMES_DIR] {
        fs::create_dir_all(dir).with_context(|| format!("making {dir}"))?;
    }
    // Some containers forbid it; the host's /proc does as well, it only shows more.
    let _ = mount(Some("proc"), "/proc", Some("proc"), quiet | MsFlags::MS_NOEXEC, none);
    Ok(())
}

/// Removes the lab's home when the keeper cannot any more, through a directory that was opened while it was in
/// sight.
struct Cleaner {
    dir: PathBuf,
    home: File,
}

impl Cleaner {
    fn clean(&self) {
        use nix::unistd::{UnlinkatFlags, unlinkat};
        for file in ["control", "card.json", "lock"] {
            let _ = unlinkat(&self.home, file, UnlinkatFlags::NoRemoveDir);
        }
        // The directory itself by its parent, which is out of sight by name but not by `..`.
        if let Some(name) = self.dir.file_name()
            && let Ok(parent) = nix::fcntl::openat(
                &self.home,
                "..",
                nix::fcntl::OFlag::O_DIRECTORY | nix::fcntl::OFlag::O_CLOEXEC,
                nix::sys::stat::Mode::empty(),
            )
        {
            let _ = unlinkat(&parent, name, UnlinkatFlags::RemoveDir);
        }
    }
}
