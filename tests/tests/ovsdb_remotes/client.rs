//! `ovsdb-client`: every subcommand, both clients, both servers.

use std::process::Stdio;

use tests::process::{Outcome, run_ok};

use super::bench::{Bench, SIDES, Side};

const CONTENTS: &str = r#"{"op":"insert","table":"Animal","uuid-name":"cat","row":
      {"name":"a \"cat\", or two","legs":4,"weight":3.5,"tame":true,"notes":["map",[["k","v"],["x y","<&>"]]]}},
    {"op":"insert","table":"Animal","uuid-name":"eel","row":
      {"name":"eel","weight":1e20,"friends":["set",[["named-uuid","cat"],["named-uuid","eel"]]]}},
    {"op":"insert","table":"Cage","row":{"animals":["named-uuid","cat"],"size":["set",[3,1,2]]}},
    {"op":"insert","table":"Cage","row":{}}"#;

/// The servers with the same contents, even to the UUIDs.
fn servers(bench: &Bench) -> (tests::process::Daemon, tests::process::Daemon) {
    bench.create("peer.db");
    let peer = bench.serve(Side::Peer, "peer", &[bench.dir.path("peer.db").to_str().unwrap()]);
    bench.transact(&bench.remote("peer"), CONTENTS);
    std::fs::copy(bench.dir.path("peer.db"), bench.dir.path("ours.db")).unwrap();
    let ours = bench.serve(Side::Ours, "ours", &[bench.dir.path("ours.db").to_str().unwrap()]);
    (ours, peer)
}

/// The same words but for which server was asked, and the order of lines where the peer's is that of a hash table.
fn same(bench: &Bench, args: &[&str], sorted: bool) {
    let mut seen: Vec<(String, Outcome)> = Vec::new();
    for server in ["ours", "peer"] {
        for client in SIDES {
            let remote = bench.remote(server);
            let args: Vec<&str> = args.iter().map(|arg| if *arg == "@" { &remote } else { *arg }).collect();
            let mut outcome = bench.ask(client, &args);
            for text in [&mut outcome.stdout, &mut outcome.stderr] {
                *text = text.replace(&format!("/{server}.sock"), "/SOCK");
                if sorted {
                    let mut lines: Vec<&str> = text.lines().collect();
                    lines.sort_unstable();
                    *text = lines.join("\n");
                }
            }
            seen.push((format!("{client:?} client, {server} server"), outcome));
        }
    }
    let (peer, expected) = seen.last().unwrap().clone();
    for (who, outcome) in seen {
        assert_eq!(outcome, expected, "{args:?}: {who} against {peer}");
    }
}

#[test]
fn every_subcommand_says_the_same_with_either_client_on_either_server() {
    let Some(bench) = Bench::new() else { return };
    let _servers = servers(&bench);
    let select = r#"["Zoo",{"op":"select","table":"Animal","where":[["name","==","eel"]],"columns":["name","weight","legs","notes"]}]"#;
    let bad = r#"["Zoo",{"op":"insert","table":"Nope","row":{}},{"op":"abort"}]"#;
    let new = r#"["Zoo",{"op":"insert","table":"Cage","row":{}}]"#;
    let schema = bench.dir.path("zoo.ovsschema");
    let schema = schema.to_str().unwrap();
    let lines: &[&[&str]] = &[
        &["list-dbs", "@"],
        &["get-schema", "@"],
        &["get-schema", "@", "Zoo"],
        &["--pretty", "get-schema", "@", "_Server"],
        &["get-schema", "@", "Nope"],
        &["get-schema-version", "@", "Zoo"],
        &["get-schema-cksum", "@", "Zoo"],
        &["transact", "@", select],
        &["--pretty", "transact", "@", select],
        &["query", "@", select],
        &["query", "@", bad],
        &["transact", "@", bad],
        &["transact", "@", r#"["Nope"]"#],
        &["transact", "@", "{}"],
        &["transact", "@", "[1]"],
        &["dump", "@"],
        &["dump", "@", "Zoo", "Animal"],
        &["dump", "@", "Zoo", "Animal", "weight", "name", "_uuid"],
        &["dump", "@", "Zoo", "Nope"],
        &["dump", "@", "Zoo", "Animal", "nope"],
        &["needs-conversion", "@", schema],
        &["wait", "@", "Zoo", "connected"],
        &["wait", "@", "Zoo", "added"],
        &["wait", "@", "Nope", "removed"],
        &["wait", "@", "Zoo", "lost"],
        &["nope"],
        &[],
        &["lock", "@"],
        &["dump", "unix:nowhere"],
        &["dump", "carrier:pigeon"],
        &["--format=nope", "list-dbs", "@"],
        &["--data=nope", "list-dbs", "@"],
        &["--timeout=0", "list-dbs", "@"],
        &["monitor", "@", "Zoo", "Nope"],
        &["monitor", "@", "Zoo", "Animal", "name,nope"],
        &["monitor", "@", "Zoo", "Animal", "name", "name"],
        &["monitor-cond", "@", "Zoo", r#"[["nope","==",1]]"#, "Animal"],
        &["monitor-cond", "@", "Zoo", r#"[true]"#, "Nope"],
        &["backup", "@", "Nope", "more"],
        &["restore", "@", "Zoo"],
        &["transact", "ssl:127.0.0.1:1", new],
    ];
    for args in lines {
        same(&bench, args, false);
    }
    for format in ["table", "list", "html", "csv", "json"] {
        for data in ["string", "bare", "json"] {
            same(&bench, &["-f", format, "-d", data, "dump", "@", "Zoo"], false);
        }
        for more in ["--no-headings", "--pretty", "--bare", "--max-column-width=3"] {
            same(&bench, &["-f", format, more, "dump", "@", "Zoo"], false);
        }
        if format != "json" {
            same(&bench, &["-f", format, "list-columns", "@", "Zoo", "Animal"], true);
            same(&bench, &["-f", format, "list-columns", "@", "Zoo"], true);
            same(&bench, &["-f", format, "list-tables", "@", "Zoo"], true);
        }
    }
}

#[test]
fn monitors_print_the_same() {
    let Some(bench) = Bench::new() else { return };
    let _servers = servers(&bench);
    let zero = "00000000-0000-0000-0000-000000000000";
    // One initial row: where there are more, their order within one line of JSON is that of the peer's hash table.
    let cond = r#"[["name","!=","a \"cat\", or two"]]"#;
    let lines: &[&[&str]] = &[
        &["monitor", "@", "Zoo", "Animal", "name,legs,notes"],
        &["monitor", "@", "Zoo", "Animal", "!modify,name", "!delete,legs"],
        &["-f", "list", "monitor", "@", "Zoo", "Animal", "name,weight"],
        &["-f", "json", "monitor-cond", "@", "Zoo", cond, "Animal", "name,legs,notes"],
        &["-f", "csv", "monitor-cond-since", "@", "Zoo", zero, cond, "Animal", "name,tame"],
        &["-f", "html", "monitor-cond-since", "@", "Zoo", cond, "Animal", "name,tame"],
        &["-d", "bare", "monitor", "@", "Zoo", "Animal", "name,notes,friends"],
    ];
    let row = "00000000-0000-4000-8000-000000000";
    for (round, line) in lines.iter().enumerate() {
        let mut seen = Vec::new();
        let uuid = format!("{row}{round:03}");
        for server in ["ours", "peer"] {
            let remote = bench.remote(server);
            let args: Vec<&str> = line.iter().map(|arg| if *arg == "@" { &remote } else { *arg }).collect();
            let start = |side, name| bench.start_client(side, name, &args);
            let clients = [start(Side::Ours, "ours"), start(Side::Peer, "peer")];
            for client in &clients {
                client.until("the first rows", |text| text.contains("initial"));
            }
            bench.transact(&remote, &format!(
                r#"{{"op":"insert","table":"Animal","uuid":"{uuid}","row":{{"name":"new","notes":["map",[["a","b"]]]}}}}"#
            ));
            bench.transact(
                &remote,
                &format!(
                    r#"{{"op":"update","table":"Animal","where":[["_uuid","==",["uuid","{uuid}"]]],"row":
                   {{"name":"newer","legs":8,"notes":["map",[["a","c"],["d","e"]]]}}}}"#
                ),
            );
            bench.transact(
                &remote,
                &format!(r#"{{"op":"delete","table":"Animal","where":[["_uuid","==",["uuid","{uuid}"]]]}}"#),
            );
            bench.transact(&remote, r#"{"op":"insert","table":"Animal",
                "uuid":"00000000-0000-4000-8000-0000000000ff","row":{"name":"zebra"}},
                {"op":"update","table":"Animal","where":[["name","==","zebra"]],"row":{"legs":1,"tame":true}}"#);
            for client in &clients {
                let text = client.until("the last row", |text| text.contains("zebra"));
                seen.push(normal(&text));
            }
            bench.transact(&remote, r#"{"op":"delete","table":"Animal","where":[["name","==","zebra"]]}"#);
        }
        for text in &seen[..3] {
            assert_eq!(text, &seen[3], "{line:?}");
        }
    }
}

/// Initial rows come in the order of a hash table from the peer's client; random UUIDs and transactions are alike.
fn normal(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(masked).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The line with a mark for each UUID but those that we chose.
fn masked(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_uuid = |text: &str| {
            text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
        };
        match rest.get(..36) {
            Some(uuid) if is_uuid(uuid) && !uuid.starts_with("00000000-0000-4") => {
                out.push_str("UUID");
                rest = &rest[36..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

#[test]
fn a_backup_of_either_client_is_restored_by_the_other() {
    let Some(bench) = Bench::new() else { return };
    let _servers = servers(&bench);
    let contents =
        |remote: &str| {
            let columns = ["name", "weight", "legs", "notes"];
            run_ok(bench.client(
                Side::Peer,
                &[&["-f", "csv", "dump", remote, "Zoo", "Animal"][..], &columns].concat(),
            ))
        };
    for (saver, restorer, from, to) in [
        (Side::Ours, Side::Peer, "ours", "peer"),
        (Side::Peer, Side::Ours, "peer", "ours"),
        (Side::Ours, Side::Ours, "ours", "peer"),
    ] {
        let (from, to) = (bench.remote(from), bench.remote(to));
        let before = contents(&from);
        let file = bench.dir.path("backup");
        let mut save = bench.client(saver, &["backup", &from, "Zoo"]);
        let saved = save.stdin(Stdio::null()).output().unwrap();
        assert!(saved.status.success());
        std::fs::write(&file, saved.stdout).unwrap();
        bench.transact(
            &to,
            r#"{"op":"delete","table":"Cage","where":[]},{"op":"delete","table":"Animal","where":[]}"#,
        );
        let mut restore = bench.client(restorer, &["restore", &to, "Zoo"]);
        let status = restore.stdin(std::fs::File::open(&file).unwrap()).status().unwrap();
        assert!(status.success());
        assert_eq!(contents(&to), before);
    }
}

#[test]
fn locks_are_followed_and_a_schema_is_changed() {
    let Some(bench) = Bench::new() else { return };
    let _servers = servers(&bench);
    let changed = super::bench::SCHEMA.replace("1.2.3", "1.2.4").replace("\"cksum\": \"12 34\", ", "");
    std::fs::write(bench.dir.path("new.ovsschema"), changed).unwrap();
    let schema = bench.dir.path("new.ovsschema");
    for (client, server) in [(Side::Ours, "peer"), (Side::Ours, "ours"), (Side::Peer, "ours")] {
        let remote = bench.remote(server);
        let owner = bench.start_client(client, "owner", &["lock", &remote, "L"]);
        owner.until("the lock", |text| text == "{\"locked\":true}\n");
        let waiter = bench.start_client(client, "waiter", &["lock", &remote, "L"]);
        waiter.until("the place in line", |text| text == "{\"locked\":false}\n");
        let thief = bench.start_client(client, "thief", &["steal", &remote, "L"]);
        thief.until("the loot", |text| text == "{\"locked\":true}\n");
        owner.until("the theft", |text| text == "{\"locked\":true}\nstolen\n[\"L\"]\n");
        drop(owner);
        drop(thief);
        waiter.until("the turn", |text| text == "{\"locked\":false}\nlocked\n[\"L\"]\n");
        // What is not held cannot be given back: the refusal is passed over, and the client stays until its time is up.
        assert_eq!(bench.ask(client, &["--timeout=1", "unlock", &remote, "M"]).stdout, "");
    }
    for server in ["ours", "peer"] {
        let remote = bench.remote(server);
        let file = schema.to_str().unwrap();
        assert_eq!(bench.ask(Side::Ours, &["needs-conversion", &remote, file]).stdout, "yes\n");
        run_ok(bench.client(Side::Ours, &["convert", &remote, file]));
        assert_eq!(bench.ask(Side::Peer, &["needs-conversion", &remote, file]).stdout, "no\n");
    }
}

#[test]
fn a_client_in_the_background_takes_orders_and_waits_for_a_server_to_connect() {
    let Some(bench) = Bench::new() else { return };
    let _servers = servers(&bench);
    let (control, pidfile) = (bench.dir.path("watch.ctl"), bench.dir.path("watch.pid"));
    let mut command = bench.client(
        Side::Ours,
        &["--detach", "--no-chdir", "-f", "csv", "monitor", &bench.remote("ours"), "Zoo", "Animal", "name"],
    );
    let text = bench.dir.path("watch.text");
    command
        .arg(format!("--unixctl={}", control.display()))
        .arg(format!("--pidfile={}", pidfile.display()))
        .stdout(std::fs::File::create(&text).unwrap())
        .stdin(Stdio::null());
    assert!(command.status().unwrap().success());
    assert!(std::fs::read_to_string(&text).unwrap().contains("eel"), "printed before the parent returned");
    assert_eq!(bench.control("watch", &["ovsdb-client/unblock"]), "already unblocked\n");
    assert_eq!(bench.control("watch", &["exit"]), "");
    let listener = bench.dir.path("back.sock");
    let passive = format!("punix:{}", listener.display());
    let waiting = bench.start_client(Side::Ours, "waiting", &["list-dbs", &passive]);
    let add = format!("unix:{}", listener.display());
    bench.control("peer", &["ovsdb-server/add-remote", &add]);
    waiting.until("the names", |text| text == "Zoo\n_Server\n");
}
