//! Labs as a user has them: made, driven by name, run through scenarios, with peers in place of parts, and gone.

#![allow(clippy::unwrap_used)] // A test stops where it fails.
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tests::lab::Labs;
use tests::process::{Outcome, run};
use tests::{need, need_root, skip, wait_for};

/// Long enough for a lab on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The user that is nobody in particular.
const NOBODY: u32 = 65_534;

/// Labs, or none, after saying so, where they cannot be made.
fn labs() -> Option<Labs> {
    static CAN: OnceLock<bool> = OnceLock::new();
    let can = *CAN.get_or_init(|| {
        let labs = Labs::default();
        fs::write(labs.path("none.yaml"), EMPTY).unwrap();
        !run(labs.sandbox(&["up", "none.yaml"])).stderr.contains("cannot make a user namespace")
    });
    if !can {
        skip("neither root nor allowed to make user namespaces");
    }
    can.then(Labs::default)
}

const EMPTY: &str = "version: 1\nname: empty\nchassis: {hv1: {address: 172.31.0.1/24}}\n";

/// What is asked of a command's outcome.
trait Says {
    fn is(&self, code: i32) -> &Self;
    fn says(&self, what: &str) -> &Self;
}

impl Says for Outcome {
    #[track_caller]
    fn is(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn says(&self, what: &str) -> &Self {
        let text = format!("{}{}", self.stdout, self.stderr);
        assert!(text.contains(what), "it does not say {what:?}:\n{text}");
        self
    }
}

/// Neither processes nor homes are left.
#[track_caller]
fn wait_gone(labs: &Labs) {
    labs.wait_until_gone();
    wait_for("no home of a lab", PATIENCE, || {
        let homes: Vec<_> =
            fs::read_dir(labs.path("labs")).into_iter().flatten().flatten().map(|e| e.path()).collect();
        if homes.is_empty() { Ok(()) } else { Err(format!("{homes:?}")) }
    });
}

const TWO: &str = "topologies/two-chassis.yaml";
const QUICKSTART: &str = "scenarios/quickstart.yaml";

#[test]
fn the_quickstart_passes() {
    let Some(labs) = labs() else { return };
    labs.run(&["test", QUICKSTART, "--json", "r.json", "--junit", "r.xml"]).is(0).says("passed");
    let report: Value = serde_json::from_slice(&fs::read(labs.path("r.json")).unwrap()).unwrap();
    assert_eq!(report["reports"][0]["outcome"], "passed");
    assert!(fs::read_to_string(labs.path("r.xml")).unwrap().contains("failures=\"0\""));
    wait_gone(&labs);
}

/// Scenarios as the user that is nobody in particular, four at a time.
fn as_an_ordinary_user(scenarios: &[&str]) {
    if !need_root() {
        // Then the other tests show it.
        return;
    }
    let labs = Labs::default();
    let mut command = labs.sandbox(&[&["test", "-j", "4"], scenarios].concat());
    command.uid(NOBODY).gid(NOBODY);
    let ran = run(command);
    if ran.stderr.contains("cannot make a user namespace") {
        return skip("ordinary users cannot make user namespaces");
    }
    ran.is(0).says("passed");
    wait_gone(&labs);
}

#[test]
fn the_quickstart_passes_as_an_ordinary_user() {
    as_an_ordinary_user(&[QUICKSTART]);
}

#[test]
fn services_and_upgrades_pass_as_an_ordinary_user() {
    if CLIENTS.iter().all(|program| need(program).is_some()) {
        as_an_ordinary_user(&[
            "scenarios/dhcp.yaml",
            "scenarios/dns.yaml",
            "scenarios/ra.yaml",
            "scenarios/arp-expiry.yaml",
            "scenarios/upgrade.yaml",
            "scenarios/malformed.yaml",
            "scenarios/real-clients.yaml",
        ]);
    }
}

#[test]
fn the_other_scenarios_pass_beside_each_other() {
    let Some(labs) = labs() else { return };
    let args = ["test", "-j", "2", "scenarios/faults.yaml", "scenarios/switch-restart.yaml"];
    labs.run(&args).is(0).says("2 scenarios: 2 passed");
    wait_gone(&labs);
}

#[test]
fn daemons_are_upgraded_without_loss() {
    let Some(labs) = labs() else { return };
    labs.run(&["test", "scenarios/upgrade.yaml"]).is(0).says("passed: 26 steps").says("rolled back");
    wait_gone(&labs);
}

/// The quickstart with peers in some roles.
fn swap(roles: &[&str]) {
    swap_in(QUICKSTART, roles);
}

/// A scenario with peers in some roles.
fn swap_in(scenario: &str, roles: &[&str]) {
    let Some(labs) = labs() else { return };
    // A peer's switch needs tap devices, which only root can make everywhere.
    if roles.contains(&"ovs-vswitchd") && !need_root() {
        return;
    }
    let mut args = vec!["test".to_owned(), scenario.to_owned()];
    for role in roles {
        let Some(peer) = need(role) else { return };
        args.extend(["--use".to_owned(), format!("{role}={}", peer.display())]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    labs.run(&args).is(0).says("passed");
    wait_gone(&labs);
}

/// That the scenario asks for nothing that the real ones do not do.
#[test]
fn the_quickstart_passes_with_peers_in_every_role() {
    swap(&[
        "ovsdb-server",
        "ovn-northd",
        "ovn-controller",
        "ovs-vswitchd",
        "ovn-nbctl",
        "ovn-sbctl",
        "ovs-vsctl",
        "ovn-trace",
    ]);
}

#[test]
fn the_quickstart_passes_with_a_peers_nbctl() {
    swap(&["ovn-nbctl"]);
}

/// Upstream's parts alone, to see that the scenario asks for nothing that they do not do.
const PEERS: [&str; 3] = ["ovn-northd", "ovn-controller", "ovs-vswitchd"];

#[test]
fn what_makes_no_sense_keeps_nobody_from_being_served() {
    swap_in("scenarios/malformed.yaml", &[]);
}

#[test]
fn guests_are_answered_what_newer_versions_answer() {
    swap_in("scenarios/newer-services.yaml", &[]);
}

/// What guests have in `real-clients.yaml`.
const CLIENTS: [&str; 8] = ["udhcpc", "dhclient", "dig", "rdisc6", "arping", "tcpdump", "ping", "ip"];

/// The same without our own clients; and with upstream's parts, to see that those are asked for nothing else.
#[test]
fn guests_are_served_with_the_programs_that_they_have() {
    if CLIENTS.iter().all(|program| need(program).is_some()) {
        swap_in("scenarios/real-clients.yaml", &[]);
        swap_in("scenarios/real-clients.yaml", &PEERS);
    }
}

#[test]
fn a_lab_is_driven_by_name() {
    let Some(labs) = labs() else { return };
    labs.run(&["down", "nothing"]).is(4).says("no lab is running");
    labs.run(&["up", TWO, "--name", "one"]).is(0).says("lab one is up");
    labs.run(&["up", TWO, "--name", "one"]).is(4).says("is running");
    labs.run(&["ls"]).is(0).says("one");

    let inspected: Value = serde_json::from_str(&labs.ok(&["inspect", "--json"])).unwrap();
    let nodes: Vec<&str> =
        inspected["nodes"].as_array().unwrap().iter().map(|n| n["name"].as_str().unwrap()).collect();
    assert_eq!(nodes, ["central", "hv1", "hv2", "vm1", "vm2", "vm3", "vm4"]);
    labs.run(&["inspect"]).is(0).says("guest vm1  10.0.0.1/24");

    labs.run(&["exec", "vm1", "--", "sh", "-c", "exit 7"]).is(7);
    labs.run(&["exec", "vm1", "--", "cat", "/proc/net/dev"]).is(0).says("eth0");
    labs.run(&["exec", "central", "--", "ovn-nbctl", "show"]).is(0).says("port vm3");
    labs.run(&["exec", "vm9", "--", "true"]).is(4).says("expected one of central, hv1");
    labs.run(&["logs", "hv1", "ovn-controller"]).is(0).says("ovn-controller.log");
    labs.run(&["logs", "hv1", "nothing"]).is(4);

    let mut shell = labs.sandbox(&["shell", "hv1"]);
    shell.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    say(shell.spawn().unwrap(), "echo I am on $OVN_SANDBOX_NODE\nexit 3\n").is(3).says("I am on hv1");

    labs.run(&["down", "one"]).is(0).says("lab one is down");
    wait_gone(&labs);
    labs.run(&["ls"]).is(0);
}

/// Says something to a process, and waits for its end.
fn say(mut child: Child, text: &str) -> Outcome {
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_capture_is_a_pcapng_file_of_what_crosses() {
    let Some(labs) = labs() else { return };
    labs.run(&["up", TWO]).is(0);
    let mut capture = labs.sandbox(&["capture", "underlay"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut frames = capture.stdout.take().unwrap();
    let mut head = [0; 4];
    frames.read_exact(&mut head).unwrap();
    assert_eq!(head, 0x0a0d_0d0a_u32.to_ne_bytes(), "the magic of a section header");
    // Traffic until the capture shows a frame of vm1's inside Geneve: 02 (class 0x0102), type 0x80.
    let mut seen: Vec<u8> = Vec::new();
    wait_for("a Geneve packet in the capture", PATIENCE, || {
        // Reading waits for a frame, so there must be one.
        labs.run(&["exec", "vm1", "--", "bash", "-c", "echo x >/dev/udp/10.0.0.3/9"]).is(0);
        let mut buffer = vec![0; 65_536];
        let read = frames.read(&mut buffer).unwrap();
        seen.extend(&buffer[..read]);
        let option = [0x01_u8, 0x02, 0x80, 0x01];
        if seen.windows(4).any(|w| w == option) { Ok(()) } else { Err(format!("{} octets", seen.len())) }
    });
    capture.kill().unwrap();
    capture.wait().unwrap();
    labs.run(&["down"]).is(0);
    wait_gone(&labs);
}

/// When to kill a lab: as soon as this is there, below the supervisor's own `/run/lab`.
const MOMENTS: [&str; 7] = [
    "",
    "central",
    "central/ovnnb_db.sock",
    "hv1/conf.db",
    "hv1/db.sock",
    "hv1/br-int.mgmt",
    "hv2/ovn-controller.pid",
];

#[test]
fn a_lab_that_is_killed_at_any_moment_leaves_nothing() {
    let Some(labs) = labs() else { return };
    let before = host();
    let names = ["command", "keeper", "supervisor"];
    for (i, (moment, victim)) in MOMENTS.iter().flat_map(|m| names.map(|n| (*m, n))).enumerate() {
        let name = format!("k{i}");
        let mut up = labs.sandbox(&["up", TWO, "--name", &name]);
        let mut up = up.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let card: Value = wait_for("the lab's card", PATIENCE, || {
            let text =
                fs::read(labs.path("labs").join(&name).join("card.json")).map_err(|e| e.to_string())?;
            serde_json::from_slice(&text).map_err(|e| e.to_string())
        });
        let supervisor = card["supervisor"].as_i64().unwrap() as i32;
        let there = Path::new("/proc").join(supervisor.to_string()).join("root/run/lab").join(moment);
        wait_for(moment, PATIENCE, || {
            if moment.is_empty() || there.exists() { Ok(()) } else { Err(there.display().to_string()) }
        });
        match victim {
            "command" => up.kill().unwrap(),
            "keeper" => {
                kill(Pid::from_raw(card["keeper"].as_i64().unwrap() as i32), Signal::SIGKILL).unwrap()
            }
            _ => kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap(),
        }
        up.wait().unwrap();
        wait_gone(&labs);
    }
    wait_for("the host as it was", PATIENCE, || {
        let now = host();
        if now == before { Ok(()) } else { Err(format!("{now:?} instead of {before:?}")) }
    });
}

/// What a lab must not touch: the host's interfaces, names of namespaces, mounts of labs.
fn host() -> (Vec<String>, Vec<String>, usize) {
    let list = |dir: &str| {
        let mut names: Vec<String> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    (
        list("/sys/class/net"),
        list("/run/netns"),
        mounts.lines().filter(|line| line.starts_with("lab ")).count(),
    )
}

#[test]
fn what_was_killed_all_at_once_is_collected() {
    let Some(labs) = labs() else { return };
    let dead = labs.path("labs/dead");
    fs::create_dir_all(&dead).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::write(dead.join("control"), "").unwrap();
    labs.run(&["up", TWO, "--name", "alive"]).is(0);
    labs.run(&["gc", "--dry-run"]).is(0).says("would remove");
    assert!(dead.exists());
    let gc = labs.run(&["gc"]);
    gc.is(0).says("dead");
    assert!(!gc.stdout.contains("alive"), "a running lab is not touched");
    assert!(!dead.exists());
    labs.run(&["down", "alive"]).is(0);
}

#[test]
fn a_failing_scenario_says_why_and_is_kept_if_asked() {
    let Some(labs) = labs() else { return };
    fs::write(labs.path("empty.yaml"), EMPTY).unwrap();
    let steps = "version: 1\nname: fails\ntopology: empty\nsteps:\n  - exec: {on: hv1, do: {run: echo hello, equals: bye}}\n";
    fs::write(labs.path("fails.yaml"), steps).unwrap();
    let ran = labs.run(&["test", "fails.yaml"]);
    ran.is(1).says("FAILED").says("fails.yaml:5").says("expected the output of `echo hello` to be \"bye\"");
    ran.says("actual   \"hello\"").says("--- hv1 ovn-controller.log").says("again: ovn sandbox test");
    wait_gone(&labs);

    labs.run(&["test", "fails.yaml", "--keep", "failed"]).is(1).says("the lab lives on");
    labs.run(&["exec", "hv1", "--", "true"]).is(0);
    labs.run(&["down"]).is(0);
    wait_gone(&labs);
}

#[test]
fn a_broken_set_up_is_not_a_failed_test() {
    let Some(labs) = labs() else { return };
    fs::write(labs.path("empty.yaml"), EMPTY).unwrap();
    let text = "version: 1\nname: s\ntopology: empty\nsteps: [{wait: {for: 1s}}]\n";
    fs::write(labs.path("s.yaml"), text).unwrap();
    let ran = labs.run(&["test", "s.yaml", "--use", "ovn-northd=/bin/false"]);
    ran.is(4).says("ovn-northd on central exited with 1").says("broken set-up");
    // One that dies when all the rest is up: nothing was waiting for it.
    let late = "#!/bin/sh\nuntil [ -e ../hv1/ovn-controller.pid ]; do sleep 0.01; done\nexit 3\n";
    let late_northd = labs.path("late-northd");
    fs::write(&late_northd, late).unwrap();
    fs::set_permissions(&late_northd, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = labs.run(&["test", "s.yaml", "--use", &format!("ovn-northd={}", late_northd.display())]);
    ran.is(4).says("ovn-northd on central exited with 3").says("broken set-up");
    labs.run(&["test", "s.yaml", "--use", "ovn-northd=/no/such/file"]).is(4).says("does not exist");
    labs.run(&["test", "s.yaml", "--use", "nonsense"]).is(2).says("expected ROLE=PATH");
    wait_gone(&labs);
}

#[test]
fn bad_files_are_refused_before_anything_runs() {
    let labs = Labs::default();
    fs::write(labs.path("bad.yaml"), EMPTY.replace("address", "adress")).unwrap();
    for command in ["up", "validate"] {
        labs.run(&[command, "bad.yaml"]).is(4).says("bad.yaml:3:17").says("did you mean address?");
    }
    let text = "version: 1\nname: s\ntopology: bad\nsteps: [{ping: {from: a, to: b}}]\n";
    fs::write(labs.path("s.yaml"), text).unwrap();
    labs.run(&["test", "s.yaml"]).is(4).says("bad.yaml:3:17");
    labs.run(&["validate", "--short", "bad.yaml"])
        .is(4)
        .says("bad.yaml:3:17: error: chassis.hv1: unknown field");
    labs.run(&["test"]).is(2);
    labs.run(&["no-such-command"]).is(2);
    labs.run(&["up", "/no/such/file"]).is(4).says("reading /no/such/file");
    for file in [TWO, QUICKSTART, "scenarios/faults.yaml", "scenarios/switch-restart.yaml"] {
        labs.run(&["validate", file]).is(0).says("good");
    }
}
