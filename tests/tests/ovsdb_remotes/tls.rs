//! The clients that operators point at `ssl:`: `ovn-nbctl`, and a controller whose keys are in its switch's database.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use tests::process::{run, run_ok};
use tests::{need, wait_for};

use super::bench::{Bench, SIDES, Side};
use super::pki::Authority;

/// The files of somebody: key, certificate, CA.
fn files(bench: &Bench, who: &str) -> [String; 3] {
    ["key", "cert", "ca"].map(|what| bench.dir.path(&format!("{who}-{what}.pem")).display().to_string())
}

/// A command of ours or the peer's.
fn tool(bench: &Bench, side: Side, name: &str, args: &[&str]) -> Option<Command> {
    let mut command = match side {
        Side::Ours => bench.dir.ours(name),
        Side::Peer => bench.dir.peer(&need(name)?),
    };
    command.args(args);
    Some(command)
}

/// Our server of an OVN database (`nb`, `sb`), whose remotes and keys are rows that `ctl` writes; its `ssl:` remote.
fn served(
    bench: &Bench,
    ctl: &str,
    name: &str,
    tables: [&str; 2],
    role: &[&str],
) -> Option<(tests::process::Daemon, String)> {
    let [database, global] = tables;
    let file = bench.dir.path(&format!("{name}.db"));
    let schema = format!("/usr/share/ovn/ovn-{name}.ovsschema");
    let file = file.to_str().unwrap();
    run_ok(tool(bench, Side::Ours, "ovsdb-tool", &["create", file, &schema])?);
    let remote = format!("--remote=db:{database},{global},connections");
    let keys = ["private-key", "certificate", "ca-cert"]
        .map(|option| format!("--{option}=db:{database},SSL,{}", option.replace('-', "_")));
    let server = bench.serve(Side::Ours, name, &[file, &remote, &keys[0], &keys[1], &keys[2]]);
    let db = format!("--db={}", bench.remote(name));
    let [key, cert, ca] = files(bench, "server");
    run_ok(tool(bench, Side::Peer, ctl, &[&db, "init", "--", "set-ssl", &key, &cert, &ca])?);
    let mut connection = vec![db.as_str(), "--inactivity-probe=60000", "set-connection"];
    connection.extend(role);
    connection.push("pssl:0:127.0.0.1");
    run_ok(tool(bench, Side::Ours, ctl, &connection)?);
    let port = wait_for("a port", Duration::from_secs(30), || {
        let words = [db.as_str(), "--bare", "--columns=status", "list", "Connection"];
        let list = run_ok(tool(bench, Side::Ours, ctl, &words).expect("ours"));
        let port = list.split("bound_port=").nth(1).and_then(|rest| rest.split_whitespace().next());
        port.map(str::to_owned).ok_or(list)
    });
    Some((server, format!("ssl:127.0.0.1:{port}")))
}

#[test]
fn northbound_clients_come_over_tls() {
    let Some(bench) = Bench::new() else { return };
    let ca = Authority::new("CA");
    ca.sign(&bench.dir.path(""), "server");
    ca.sign(&bench.dir.path(""), "ann");
    Authority::new("another CA").sign(&bench.dir.path(""), "eve");
    let Some((_server, remote)) = served(&bench, "ovn-nbctl", "nb", ["OVN_Northbound", "NB_Global"], &[])
    else {
        return;
    };
    for (side, name) in SIDES.into_iter().zip(["sw0", "sw1"]) {
        let ask = |who: &str, words: &[&str]| {
            let [key, cert, ca] = files(&bench, who);
            let db = format!("--db={remote}");
            let mut args = vec![db.as_str(), "-t", "20", "-p", &key, "-c", &cert, "-C", &ca];
            args.extend(words);
            run(tool(&bench, side, "ovn-nbctl", &args).expect("found before"))
        };
        let outcome = ask("ann", &["ls-add", name, "--", "get", "Logical_Switch", name, "name"]);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(0), format!("{name}\n").as_str()),
            "{side:?}: {outcome:?}"
        );
        assert_eq!(
            ask("eve", &["-t", "2", "ls-list"]).code.filter(|code| *code == 0),
            None,
            "{side:?}: a stranger"
        );
    }
}

#[test]
fn a_client_over_tls_that_falls_silent_is_dropped() {
    let Some(bench) = Bench::new() else { return };
    let ca = Authority::new("CA");
    ca.sign(&bench.dir.path(""), "server");
    ca.sign(&bench.dir.path(""), "ann");
    let Some((_server, remote)) = served(&bench, "ovn-nbctl", "nb", ["OVN_Northbound", "NB_Global"], &[])
    else {
        return;
    };
    let db = format!("--db={}", bench.remote("nb"));
    let nbctl = |words: &[&str]| {
        let args = [&[db.as_str()], words].concat();
        run_ok(tool(&bench, Side::Ours, "ovn-nbctl", &args).expect("ours"))
    };
    nbctl(&["set", "connection", ".", "inactivity_probe=1000"]);
    let is_connected = |wanted: &str| {
        wait_for(&format!("is_connected={wanted}"), Duration::from_secs(60), || {
            let found = nbctl(&["get", "connection", ".", "is_connected"]);
            if found.trim() == wanted { Ok(()) } else { Err(found) }
        });
    };
    let [key, cert, ca] = files(&bench, "ann");
    for side in SIDES {
        let keys = ["-p", &key, "-c", &cert, "-C", &ca];
        let what = ["monitor", &remote, "OVN_Northbound", "Connection", "target"];
        let watcher = bench.start_client(side, &format!("{side:?}"), &[&keys[..], &what].concat());
        watcher.until("the first rows", |text| text.contains("initial"));
        is_connected("true");
        watcher.signal(Signal::SIGSTOP);
        is_connected("false");
    }
}

#[test]
fn a_controller_finds_its_keys_in_the_switchs_database() {
    let Some(bench) = Bench::new() else { return };
    let ca = Authority::new("CA");
    ca.sign(&bench.dir.path(""), "server");
    ca.sign(&bench.dir.path(""), "hv1");
    let tables = ["OVN_Southbound", "SB_Global"];
    let Some((_server, remote)) = served(&bench, "ovn-sbctl", "sb", tables, &[]) else { return };
    let file: PathBuf = bench.dir.path("switch.db");
    let file = file.to_str().unwrap();
    let Some(create) =
        tool(&bench, Side::Peer, "ovsdb-tool", &["create", file, "/usr/share/openvswitch/vswitch.ovsschema"])
    else {
        return;
    };
    run_ok(create);
    let _switch = bench.serve(Side::Ours, "switch", &[file]);
    let db = format!("--db={}", bench.remote("switch"));
    let vsctl = |words: &[&str]| {
        let mut args = vec![db.as_str(), "--no-wait"];
        args.extend(words);
        run_ok(tool(&bench, Side::Peer, "ovs-vsctl", &args).expect("found before"));
    };
    vsctl(&["init"]);
    let mut command = bench.dir.ours("ovn-controller");
    command
        .arg(format!("--unixctl={}", bench.dir.path("controller.ctl").display()))
        .arg(bench.remote("switch"));
    let _controller = bench.dir.start("controller", command);
    bench.dir.wait_for_socket("controller.ctl");
    // First it is told where to go, and cannot; the keys come later.
    let set = [
        "external_ids:system-id=hv1".to_owned(),
        format!("external_ids:ovn-remote={remote}"),
        "external_ids:ovn-encap-type=geneve".to_owned(),
        "external_ids:ovn-encap-ip=127.0.0.1".to_owned(),
    ];
    vsctl(&["set", "Open_vSwitch", ".", &set[0], &set[1], &set[2], &set[3]]);
    wait_for("its complaint", Duration::from_secs(30), || {
        let output = bench.dir.outputs();
        if output.contains("Private key must be configured to use SSL") { Ok(()) } else { Err(output) }
    });
    let [key, cert, ca] = files(&bench, "hv1");
    vsctl(&["set-ssl", &key, &cert, &ca]);
    wait_for("a chassis", Duration::from_secs(60), || {
        let db = format!("--db={}", bench.remote("sb"));
        let list = run_ok(
            tool(&bench, Side::Ours, "ovn-sbctl", &[&db, "--bare", "--columns=name", "list", "Chassis"])
                .expect("ours"),
        );
        if list.contains("hv1") { Ok(()) } else { Err(format!("{list}; {}", bench.dir.outputs())) }
    });
}
