//! Control commands of both servers, word for word.

use super::bench::{Bench, SIDES};

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
