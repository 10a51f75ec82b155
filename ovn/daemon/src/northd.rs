//! `ovn-northd`: keeps the southbound database what the northbound one asks for.
//!
//! ```text
//!  northbound server ◄──JSON-RPC──► Net ──► northd::Northd ◄── commands (pause, status, ...)
//!  southbound server ◄──JSON-RPC──►  │
//! ```

use std::process::ExitCode;
use std::time::Instant;

use northd::commands;
use northd::northd::{Db, Northd, NorthdOptions, Output};

use crate::base::getopt::{Opt, Takes, opt};
use crate::base::options::{Own, Program, TLS};
use crate::base::paths::Family;
use crate::base::peers::{Input, Json, Peers};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::target::Active;
use crate::base::unixctl::{Command, Spec, spec};

const PROGRAM: Program = Program { name: "ovn-northd", family: Family::Ovn };

const OWN: &[Opt] = &[
    opt("ovnnb-db", Takes::Value),
    opt("ovnsb-db", Takes::Value),
    opt("dry-run", Takes::Nothing),
    opt("n-threads", Takes::Value),
    TLS[0],
    TLS[1],
    TLS[2],
    TLS[3],
    TLS[4],
    TLS[5],
    TLS[6],
    TLS[7],
    TLS[8],
];

/// Those of the core.
const COMMANDS: &[Spec] = &{
    let mut specs = [spec("", "", 0, 0); commands::COMMANDS.len()];
    let mut i = 0;
    while i < specs.len() {
        let (name, usage, min, max) = commands::COMMANDS[i];
        specs[i] = spec(name, usage, min, max);
        i += 1;
    }
    specs
};

/// Runs northd.
pub fn run(args: &[String]) -> ExitCode {
    let about = About { program: PROGRAM, options: OWN, help: HELP, commands: COMMANDS, succeeds: false };
    shell::run(&about, args, |shell, own| async move { serve(shell, &own).await })
}

async fn serve(mut shell: Shell, own: &Own) -> anyhow::Result<()> {
    let run_dir = PROGRAM.family.run_dir();
    let options = NorthdOptions {
        seed: crate::base::random_seed(),
        is_paused: own.has("dry-run"),
        ..NorthdOptions::default()
    };
    let mut core = Northd::new(&options);
    let mut peers: Peers<Db, Json> = Peers::default();
    for (db, option, variable, file) in [
        (Db::Northbound, "ovnnb-db", "OVN_NB_DB", "ovnnb_db.sock"),
        (Db::Southbound, "ovnsb-db", "OVN_SB_DB", "ovnsb_db.sock"),
    ] {
        let default =
            || std::env::var(variable).unwrap_or_else(|_| format!("unix:{}", run_dir.join(file).display()));
        let remote = own.last(option).map_or_else(default, str::to_owned);
        peers.connect(&mut shell.net, db, Active::parse_list(&remote, &run_dir)?);
    }
    shell.ready();
    loop {
        drain(&mut core, &mut peers, &mut shell);
        match shell.next(core.poll_timeout().map(|(at, _)| at)).await {
            Happening::Net(event) => {
                let mut event = Some(event);
                // Everything that has arrived is part of one computation.
                while let Some(one) = event {
                    for input in peers.handle(&mut shell.net, &one) {
                        hand_over(&mut core, input);
                    }
                    event = shell.net.try_next();
                }
            }
            Happening::Deadline => core.handle_timeout(Instant::now(), crate::base::wall_ms()),
            Happening::Command(command) => {
                if on_command(&mut core, command) {
                    return Ok(());
                }
            }
            Happening::Terminate => return Ok(()),
        }
    }
}

fn hand_over(core: &mut Northd, input: Input<Db, ovsdb::rpc::Message>) {
    let now = Instant::now();
    match input {
        Input::Connected(db) => core.connected(db, now),
        Input::Message(db, message) => core.handle_message(db, message, now),
        Input::Disconnected(db) => core.disconnected(db, now),
    }
}

fn drain(core: &mut Northd, peers: &mut Peers<Db, Json>, shell: &mut Shell) {
    while let Some(output) = core.poll_output() {
        match output {
            Output::Send(db, message) => peers.send(&mut shell.net, db, &message),
            Output::Reconnect(db, reason) => {
                tracing::info!(target: "reconnect", "{db:?}: connecting anew: {reason:?}");
                peers.reconnect(&mut shell.net, db);
            }
        }
    }
}

/// Answers a command; whether the daemon is to stop.
fn on_command(core: &mut Northd, command: Command) -> bool {
    let is_exit = command.name == "exit";
    let outcome = if is_exit {
        Ok(String::new())
    } else {
        let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
        commands::run(core, command.name, &args)
    };
    command.reply(outcome);
    is_exit
}

const HELP: &str = "\
ovn-northd: keeps the southbound database what the northbound one asks for
usage: ovn-northd [OPTION...]
  --ovnnb-db=REMOTE      the northbound database (default: OVN_NB_DB, or
                         ovnnb_db.sock in the run directory)
  --ovnsb-db=REMOTE      the southbound database (default: OVN_SB_DB, or
                         ovnsb_db.sock in the run directory)
  --dry-run              start paused: compute, write nothing
  --n-threads=N          accepted for upstream's scripts; one thread serves
  --pidfile[=FILE]       make a pidfile
  --detach               run in the background
  --monitor              start it again when it crashes
  --no-chdir             stay in the current directory
  --unixctl=SOCKET       control socket, or \"none\"
  --log-file[=FILE]      log to a file
  -v, --verbose=[SPEC]   set log levels
  -h, --help             this help
  -V, --version          version information
A REMOTE is unix:FILE or tcp:IP:PORT, or several with commas between.
";
