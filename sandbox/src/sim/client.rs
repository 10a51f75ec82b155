//! Commands that speak with the databases, run in a world: `ovn-nbctl`, `ovn-sbctl`, `ovs-vsctl`, `ovn-trace`.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use ctl::Program;
use ctl::cli::{self, Environment, Parsed};
use ctl::run::{Output, Run};
use tokio::time::Instant;

use super::Site;
use super::lab::Sim;
use crate::db::client::{Server, now};
use crate::topology::Role;

/// What a command said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Standard output and standard error.
    pub output: String,
    pub exit: i32,
}

/// Whether a program can be run without a process.
pub fn can_run(program: &str) -> bool {
    program_of(program).is_some() || program == Role::Trace.program()
}

fn program_of(name: &str) -> Option<Program> {
    [Program::Nbctl, Program::Sbctl, Program::Vsctl].into_iter().find(|program| program.name() == name)
}

/// Runs a command as on a node, to its end.
///
/// # Errors
/// When there is no such command here, or it has not ended in time.
pub async fn run(sim: &Rc<Sim>, node: &str, words: &[String], within: Duration) -> Result<Ran> {
    let Some((name, args)) = words.split_first() else { bail!("an empty command") };
    if name == Role::Trace.program() {
        return trace(sim, args);
    }
    let Some(program) = program_of(name) else { bail!("{name} is not run in sim") };
    let site = match program {
        Program::Nbctl | Program::Sbctl => Site::Central,
        Program::Vsctl => Site::Chassis(sim.chassis(node)?),
    };
    let failed = |failure: ctl::Failure| Ran {
        output: failure.message.map(|text| format!("{}: {text}\n", program.name())).unwrap_or_default(),
        exit: failure.code.into(),
    };
    let environment = Environment::read(program, "/run", |_| None);
    let invocation = match cli::parse(program, args, &environment) {
        Ok(Parsed::Run(invocation)) => *invocation,
        Ok(Parsed::Print(output)) => return Ok(Ran { output, exit: 0 }),
        Ok(Parsed::Serve(_) | Parsed::Call(_)) => bail!("{name} is no daemon in sim"),
        Err(failure) => return Ok(failed(failure)),
    };
    match Run::new(invocation, sim.draw(), now(), sim.wall_ms()) {
        Ok(core) if !core.switches().is_empty() => bail!("{name} reads no switches in sim"),
        Ok(core) => {
            let command = converse(core, program, Server::Simulated(sim.clone(), site));
            match tokio::time::timeout(within, command).await {
                Ok(ran) => ran,
                Err(_) => bail!("it did not end within {within:?}"),
            }
        }
        Err(failure) => Ok(failed(failure)),
    }
}

async fn converse(mut core: Run, program: Program, server: Server) -> Result<Ran> {
    let mut connection = server.connect().await;
    let mut said = String::new();
    core.connected(now());
    loop {
        while let Some(output) = core.poll_output() {
            match output {
                Output::Send(message) => connection.send(&message).await?,
                Output::Reconnect => connection = server.connect().await,
                Output::Warn { .. } | Output::Error(_) if core.is_quiet() => {}
                Output::Warn { text, .. } | Output::Error(text) => {
                    said += &format!("{}: {text}\n", program.name());
                }
                Output::Print(text) => said += &text,
                Output::Exit(code) => return Ok(Ran { output: said, exit: code.into() }),
            }
        }
        let due = core.poll_timeout().map(|(at, _)| Instant::from_std(at));
        let heard = match due {
            Some(due) => tokio::time::timeout_at(due, connection.receive()).await,
            None => Ok(connection.receive().await),
        };
        match heard {
            Ok(Ok(message)) => core.handle_message(message, now()),
            Ok(Err(error)) => core.disconnected(&error.to_string(), now()),
            Err(_) => core.handle_timeout(now()),
        }
    }
}

fn trace(sim: &Sim, args: &[String]) -> Result<Ran> {
    match trace::Command::parse(args) {
        Ok(trace::Command::Trace(request)) => {
            let rows = sim.southbound_rows();
            let output = trace::trace(&rows, &request);
            Ok(Ran { output: output.text, exit: 0 })
        }
        Ok(trace::Command::Help | trace::Command::Version) => bail!("that is not answered in sim"),
        Err(error) => Ok(Ran { output: format!("ovn-trace: {error}\n"), exit: 1 }),
    }
}
