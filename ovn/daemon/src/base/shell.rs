//! What every daemon does around its core: start, log, listen for control commands and signals, stop.
//!
//! ```text
//!  net events ─┐
//!  commands ───┼──► Shell::next ──► Happening ──► the daemon's loop ──► core
//!  signals ────┤
//!  deadline ───┘
//! ```

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::{Builder, LocalOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::detach::{self, Readiness};
use super::getopt::Opt;
use super::net::{Event, Net};
use super::options::{self, Common, Own, Program, Request};
use super::pidfile::Pidfile;
use super::tls::{Tls, TlsConfig};
use super::unixctl::{self, Answering, Command, Socket, Spec, spec};
use crate::vlog::{self, Vlog};

/// Commands that wait for the loop; further clients wait in their sockets.
const COMMANDS_MAX: usize = 64;

/// What woke the daemon.
#[derive(Debug)]
pub enum Happening {
    /// Something on the wire.
    Net(Event),
    /// A control command that the shell does not answer itself.
    Command(Command),
    /// The deadline passed.
    Deadline,
    /// SIGTERM or SIGINT: stop.
    Terminate,
}

/// A daemon as the operator sees it, apart from its core.
pub struct About {
    /// Name and directories.
    pub program: Program,
    /// Options beyond the common ones.
    pub options: &'static [Opt],
    /// The text of `--help`.
    pub help: &'static str,
    /// Its control commands beyond the common ones.
    pub commands: &'static [Spec],
    /// It takes the place of a process that runs: pidfile and control socket are the other's until this one serves.
    pub succeeds: bool,
}

impl About {
    /// Whether the daemon has a control command of this name of its own.
    fn has_own(&self, name: &str) -> bool {
        self.commands.iter().any(|command| command.name == name)
    }
}

/// The surroundings of a running daemon.
pub struct Shell {
    /// Its listeners and connections.
    pub net: Net,
    /// Its options.
    pub common: Common,
    vlog: Vlog,
    commands: mpsc::Receiver<Command>,
    /// Whether the daemon answers `memory/show` itself.
    shows_memory: bool,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    readiness: Option<Readiness>,
    place: Place,
}

/// How operators find the daemon.
struct Place {
    program: Program,
    /// What is needed to make the control socket, until it is made.
    commands: Option<(Arc<[Spec]>, mpsc::Sender<Command>)>,
    socket: Option<Socket>,
    pidfile: Option<Pidfile>,
    answering: Answering,
}

impl Place {
    fn take(&mut self, common: &Common, overwrite: bool) -> anyhow::Result<()> {
        let Some((specs, sender)) = self.commands.take() else { return Ok(()) };
        if let Some(path) = &common.pidfile {
            self.pidfile = Some(Pidfile::create(path, overwrite)?);
        }
        if let Some(path) = common.unixctl.path(self.program, std::process::id()) {
            self.socket = Some(unixctl::listen(&path, specs, sender, &self.answering)?);
        }
        Ok(())
    }
}

const COMMON_COMMANDS: [Spec; 4] = [
    spec("exit", "", 0, usize::MAX),
    spec("list-commands", "", 0, 0),
    spec("memory/show", "", 0, 0),
    spec("version", "", 0, 0),
];

/// Runs a daemon: reads the command line, detaches, and gives `body` its shell and its own options.
pub fn run<F>(about: &About, args: &[String], body: impl FnOnce(Shell, Own) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    let name = about.program.name;
    let (common, own) = match options::parse(about.program, about.options, args) {
        Ok(Request::Help) => {
            print_line(about.help.trim_end());
            return ExitCode::SUCCESS;
        }
        Ok(Request::Version) => {
            print_line(&version(name));
            return ExitCode::SUCCESS;
        }
        Ok(Request::Run(common, own)) => (common, own),
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::FAILURE;
        }
    };
    match start(about, common, own, body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            tracing::error!(target: "daemon", "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start<F>(about: &About, common: Common, own: Own, body: impl FnOnce(Shell, Own) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + 'static,
{
    let readiness = detach::detach(common.detach)?;
    let vlog = vlog::init(about.program.name);
    configure(&vlog, &common)?;
    // One thread: a chassis runs three daemons, and each mostly waits.
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let specs: Arc<[Spec]> = COMMON_COMMANDS
            .into_iter()
            .filter(|common| !about.has_own(common.name))
            .chain(vlog::commands::COMMANDS.iter().copied())
            .chain(about.commands.iter().copied())
            .collect();
        let answering = Answering::default();
        let mut place = Place {
            program: about.program,
            commands: Some((specs, sender)),
            socket: None,
            pidfile: None,
            answering: answering.clone(),
        };
        if !about.succeeds {
            place.take(&common, common.overwrite_pidfile)?;
        }
        let mut net = Net::default();
        net.tls = Tls::new(TlsConfig::from_options(&own));
        let shell = Shell {
            net,
            common,
            vlog,
            commands,
            shows_memory: about.has_own("memory/show"),
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            readiness: Some(readiness),
            place,
        };
        // A task among those that it waits for: from one of them to it the runtime does not look at all sockets first.
        let result = match tokio::task::spawn_local(body(shell, own)).await {
            Ok(result) => result,
            Err(lost) => std::panic::resume_unwind(lost.into_panic()),
        };
        answering.settle().await;
        result
    })
}

/// Applies `-v` and `--log-file`.
///
/// # Errors
/// A specification that makes no sense. A log file that cannot be opened is only told: the daemon is worth more than its log.
pub fn configure(vlog: &Vlog, common: &Common) -> anyhow::Result<()> {
    for spec in &common.verbose {
        vlog.set(spec)?;
    }
    if let Some(path) = &common.log_file
        && let Err(error) = vlog.open_file(path)
    {
        tracing::error!(target: "vlog", "failed to open {} for logging: {error}", path.display());
    }
    Ok(())
}

/// The text of `--version` and of the `version` command.
pub fn version(name: &str) -> String {
    format!("{name} (ovn) {}", env!("CARGO_PKG_VERSION"))
}

fn print_line(text: &str) {
    use std::io::Write as _;
    // A closed pipe is the reader's choice.
    let _ = writeln!(std::io::stdout(), "{text}");
}

impl Shell {
    /// Says that the daemon serves: the parent of a detached one returns now. Later calls do nothing.
    pub fn ready(&mut self) {
        // One that took another's place serves, whether operators find it or not.
        if let Err(error) = self.place.take(&self.common, true) {
            tracing::error!(target: "daemon", "{error:#}");
        }
        if let Some(readiness) = self.readiness.take() {
            if self.common.detach.detach {
                // Standard error is about to be /dev/null.
                let _ = self.vlog.set("console:off");
            }
            readiness.ready();
            // What was needed to start (schemas as JSON) is more than what is needed from now on.
            crate::sys::trim_memory();
        }
    }

    /// Waits for the next thing to do, at most until `deadline`. Commands that every daemon has are answered here.
    pub async fn next(&mut self, deadline: Option<Instant>) -> Happening {
        loop {
            let woken = tokio::select! {
                biased;
                _ = self.terminate.recv() => Happening::Terminate,
                _ = self.interrupt.recv() => Happening::Terminate,
                _ = self.hangup.recv() => {
                    // Without a log file there is nothing to open anew.
                    let _ = self.vlog.reopen();
                    continue;
                }
                Some(command) = self.commands.recv() => Happening::Command(command),
                event = self.net.next() => Happening::Net(event),
                () = until(deadline) => Happening::Deadline,
            };
            match woken {
                Happening::Command(command) => {
                    if let Some(command) = self.common_command(command) {
                        return Happening::Command(command);
                    }
                }
                other => return other,
            }
        }
    }

    /// Answers a command that every daemon has; gives back any other.
    fn common_command(&self, command: Command) -> Option<Command> {
        if let Some(outcome) = vlog::commands::run(&self.vlog, command.name, &command.args) {
            command.reply(outcome);
            return None;
        }
        match command.name {
            "version" => command.reply(Ok(format!("{}\n", version(self.vlog.program())))),
            "memory/show" if !self.shows_memory => command.reply(Ok(memory())),
            _ => return Some(command),
        }
        None
    }
}

/// Waits until `deadline`, for ever without one.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Resident memory, in upstream's `name:value` form.
pub(crate) fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0)
    };
    format!("peak-resident-kB:{} resident-kB:{}\n", field("VmHWM:"), field("VmRSS:"))
}
