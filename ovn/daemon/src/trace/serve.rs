//! Daemon mode: the rows that traces look at stay here and follow the database.
//!
//! ```text
//!  southbound server ◄──JSON-RPC──► Net ──► trace::service::Service ◄── trace [OPTION...] [DATAPATH] MICROFLOW
//! ```

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use anyhow::bail;
use ovsdb::replica::ReplicaOptions;
use trace::service::{JobId, Service, ServiceOutput};
use trace::{Command as Asked, Request, UsageError};

use super::source::Source;
use super::{OWN, PROGRAM, Setting, core_options, warn};
use crate::base::options::Own;
use crate::base::peers::{Input, Json, Peers};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::unixctl::{Command, Spec, spec};

const COMMANDS: &[Spec] = &[spec("trace", "[OPTIONS] [DATAPATH] MICROFLOW", 1, usize::MAX)];

/// Becomes the daemon.
pub(super) fn run(args: &[String]) -> ExitCode {
    let about =
        About { program: PROGRAM, options: OWN, help: super::HELP, commands: COMMANDS, succeeds: false };
    shell::run(&about, args, |shell, own| async move { serve(shell, &own).await })
}

async fn serve(mut shell: Shell, own: &Own) -> anyhow::Result<()> {
    if !own.operands.is_empty() {
        bail!("non-option arguments not supported with --detach (use --help for help)");
    }
    let setting = Setting::new(own, |_| bail!("--topology is not for daemons: nothing would change in it"))?;
    let Source::Live(targets, _) = &setting.source else { bail!("a daemon follows a server, not a file") };
    let mut peers: Peers<(), Json> = Peers::default();
    peers.connect(&mut shell.net, (), targets.clone());
    let options = ReplicaOptions { leader_only: setting.leader_only, ..ReplicaOptions::default() };
    let mut daemon = Daemon {
        core: Service::new(options),
        waiting: BTreeMap::new(),
        defaults: core_options(own),
        setting: Rc::new(setting),
    };
    loop {
        daemon.core.work();
        if daemon.core.is_synced() {
            shell.ready();
        }
        warn(&daemon.core.take_warnings());
        while let Some(output) = daemon.core.poll_output() {
            match output {
                ServiceOutput::Send(message) => peers.send(&mut shell.net, (), &message),
                ServiceOutput::Reconnect(reason) => {
                    tracing::info!(target: "reconnect", "connecting anew: {reason}");
                    peers.reconnect(&mut shell.net, ());
                }
                ServiceOutput::Done(job, traced) => {
                    if let Some(command) = daemon.waiting.remove(&job) {
                        command.reply(Ok(daemon.setting.finish(*traced, None).await));
                    }
                }
            }
        }
        match shell.next(daemon.core.poll_timeout().map(|(at, _)| at)).await {
            Happening::Net(event) => {
                let mut event = Some(event);
                // Everything that has arrived is part of one look.
                while let Some(one) = event {
                    for input in peers.handle(&mut shell.net, &one) {
                        daemon.hand_over(input);
                    }
                    event = shell.net.try_next();
                }
            }
            Happening::Deadline => daemon.core.handle_timeout(Instant::now()),
            Happening::Command(command) if command.name == "exit" => {
                command.reply(Ok(String::new()));
                return Ok(());
            }
            Happening::Command(command) => daemon.command(command),
            Happening::Terminate => return Ok(()),
        }
    }
}

struct Daemon {
    core: Service,
    waiting: BTreeMap<JobId, Command>,
    /// Options of the daemon's command line, which each trace begins with.
    defaults: Vec<String>,
    setting: Rc<Setting>,
}

impl Daemon {
    fn hand_over(&mut self, input: Input<(), ovsdb::rpc::Message>) {
        let now = Instant::now();
        match input {
            Input::Connected(()) => self.core.connected(now),
            Input::Message((), message) => self.core.handle_message(message, now),
            Input::Disconnected(()) => self.core.disconnected(now),
        }
    }

    fn command(&mut self, command: Command) {
        let request = match self.request(&command.args) {
            Ok(request) => request,
            Err(text) => return command.reply(Err(text)),
        };
        match self.core.request(request) {
            Some(job) => drop(self.waiting.insert(job, command)),
            None => command.reply(Err("too many traces wait for the database".to_owned())),
        }
    }

    /// What a command asks for, or upstream's words on what is wrong with it.
    fn request(&self, args: &[String]) -> Result<Request, String> {
        let words: Vec<String> = self.defaults.iter().chain(args).cloned().collect();
        match Asked::parse(&words) {
            Ok(Asked::Trace(request)) => Ok(request),
            Ok(Asked::Help | Asked::Version) | Err(UsageError::UnknownOption(_)) => {
                Err("unknown option\n".to_owned())
            }
            Err(UsageError::Arguments) => Err("one or two non-option arguments are required\n".to_owned()),
            Err(other) => Err(format!("{other}\n")),
        }
    }
}
