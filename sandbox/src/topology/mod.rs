//! What a lab consists of, as its topology file says it.
//!
//! Two chassis, a fabric between them, guests behind them, and the logical network as rows of the Northbound
//! database. `check.rs` finds what the types alone cannot: names and addresses used twice, references to nothing.
//! This module knows no namespaces and no daemons: it is text in, values or complaints out.

pub mod check;
pub mod link;
pub mod stack;

use crate::text::diagnostic::Refused;
use crate::text::values::{Cidr, LabName, List, Mac, Name};
use crate::text::{Diagnostic, Source};
pub use link::LinkSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use stack::{Role, Stack};
use std::collections::BTreeMap;

/// The address space of the fabric is one network; its frames are at most this long unless the file says otherwise.
pub const UNDERLAY_MTU: u16 = 1600;
/// What guests send fits into [`UNDERLAY_MTU`] with Geneve's 58 octets around it.
pub const GUEST_MTU: u16 = 1500;

/// A lab: chassis, the fabric between them, guests, and the logical network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Topology {
    /// Version of this format.
    pub version: Version,
    /// Name of the lab, unless the command line gives another.
    pub name: LabName,
    /// One sentence for those who read the list of labs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Start of every random sequence in the lab; the same seed gives the same losses.
    #[serde(default)]
    pub seed: u64,
    /// Executables to use in place of this one, by role.
    #[serde(default, skip_serializing_if = "Stack::is_empty")]
    pub stack: Stack,
    /// The node with the Northbound and Southbound databases and northd.
    #[serde(default)]
    pub central: Central,
    /// The fabric that joins the chassis.
    #[serde(default)]
    pub underlay: Underlay,
    /// The hypervisors, by name.
    pub chassis: BTreeMap<Name, Chassis>,
    /// The virtual machines, by name.
    #[serde(default)]
    pub guests: BTreeMap<Name, Guest>,
    /// Rows of the Northbound database by table: a list of rows, each a mapping of columns. A row of another
    /// table may stand inside the column that refers to it.
    #[serde(default)]
    pub northbound: BTreeMap<String, Vec<serde_json::Value>>,
}

/// Version of the topology format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version;

/// The node with the databases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Central {
    /// How the chassis reach the Southbound database.
    #[serde(default)]
    pub southbound: Remote,
    /// Address on the fabric; needed when `southbound` is `tcp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Cidr>,
}

/// A way to a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Remote {
    /// A socket in the lab's file system: always reachable.
    #[default]
    Unix,
    /// A connection over the fabric: it feels the fabric's faults.
    Tcp,
}

/// The fabric: one wire to which every chassis is attached by its interface `uplink`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Underlay {
    /// Octets of a packet on it.
    #[serde(default = "underlay_mtu")]
    pub mtu: u16,
    /// What it does to every frame, in each direction of each attachment.
    #[serde(default)]
    pub link: LinkSettings,
}

impl Default for Underlay {
    fn default() -> Self {
        Self { mtu: UNDERLAY_MTU, link: LinkSettings::default() }
    }
}

fn underlay_mtu() -> u16 {
    UNDERLAY_MTU
}

fn guest_mtu() -> u16 {
    GUEST_MTU
}

/// A hypervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Chassis {
    /// Address on the fabric: where its tunnels end.
    pub address: Cidr,
    /// What the fabric does on this attachment, in place of the fabric's own settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkSettings>,
    /// Executables to use on this chassis, by role.
    #[serde(default, skip_serializing_if = "Stack::is_empty")]
    pub stack: Stack,
    /// More keys of the chassis' `external_ids`, such as ovn-bridge-mappings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_ids: BTreeMap<String, String>,
}

/// A virtual machine: a network namespace with one interface, `eth0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Guest {
    /// The chassis it runs on.
    pub chassis: Name,
    /// Its logical switch port (`iface-id`); the guest's own name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Its Ethernet address.
    pub mac: Mac,
    /// Its addresses: one, or a list.
    #[serde(default)]
    pub ip: List<Cidr>,
    /// Where it sends what is not in its own network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<std::net::IpAddr>,
    /// Octets of a packet it sends.
    #[serde(default = "guest_mtu")]
    pub mtu: u16,
    /// What its interface is made of.
    #[serde(default)]
    pub attach: Attach,
}

impl Guest {
    /// The logical switch port of the guest called `name`.
    pub fn port_name<'a>(&'a self, name: &'a Name) -> &'a str {
        self.port.as_deref().unwrap_or(name.as_str())
    }
}

/// What joins a guest to its switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attach {
    /// A virtual cable; the guest's interface outlives the switch.
    #[default]
    Veth,
    /// A tap device that the switch holds, moved into the guest. Where taps cannot be made, a cable is used.
    Tap,
}

impl Topology {
    /// A topology and the advice about it.
    ///
    /// # Errors
    /// Every complaint about the text, with its positions.
    pub fn read(source: &Source) -> Result<(Self, Vec<Diagnostic>), Box<Refused>> {
        let topology: Self = source.read()?;
        let found = check::check(&topology, source);
        if found.iter().any(|d| d.severity == crate::text::Severity::Error) {
            return Err(source.refuse(found));
        }
        Ok((topology, found))
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl serde::de::Visitor<'_> for One {
            type Value = Version;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("1, the only version of this format")
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Version, E> {
                if number == 1 {
                    return Ok(Version);
                }
                Err(E::custom(format_args!(
                    "bad version {number}: expected 1, the only version of this format"
                )))
            }
        }
        deserializer.deserialize_u64(One)
    }
}

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(1)
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "const": 1, "description": "Version of this format." })
    }
}
