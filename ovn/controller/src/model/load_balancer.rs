//! A load balancer, as far as it concerns packets that it sends back to where they came from.

use lflow::action::Transport;
use ovsdb::Uuid;
use schema::sb;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::Complaint;

/// A row of the table `Load_Balancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    pub cookie: u32,
    pub protocol: Transport,
    pub vips: Vec<Vip>,
    /// What sources are translated to instead of the virtual address, at most one of each family.
    pub snat: Vec<IpAddr>,
    pub datapaths: BTreeSet<Uuid>,
    /// Groups of datapaths.
    pub groups: Vec<Uuid>,
}

/// A virtual address with its backends. Ports are zero where none is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    pub ip: IpAddr,
    pub port: u16,
    pub backends: Vec<(IpAddr, u16)>,
}

impl LoadBalancer {
    /// Reads the row. A virtual address that is none, or a backend that does not fit it, is a complaint; templates are
    /// not looked at.
    pub fn parse(row: &sb::LoadBalancer) -> (Self, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let is_template = row.options.get("template").is_some_and(|value| &**value == "true");
        let mut vips = Vec::new();
        for (vip, backends) in row.vips.iter().filter(|_| !is_template) {
            match parse_vip(vip, backends) {
                Some(vip) => vips.push(vip),
                None => complaints.push(Complaint(format!(
                    "load balancer {}: {vip:?} with backends {backends:?} is no virtual address",
                    row.name
                ))),
            }
        }
        let snat = row.options.get("hairpin_snat_ip").map(|text| &**text).unwrap_or_default();
        let balancer = Self {
            cookie: row.uuid.first_u32(),
            protocol: row.protocol.as_deref().and_then(Transport::from_name).unwrap_or(Transport::Tcp),
            vips,
            snat: snat.split_whitespace().filter_map(|ip| ip.parse().ok()).collect(),
            datapaths: row.datapaths.clone(),
            groups: row.datapath_group.into_iter().chain(row.ls_datapath_group).collect(),
        };
        (balancer, complaints)
    }
}

fn parse_vip(vip: &str, backends: &str) -> Option<Vip> {
    let (ip, port) = endpoint(vip)?;
    let backends = backends.split(',').map(str::trim).filter(|backend| !backend.is_empty());
    let backends: Vec<(IpAddr, u16)> = backends.map(endpoint).collect::<Option<_>>()?;
    let fits = backends.iter().all(|(backend, _)| backend.is_ipv4() == ip.is_ipv4());
    fits.then_some(Vip { ip, port, backends })
}

/// `10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]:80`.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let with_port = text.parse::<SocketAddr>().map(|endpoint| (endpoint.ip(), endpoint.port()));
    with_port.or_else(|_| text.trim_matches(['[', ']']).parse().map(|ip| (ip, 0))).ok()
}
