//! Daemon mode: `ovn-nbctl --detach` keeps a copy of the database and runs what others send it.
//!
//! ```text
//!  server ◄──JSON-RPC──► Net ──► ctl::run::Service ◄── `run` OPTIONS COMMANDS (ovn-nbctl with OVN_NB_DAEMON)
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ctl::Program;
use ctl::cli::Invocation;
use ctl::openflow::Switch;
use ctl::run::{JobId, Service, ServiceOutput};
use openflow::FlowStats;
use tokio::sync::mpsc;

use super::{flows, warn};
use crate::base::options::{Program as Named, TLS};
use crate::base::paths::Family;
use crate::base::peers::{Input, Json, Peers};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::unixctl::{Command, Spec, spec};

const COMMANDS: &[Spec] = &[spec("run", "[ARG]...", 0, usize::MAX)];

/// Silence after which the database server is asked for a sign of life.
const PROBE_INTERVAL: Duration = Duration::from_secs(120);

/// The flows that a job asked for.
type Gathered = (JobId, Vec<(Switch, Vec<FlowStats>)>);

/// Becomes the daemon.
pub(super) fn run(program: Program, invocation: &Invocation) -> ExitCode {
    let named = Named { name: program.name(), family: Family::Ovn };
    let about = About { program: named, options: TLS, help: "", commands: COMMANDS, succeeds: false };
    // Warnings reach whoever starts it, as those of other clients do.
    let quiet = ["--verbose=console:warn", "--verbose=reconnect:warn"].map(str::to_owned);
    let args: Vec<String> = quiet.into_iter().chain(super::shell_words(&invocation.shell)).collect();
    let invocation = invocation.clone();
    shell::run(&about, &args, |shell, _| async move { serve(named, shell, &invocation).await })
}

async fn serve(named: Named, mut shell: Shell, invocation: &Invocation) -> anyhow::Result<()> {
    if let Some(path) = shell.common.unixctl.path(named, std::process::id()) {
        // Whoever starts it puts this into OVN_NB_DAEMON.
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    let mut core = Service::new(invocation, Some(PROBE_INTERVAL), crate::base::random_seed());
    let mut peers: Peers<(), Json> = Peers::default();
    peers.connect(&mut shell.net, (), super::targets(invocation)?);
    let mut waiting: BTreeMap<JobId, Command> = BTreeMap::new();
    // Jobs are as many as control connections, which are bounded; so is what they gather.
    let (gathered_sender, mut gathered) = mpsc::unbounded_channel::<Gathered>();
    loop {
        if core.is_synced() {
            shell.ready();
        }
        while let Some(output) = core.poll_output() {
            match output {
                ServiceOutput::Send(message) => peers.send(&mut shell.net, (), &message),
                ServiceOutput::Reconnect => peers.reconnect(&mut shell.net, ()),
                ServiceOutput::Warn { module, text } => warn(module, &text),
                ServiceOutput::Gather(job, switches) => {
                    let (sender, tls) = (gathered_sender.clone(), shell.net.tls.clone());
                    tokio::spawn(async move {
                        // At the end nobody wants it any more.
                        let _ = sender.send((job, flows::read_all(switches, &tls).await));
                    });
                }
                ServiceOutput::Answer(job, outcome) => {
                    if let Some(command) = waiting.remove(&job) {
                        command.reply(whole_lines(outcome));
                    }
                }
            }
        }
        let deadline = core.poll_timeout().map(|(at, _)| at);
        let happening = tokio::select! {
            happening = shell.next(deadline) => happening,
            Some((job, flows)) = gathered.recv() => {
                core.start(job, flows);
                continue;
            }
        };
        match happening {
            Happening::Net(event) => {
                for input in peers.handle(&mut shell.net, &event) {
                    match input {
                        Input::Connected(()) => core.connected(Instant::now()),
                        Input::Message((), message) => core.handle_message(message, Instant::now()),
                        Input::Disconnected(()) => core.disconnected(Instant::now()),
                    }
                }
            }
            Happening::Deadline => core.handle_timeout(Instant::now()),
            Happening::Command(command) if command.name == "exit" => {
                command.reply(Ok(String::new()));
                return Ok(());
            }
            Happening::Command(command) => {
                match core.run(&command.args, (Instant::now(), crate::base::wall_ms())) {
                    Ok(job) => drop(waiting.insert(job, command)),
                    Err(text) => command.reply(whole_lines(Err(text))),
                }
            }
            Happening::Terminate => return Ok(()),
        }
    }
}

/// An answer whose last line is whole, as upstream's clients expect.
fn whole_lines(outcome: Result<String, String>) -> Result<String, String> {
    outcome.map(super::with_newline).map_err(super::with_newline)
}
