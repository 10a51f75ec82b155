//! The `ovn` executable: a table from applet name to function.
//!
//! An applet is chosen by the name the executable is called by (`ovn-nbctl` as a link to it), or by the first argument
//! (`ovn ovn-nbctl`, or `ovn nbctl` for the clients people type most).

mod applets;
mod install;

use std::path::Path;
use std::process::ExitCode;

use applets::{APPLETS, Applet};

fn main() -> ExitCode {
    let mut args = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
    let called = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let name =
        Path::new(&called).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match applets::find(&name) {
        Some(applet) => (applet.run)(&args),
        None => multi_call(&args),
    }
}

/// `ovn APPLET ARGS`, `ovn --list`, `ovn install`.
fn multi_call(args: &[String]) -> ExitCode {
    let Some(first) = args.first() else {
        print!("{}", usage());
        return ExitCode::FAILURE;
    };
    match first.as_str() {
        "-h" | "--help" | "help" => print!("{}", usage()),
        "-V" | "--version" | "version" => println!("{}", daemon::base::shell::version("ovn")),
        "--list" => APPLETS.iter().for_each(|applet| println!("{}", applet.name)),
        "install" => return install::run(&args[1..]),
        name => {
            return match applets::find(name) {
                Some(applet) => (applet.run)(&args[1..]),
                None => unknown(name),
            };
        }
    }
    ExitCode::SUCCESS
}

fn unknown(name: &str) -> ExitCode {
    let near: Vec<&str> = applets::nearest(name);
    match near.as_slice() {
        [] => eprintln!("ovn: no applet \"{name}\" (\"ovn --list\" names them all)"),
        near => eprintln!("ovn: no applet \"{name}\"; did you mean {}?", near.join(" or ")),
    }
    ExitCode::FAILURE
}

fn usage() -> String {
    let width = APPLETS.iter().map(|applet| applet.name.len()).max().unwrap_or(0);
    let lines: String = APPLETS
        .iter()
        .map(|Applet { name, short, summary, .. }| match short {
            Some(short) => format!("  {name:<width$}  {summary} (also: ovn {short})\n"),
            None => format!("  {name:<width$}  {summary}\n"),
        })
        .collect();
    format!(
        "ovn: virtual networking in one executable
usage: ovn APPLET [ARG...]
       ovn --list                 names of all applets
{}applets:
{lines}",
        install::USAGE
    )
}
