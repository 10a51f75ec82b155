//! The commands of `ovn sandbox`, one file each.

mod capture;
mod client;
mod down;
mod enter;
mod gc;
mod inspect;
pub(crate) mod logical;
mod logs;
mod ls;
pub(crate) mod ping;
mod schema;
mod test;
mod up;
mod validate;

use crate::lab::{keeper, supervisor};
use crate::text::Source;
use crate::text::diagnostic::Refused;
use crate::topology::Role;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

/// Everything is as it should be.
pub const PASS: u8 = 0;
/// A test failed, or a command did.
pub const FAIL: u8 = 1;
/// Nothing ran: the command line itself is wrong.
pub const NOTHING_RAN: u8 = 2;
/// The set-up is broken: a file that cannot be read, a lab that cannot be made.
pub const BROKEN: u8 = 4;

/// Labs of emulated chassis and guests, from a YAML file, on this machine.
#[derive(Parser)]
#[command(name = "ovn sandbox", disable_help_subcommand = true, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Args),
    Up(up::Args),
    Down(down::Args),
    Ls(ls::Args),
    Inspect(inspect::Args),
    Exec(enter::ExecArgs),
    Shell(enter::ShellArgs),
    Logs(logs::Args),
    Capture(capture::Args),
    Validate(validate::Args),
    Schema(schema::Args),
    Gc(gc::Args),
}

/// `ovn sandbox ARGS`. Of the programs that labs run, this executable is able to be those named in `applets`.
pub fn main(args: &[String], applets: &[&str]) -> ExitCode {
    match args.first().map(String::as_str) {
        Some(keeper::KEEPER) => return keeper::run(&args[1..]),
        Some(keeper::SUPERVISOR) => return supervisor::run(&args[1..]),
        Some(_) | None => {}
    }
    let name = std::iter::once("ovn sandbox");
    let cli = match Cli::try_parse_from(name.chain(args.iter().map(String::as_str))) {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { NOTHING_RAN } else { PASS };
            // Nobody is left to tell when the terminal is gone.
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    let own = Role::ALL.into_iter().filter(|role| applets.contains(&role.program())).collect();
    let result = match cli.command {
        Command::Test(mut args) => {
            args.own = own;
            test::run(&args)
        }
        Command::Up(mut args) => {
            args.own = own;
            up::run(&args)
        }
        Command::Down(args) => down::run(&args),
        Command::Ls(args) => ls::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Exec(args) => enter::exec(&args),
        Command::Shell(args) => enter::shell(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Capture(args) => capture::run(&args),
        Command::Validate(args) => Ok(validate::run(&args)),
        Command::Schema(args) => Ok(schema::run(&args)),
        Command::Gc(args) => gc::run(&args),
    };
    ExitCode::from(result.unwrap_or_else(|e| explain(&e)))
}

/// Prints an error; a refused file with the lines it is about.
fn explain(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Box<Refused>>() {
        Some(refused) => {
            for diagnostic in &refused.diagnostics {
                eprintln!("{}\n", diagnostic.render(&refused.source, std::io::stderr().is_terminal()));
            }
        }
        None => eprintln!("ovn sandbox: {error:#}"),
    }
    BROKEN
}

fn read_file(path: &Path) -> Result<Source> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Source::new(path.display().to_string(), text))
}
