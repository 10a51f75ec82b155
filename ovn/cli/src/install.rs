//! `ovn install --links DIR`: one symbolic link for each applet, so that scripts find the names they know.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use crate::applets::APPLETS;

/// Makes the links. A link that points here already is left; any other file of that name is an error.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let dir = match args {
        [option, dir] if option == "--links" => dir,
        [one] if one.starts_with("--links=") => &one["--links=".len()..],
        _ => {
            eprintln!("ovn: usage: ovn install --links DIR");
            return ExitCode::FAILURE;
        }
    };
    match links(Path::new(dir)) {
        Ok(made) => {
            println!("{made} links in {dir}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ovn: {error}");
            ExitCode::FAILURE
        }
    }
}

fn links(dir: &Path) -> io::Result<usize> {
    let told =
        |what: String| move |error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
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
