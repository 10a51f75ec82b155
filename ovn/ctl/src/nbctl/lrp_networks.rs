//! What router ports reach.

use super::addresses::{Cidr, ethernet, link_local};
use super::rows::{ports_of, rows};
use crate::Failure;
use crate::view::{View, references};
use ovsdb::Uuid;
use schema::nb::{LogicalRouter, LogicalRouterPort};
use std::net::IpAddr;

/// Length of the prefix of link-local addresses.
const LINK_LOCAL_LENGTH: u32 = 64;

/// The ports of a router, in the order of their UUIDs.
pub(super) fn ports(view: &View, router: Uuid) -> Result<Vec<LogicalRouterPort>, Failure> {
    rows(view, &references(&ports_of::<LogicalRouter>(view, router)))
}

/// Whether an address is in a network of the port, of which the link-local one is always one.
pub(super) fn reaches(port: &LogicalRouterPort, address: &str) -> bool {
    let (Ok(address), Some(ethernet)) = (address.parse::<IpAddr>(), ethernet(&port.mac)) else {
        return false;
    };
    let own = port.networks.iter().filter_map(|network| Cidr::parse(network));
    let own = own.filter(|network| network.address.is_ipv6() || !network.address.is_unspecified());
    let link_local = Cidr { address: link_local(ethernet).into(), length: LINK_LOCAL_LENGTH };
    own.chain([link_local]).any(|network| network.contains(address))
}
