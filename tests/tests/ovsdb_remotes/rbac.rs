//! What a chassis that has been taken over may do to a real southbound database: northd's roles, certificates of two
//! chassis, and one attempt after the other by `hv1` on our server and on the peer's.

use std::time::Duration;

use serde_json::Value;
use tests::process::{Daemon, run, run_ok};
use tests::{need, wait_for};

use super::bench::{Bench, SIDES, Side};
use super::pki::Authority;

/// Rows of two chassis with a port each.
const ROWS: &str = r#"{"op":"insert","table":"Encap","uuid-name":"e1","row":{"type":"geneve","ip":"10.0.0.1","chassis_name":"hv1"}},
    {"op":"insert","table":"Encap","uuid-name":"e2","row":{"type":"geneve","ip":"10.0.0.2","chassis_name":"hv2"}},
    {"op":"insert","table":"Chassis","uuid":"00000000-0000-4000-8000-0000000000c1","row":{"name":"hv1","encaps":["named-uuid","e1"]}},
    {"op":"insert","table":"Chassis","uuid":"00000000-0000-4000-8000-0000000000c2","row":{"name":"hv2","encaps":["named-uuid","e2"]}},
    {"op":"insert","table":"Chassis_Private","row":{"name":"hv1","chassis":["uuid","00000000-0000-4000-8000-0000000000c1"]}},
    {"op":"insert","table":"Chassis_Private","row":{"name":"hv2","chassis":["uuid","00000000-0000-4000-8000-0000000000c2"]}},
    {"op":"insert","table":"Datapath_Binding","uuid":"00000000-0000-4000-8000-0000000000d1","row":{"tunnel_key":1,"external_ids":["map",[["name","sw"]]]}},
    {"op":"insert","table":"Port_Binding","row":{"logical_port":"p1","datapath":["uuid","00000000-0000-4000-8000-0000000000d1"],"tunnel_key":1,"chassis":["uuid","00000000-0000-4000-8000-0000000000c1"]}},
    {"op":"insert","table":"Port_Binding","row":{"logical_port":"p2","datapath":["uuid","00000000-0000-4000-8000-0000000000d1"],"tunnel_key":2,"chassis":["uuid","00000000-0000-4000-8000-0000000000c2"]}},
    {"op":"insert","table":"MAC_Binding","row":{"logical_port":"p2","ip":"10.1.0.1","mac":"00:00:00:00:00:02","datapath":["uuid","00000000-0000-4000-8000-0000000000d1"]}},
    {"op":"insert","table":"Service_Monitor","row":{"ip":"10.1.0.9","port":80,"logical_port":"p2"}},
    {"op":"insert","table":"BFD","row":{"src_port":50000,"disc":7,"logical_port":"p2","dst_ip":"10.9.9.9","min_tx":1,"min_rx":1,"detect_mult":1,"status":"down"}},
    {"op":"insert","table":"Connection","uuid-name":"safe","row":{"target":"pssl:0:127.0.0.1","role":"ovn-controller"}},
    {"op":"update","table":"SB_Global","where":[],"row":{"connections":["named-uuid","safe"]}}"#;

/// What `hv1` tries, and whether northd's roles stop it.
const ATTEMPTS: &[(&str, bool)] = &[
    // Tables that are not in the role.
    (
        r#"{"op":"insert","table":"Logical_Flow","row":{"pipeline":"ingress","table_id":0,"priority":0,"match":"1","actions":"next;"}}"#,
        true,
    ),
    (r#"{"op":"delete","table":"Logical_DP_Group","where":[]}"#, true),
    (r#"{"op":"insert","table":"Address_Set","row":{"name":"x"}}"#, true),
    (r#"{"op":"update","table":"SB_Global","where":[],"row":{"nb_cfg":7}}"#, true),
    (r#"{"op":"update","table":"Connection","where":[],"row":{"role":""}}"#, true),
    (r#"{"op":"insert","table":"SSL","row":{"private_key":"k","certificate":"c","ca_cert":"a"}}"#, true),
    (r#"{"op":"update","table":"RBAC_Permission","where":[],"row":{"authorization":["set",[""]]}}"#, true),
    (r#"{"op":"delete","table":"RBAC_Role","where":[]}"#, true),
    (r#"{"op":"insert","table":"Meter","row":{"name":"m","unit":"kbps"}}"#, true),
    (r#"{"op":"insert","table":"DNS","row":{}}"#, true),
    (r#"{"op":"mutate","table":"Datapath_Binding","where":[],"mutations":[["tunnel_key","+=",1]]}"#, true),
    // Rows of another chassis.
    (r#"{"op":"update","table":"Chassis","where":[["name","==","hv2"]],"row":{"nb_cfg":5}}"#, true),
    (r#"{"op":"update","table":"Chassis_Private","where":[["name","==","hv2"]],"row":{"nb_cfg":5}}"#, true),
    (r#"{"op":"delete","table":"Chassis","where":[["name","==","hv2"]]}"#, true),
    (
        r#"{"op":"update","table":"Encap","where":[["chassis_name","==","hv2"]],"row":{"ip":"10.0.0.9"}}"#,
        true,
    ),
    (r#"{"op":"update","table":"Service_Monitor","where":[],"row":{"status":"offline"}}"#, false),
    (r#"{"op":"update","table":"BFD","where":[],"row":{"status":"up"}}"#, false),
    (r#"{"op":"insert","table":"Chassis","row":{"name":"hv2x"}}"#, true),
    (r#"{"op":"insert","table":"Chassis_Private","row":{"name":"hv3"}}"#, true),
    // Its own.
    (r#"{"op":"update","table":"Chassis_Private","where":[["name","==","hv1"]],"row":{"nb_cfg":5}}"#, false),
    (r#"{"op":"update","table":"Chassis","where":[["name","==","hv1"]],"row":{"nb_cfg":6}}"#, false),
    (r#"{"op":"update","table":"Chassis","where":[["name","==","hv1"]],"row":{"name":"hv2y"}}"#, true),
    // One bad operation undoes the good ones with it.
    (
        r#"{"op":"update","table":"Chassis","where":[["name","==","hv1"]],"row":{"nb_cfg":7}},{"op":"delete","table":"Meter","where":[]},{"op":"insert","table":"Meter","row":{"name":"m"}}"#,
        true,
    ),
    // What northd's roles leave open.
    (
        r#"{"op":"insert","table":"Encap","row":{"type":"geneve","ip":"10.0.0.7","chassis_name":"hv1"}}"#,
        false,
    ),
    (
        r#"{"op":"update","table":"Port_Binding","where":[["logical_port","==","p2"]],"row":{"chassis":["uuid","00000000-0000-4000-8000-0000000000c1"]}}"#,
        false,
    ),
    (
        r#"{"op":"update","table":"Port_Binding","where":[["logical_port","==","p1"]],"row":{"chassis":["uuid","00000000-0000-4000-8000-0000000000c2"],"up":false}}"#,
        false,
    ),
    (
        r#"{"op":"update","table":"Port_Binding","where":[["logical_port","==","p1"]],"row":{"tunnel_key":9}}"#,
        true,
    ),
    (
        r#"{"op":"mutate","table":"Port_Binding","where":[["logical_port","==","p2"]],"mutations":[["options","insert",["map",[["a","b"]]]]]}"#,
        false,
    ),
    (
        r#"{"op":"insert","table":"MAC_Binding","row":{"logical_port":"p2","ip":"10.1.0.2","mac":"00:00:00:00:00:03","datapath":["uuid","00000000-0000-4000-8000-0000000000d1"]}}"#,
        false,
    ),
    (
        r#"{"op":"update","table":"MAC_Binding","where":[["ip","==","10.1.0.1"]],"row":{"mac":"00:00:00:00:00:66"}}"#,
        false,
    ),
    (r#"{"op":"delete","table":"MAC_Binding","where":[["ip","==","10.1.0.1"]]}"#, false),
    (r#"{"op":"insert","table":"FDB","row":{"mac":"00:00:00:00:00:02","dp_key":1,"port_key":1}}"#, false),
    (
        r#"{"op":"insert","table":"Controller_Event","row":{"event_type":"empty_lb_backends","chassis":["uuid","00000000-0000-4000-8000-0000000000c1"]}}"#,
        false,
    ),
    (
        r#"{"op":"insert","table":"IGMP_Group","row":{"address":"224.0.0.9","chassis":["uuid","00000000-0000-4000-8000-0000000000c2"]}}"#,
        false,
    ),
    (r#"{"op":"select","table":"SSL","where":[]}"#, false),
    (r#"{"op":"select","table":"Connection","where":[],"columns":["role","read_only"]}"#, false),
    (r#"{"op":"assert","lock":"ovn_northd"}"#, false),
    (
        r#"{"op":"wait","timeout":0,"table":"Meter","where":[],"columns":["name"],"until":"!=","rows":[]}"#,
        false,
    ),
];

/// Makes `sb.db`: what the peer's northd writes of its own accord, and [`ROWS`].
fn southbound(bench: &Bench) -> Option<()> {
    let (northd, tool) = (need("ovn-northd")?, need("ovsdb-tool")?);
    let mut servers: Vec<Daemon> = Vec::new();
    for name in ["nb", "sb"] {
        let file = bench.dir.path(&format!("{name}.db"));
        let mut create = bench.dir.peer(&tool);
        create.arg("create").arg(&file).arg(format!("/usr/share/ovn/ovn-{name}.ovsschema"));
        run_ok(create);
        servers.push(bench.serve(Side::Peer, name, &[file.to_str().unwrap()]));
    }
    let mut command = bench.dir.peer(&northd);
    command
        .arg(format!("--ovnnb-db={}", bench.remote("nb")))
        .arg(format!("--ovnsb-db={}", bench.remote("sb")));
    let mut northd = bench.dir.start("northd", command);
    wait_for("northd's roles", Duration::from_secs(60), || {
        let names = transact(bench, "sb", r#"{"op":"select","table":"RBAC_Role","where":[]}"#).to_string();
        if names.contains("ovn-controller") { Ok(()) } else { Err(names) }
    });
    northd.kill();
    transact(bench, "sb", ROWS);
    Some(())
}

/// A transaction with every right that must succeed; its results.
#[track_caller]
fn transact(bench: &Bench, server: &str, operations: &str) -> Value {
    let params = format!("[\"OVN_Southbound\",{operations}]");
    let text = run_ok(bench.client(Side::Peer, &["-t", "30", "transact", &bench.remote(server), &params]));
    assert!(!text.contains("\"error\""), "{operations}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The address of the remote with the role.
fn safe_remote(bench: &Bench, server: &str) -> String {
    let status = r#"{"op":"select","table":"Connection","where":[],"columns":["status"]}"#;
    wait_for("a port", Duration::from_secs(30), || {
        let rows = transact(bench, server, status);
        let pairs = rows[0]["rows"][0]["status"][1].as_array().cloned().unwrap_or_default();
        let port = pairs.iter().find(|pair| pair[0] == "bound_port").and_then(|pair| pair[1].as_str());
        port.map(|port| format!("ssl:127.0.0.1:{port}")).ok_or_else(|| rows.to_string())
    })
}

/// All rows of a table, as text in the order of it.
fn contents(bench: &Bench, server: &str, table: &str, columns: &str) -> Vec<String> {
    let select = format!(r#"{{"op":"select","table":"{table}","where":[],"columns":{columns}}}"#);
    let mut rows: Vec<String> = transact(bench, server, &select)[0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_chassis_may_do_to_a_southbound_database_what_upstream_lets_it() {
    let Some(bench) = Bench::new() else { return };
    let dir = bench.dir.path("");
    let ca = Authority::new("CA");
    for name in ["server", "hv1", "hv2"] {
        ca.sign(&dir, name);
    }
    let keys = |who: &str| {
        [("private-key", "key"), ("certificate", "cert"), ("ca-cert", "ca")]
            .map(|(option, file)| format!("--{option}={}", dir.join(format!("{who}-{file}.pem")).display()))
    };
    if southbound(&bench).is_none() {
        return;
    }
    let own = keys("server");
    let _servers = SIDES.map(|side| {
        let name = format!("{side:?}");
        let file = bench.dir.path(&format!("{name}.db"));
        std::fs::copy(bench.dir.path("sb.db"), &file).unwrap();
        let mut args = vec![file.to_str().unwrap(), "--remote=db:OVN_Southbound,SB_Global,connections"];
        args.extend(own.iter().map(String::as_str));
        bench.serve(side, &name, &args)
    });
    let remotes = SIDES.map(|side| safe_remote(&bench, &format!("{side:?}")));
    let attempt = |who: &str, words: &[&str]| {
        let [ours, peers] = [0, 1].map(|server| {
            let keys = keys(who);
            let mut args: Vec<&str> = keys.iter().map(String::as_str).collect();
            let place = words.iter().map(|word| if *word == "@" { remotes[server].as_str() } else { *word });
            args.extend(place);
            bench.ask(Side::Peer, &args)
        });
        let port = |text: &str, server: usize| text.replace(&remotes[server], "@");
        assert_eq!(port(&ours.stdout, 0), port(&peers.stdout, 1), "{who}: {words:?}");
        assert_eq!(port(&ours.stderr, 0), port(&peers.stderr, 1), "{who}: {words:?}");
        ours
    };
    for (operations, denied) in ATTEMPTS {
        // What a server chooses is not to be compared.
        let operations = operations.replacen(
            r#"{"op":"insert","table":"#,
            r#"{"op":"insert","uuid":"00000000-0000-4000-8000-00000000000f","table":"#,
            1,
        );
        let params = format!("[\"OVN_Southbound\",{operations}]");
        let text = attempt("hv1", &["-t", "30", "transact", "@", &params]).stdout;
        assert_eq!(text.contains("permission error"), *denied, "{operations}: {text}");
    }
    // Rules are about the name in the certificate: what hv1 may not do to hv2's rows, hv2 may.
    let own = r#"["OVN_Southbound",{"op":"update","table":"Chassis","where":[["name","==","hv2"]],"row":{"nb_cfg":5}}]"#;
    assert!(!attempt("hv2", &["transact", "@", own]).stdout.contains("permission error"));
    attempt("hv1", &["-t", "30", "convert", "@", "/usr/share/ovn/ovn-sb.ovsschema"]);
    for (table, columns) in [
        ("Chassis", r#"["name","hostname","nb_cfg"]"#),
        ("Port_Binding", r#"["logical_port","chassis","up","options","tunnel_key"]"#),
        ("MAC_Binding", r#"["logical_port","ip","mac"]"#),
        ("Meter", r#"["name"]"#),
        ("RBAC_Permission", r#"["table","authorization","update"]"#),
    ] {
        let [ours, peers] = SIDES.map(|side| contents(&bench, &format!("{side:?}"), table, columns));
        assert_eq!(ours, peers, "{table}");
    }
    // A certificate of nobody does not come in at all.
    let nobody = run(bench.client(Side::Peer, &["-t", "5", "list-dbs", &remotes[0]]));
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
}
