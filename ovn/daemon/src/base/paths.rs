//! Where files are: the run, log, database and configuration directories of OVS and of OVN.
//!
//! Each has an environment variable that upstream's scripts set, and Debian's place as the default.

use std::env;
use std::path::{Path, PathBuf};

/// Which of the two families of directories a program belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `OVS_*`, `/var/run/openvswitch`: the database server, the switch and their clients.
    Ovs,
    /// `OVN_*`, `/var/run/ovn`: northd, the controller and OVN's clients.
    Ovn,
}

impl Family {
    /// Directory of sockets and pidfiles.
    pub fn run_dir(self) -> PathBuf {
        match self {
            Self::Ovs => dir("OVS_RUNDIR", "/var/run/openvswitch"),
            Self::Ovn => dir("OVN_RUNDIR", "/var/run/ovn"),
        }
    }

    /// Directory of log files.
    pub fn log_dir(self) -> PathBuf {
        match self {
            Self::Ovs => dir("OVS_LOGDIR", "/var/log/openvswitch"),
            Self::Ovn => dir("OVN_LOGDIR", "/var/log/ovn"),
        }
    }

    /// Directory of database files.
    pub fn db_dir(self) -> PathBuf {
        match self {
            Self::Ovs => {
                first_dir(&[("OVS_DBDIR", ""), ("OVS_SYSCONFDIR", "openvswitch")], "/etc/openvswitch")
            }
            Self::Ovn => first_dir(&[("OVN_DBDIR", ""), ("OVN_SYSCONFDIR", "ovn")], "/var/lib/ovn"),
        }
    }

    /// Directory of configuration files such as `system-id.conf`.
    pub fn conf_dir(self) -> PathBuf {
        match self {
            Self::Ovs => first_dir(&[("OVS_SYSCONFDIR", "openvswitch")], "/etc/openvswitch"),
            Self::Ovn => first_dir(&[("OVN_SYSCONFDIR", "ovn")], "/etc/ovn"),
        }
    }
}

/// `path` as it is when absolute, else below `base`: how upstream reads the arguments of `--pidfile`, `--unixctl`, `punix:`.
pub fn below(base: &Path, path: &str) -> PathBuf {
    if path.starts_with('/') { PathBuf::from(path) } else { base.join(path) }
}

fn dir(variable: &str, default: &str) -> PathBuf {
    first_dir(&[(variable, "")], default)
}

#[allow(clippy::disallowed_methods)] // This module is where the environment is read.
fn first_dir(variables: &[(&str, &str)], default: &str) -> PathBuf {
    for (variable, below) in variables {
        if let Ok(value) = env::var(variable)
            && !value.is_empty()
        {
            return if below.is_empty() { PathBuf::from(value) } else { Path::new(&value).join(below) };
        }
    }
    PathBuf::from(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_below_the_base_and_an_absolute_one_is_not() {
        assert_eq!(below(Path::new("/run/x"), "a.sock"), PathBuf::from("/run/x/a.sock"));
        assert_eq!(below(Path::new("/run/x"), "/tmp/a.sock"), PathBuf::from("/tmp/a.sock"));
    }
}
