//! `ovn install`: links, man pages and completion where the system looks for them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use ctl::complete::{SHELLS, script};
use ctl::{Program, manual};

use crate::applets::APPLETS;

/// What the command line is like.
pub(crate) const USAGE: &str = "       ovn install --links DIR        makes a link in DIR for each applet
       ovn install --man DIR          writes man pages into DIR/man8
       ovn install --completions DIR  writes completions for bash, zsh and fish into DIR
";

/// Installs one kind of thing into a folder, and says how many.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let words: Vec<&str> = args.iter().flat_map(|arg| arg.splitn(2, '=')).collect();
    let outcome = match words[..] {
        ["--links", dir] => links(Path::new(dir)).map(|made| format!("{made} links in {dir}")),
        ["--man", dir] => {
            let pages = Program::ALL.map(manual::page);
            write_all(&Path::new(dir).join("man8"), &pages).map(|made| format!("{made} pages in {dir}/man8"))
        }
        ["--completions", dir] => {
            let scripts: Vec<(String, String)> = Program::ALL
                .into_iter()
                .flat_map(|program| SHELLS.map(|shell| script(shell, program.name())))
                .collect();
            write_all(Path::new(dir), &scripts).map(|made| format!("{made} completions in {dir}"))
        }
        _ => {
            eprint!("ovn: usage:\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match outcome {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ovn: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An error with what was being done.
fn told(what: String) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Makes the links. A link that points here already is left; any other file of that name is an error.
fn links(dir: &Path) -> io::Result<usize> {
    let executable = std::env::current_exe()?;
    fs::create_dir_all(dir).map_err(told(format!("cannot make {}", dir.display())))?;
    for applet in APPLETS {
        let link = dir.join(applet.name);
        match fs::read_link(&link) {
            Ok(target) if target == executable => {}
            Ok(_) => {
                fs::remove_file(&link)?;
                symlink(&executable, &link)?;
            }
            Err(_) => symlink(&executable, &link).map_err(told(format!("cannot link {}", link.display())))?,
        }
    }
    Ok(APPLETS.len())
}

/// Writes files, in the place of those that have their names.
fn write_all(dir: &Path, files: &[(String, String)]) -> io::Result<usize> {
    fs::create_dir_all(dir).map_err(told(format!("cannot make {}", dir.display())))?;
    for (name, text) in files {
        let file = dir.join(name);
        fs::write(&file, text).map_err(told(format!("cannot write {}", file.display())))?;
    }
    Ok(files.len())
}
