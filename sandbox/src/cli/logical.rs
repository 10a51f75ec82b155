//! The logical network of a topology for who does not need a lab of it.

use super::read_file;
use crate::db::rows;
use crate::text::Severity;
use crate::topology::Topology;
use anyhow::{Result, bail};
use std::path::Path;

/// What of a topology concerns the databases.
pub struct LogicalNetwork {
    /// The operations that make the northbound rows.
    pub northbound: Vec<serde_json::Value>,
    /// Chassis with the address where their tunnels end.
    pub chassis: Vec<(String, String)>,
    /// The chassis of each guest's logical port.
    pub ports: Vec<(String, String)>,
}

/// Reads the logical network of a topology file.
///
/// # Errors
/// A file that cannot be read, or what is wrong with it, a line each.
pub fn read(path: &Path) -> Result<LogicalNetwork> {
    let source = read_file(path)?;
    let topology = match Topology::read(&source) {
        Ok((topology, _)) => topology,
        Err(refused) => {
            let errors = refused.diagnostics.iter().filter(|found| found.severity == Severity::Error);
            let lines: Vec<String> = errors.map(|found| found.one_line(&refused.source)).collect();
            bail!("{}", lines.join("\n"));
        }
    };
    let chassis = topology.chassis.iter();
    let ports = topology.guests.iter();
    Ok(LogicalNetwork {
        northbound: rows::northbound(&topology.northbound)?,
        chassis: chassis
            .map(|(name, chassis)| (name.to_string(), chassis.address.addr.to_string()))
            .collect(),
        ports: ports
            .map(|(name, guest)| (guest.port_name(name).to_owned(), guest.chassis.to_string()))
            .collect(),
    })
}
