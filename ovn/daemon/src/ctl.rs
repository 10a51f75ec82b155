//! `ovn-nbctl`, `ovn-sbctl`, `ovs-vsctl`: the shell around a run of a client.
//!
//! ```text
//!  server ◄──JSON-RPC──► one connection ──► ctl::run::Run ──► standard output, standard error, exit code
//! ```

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ctl::Program;
use ctl::cli::{self, Environment, Parsed};
use ctl::context::LogModule;
use ctl::run::{Output, Run};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::base::net::{self, Stream};
use crate::base::options::{self, Request};
use crate::base::paths::Family;
use crate::base::shell;
use crate::base::target::Active;
use crate::vlog::{self, Vlog};

/// First and longest pause between two attempts to connect with `--retry`.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(8));

/// Runs a client.
pub fn run(program: Program, args: &[String]) -> ExitCode {
    let family = match program {
        Program::Nbctl | Program::Sbctl => Family::Ovn,
        Program::Vsctl => Family::Ovs,
    };
    let run_dir = family.run_dir().to_string_lossy().into_owned();
    let environment = Environment::read(program, &run_dir, |name| std::env::var(name).ok());
    let invocation = match cli::parse(program, args, &environment) {
        Ok(Parsed::Print(text)) => {
            print(&text);
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Run(invocation)) => *invocation,
        Err(failure) => return failed(program, &failure),
    };
    let vlog = vlog::init(program.name());
    if let Err(error) = configure(&vlog, program, family, &invocation.shell) {
        eprintln!("{}: {error:#}", program.name());
        return ExitCode::FAILURE;
    }
    let core = Run::new(invocation, crate::base::random_seed(), Instant::now(), crate::base::wall_ms());
    match core {
        Ok(core) => match serve(program, core, family) {
            Ok(code) => code,
            Err(error) => {
                eprintln!("{}: {error:#}", program.name());
                ExitCode::FAILURE
            }
        },
        Err(failure) => failed(program, &failure),
    }
}

fn failed(program: Program, failure: &ctl::Failure) -> ExitCode {
    if let Some(message) = &failure.message {
        eprintln!("{}: {message}", program.name());
    }
    ExitCode::from(failure.code)
}

/// Applies the options about logging; those about TLS are refused, since a client without the asked-for
/// encryption would be worse than none.
fn configure(
    vlog: &Vlog,
    program: Program,
    family: Family,
    given: &[(&'static str, Option<String>)],
) -> anyhow::Result<()> {
    // Clients warn on the console and are silent else, as upstream's are.
    vlog.set("console:warn")?;
    vlog.set("reconnect:warn")?;
    let mut args = Vec::new();
    for (name, value) in given {
        if options::TLS.iter().any(|option| option.long == *name) {
            anyhow::bail!("--{name}: TLS connections are not supported by this version");
        }
        args.push(match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        });
    }
    let as_daemon = options::Program { name: program.name(), family };
    if let Request::Run(common, _) = options::parse(as_daemon, &[], &args)? {
        if common.detach.detach {
            anyhow::bail!("--detach: running as a daemon is not supported by this version");
        }
        shell::configure(vlog, &common)?;
    }
    Ok(())
}

fn serve(program: Program, core: Run, family: Family) -> anyhow::Result<ExitCode> {
    let targets = Active::parse_list(core.remote(), &family.run_dir())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut client = Client { program, core, targets, next: 0, code: None };
    runtime.block_on(client.serve());
    Ok(client.code.unwrap_or(ExitCode::FAILURE))
}

struct Client {
    program: Program,
    core: Run,
    targets: Vec<Active>,
    next: usize,
    code: Option<ExitCode>,
}

impl Client {
    async fn serve(&mut self) {
        let mut pause = RETRY_PAUSE.0;
        while self.code.is_none() {
            match self.connect().await {
                Ok(stream) => {
                    pause = RETRY_PAUSE.0;
                    match stream {
                        Stream::Unix(stream) => self.converse(stream).await,
                        Stream::Tcp(stream) => self.converse(stream).await,
                    }
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
            match net::connect(target).await {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = crate::base::os_error(&error),
            }
        }
        Err(reason)
    }

    /// Speaks with the server until the connection or the run ends.
    async fn converse(&mut self, stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
        let (mut read, mut write) = tokio::io::split(stream);
        let mut framer = Framer::new(MESSAGE_BYTES_MAX);
        let mut buffer = vec![0; 64 << 10];
        self.core.connected(Instant::now());
        loop {
            let mut out = Vec::new();
            let go_on = self.drain(&mut out);
            // A broken connection shows in the read below.
            let _ = write.write_all(&out).await;
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
                Output::Warn { module, text } => warn(module, &text),
                Output::Print(text) => print(&text),
                Output::Error(text) => eprintln!("{}: {text}", self.program.name()),
                Output::Exit(code) => {
                    self.code = Some(ExitCode::from(code));
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
        LogModule::Vsctl => tracing::warn!(target: "vsctl", "{text}"),
    }
}

fn print(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
