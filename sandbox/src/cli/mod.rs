//! The commands of `ovn sandbox`, one file each.

mod schema;
mod validate;

use clap::{Parser, Subcommand};
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
    Validate(validate::Args),
    Schema(schema::Args),
}

/// `ovn sandbox ARGS`.
pub fn main(args: &[String]) -> ExitCode {
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
    let code = match cli.command {
        Command::Validate(args) => validate::run(&args),
        Command::Schema(args) => schema::run(&args),
    };
    ExitCode::from(code)
}
