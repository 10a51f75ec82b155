//! `Logical_Router_Static_Route`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ovsdb::{Str, Uuid};
use schema::nb;

use crate::model::options::Options;
use crate::model::prefix::Prefix;

/// A way that packets of some prefix take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The northbound row.
    pub uuid: Uuid,
    /// Which packets, and where to; none if the row cannot be used.
    pub way: Option<(Chosen, Way)>,
    /// Fields that choose among several next hops; none for those of the connection.
    pub selection_fields: BTreeSet<Str>,
    /// What was not understood.
    pub complaints: Vec<String>,
}

/// Packets that are chosen by one of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen {
    /// Whether by the source.
    pub by_source: bool,
    /// The prefix of the address.
    pub prefix: Prefix,
}

/// Where packets go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Nowhere.
    Discard,
    /// To a neighbour: the port it is at, if that is said, and its address; without one, packets go to their destination.
    Hop {
        /// `output_port`
        port: Option<Str>,
        /// `nexthop`
        ip: Option<IpAddr>,
    },
}

impl StaticRoute {
    /// Reads a row.
    pub fn parse(row: &nb::LogicalRouterStaticRoute) -> Self {
        let mut complaints = Vec::new();
        let way = way(row, &mut complaints);
        let mut options = Options::new(&row.options, "options", &mut complaints);
        if options.flag("ecmp_symmetric_reply", false) {
            complaints.push("options:ecmp_symmetric_reply is ignored, it is not supported yet".into());
        }
        if row.bfd.is_some() {
            complaints.push("bfd is ignored, it is not supported yet".into());
        }
        Self { uuid: row.uuid, way, selection_fields: row.selection_fields.clone(), complaints }
    }
}

fn way(row: &nb::LogicalRouterStaticRoute, complaints: &mut Vec<String>) -> Option<(Chosen, Way)> {
    if !row.route_table.is_empty() {
        complaints
            .push(format!("route_table \"{}\" is not supported yet; the route is left out", row.route_table));
        return None;
    }
    let Some(prefix) = Prefix::parse(&row.ip_prefix) else {
        complaints
            .push(format!("ip_prefix \"{}\" is not ADDRESS/LENGTH; the route is left out", row.ip_prefix));
        return None;
    };
    let by_source = row.policy.as_deref() == Some("src-ip");
    let chosen = Chosen { by_source, prefix };
    if &*row.nexthop == "discard" {
        return Some((chosen, Way::Discard));
    }
    let port = row.output_port.clone().filter(|name| !name.is_empty());
    if row.nexthop.is_empty() && port.is_some() {
        return Some((chosen, Way::Hop { port, ip: None }));
    }
    match row.nexthop.parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv4() == (prefix.family() == crate::model::prefix::Family::V4) => {
            Some((chosen, Way::Hop { port, ip: Some(ip) }))
        }
        Ok(_) => {
            complaints.push(format!(
                "nexthop {} is not of the family of {prefix}; the route is left out",
                row.nexthop
            ));
            None
        }
        Err(_) => {
            complaints.push(format!(
                "nexthop \"{}\" is not an address nor \"discard\"; the route is left out",
                row.nexthop
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let parse = |ip_prefix: &str, nexthop: &str, port: Option<&str>| {
            let route = StaticRoute::parse(&nb::LogicalRouterStaticRoute {
                ip_prefix: ip_prefix.into(),
                nexthop: nexthop.into(),
                output_port: port.map(Str::from),
                ..Default::default()
            });
            format!("{:?} {:?}", route.way.map(|(_, way)| way), route.complaints)
        };
        let lines = [
            parse("10.0.0.0/8", "192.0.2.1", None),
            parse("10.0.0.0/8", "discard", None),
            parse("10.0.0.0/8", "", Some("p")),
            parse("10.0.0.0/8", "", None),
            parse("10.0.0.0/8", "fd00::1", None),
            parse("ten", "192.0.2.1", None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Some(Hop { port: None, ip: Some(192.0.2.1) }) []
        Some(Discard) []
        Some(Hop { port: Some("p"), ip: None }) []
        None ["nexthop \"\" is not an address nor \"discard\"; the route is left out"]
        None ["nexthop fd00::1 is not of the family of 10.0.0.0/8; the route is left out"]
        None ["ip_prefix \"ten\" is not ADDRESS/LENGTH; the route is left out"]
        "#);
    }
}
