//! Which executable plays which role.

use crate::text::values::BadValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A program that a lab runs, by the name under which everyone knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    OvsdbServer,
    Northd,
    Controller,
    Vswitchd,
    Nbctl,
    Sbctl,
    Vsctl,
    Trace,
    Ofctl,
    OvsAppctl,
    OvnAppctl,
    OvsdbClient,
    OvsdbTool,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 13] = [
        Self::OvsdbServer,
        Self::Northd,
        Self::Controller,
        Self::Vswitchd,
        Self::Nbctl,
        Self::Sbctl,
        Self::Vsctl,
        Self::Trace,
        Self::Ofctl,
        Self::OvsAppctl,
        Self::OvnAppctl,
        Self::OvsdbClient,
        Self::OvsdbTool,
    ];

    /// The executable's name: the applet's, and that of the program it stands for.
    pub const fn program(self) -> &'static str {
        match self {
            Self::OvsdbServer => "ovsdb-server",
            Self::Northd => "ovn-northd",
            Self::Controller => "ovn-controller",
            Self::Vswitchd => "ovs-vswitchd",
            Self::Nbctl => "ovn-nbctl",
            Self::Sbctl => "ovn-sbctl",
            Self::Vsctl => "ovs-vsctl",
            Self::Trace => "ovn-trace",
            Self::Ofctl => "ovs-ofctl",
            Self::OvsAppctl => "ovs-appctl",
            Self::OvnAppctl => "ovn-appctl",
            Self::OvsdbClient => "ovsdb-client",
            Self::OvsdbTool => "ovsdb-tool",
        }
    }
}

impl FromStr for Role {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        Self::ALL.into_iter().find(|role| role.program() == text).ok_or_else(|| Self::bad(text))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.program())
    }
}

crate::text_value!(
    Role,
    "role",
    "ovsdb-server, ovn-northd, ovn-controller, ovs-vswitchd, or a client such as ovn-nbctl, ovn-sbctl, ovs-vsctl, \
     ovn-trace, ovs-ofctl, ovs-appctl, ovn-appctl, ovsdb-client, ovsdb-tool",
    "^ov(n|s|sdb)-[a-z]+$"
);

/// Executables by role; a role that is absent is played by this executable itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stack(pub BTreeMap<Role, PathBuf>);

impl FromStr for Stack {
    type Err = String;

    /// `ROLE=PATH`, one choice of a command line.
    fn from_str(text: &str) -> Result<Self, String> {
        let (role, path) =
            text.split_once('=').ok_or_else(|| format!("expected ROLE=PATH, found {text:?}"))?;
        let role = role.parse::<Role>().map_err(|e| e.to_string())?;
        Ok(Self([(role, path.into())].into()))
    }
}

impl Stack {
    /// All choices in one; later ones count.
    pub fn collect(choices: &[Self]) -> Self {
        choices.iter().fold(Self::default(), |all, one| all.overridden_by(one))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The foreign executable for a role, if any.
    pub fn get(&self, role: Role) -> Option<&Path> {
        self.0.get(&role).map(PathBuf::as_path)
    }

    /// This stack with `over`'s choices in place of its own.
    pub fn overridden_by(&self, over: &Self) -> Self {
        let mut merged = self.0.clone();
        merged.extend(over.0.iter().map(|(role, path)| (*role, path.clone())));
        Self(merged)
    }
}
