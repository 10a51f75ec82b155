//! What `ovn install` writes: man pages that man(1) reads without a complaint, and completion that bash, and zsh and
//! fish where they are installed, make use of.

use std::path::Path;
use std::process::Command;

use tests::process::{Daemon, Outcome, RunDir, run, run_ok};
use tests::{need, skip};

fn installed(run: &RunDir, what: &str) -> std::path::PathBuf {
    let dir = run.path(&what.trim_start_matches('-').replace('/', "-"));
    let mut install = Command::new(tests::executable());
    install.arg("install").arg(what).arg(&dir);
    run_ok(install);
    dir
}

/// A northbound database with two switches.
fn northbound(run: &RunDir) -> Daemon {
    let schema = schema::nb::schema().to_json().to_string();
    std::fs::write(run.path("nb.ovsschema"), schema).expect("the run directory is writable");
    let mut create = run.ours("ovsdb-tool");
    create.arg("create").arg(run.path("nb.conf")).arg(run.path("nb.ovsschema"));
    run_ok(create);
    let mut serve = run.ours("ovsdb-server");
    serve.arg(format!("--remote=punix:{}", run.path("ovnnb_db.sock").display()));
    serve.args(["--unixctl=none", "-vconsole:off"]).arg(run.path("nb.conf"));
    let server = run.start("nb", serve);
    run.wait_for_socket("ovnnb_db.sock");
    let mut add = run.ours("ovn-nbctl");
    add.args(["ls-add", "sw0", "--", "ls-add", "sw1"]);
    run_ok(add);
    server
}

/// What bash offers at the end of a line that it takes apart into these words.
fn bash(run_dir: &RunDir, line: &str, words: &[&str]) -> Outcome {
    let (links, completions) = (run_dir.path("links"), run_dir.path("completions"));
    let mut bash = run_dir.peer(Path::new("bash"));
    let script = r#"
        source "$1/ovn-nbctl"
        [[ $(complete -p ovn-nbctl) == *_ovn_nbctl* ]] || exit 3
        COMP_LINE=$2 COMP_POINT=${#2}
        shift 2
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _ovn_nbctl
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    bash.args(["--norc", "-c", script, "bash"]).arg(completions).arg(line).args(words);
    bash.env("PATH", format!("{}:/usr/bin:/bin", links.display()));
    run(bash)
}

#[test]
fn bash_offers_verbs_options_and_rows() {
    if need("bash").is_none() {
        return;
    }
    let run_dir = RunDir::default();
    installed(&run_dir, "--links");
    installed(&run_dir, "--completions");
    let server = northbound(&run_dir);
    let cases: &[(&str, &[&str], &str)] = &[
        ("ovn-nbctl ls-d", &["ovn-nbctl", "ls-d"], "ls-del\n"),
        ("ovn-nbctl ls-del s", &["ovn-nbctl", "ls-del", "s"], "sw0\nsw1\n"),
        ("ovn-nbctl ls-del ", &["ovn-nbctl", "ls-del", ""], "sw0\nsw1\n"),
        ("ovn-nbctl --format=c", &["ovn-nbctl", "--format", "=", "c"], "csv\n"),
        ("ovn-nbctl --form", &["ovn-nbctl", "--form"], "--format=\n"),
        ("ovn-nbctl list Logical_Switch sw1", &["ovn-nbctl", "list", "Logical_Switch", "sw1"], "sw1\n"),
    ];
    for (line, words, offered) in cases {
        let expected = Outcome { code: Some(0), stdout: (*offered).to_owned(), stderr: String::new() };
        assert_eq!(bash(&run_dir, line, words), expected, "{line}");
    }
    drop(server);
    let silent = bash(&run_dir, "ovn-nbctl ls-del s", &["ovn-nbctl", "ls-del", "s"]);
    let nothing = Outcome { code: Some(0), stdout: "\n".to_owned(), stderr: String::new() };
    assert_eq!(silent, nothing, "without a database");
}

#[test]
fn zsh_and_fish_read_their_scripts() {
    let run_dir = RunDir::default();
    let completions = installed(&run_dir, "--completions");
    for (shell, file) in [("zsh", "_ovn-nbctl"), ("fish", "ovn-nbctl.fish")] {
        let program = Path::new("/usr/bin").join(shell);
        let script = completions.join(file);
        assert!(script.is_file(), "{}", script.display());
        // No peer: few machines have both.
        if program.is_file() {
            let mut check = Command::new(program);
            check.arg("-n").arg(script);
            run_ok(check);
        }
    }
}

#[test]
fn man_reads_the_pages_without_a_complaint() {
    let run_dir = RunDir::default();
    let folder = installed(&run_dir, "--man").join("man8");
    let formatter = ["/usr/bin/man", "/usr/bin/groff"].into_iter().find(|path| Path::new(path).is_file());
    let Some(formatter) = formatter else { return skip("neither man nor groff is installed") };
    for program in ctl::Program::ALL {
        let mut format = Command::new(formatter);
        match formatter {
            "/usr/bin/man" => format.args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8"]),
            _ => format.args(["-man", "-ww", "-Tutf8"]),
        };
        format.env("MANWIDTH", "80").arg(folder.join(format!("{}.8", program.name())));
        let outcome = run(format);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{}", program.name());
        assert!(outcome.stdout.contains("seconds to give up after"), "{}", outcome.stdout);
    }
}
