//! Remotes that are rows, their keys and roles: our server beside the peer's, with the clients of both.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use tests::process::Daemon;
use tests::wait_for;

use super::bench::{Bench, SIDES, Side};
use super::pki::Authority;

/// A server of the zoo that listens where rows say, with the keys that a row names.
fn server(bench: &Bench, side: Side) -> Daemon {
    let dir = bench.dir.path("");
    let name = format!("{side:?}");
    let keys = [
        "--remote=db:Zoo,Root,connections",
        "--private-key=db:Zoo,SSL,private_key",
        "--certificate=db:Zoo,SSL,certificate",
        "--ca-cert=db:Zoo,SSL,ca_cert",
    ];
    let daemon = bench.zoo(side, &name, &keys);
    let file = |what: &str| dir.join(format!("db-{what}.pem")).display().to_string();
    let (key, certificate, ca) = (file("key"), file("cert"), file("ca"));
    bench.transact(
        &bench.remote(&name),
        &format!(
            r#"{{"op":"insert","table":"Connection","uuid-name":"plain","row":
                 {{"target":"ptcp:0:127.0.0.1","read_only":true,"inactivity_probe":0}}}},
               {{"op":"insert","table":"Connection","uuid-name":"safe","row":
                 {{"target":"pssl:0:127.0.0.1","role":"keeper","max_backoff":1000}}}},
               {{"op":"insert","table":"SSL","uuid-name":"keys","row":
                 {{"private_key":"{key}","certificate":"{certificate}","ca_cert":"{ca}"}}}},
               {{"op":"insert","table":"Root","row":{{"ssl":["named-uuid","keys"],
                 "connections":["set",[["named-uuid","plain"],["named-uuid","safe"]]]}}}},
               {{"op":"insert","table":"RBAC_Permission","uuid-name":"animals","row":{{"table":"Animal",
                 "authorization":["set",["name","notes:keeper"]],"insert_delete":true,
                 "update":["set",["legs","tame"]]}}}},
               {{"op":"insert","table":"RBAC_Permission","uuid-name":"cages","row":{{"table":"Cage",
                 "authorization":"","insert_delete":false,"update":"size"}}}},
               {{"op":"insert","table":"RBAC_Role","row":{{"name":"keeper","permissions":["map",
                 [["Animal",["named-uuid","animals"]],["Cage",["named-uuid","cages"]]]]}}}},
               {{"op":"insert","table":"Animal","row":{{"name":"dog"}}}},
               {{"op":"insert","table":"Cage","row":{{}}}}"#
        ),
    );
    daemon
}

/// The status of the remote with this target, once it has what `wanted` says.
#[track_caller]
fn status(
    bench: &Bench,
    side: Side,
    target: &str,
    wanted: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    let remote = bench.remote(&format!("{side:?}"));
    let select = format!(
        r#"{{"op":"select","table":"Connection","where":[["target","==","{target}"]],"columns":["is_connected","status"]}}"#
    );
    wait_for(&format!("the status of {target}"), Duration::from_secs(20), || {
        let row = bench.transact(&remote, &select)[0]["rows"][0].clone();
        if wanted(&row) { Ok(row) } else { Err(row.to_string()) }
    })
}

fn port(bench: &Bench, side: Side, target: &str) -> String {
    let row = status(bench, side, target, |row| row.to_string().contains("bound_port"));
    let pairs = row["status"][1].as_array().unwrap().clone();
    let pair = pairs.iter().find(|pair| pair[0] == "bound_port").unwrap();
    pair[1].as_str().unwrap().to_owned()
}

#[test]
fn remotes_and_keys_that_are_rows_are_followed_and_roles_hold() {
    let Some(bench) = Bench::new() else { return };
    let dir = bench.dir.path("");
    let (ca, other) = (Authority::new("CA"), Authority::new("another CA"));
    ca.sign(&dir, "db");
    ca.sign(&dir, "ann");
    other.sign(&dir, "eve");
    let _servers = SIDES.map(|side| server(&bench, side));
    let keys = |who: &str, ca: &str| {
        let file = |name: &str, what: &str| dir.join(format!("{name}-{what}.pem")).display().to_string();
        [
            format!("--private-key={}", file(who, "key")),
            format!("--certificate={}", file(who, "cert")),
            format!("--ca-cert={}", file(ca, "ca")),
        ]
    };
    let [plain, safe] = ["ptcp:0:127.0.0.1", "pssl:0:127.0.0.1"];
    let remotes = SIDES.map(|side| {
        let plain = format!("tcp:127.0.0.1:{}", port(&bench, side, plain));
        (plain, format!("ssl:127.0.0.1:{}", port(&bench, side, safe)))
    });
    // Noise on the port of TLS harms nobody.
    for (_, safe) in &remotes {
        let mut stream = TcpStream::connect(safe.trim_start_matches("ssl:")).unwrap();
        stream.write_all(b"{\"id\":1,\"method\":\"list_dbs\",\"params\":[]}\n").unwrap();
    }
    for operations in [
        r#"{"op":"insert","table":"Animal","row":{"name":"x"}}"#,
        r#"{"op":"select","table":"Animal","where":[],"columns":["name"]}"#,
    ] {
        let params = format!("[\"Zoo\",{operations}]");
        let ask = |side, remote: &str| bench.ask(side, &["transact", remote, &params]);
        let expected = ask(Side::Peer, &remotes[1].0);
        for (client, server) in [(Side::Ours, 0), (Side::Ours, 1), (Side::Peer, 0)] {
            assert_eq!(ask(client, &remotes[server].0), expected, "{operations}: {client:?}, {server}");
        }
    }
    for operations in [
        r#"{"op":"insert","table":"Animal","uuid":"00000000-0000-4000-8000-000000000001","row":{"name":"ann"}}"#,
        r#"{"op":"insert","table":"Animal","row":{"name":"bob"}}"#,
        r#"{"op":"insert","table":"Animal","uuid":"00000000-0000-4000-8000-000000000002","row":{"name":"cow","notes":["map",[["keeper","ann"]]]}}"#,
        r#"{"op":"update","table":"Animal","where":[["name","==","ann"]],"row":{"legs":2}}"#,
        r#"{"op":"update","table":"Animal","where":[["name","==","ann"]],"row":{"weight":2}}"#,
        r#"{"op":"update","table":"Animal","where":[["name","==","nobody"]],"row":{"weight":2}}"#,
        r#"{"op":"update","table":"Animal","where":[],"row":{"legs":2}}"#,
        r#"{"op":"mutate","table":"Animal","where":[["name","==","cow"]],"mutations":[["legs","insert",4]]}"#,
        r#"{"op":"mutate","table":"Animal","where":[["name","==","cow"]],"mutations":[["notes","insert",["map",[["a","b"]]]]]}"#,
        r#"{"op":"delete","table":"Animal","where":[["name","==","cow"]]}"#,
        r#"{"op":"delete","table":"Animal","where":[]}"#,
        r#"{"op":"update","table":"Cage","where":[],"row":{"size":7}}"#,
        r#"{"op":"insert","table":"Cage","row":{}}"#,
        r#"{"op":"delete","table":"Cage","where":[]}"#,
        r#"{"op":"update","table":"Root","where":[],"row":{"targets":"x"}}"#,
        r#"{"op":"delete","table":"RBAC_Role","where":[]}"#,
        r#"{"op":"select","table":"Animal","where":[["name","==","ann"]],"columns":["name","legs"]}"#,
    ] {
        let params = format!("[\"Zoo\",{operations}]");
        let outcomes = SIDES.map(|server| {
            let keys = keys("ann", "ann");
            let mut args: Vec<&str> = keys.iter().map(String::as_str).collect();
            let remote = &remotes[usize::from(server == Side::Peer)].1;
            args.extend(["transact", remote, &params]);
            // The clients take turns, so that each meets each server.
            let client = if operations.len() % 2 == 0 { Side::Ours } else { Side::Peer };
            bench.ask(client, &args)
        });
        assert_eq!(outcomes[0], outcomes[1], "{operations}");
    }
    for (_, safe) in &remotes {
        for client in SIDES {
            let fails = |keys: &[String]| {
                let mut args: Vec<&str> = keys.iter().map(String::as_str).collect();
                args.extend(["list-dbs", safe]);
                assert_eq!(bench.ask(client, &args).code, Some(1), "{client:?}, {safe}: {keys:?}");
            };
            fails(&keys("eve", "eve"));
            fails(&keys("eve", "ann"));
            fails(&[]);
        }
    }
    statuses(&bench, &remotes[0].0, &remotes[1].0, plain);
}

/// The rows say who is connected; a change of a row is followed.
fn statuses(bench: &Bench, ours: &str, peers: &str, plain: &str) {
    let watch = |remote: &str, name: &str| {
        let watcher = bench.start_client(Side::Ours, name, &["monitor", remote, "Zoo", "Animal", "name"]);
        watcher.until("the first rows", |text| text.contains("dog"));
        watcher
    };
    let _watchers = [watch(ours, "one"), watch(ours, "two"), watch(peers, "three"), watch(peers, "four")];
    let masked = |side| {
        let row = status(bench, side, plain, |row| row.to_string().contains("n_connections"));
        let mut pairs = row["status"][1].as_array().unwrap().clone();
        pairs.retain(|pair| pair[0] != "bound_port");
        (row["is_connected"].clone(), pairs)
    };
    assert_eq!(masked(Side::Ours), masked(Side::Peer));
    for side in SIDES {
        let name = format!("{side:?}");
        let path = bench.dir.path(&format!("{name}.other"));
        let change = format!(
            r#"{{"op":"update","table":"Connection","where":[["target","==","{plain}"]],"row":{{"target":"punix:{}"}}}}"#,
            path.display()
        );
        bench.transact(&bench.remote(&name), &change);
        bench.dir.wait_for_socket(&format!("{name}.other"));
        let remote = format!("unix:{}", path.display());
        assert_eq!(bench.ask(Side::Peer, &["list-dbs", &remote]).stdout, "Zoo\n_Server\n");
    }
}

#[test]
fn a_server_connects_where_a_row_says() {
    let Some(bench) = Bench::new() else { return };
    for side in SIDES {
        let name = format!("{side:?}");
        let _server = bench.zoo(side, &name, &["--remote=db:Zoo,Root,connections"]);
        let path = bench.dir.path(&format!("{name}.manager"));
        let active = format!("unix:{}", path.display());
        bench.transact(
            &bench.remote(&name),
            &format!(
                r#"{{"op":"insert","table":"Connection","uuid-name":"c","row":{{"target":"{active}","max_backoff":1000}}}},
                   {{"op":"insert","table":"Root","row":{{"connections":["named-uuid","c"]}}}}"#
            ),
        );
        status(&bench, side, &active, |row| row.to_string().contains("BACKOFF"));
        let passive = format!("punix:{}", path.display());
        let owner = bench.start_client(Side::Ours, &format!("{name}-owner"), &["lock", &passive, "L"]);
        owner.until("the lock", |text| text.contains("true"));
        let row = status(&bench, side, &active, |row| row.to_string().contains("locks_held"));
        assert_eq!(row["is_connected"], true);
        let text = row.to_string();
        assert!(text.contains(r#"["state","ACTIVE"]"#) && text.contains("sec_since_connect"), "{text}");
    }
}

#[test]
fn a_configuration_file_is_read_and_read_again() {
    let Some(bench) = Bench::new() else { return };
    bench.create("one.db");
    let other = super::bench::SCHEMA.replace("\"Zoo\"", "\"Farm\"");
    std::fs::write(bench.dir.path("farm.ovsschema"), other).unwrap();
    let mut tool = bench.dir.ours("ovsdb-tool");
    tool.arg("create").arg(bench.dir.path("two.db")).arg(bench.dir.path("farm.ovsschema"));
    tests::process::run_ok(tool);
    let file = bench.dir.path("config.json");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write(r#"{"remotes": {"punix:c.sock": {"read-only": true}}, "databases": {"one.db": null}}"#);
    let mut command = bench.dir.ours("ovsdb-server");
    command
        .arg(format!("--config-file={}", file.display()))
        .arg(format!("--unixctl={}", bench.dir.path("c.ctl").display()));
    let _server = bench.dir.start("c", command);
    bench.dir.wait_for_socket("c.sock");
    let remote = bench.remote("c");
    assert_eq!(bench.ask(Side::Peer, &["list-dbs", &remote]).stdout, "Zoo\n_Server\n");
    let insert = r#"["Zoo",{"op":"insert","table":"Cage","row":{}}]"#;
    assert!(bench.ask(Side::Peer, &["transact", &remote, insert]).stdout.contains("read only mode"));
    let refused = bench.control("c", &["ovsdb-server/add-remote", "ptcp:0"]);
    assert!(refused.contains("use ovsdb-server/reload instead"), "{refused}");
    write(
        r#"{"remotes": {"punix:c.sock": {}}, "databases": {"one.db": null, "two.db": {"service-model": "standalone"}}}"#,
    );
    assert_eq!(bench.control("c", &["ovsdb-server/reload"]), "");
    bench.dir.wait_for_socket("c.sock");
    assert_eq!(bench.ask(Side::Peer, &["list-dbs", &remote]).stdout, "Farm\nZoo\n_Server\n");
    assert!(!bench.ask(Side::Peer, &["transact", &remote, insert]).stdout.contains("error"));
    write("{");
    assert!(bench.control("c", &["ovsdb-server/reload"]).contains("EOF while parsing"));
    assert_eq!(bench.ask(Side::Peer, &["list-dbs", &remote]).stdout, "Farm\nZoo\n_Server\n", "as before");
}
