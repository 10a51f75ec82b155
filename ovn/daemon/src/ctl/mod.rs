//! `ovn-nbctl`, `ovn-sbctl`, `ovs-vsctl`: the shell around a run of a client.
//!
//! ```text
//!  server ◄──JSON-RPC──► one connection ──► ctl::run::Run ──► standard output, standard error, exit code
//! ```

mod call;
mod flows;
mod serve;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ctl::Program;
use ctl::cli::{self, Environment, Invocation, Parsed};
use ctl::context::LogModule;
use ctl::run::{ALARM, Output, Run};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::base::options::{self, Request};
use crate::base::paths::Family;
use crate::base::shell;
use crate::base::stream::{self, Stream};
use crate::base::target::Active;
use crate::base::tls::{Tls, TlsConfig};
use crate::vlog::{self, Vlog};

/// First and longest pause between two attempts to connect with `--retry`.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(8));

/// What remotes begin with.
const METHODS: [&str; 3] = ["unix:", "tcp:", "ssl:"];

/// What upstream's programs say of a remote that begins otherwise: its EAFNOSUPPORT.
const NO_SUCH_METHOD: &str = "Address family not supported by protocol";

/// Options of a client, by long name, that the core leaves to the shell.
type ShellOptions = [(&'static str, Option<String>)];

pub(crate) use flows::read_all as read_flows;

/// Runs a client.
pub fn run(program: Program, args: &[String]) -> ExitCode {
    match start(program, args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error:#}", program.name());
            ExitCode::FAILURE
        }
    }
}

fn start(program: Program, args: &[String]) -> anyhow::Result<ExitCode> {
    let run_dir = family(program).run_dir().to_string_lossy().into_owned();
    let environment = Environment::read(program, &run_dir, |name| std::env::var(name).ok());
    match cli::parse(program, args, &environment) {
        Ok(Parsed::Serve(invocation)) => Ok(serve::run(program, &invocation)),
        Ok(Parsed::Print(text)) => {
            log(program, &environment)?;
            print(&text);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Parsed::Call(wanted)) => {
            configure(&log(program, &environment)?, program, &wanted.shell)?;
            Ok(call::run(program, &wanted)?)
        }
        Ok(Parsed::Run(invocation)) => {
            configure(&log(program, &environment)?, program, &invocation.shell)?;
            direct(program, *invocation)
        }
        Err(failure) => {
            log(program, &environment)?;
            Ok(failed(program, &failure))
        }
    }
}

/// Begins to log: clients warn on the console and are silent else, as upstream's are.
fn log(program: Program, environment: &Environment) -> anyhow::Result<Vlog> {
    let vlog = vlog::init(program.name());
    vlog.set("console:warn")?;
    vlog.set("reconnect:warn")?;
    if let Some((module, text)) = environment.warning() {
        warn(module, &text);
    }
    Ok(vlog)
}

/// Runs the commands on the database itself.
fn direct(program: Program, invocation: Invocation) -> anyhow::Result<ExitCode> {
    let tls = tls(&invocation.shell);
    let targets = targets(&invocation)?;
    match Run::new(invocation, crate::base::random_seed(), Instant::now(), crate::base::wall_ms()) {
        Ok(core) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let mut client = Client { program, core, targets, tls, next: 0, code: None };
            runtime.block_on(client.serve());
            let is_alarm = |code| code == ALARM && !client.core.is_quiet();
            let shown = |code: u8| if is_alarm(code) { alarm() } else { code.into() };
            Ok(client.code.map_or(ExitCode::FAILURE, shown))
        }
        Err(failure) => Ok(failed(program, &failure)),
    }
}

fn family(program: Program) -> Family {
    match program {
        Program::Nbctl | Program::Sbctl => Family::Ovn,
        Program::Vsctl => Family::Ovs,
    }
}

fn failed(program: Program, failure: &ctl::Failure) -> ExitCode {
    if let Some(message) = &failure.message {
        eprintln!("{}: {message}", program.name());
    }
    ExitCode::from(failure.code)
}

/// Ends as a program does that waited too long: by the alarm's signal.
fn alarm() -> ExitCode {
    // Whoever ignores that signal sees the code that a shell would show.
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGALRM);
    ExitCode::from(ALARM)
}

/// The remotes to try, in the order to try them in.
fn targets(invocation: &Invocation) -> anyhow::Result<Vec<Active>> {
    let run_dir = family(invocation.program).run_dir();
    if !invocation.db.split(',').all(has_method) {
        anyhow::bail!("{}: database connection failed ({NO_SUCH_METHOD})", invocation.db);
    }
    let mut targets = Active::parse_list(&invocation.db, &run_dir)?;
    if invocation.shuffle_remotes {
        // Fisher and Yates, with digits of one number: there are few remotes.
        let mut seed = crate::base::random_seed();
        for last in (1..targets.len()).rev() {
            let base = last as u64 + 1;
            targets.swap(last, usize::try_from(seed % base).unwrap_or(0));
            seed /= base;
        }
    }
    Ok(targets)
}

/// Whether a remote begins as remotes do.
fn has_method(remote: &str) -> bool {
    METHODS.iter().any(|method| remote.trim().starts_with(method))
}

/// What the options about TLS say.
fn tls(given: &ShellOptions) -> Tls {
    let mut config = TlsConfig::default();
    for (name, value) in given {
        config.set(name, value.as_deref().unwrap_or_default());
    }
    Tls::new(config)
}

/// The options as words of a command line.
fn shell_words(given: &ShellOptions) -> impl Iterator<Item = String> {
    given.iter().map(|(name, value)| match value {
        Some(value) => format!("--{name}={value}"),
        None => format!("--{name}"),
    })
}

/// Applies the options about logging.
fn configure(vlog: &Vlog, program: Program, given: &ShellOptions) -> anyhow::Result<()> {
    let logging = ["verbose", "log-file", "syslog-method", "syslog-target"];
    let given: Vec<_> = given.iter().filter(|(name, _)| logging.contains(name)).cloned().collect();
    let args: Vec<String> = shell_words(&given).collect();
    let as_daemon = options::Program { name: program.name(), family: family(program) };
    if let Request::Run(common, _) = options::parse(as_daemon, &[], &args)? {
        shell::configure(vlog, &common)?;
    }
    Ok(())
}

struct Client {
    program: Program,
    core: Run,
    targets: Vec<Active>,
    tls: Tls,
    next: usize,
    code: Option<u8>,
}

impl Client {
    async fn serve(&mut self) {
        for (switch, flows) in flows::read_all(self.core.switches(), &self.tls).await {
            self.core.switch_flows(switch, flows);
        }
        let mut pause = RETRY_PAUSE.0;
        while self.code.is_none() {
            match self.connect().await {
                Ok(stream) => {
                    pause = RETRY_PAUSE.0;
                    self.converse(stream).await;
                }
                Err(reason) => {
                    self.core.disconnected(&reason, Instant::now());
                    self.drain(&mut Vec::new());
                    let until = self
                        .core
                        .poll_timeout()
                        .map_or(pause, |(at, _)| at.saturating_duration_since(Instant::now()).min(pause));
                    if self.code.is_none() {
                        tokio::time::sleep(until).await;
                        self.core.handle_timeout(Instant::now());
                        self.drain(&mut Vec::new());
                    }
                    pause = (pause * 2).min(RETRY_PAUSE.1);
                }
            }
        }
    }

    /// Tries every target once; the reason of the last failure.
    async fn connect(&mut self) -> Result<Stream, String> {
        let mut reason = "no remote is given".to_owned();
        for _ in 0..self.targets.len() {
            let target = &self.targets[self.next % self.targets.len()];
            self.next += 1;
            match stream::connect(target, &self.tls).await {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = crate::base::os_error(&error),
            }
        }
        Err(reason)
    }

    /// Speaks with the server until the connection or the run ends.
    async fn converse(&mut self, stream: Stream) {
        let (mut read, mut write) = tokio::io::split(stream);
        let mut framer = Framer::new(MESSAGE_BYTES_MAX);
        let mut buffer = vec![0; 64 << 10];
        self.core.connected(Instant::now());
        loop {
            let mut out = Vec::new();
            let go_on = self.drain(&mut out);
            // A broken connection shows in the read below.
            let _ = write.write_all(&out).await;
            let _ = write.flush().await;
            if !go_on || self.code.is_some() {
                return;
            }
            let deadline = self.core.poll_timeout().map(|(at, _)| at);
            tokio::select! {
                got = read.read(&mut buffer) => {
                    let reason = match got {
                        Ok(0) => "End of file".to_owned(),
                        Err(error) => crate::base::os_error(&error),
                        Ok(length) => match self.receive(&mut framer, &buffer[..length]) {
                            Ok(()) => continue,
                            Err(reason) => reason,
                        },
                    };
                    self.core.disconnected(&reason, Instant::now());
                    self.drain(&mut Vec::new());
                    return;
                }
                () = shell::until(deadline) => self.core.handle_timeout(Instant::now()),
            }
        }
    }

    fn receive(&mut self, framer: &mut Framer, bytes: &[u8]) -> Result<(), String> {
        let pushed = framer.push(bytes);
        while let Some(message) = framer.pop() {
            self.core.handle_message(message, Instant::now());
        }
        pushed.map_err(|error| error.to_string())
    }

    /// Carries out what the core asks for; messages are added to `out`. Whether the connection is to go on.
    fn drain(&mut self, out: &mut Vec<u8>) -> bool {
        let mut go_on = true;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(message) => out.extend(message.to_string().into_bytes()),
                Output::Reconnect => go_on = false,
                Output::Warn { .. } | Output::Error(_) if self.core.is_quiet() => {}
                Output::Warn { module, text } => warn(module, &text),
                Output::Print(text) => print(&text),
                Output::Error(text) => eprintln!("{}: {text}", self.program.name()),
                Output::Exit(code) => {
                    self.code = Some(code);
                    return false;
                }
            }
        }
        go_on
    }
}

/// Logs a warning. The target of an event is fixed where it is written, hence one line a module.
fn warn(module: LogModule, text: &str) {
    match module {
        LogModule::DbCtlBase => tracing::warn!(target: "db_ctl_base", "{text}"),
        LogModule::FatalSignal => tracing::warn!(target: "fatal_signal", "{text}"),
        LogModule::Nbctl => tracing::warn!(target: "nbctl", "{text}"),
        LogModule::OvnDbctl => tracing::warn!(target: "ovn_dbctl", "{text}"),
        LogModule::OvsdbIdl => tracing::warn!(target: "ovsdb_idl", "{text}"),
        LogModule::Sbctl => tracing::warn!(target: "sbctl", "{text}"),
        LogModule::SocketUtil => tracing::error!(target: "socket_util", "{text}"),
        LogModule::Svec => tracing::warn!(target: "svec", "{text}"),
        LogModule::Vsctl => tracing::warn!(target: "vsctl", "{text}"),
    }
}

fn print(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The text, with its last line ended.
fn with_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
