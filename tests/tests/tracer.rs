//! `ovn-trace` as a program: beside upstream's, once and as a daemon that follows its database; of files and topologies.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tests::process::{Daemon, Outcome, RunDir, run, run_ok};
use tests::{need, root, wait_for};

const NETWORK: &str = "
    ls-add sw0
    lsp-add sw0 p1
    lsp-set-addresses p1 '0a:00:00:00:00:01 10.0.0.1'
    lsp-set-port-security p1 '0a:00:00:00:00:01 10.0.0.1'
    lsp-add sw0 p2
    lsp-set-addresses p2 '0a:00:00:00:00:02 10.0.0.2'
    ls-add sw1
    lsp-add sw1 q1
    lsp-set-addresses q1 '0a:00:00:00:01:01 20.0.0.1'
    lr-add lr0
    lrp-add lr0 lr0-sw0 0a:00:00:00:ff:01 10.0.0.254/24
    lrp-add lr0 lr0-sw1 0a:00:00:00:ff:02 20.0.0.254/24
    lsp-add sw0 sw0-lr0
    lsp-set-type sw0-lr0 router
    lsp-set-addresses sw0-lr0 router
    lsp-set-options sw0-lr0 router-port=lr0-sw0
    lsp-add sw1 sw1-lr0
    lsp-set-type sw1-lr0 router
    lsp-set-addresses sw1-lr0 router
    lsp-set-options sw1-lr0 router-port=lr0-sw1
    lb-add lb0 10.0.0.100:80 20.0.0.1:8080 tcp
    ls-lb-add sw0 lb0
    create Address_Set name=friends addresses='10.0.0.1 10.0.0.9'
    acl-add sw0 to-lport 1001 'outport == \"p2\" && ip4.src == $friends && udp' drop
    acl-add sw1 from-lport 1000 'inport == \"q1\" && tcp' allow-related
";

const P1: &str = r#"inport == "p1" && eth.src == 0a:00:00:00:00:01 && ip4.src == 10.0.0.1 && ip.ttl == 64"#;

/// Packets, with the options of the command line that upstream's daemon has in its command too. None meets two flows of
/// the same priority, of which either would be right.
fn packets() -> Vec<Vec<String>> {
    let of_p1 = |rest: &str| format!("{P1} && {rest}");
    let local = of_p1("eth.dst == 0a:00:00:00:00:02 && ip4.dst == 10.0.0.2 && udp.dst == 53");
    let routed = of_p1("eth.dst == 0a:00:00:00:ff:01 && ip4.dst == 20.0.0.1 && icmp4.type == 8");
    let balanced = of_p1("eth.dst == 0a:00:00:00:ff:01 && ip4.dst == 10.0.0.100 && tcp.dst == 80");
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        words(&["sw0", &local]),
        words(&["--all", &local]),
        words(&["--summary", "sw0", &routed]),
        words(&["--minimal", &routed]),
        words(&["--minimal", "--summary", "sw0", &balanced]),
        words(&["--minimal", "sw1", r#"inport == "q1" && tcp"#]),
        words(&["nowhere", &local]),
        words(&[r#"inport == "nobody""#]),
        words(&["sw0", "ip4 &&"]),
    ]
}

/// Upstream's databases and northd with the network in them.
struct Upstream {
    run: RunDir,
    daemons: Vec<Daemon>,
    detached: Vec<Detached>,
}

/// A daemon in the background; killed when dropped, so that a test that fails leaves none.
struct Detached {
    pidfile: PathBuf,
}

impl Drop for Detached {
    fn drop(&mut self) {
        // One that has ended has no pidfile.
        let pid = std::fs::read_to_string(&self.pidfile).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::SIGKILL);
        }
    }
}

impl Upstream {
    /// `None` where a peer is not installed.
    fn start() -> Option<Self> {
        let [tool, server, northd] = ["ovsdb-tool", "ovsdb-server", "ovn-northd"].map(need);
        let (tool, server, northd) = (tool?, server?, northd?);
        for name in ["ovn-nbctl", "ovn-trace", "ovs-appctl"] {
            need(name)?;
        }
        let run = RunDir::default();
        for database in ["nb", "sb"] {
            let mut create = run.peer(&tool);
            create.arg("create").arg(run.path(&format!("{database}.db")));
            create.arg(format!("/usr/share/ovn/ovn-{database}.ovsschema"));
            run_ok(create);
        }
        let mut this = Self { run, daemons: Vec::new(), detached: Vec::new() };
        let mut serve = this.run.peer(&server);
        serve.arg(format!("--remote=p{}", this.remote())).arg("-vconsole:warn");
        serve.arg(format!("--unixctl={}", this.run.path("db.ctl").display()));
        serve.args([this.run.path("nb.db"), this.run.path("sb.db")]);
        this.daemons.push(this.run.start("databases", serve));
        this.run.wait_for_socket("db.sock");
        this.nbctl(&["init"]);
        let mut translate = this.run.peer(&northd);
        translate.arg(format!("--ovnnb-db={}", this.remote())).arg(format!("--ovnsb-db={}", this.remote()));
        translate.arg(format!("--unixctl={}", this.run.path("northd.ctl").display())).arg("-vconsole:warn");
        this.daemons.push(this.run.start("northd", translate));
        for line in NETWORK.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut shell = this.run.peer(Path::new("sh"));
            shell.arg("-c").arg(format!("ovn-nbctl --db={} {line}", this.remote()));
            run_ok(shell);
        }
        this.nbctl(&["--wait=sb", "sync"]);
        Some(this)
    }

    fn remote(&self) -> String {
        format!("unix:{}", self.run.path("db.sock").display())
    }

    fn nbctl(&self, arguments: &[&str]) {
        let mut command = self.run.peer(Path::new("ovn-nbctl"));
        command.arg(format!("--db={}", self.remote())).args(arguments);
        run_ok(command);
    }

    /// Upstream's program and ours.
    fn programs(&self) -> [Command; 2] {
        let peer = self.run.peer(Path::new("ovn-trace"));
        [peer, self.run.ours("ovn-trace")].map(|mut command| {
            command.arg(format!("--db={}", self.remote()));
            command
        })
    }

    /// Starts both programs as daemons; their control sockets.
    fn start_daemons(&mut self, options: &[&str]) -> [PathBuf; 2] {
        let sockets = ["theirs.ctl", "ours.ctl"].map(|name| self.run.path(name));
        for (mut command, socket) in self.programs().into_iter().zip(&sockets) {
            let name = socket.file_stem().unwrap().to_str().unwrap().to_owned();
            let pidfile = self.run.path(&format!("{name}.pid"));
            command.args(options).args(["--detach", "--no-chdir", "-vconsole:off"]);
            command.arg(format!("--pidfile={}", pidfile.display()));
            command.arg(format!("--unixctl={}", socket.display()));
            let outcome = run(command);
            assert_eq!(outcome.code, Some(0), "{name}: {outcome:?}");
            self.detached.push(Detached { pidfile });
        }
        sockets
    }

    /// What a daemon answers.
    fn ask(&self, socket: &Path, arguments: &[String]) -> Outcome {
        let mut command = self.run.peer(Path::new("ovs-appctl"));
        command.arg("-t").arg(socket).args(arguments);
        run(command)
    }
}

/// The text without warnings and the paths of sockets.
fn bare(mut outcome: Outcome) -> Outcome {
    let lines = outcome.stderr.lines().filter(|line| !line.contains("|WARN|"));
    let bare = |line: &str| match line.split_once(".ctl: ") {
        Some((_, what)) => what.to_owned(),
        None => line.to_owned(),
    };
    outcome.stderr = lines.map(bare).collect::<Vec<_>>().join("\n");
    outcome
}

#[test]
fn one_trace_says_what_upstreams_says() {
    let Some(upstream) = Upstream::start() else { return };
    for arguments in packets() {
        let [theirs, ours] = upstream.programs().map(|mut command| {
            command.args(&arguments);
            bare(run(command))
        });
        assert_eq!(ours, theirs, "{arguments:?}");
    }
}

#[test]
fn a_daemon_says_what_upstreams_says_and_follows_the_database() {
    let Some(mut upstream) = Upstream::start() else { return };
    let [theirs, ours] = upstream.start_daemons(&["--ct=new"]);
    let trace = |arguments: &[String]| {
        let mut all = vec!["trace".to_owned()];
        all.extend(arguments.iter().cloned());
        all
    };
    let same = |upstream: &Upstream, arguments: &[String]| {
        let answers = [&theirs, &ours].map(|socket| bare(upstream.ask(socket, arguments)));
        assert_eq!(answers[1], answers[0], "{arguments:?}");
    };
    // Upstream's daemon uses up what --ct says with its first trace, ours begins each trace with it.
    let first = packets().remove(0);
    same(&upstream, &trace(&first));
    for arguments in [["--bogus", "x"].as_slice(), &["a", "b", "c"]] {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        same(&upstream, &trace(&arguments));
    }
    upstream.ask(&theirs, &["exit".to_owned()]);
    upstream.ask(&ours, &["exit".to_owned()]);
    for name in ["theirs.pid", "ours.pid"] {
        let pidfile = upstream.run.path(name);
        wait_for("the end of a daemon", Duration::from_secs(30), || match pidfile.exists() {
            true => Err(format!("{} is there", pidfile.display())),
            false => Ok(()),
        });
    }

    let [theirs, ours] = upstream.start_daemons(&[]);
    let same = |upstream: &Upstream, arguments: &[String]| {
        let answers = [&theirs, &ours].map(|socket| bare(upstream.ask(socket, arguments)));
        assert_eq!(answers[1], answers[0], "{arguments:?}");
        answers[1].stdout.clone()
    };
    for arguments in packets() {
        same(&upstream, &trace(&arguments));
    }
    // Upstream's daemon reads the database once; ours follows it, as a trace by itself does.
    let arguments = &packets()[1];
    let before = upstream.ask(&ours, &trace(arguments)).stdout;
    upstream.nbctl(&["--wait=sb", "set", "Address_Set", "friends", "addresses=10.0.0.9"]);
    let mut once = upstream.programs()[0].get_args().map(|arg| arg.to_owned()).collect::<Vec<_>>();
    once.extend(arguments.iter().map(Into::into));
    let mut command = upstream.run.peer(Path::new("ovn-trace"));
    command.args(once);
    let fresh = run_ok(command);
    wait_for("the daemon to follow", Duration::from_secs(30), || {
        let now = upstream.ask(&ours, &trace(arguments)).stdout;
        if now == fresh && now != before { Ok(()) } else { Err(now) }
    });
    for socket in [&theirs, &ours] {
        upstream.ask(socket, &["exit".to_owned()]);
    }
}

#[test]
fn a_file_is_traced_as_the_server_that_has_it() {
    let Some(upstream) = Upstream::start() else { return };
    let arguments = &packets()[1];
    let [_, mut live] = upstream.programs();
    let live = run_ok({
        live.args(arguments);
        live
    });
    let file = upstream.run.path("sb.db");
    for source in [format!("--db={}", file.display()), format!("--db=file:{}", file.display())] {
        let mut command = upstream.run.ours("ovn-trace");
        command.arg(source).args(arguments);
        assert_eq!(run_ok(command), live);
    }
    let mut command = upstream.run.ours("ovn-trace");
    command.arg(format!("--db={}", upstream.run.path("nb.db").display())).args(arguments);
    let outcome = run(command);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("it is OVN_Northbound, not a southbound database"), "{outcome:?}");
}

#[test]
fn who_asked_for_a_flow_is_read_from_the_northbound_database() {
    let Some(upstream) = Upstream::start() else { return };
    let packet = format!("{P1} && eth.dst == 0a:00:00:00:00:02 && ip4.dst == 10.0.0.2 && udp.dst == 53");
    let [_, mut command] = upstream.programs();
    command.arg(format!("--nb-db={}", upstream.remote())).args(["--pretty", "--ct=new", "--ct=new", &packet]);
    let text = run_ok(command);
    let acl = "asked for by ACL to-lport 1001 outport == \"p2\" && ip4.src == $friends && udp drop\n";
    assert!(text.contains(acl), "{text}");
    assert!(text.ends_with("=> dropped in ls_out_acl of sw0 egress\n"), "{text}");
}

#[test]
fn a_topology_is_traced_without_a_lab() {
    let run_dir = RunDir::default();
    let mut command = run_dir.ours("ovn-trace");
    command.arg("--topology").arg(root().join("topologies/two-chassis.yaml"));
    command.args([
        "--pretty",
        "--reply",
        r#"inport == "vm1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:03 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.3 && ip.ttl == 64 && icmp4.type == 8"#,
    ]);
    let text = run_ok(command);
    for part in [
        "switch sw0, ingress, from \"vm1\", on hv1\n",
        "~~ geneve from hv1 (172.31.0.1) to hv2 (172.31.0.2): ",
        "=> delivered to \"vm3\"\n",
        "\npacket 2\nicmp,",
        "=> delivered to \"vm1\"\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let mut command = run_dir.ours("ovn-trace");
    command.arg("--topology").arg(run_dir.path("none.yaml")).arg("ip4");
    let outcome = run(command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
}
