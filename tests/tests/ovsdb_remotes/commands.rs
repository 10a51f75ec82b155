//! Control commands of both servers, word for word.

use tests::process::run;

use super::bench::{Bench, SIDES, Side};

#[test]
fn control_commands_are_answered_the_same() {
    let Some(bench) = Bench::new() else { return };
    let _servers = SIDES.map(|side| bench.zoo(side, &format!("{side:?}"), &[]));
    let nowhere = bench.dir.path("nowhere").display().to_string();
    let lines: &[&[&str]] = &[
        &["ovsdb-server/add-remote", "db:x"],
        &["ovsdb-server/add-remote", "db:X,y,z"],
        &["ovsdb-server/add-remote", "db:Zoo,y,z"],
        &["ovsdb-server/add-remote", "db:Zoo,Root,z"],
        &["ovsdb-server/add-remote", "db:Zoo,Root,targets"],
        &["ovsdb-server/add-remote", "foo"],
        &["ovsdb-server/remove-remote", "nope"],
        &["ovsdb-server/list-remotes"],
        &["ovsdb-server/remove-remote", "db:Zoo,Root,targets"],
        &["ovsdb-server/remove-remote", "foo"],
        &["ovsdb-server/list-remotes"],
        &["ovsdb-server/add-db", &nowhere],
        &["ovsdb-server/remove-db", "nope"],
        &["ovsdb-server/remove-db", "_Server"],
        &["ovsdb-server/compact", "nope"],
        &["ovsdb-server/compact", "_Server"],
        &["ovsdb-server/compact"],
        &["ovsdb-server/compact", "Zoo"],
        &["ovsdb-server/list-dbs"],
        &["ovsdb-server/tlog-set", "a", "on"],
        &["ovsdb-server/tlog-set", "Zoo:x", "on"],
        &["ovsdb-server/tlog-set", "x:Cage", "on"],
        &["ovsdb-server/tlog-set", "Zoo:Cage", "maybe"],
        &["ovsdb-server/tlog-set", "Zoo:Cage", "on"],
        &["ovsdb-server/tlog-list"],
        &["ovsdb-server/tlog-set", "Zoo:Cage", "off"],
        &["ovsdb-server/tlog-list"],
        &["ovsdb-server/tlog-set"],
        &["ovsdb-server/memory-trim-on-compaction", "on"],
        &["ovsdb-server/memory-trim-on-compaction", "x"],
        &["ovsdb-server/reconnect"],
        &["ovsdb-server/sync-status"],
        &["ovsdb-server/get-db-storage-status", "Zoo"],
        &["ovsdb-server/get-db-storage-status", "x"],
        &["ovsdb-server/disable-monitor-cond"],
        &["ovsdb-server/remove-db", "Zoo"],
        &["ovsdb-server/list-dbs"],
        &["ovsdb-server/nope"],
        &["exit"],
    ];
    for line in lines {
        let answers = SIDES.map(|side| {
            let name = format!("{side:?}");
            bench.control(&name, line).replace(&format!("/{name}."), "/NAME.")
        });
        assert_eq!(answers[0], answers[1], "{line:?}");
    }
}

#[test]
fn a_server_ends_with_the_command_that_it_runs() {
    let Some(bench) = Bench::new() else { return };
    let lists = format!("ovsdb-client list-dbs {}", bench.remote("run"));
    for command in ["true", "exit 3", "echo said", &lists] {
        let outcomes = SIDES.map(|side| {
            let file = format!("{side:?}.run");
            let _ = std::fs::remove_file(bench.dir.path(&file));
            bench.create(&file);
            let mut server = bench.server(side);
            server.arg(bench.dir.path(&file)).arg(format!("--remote=p{}", bench.remote("run")));
            server.args(["--unixctl=none", "-vconsole:off", "-vsyslog:off", &format!("--run={command}")]);
            run(server)
        });
        assert_eq!(outcomes[0], outcomes[1], "{command}");
        assert_eq!(outcomes[0].code, Some(i32::from(command == "exit 3")), "{command}");
    }
}

#[test]
fn a_server_may_have_no_databases() {
    let Some(bench) = Bench::new() else { return };
    let _server = bench.serve(Side::Ours, "none", &["--no-dbs"]);
    assert_eq!(bench.ask(Side::Peer, &["list-dbs", &bench.remote("none")]).stdout, "_Server\n");
    bench.create("late.db");
    let file = bench.dir.path("late.db").display().to_string();
    assert_eq!(bench.control("none", &["ovsdb-server/add-db", &file]), "");
    assert_eq!(bench.ask(Side::Peer, &["list-dbs", &bench.remote("none")]).stdout, "Zoo\n_Server\n");
}
