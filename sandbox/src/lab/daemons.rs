//! How the daemons of a lab are started: programs, arguments, environment. Pure: paths in, commands out.
//!
//! Nothing here is particular to this executable; the arguments are those that upstream's scripts give.

use super::process::Launch;
use crate::text::values::BadValue;
use crate::topology::{Remote, Role, Topology};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port of the Southbound database over TCP.
pub const SOUTHBOUND_PORT: u16 = 6642;

/// A daemon of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    NorthboundServer,
    SouthboundServer,
    Northd,
    SwitchServer,
    Vswitchd,
    Controller,
}

impl Daemon {
    pub const ALL: [Self; 6] = [
        Self::NorthboundServer,
        Self::SouthboundServer,
        Self::Northd,
        Self::SwitchServer,
        Self::Vswitchd,
        Self::Controller,
    ];

    /// Its name in files, scenarios and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NorthboundServer => "ovsdb-server-nb",
            Self::SouthboundServer => "ovsdb-server-sb",
            Self::Northd => "ovn-northd",
            Self::SwitchServer => "ovsdb-server",
            Self::Vswitchd => "ovs-vswitchd",
            Self::Controller => "ovn-controller",
        }
    }

    /// The program it is.
    pub const fn role(self) -> Role {
        match self {
            Self::NorthboundServer | Self::SouthboundServer | Self::SwitchServer => Role::OvsdbServer,
            Self::Northd => Role::Northd,
            Self::Vswitchd => Role::Vswitchd,
            Self::Controller => Role::Controller,
        }
    }

    /// Whether it runs on the node with the databases; the others run on every chassis.
    pub const fn is_central(self) -> bool {
        match self {
            Self::NorthboundServer | Self::SouthboundServer | Self::Northd => true,
            Self::SwitchServer | Self::Vswitchd | Self::Controller => false,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Daemon {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        Self::ALL.into_iter().find(|daemon| daemon.name() == text).ok_or_else(|| Self::bad(text))
    }
}

crate::text_value!(
    Daemon,
    "daemon",
    "ovsdb-server-nb, ovsdb-server-sb or ovn-northd on central; ovsdb-server, ovs-vswitchd or ovn-controller on a \
     chassis",
    "^(ovsdb-server(-nb|-sb)?|ovn-northd|ovs-vswitchd|ovn-controller)$"
);

/// The files of a lab.
#[derive(Clone, Debug)]
pub struct Files {
    pub root: PathBuf,
    /// Nodes that have executables of their own.
    pub own_programs: BTreeSet<String>,
}

impl Files {
    /// The run directory of a node: databases, sockets, process ids.
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// Where a node's logs are.
    pub fn logs(&self, node: &str) -> PathBuf {
        self.node(node).join("log")
    }

    /// Where every program is found by its name on a node.
    pub fn programs(&self, node: &str) -> PathBuf {
        if self.own_programs.contains(node) { self.node(node).join("bin") } else { self.root.join("bin") }
    }

    pub fn northbound_socket(&self) -> PathBuf {
        self.node(crate::topology::check::CENTRAL).join("ovnnb_db.sock")
    }

    pub fn southbound_socket(&self) -> PathBuf {
        self.node(crate::topology::check::CENTRAL).join("ovnsb_db.sock")
    }

    pub fn switch_socket(&self, chassis: &str) -> PathBuf {
        self.node(chassis).join("db.sock")
    }

    /// The file of the database that a server serves, and its name.
    pub fn database(&self, node: &str, daemon: Daemon) -> Option<PathBuf> {
        let file = match daemon {
            Daemon::NorthboundServer => "ovnnb_db.db",
            Daemon::SouthboundServer => "ovnsb_db.db",
            Daemon::SwitchServer => "conf.db",
            Daemon::Northd | Daemon::Vswitchd | Daemon::Controller => return None,
        };
        Some(self.node(node).join(file))
    }

    /// Where a daemon writes its process id once it has started.
    pub fn pidfile(&self, node: &str, daemon: Daemon) -> PathBuf {
        let file = match daemon {
            Daemon::NorthboundServer => "ovnnb_db.pid",
            Daemon::SouthboundServer => "ovnsb_db.pid",
            Daemon::SwitchServer => "ovsdb-server.pid",
            Daemon::Northd => "ovn-northd.pid",
            Daemon::Vswitchd => "ovs-vswitchd.pid",
            Daemon::Controller => "ovn-controller.pid",
        };
        self.node(node).join(file)
    }

    /// What every process on a node has in its environment, so that each finds its own node's files and the
    /// lab's databases without being told.
    pub fn environment(&self, node: &str) -> Vec<(String, OsString)> {
        let (dir, logs) = (self.node(node), self.logs(node));
        let mut path = OsString::from(self.programs(node));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
        let mut env = vec![("PATH".to_owned(), path)];
        for family in ["OVN", "OVS"] {
            for (what, value) in [("RUNDIR", &dir), ("DBDIR", &dir), ("SYSCONFDIR", &dir), ("LOGDIR", &logs)]
            {
                env.push((format!("{family}_{what}"), value.into()));
            }
        }
        env.push(("OVN_NB_DB".into(), unix(&self.northbound_socket())));
        env.push(("OVN_SB_DB".into(), unix(&self.southbound_socket())));
        env.push(("OVS_SYSLOG_METHOD".into(), "null".into()));
        env.push(("OVN_SANDBOX_NODE".into(), node.into()));
        env
    }

    /// How a daemon is started on a node.
    pub fn launch(&self, topology: &Topology, node: &str, daemon: Daemon) -> Launch {
        let program = self.programs(node).join(daemon.role().program());
        let dir = self.node(node);
        let file = |name: &str| dir.join(name);
        let log = self.logs(node).join(format!("{daemon}.log"));
        let mut args: Vec<OsString> =
            vec!["-vconsole:off".into(), "-vsyslog:off".into(), option("--log-file", &log)];
        let pidfile = option("--pidfile", &self.pidfile(node, daemon));
        match daemon {
            Daemon::NorthboundServer | Daemon::SouthboundServer | Daemon::SwitchServer => {
                let stem = match daemon {
                    Daemon::NorthboundServer => "ovnnb_db",
                    Daemon::SouthboundServer => "ovnsb_db",
                    _ => "db",
                };
                let mut remote = OsString::from("--remote=punix:");
                remote.push(file(&format!("{stem}.sock")));
                args.push(remote);
                args.push(pidfile);
                if daemon != Daemon::SwitchServer {
                    args.push(option("--unixctl", &file(&format!("{stem}.ctl"))));
                }
                if let (Daemon::SouthboundServer, Remote::Tcp, Some(cidr)) =
                    (daemon, topology.central.southbound, topology.central.address)
                {
                    args.push(format!("--remote=ptcp:{SOUTHBOUND_PORT}:{}", bracketed(cidr.addr)).into());
                }
                args.extend(self.database(node, daemon).map(OsString::from));
            }
            Daemon::Northd => {
                args.push(pidfile);
                for (name, socket) in
                    [("--ovnnb-db=", self.northbound_socket()), ("--ovnsb-db=", self.southbound_socket())]
                {
                    let mut arg = OsString::from(name);
                    arg.push(unix(&socket));
                    args.push(arg);
                }
            }
            Daemon::Vswitchd => {
                args.push(pidfile);
                args.push(unix(&self.switch_socket(node)));
            }
            Daemon::Controller => {
                args.push(pidfile);
                args.push(unix(&self.switch_socket(node)));
            }
        }
        Launch { program, args, env: self.environment(node), dir: Some(dir) }
    }

    /// How a chassis reaches the Southbound database.
    pub fn southbound_remote(&self, topology: &Topology) -> String {
        match (topology.central.southbound, topology.central.address) {
            (Remote::Tcp, Some(cidr)) => format!("tcp:{}:{SOUTHBOUND_PORT}", bracketed(cidr.addr)),
            (Remote::Unix | Remote::Tcp, _) => format!("unix:{}", self.southbound_socket().display()),
        }
    }
}

fn option(name: &str, value: &Path) -> OsString {
    let mut out = OsString::from(name);
    out.push("=");
    out.push(value);
    out
}

fn unix(socket: &Path) -> OsString {
    let mut out = OsString::from("unix:");
    out.push(socket);
    out
}

/// An address as it stands before a port.
fn bracketed(addr: std::net::IpAddr) -> String {
    match addr {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn daemons_are_started_as_upstreams_scripts_start_them() {
        let text = "version: 1\nname: t\ncentral: {southbound: tcp, address: 172.31.0.9/24}\nchassis:\n  hv1: {address: 172.31.0.1/24}\n";
        let (topology, _) = Topology::read(&Source::new("t", text)).unwrap();
        let files = Files { root: "/run/lab".into(), own_programs: ["hv1".to_owned()].into() };
        let commands: Vec<String> = Daemon::ALL
            .iter()
            .map(|daemon| {
                let node = if daemon.is_central() { "central" } else { "hv1" };
                let launch = files.launch(&topology, node, *daemon);
                let args: Vec<_> = launch.args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
                format!("{} {}\n", launch.program.display(), args.join(" "))
            })
            .collect();
        insta::assert_snapshot!(commands.concat(), @r"
        /run/lab/bin/ovsdb-server -vconsole:off -vsyslog:off --log-file=/run/lab/central/log/ovsdb-server-nb.log --remote=punix:/run/lab/central/ovnnb_db.sock --pidfile=/run/lab/central/ovnnb_db.pid --unixctl=/run/lab/central/ovnnb_db.ctl /run/lab/central/ovnnb_db.db
        /run/lab/bin/ovsdb-server -vconsole:off -vsyslog:off --log-file=/run/lab/central/log/ovsdb-server-sb.log --remote=punix:/run/lab/central/ovnsb_db.sock --pidfile=/run/lab/central/ovnsb_db.pid --unixctl=/run/lab/central/ovnsb_db.ctl --remote=ptcp:6642:172.31.0.9 /run/lab/central/ovnsb_db.db
        /run/lab/bin/ovn-northd -vconsole:off -vsyslog:off --log-file=/run/lab/central/log/ovn-northd.log --pidfile=/run/lab/central/ovn-northd.pid --ovnnb-db=unix:/run/lab/central/ovnnb_db.sock --ovnsb-db=unix:/run/lab/central/ovnsb_db.sock
        /run/lab/hv1/bin/ovsdb-server -vconsole:off -vsyslog:off --log-file=/run/lab/hv1/log/ovsdb-server.log --remote=punix:/run/lab/hv1/db.sock --pidfile=/run/lab/hv1/ovsdb-server.pid /run/lab/hv1/conf.db
        /run/lab/hv1/bin/ovs-vswitchd -vconsole:off -vsyslog:off --log-file=/run/lab/hv1/log/ovs-vswitchd.log --pidfile=/run/lab/hv1/ovs-vswitchd.pid unix:/run/lab/hv1/db.sock
        /run/lab/hv1/bin/ovn-controller -vconsole:off -vsyslog:off --log-file=/run/lab/hv1/log/ovn-controller.log --pidfile=/run/lab/hv1/ovn-controller.pid unix:/run/lab/hv1/db.sock
        ");
        insta::assert_snapshot!(files.southbound_remote(&topology), @"tcp:172.31.0.9:6642");
    }
}
