//! The supervisor: process 1 of a lab. It holds everything the lab consists of; when it ends, all of it ends.

use super::boot::{Boot, Event, Keep, Order};
use super::control;
use super::process::Processes;
use super::world::Lab;
use crate::scenario::Scenario;
use crate::scenario::backend::{Backend, BackendKind};
use crate::scenario::report::{Failure, StepReport};
use crate::scenario::run::Run;
use crate::text::Source;
use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::cell::RefCell;
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
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

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
    let (end, asked) = watch::channel(false);
    tokio::select! {
        result = processes.reap() => result.map(|()| End::Asked),
        () = gone(keeper) => Ok(End::KeeperGone),
        _ = terminate.recv() => Ok(End::Asked),
        result = work(boot, &processes, control, events, end) => result.map(|()| End::Asked),
        () = released(orders) => Ok(End::CommandGone),
        () = ended(asked) => Ok(End::Asked),
    }
}

/// Makes the lab, says so, runs its scenario if it has one, and serves it until it is asked to end.
async fn work(
    boot: Boot,
    processes: &Processes,
    control: UnixListener,
    events: OwnedWriteHalf,
    end: watch::Sender<bool>,
) -> Result<()> {
    let events = Events::start(events);
    let lab = match Lab::new(&boot, processes.clone()) {
        Ok(lab) => Rc::new(lab),
        Err(e) => return events.last(Event::Broken { error: format!("{e:#}"), logs: Vec::new() }).await,
    };
    let serving = tokio::task::spawn_local(control::serve(control, lab.clone(), end));
    if let Err(e) = lab.start().await {
        let broken = Event::Broken { error: format!("{e:#}"), logs: lab.log_tails(&[]) };
        return events.last(broken).await;
    }
    events.say(Event::Ready { after_ms: lab.age_ms() });
    if let Some(source) = boot.scenario {
        let result = try_scenario(&lab, source, &events).await;
        let kept = match boot.keep {
            Keep::Never => false,
            Keep::Failed => result.is_err(),
            Keep::Always => true,
        };
        let logs = result.as_ref().err().map_or_else(Vec::new, |failure| lab.log_tails(&failure.nodes));
        let finished = Event::Finished { passed: result.is_ok(), logs, kept };
        if !kept {
            return events.last(finished).await;
        }
        events.say(finished);
    }
    serving.await.context("serving")
}

/// Lets go of the command's standard error: whoever reads it through a pipe waits for the last one who holds it.
/// From here on the lab speaks by its control socket and its logs.
fn leave_standard_error() {
    if let Ok(log) = File::create(Path::new(LAB_DIR).join("supervisor.log")) {
        let _ = nix::unistd::dup2_stderr(&log);
    }
}

async fn try_scenario(lab: &Rc<Lab>, source: Source, events: &Events) -> Result<(), Failure> {
    let scenario = Scenario::alone(&source, BackendKind::Netns)
        .map_err(|refused| Failure::new("a scenario", refused.to_string()))?;
    let sink = events.clone();
    let tell = Rc::new(move |report: &StepReport| sink.say(Event::Step(Box::new(report.clone()))));
    Run::new(Backend::Netns(lab.clone()), source, tell).steps(&scenario.steps).await
}

/// What the supervisor says to the command, in order. When nobody listens any more, nothing is lost.
#[derive(Clone)]
struct Events {
    /// Few events a second; the command reads them or is gone.
    queue: mpsc::UnboundedSender<Event>,
    writer: Rc<RefCell<Option<JoinHandle<()>>>>,
}

impl Events {
    fn start(mut stream: OwnedWriteHalf) -> Self {
        let (queue, mut events) = mpsc::unbounded_channel::<Event>();
        let writer = tokio::task::spawn_local(async move {
            while let Some(event) = events.recv().await {
                let last = matches!(event, Event::Broken { .. } | Event::Finished { kept: false, .. });
                let mut line = serde_json::to_vec(&event).expect("an event is plain data");
                line.push(b'\n');
                if stream.write_all(&line).await.is_err() || last {
                    return;
                }
            }
        });
        Self { queue, writer: Rc::new(RefCell::new(Some(writer))) }
    }

    fn say(&self, event: Event) {
        let _ = self.queue.send(event);
    }

    /// Says it, and waits until it has been heard.
    async fn last(&self, event: Event) -> Result<()> {
        self.say(event);
        let writer = self.writer.borrow_mut().take();
        match writer {
            Some(writer) => writer.await.context("saying the last word"),
            None => Ok(()),
        }
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
        leave_standard_error();
        std::future::pending().await
    }
}

async fn ended(mut asked: watch::Receiver<bool>) {
    if asked.wait_for(|asked| *asked).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Descriptors that a lab may have open; programs that look at each possible one should not take for ever.
const FILES_MAX: u64 = 65_536;

/// A lab of many nodes needs more descriptors than the usual soft limit.
fn more_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(FILES_MAX), hard);
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
