//! Backups and relays, with the peer's server on either side.

use std::time::Duration;

use tests::process::Daemon;
use tests::wait_for;

use super::bench::{Bench, Side};

const PAIRS: [(Side, Side); 3] =
    [(Side::Ours, Side::Peer), (Side::Peer, Side::Ours), (Side::Ours, Side::Ours)];

const CONTENTS: &str = r#"{"op":"insert","table":"Animal","uuid-name":"cat","row":
      {"name":"cat","legs":4,"weight":3.5,"notes":["map",[["k","v"]]]}},
    {"op":"insert","table":"Animal","uuid-name":"eel","row":
      {"name":"eel","friends":["set",[["named-uuid","cat"],["named-uuid","eel"]]]}},
    {"op":"insert","table":"Cage","row":{"animals":["named-uuid","cat"],"size":["set",[3,1,2]]}},
    {"op":"insert","table":"RBAC_Role","row":{"name":"only here"}}"#;

fn dump(bench: &Bench, name: &str) -> String {
    bench.ask(Side::Peer, &["-f", "csv", "dump", &bench.remote(name), "Zoo"]).stdout
}

/// Waits until the copy holds what the source does.
#[track_caller]
fn until_equal(bench: &Bench, source: &str, copy: &str) {
    wait_for("the copy", Duration::from_secs(20), || {
        let (source, copy) = (dump(bench, source), dump(bench, copy));
        if source == copy { Ok(()) } else { Err(format!("{source}\n--- copy:\n{copy}")) }
    });
}

fn backup(bench: &Bench, side: Side, name: &str, source: &str, more: &[&str]) -> Daemon {
    let from = format!("--sync-from={}", bench.remote(source));
    let mut args = vec![from.as_str()];
    args.extend(more);
    bench.zoo(side, name, &args)
}

#[test]
fn a_backup_has_what_the_active_server_has_and_takes_over() {
    let Some(bench) = Bench::new() else { return };
    for (round, (active, standby)) in PAIRS.into_iter().enumerate() {
        let (source, copy) = (format!("source{round}"), format!("copy{round}"));
        let mut source_server = bench.zoo(active, &source, &[]);
        bench.transact(&bench.remote(&source), CONTENTS);
        let _copy_server = backup(&bench, standby, &copy, &source, &[]);
        until_equal(&bench, &source, &copy);
        let change = r#"{"op":"update","table":"Animal","where":[["name","==","cat"]],"row":{"legs":3}},
            {"op":"delete","table":"Animal","where":[["name","==","eel"]]},
            {"op":"insert","table":"Animal","row":{"name":"yak"}}"#;
        bench.transact(&bench.remote(&source), change);
        until_equal(&bench, &source, &copy);
        let status = bench.control(&copy, &["ovsdb-server/sync-status"]).replace(&source, "SOURCE");
        assert_eq!(status, "state: backup\nreplicating: unix:DIR/SOURCE.sock\ndatabase: Zoo\n");
        let insert = r#"["Zoo",{"op":"insert","table":"Cage","row":{}}]"#;
        let refused = bench.ask(Side::Peer, &["transact", &bench.remote(&copy), insert]).stdout;
        assert!(refused.contains("not allowed when database server is in read only mode"), "{refused}");
        source_server.kill();
        assert_eq!(bench.control(&copy, &["ovsdb-server/disconnect-active-ovsdb-server"]), "");
        assert_eq!(bench.control(&copy, &["ovsdb-server/sync-status"]), "state: active\n");
        bench.transact(&bench.remote(&copy), r#"{"op":"insert","table":"Animal","row":{"name":"new here"}}"#);
        assert!(dump(&bench, &copy).contains("yak"));
    }
}

#[test]
fn a_backup_leaves_out_what_it_is_told_to_and_is_steered() {
    let Some(bench) = Bench::new() else { return };
    let _source = bench.zoo(Side::Peer, "source", &[]);
    bench.transact(&bench.remote("source"), CONTENTS);
    let exclude = "--sync-exclude-tables=Zoo:RBAC_Role";
    let _copies = [Side::Ours, Side::Peer]
        .map(|side| backup(&bench, side, &format!("{side:?}"), "source", &[exclude, "--active"]));
    let source = bench.remote("source");
    let lines: &[&[&str]] = &[
        &["ovsdb-server/sync-status"],
        &["ovsdb-server/get-active-ovsdb-server"],
        &["ovsdb-server/get-sync-exclude-tables"],
        &["ovsdb-server/set-sync-exclude-tables", "Zoo:RBAC_Role"],
        &["ovsdb-server/set-active-ovsdb-server-probe-interval", "x"],
        &["ovsdb-server/set-active-ovsdb-server-probe-interval", "5000"],
        &["ovsdb-server/set-active-ovsdb-server", "unix:nowhere.sock"],
        &["ovsdb-server/get-active-ovsdb-server"],
        &["ovsdb-server/connect-active-ovsdb-server"],
        &["ovsdb-server/sync-status"],
        &["ovsdb-server/set-active-ovsdb-server", &source],
        &["ovsdb-server/connect-active-ovsdb-server"],
    ];
    for line in lines {
        let [ours, peers] = ["Ours", "Peer"].map(|name| bench.control(name, line));
        assert_eq!(ours, peers, "{line:?}");
    }
    let replicating = |name: &str| {
        wait_for("replication", Duration::from_secs(20), || {
            let status = bench.control(name, &["ovsdb-server/sync-status"]);
            if status.contains("replicating") { Ok(status) } else { Err(status) }
        })
    };
    assert_eq!(replicating("Ours"), replicating("Peer"));
    until_equal(&bench, "Ours", "Peer");
    assert!(!dump(&bench, "Ours").contains("only here"));
    // A server does not follow itself.
    bench.control("Ours", &["ovsdb-server/set-active-ovsdb-server", &bench.remote("Ours")]);
    bench.control("Ours", &["ovsdb-server/connect-active-ovsdb-server"]);
    wait_for("the refusal", Duration::from_secs(20), || {
        let status = bench.control("Ours", &["ovsdb-server/sync-status"]);
        if status.contains("failed") { Ok(()) } else { Err(status) }
    });
}

#[test]
fn a_relay_is_read_here_and_written_there() {
    let Some(bench) = Bench::new() else { return };
    for (round, (source_side, relay_side)) in PAIRS.into_iter().enumerate() {
        let (source, relay) = (format!("source{round}"), format!("relay{round}"));
        let mut source_server = bench.zoo(source_side, &source, &[]);
        bench.transact(&bench.remote(&source), CONTENTS);
        let operand = format!("relay:Zoo:{}", bench.remote(&source));
        let _relay_server = bench.serve(relay_side, &relay, &[&operand]);
        let remote = bench.remote(&relay);
        let ready = ["-t", "20", "wait", &remote, "Zoo", "connected"];
        assert_eq!(bench.ask(Side::Ours, &ready).code, Some(0));
        until_equal(&bench, &source, &relay);
        let watcher = bench.start_client(
            Side::Ours,
            &format!("{relay}-watch"),
            &["monitor", &remote, "Zoo", "Animal", "name"],
        );
        watcher.until("the first rows", |text| text.contains("eel"));
        let results = bench.transact(
            &remote,
            r#"{"op":"insert","table":"Animal","row":{"name":"yak"}},{"op":"select","table":"Animal","where":[],"columns":["name"]}"#,
        );
        assert_eq!(results[1]["rows"].as_array().unwrap().len(), 3, "{results}");
        watcher.until("the new row", |text| text.contains("yak"));
        until_equal(&bench, &source, &relay);
        let params = r#"["Zoo",{"op":"insert","table":"Animal","row":{"name":"yak"}}]"#;
        let refused = bench.ask(Side::Ours, &["transact", &remote, params]).stdout;
        assert!(refused.contains("constraint violation"), "{refused}");
        let row = bench.ask(
            Side::Ours,
            &["transact", &remote, r#"["_Server",{"op":"select","table":"Database","where":[["name","==","Zoo"]],"columns":["model","connected","leader"]}]"#],
        );
        assert_eq!(row.stdout, "[{\"rows\":[{\"connected\":true,\"leader\":false,\"model\":\"relay\"}]}]\n");
        source_server.kill();
        // The peer's relay only notices a source that is gone when a probe stays unanswered.
        if relay_side == Side::Ours {
            let lost = [
                "-t",
                "20",
                "transact",
                &remote,
                r#"["_Server",{"op":"wait","table":"Database","where":[["name","==","Zoo"]],"columns":["connected"],"until":"==","rows":[{"connected":false}]}]"#,
            ];
            assert_eq!(bench.ask(Side::Ours, &lost).stdout, "[{}]\n");
        }
        let select = [
            "transact",
            &remote,
            r#"["Zoo",{"op":"select","table":"Animal","where":[["name","==","yak"]],"columns":["name"]}]"#,
        ];
        assert_eq!(
            bench.ask(Side::Ours, &select).stdout,
            "[{\"rows\":[{\"name\":\"yak\"}]}]\n",
            "still read"
        );
    }
}
