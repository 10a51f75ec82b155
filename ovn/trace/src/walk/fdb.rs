//! The forwarding database, as its table says now.

use super::assign::{read, write};
use super::{Place, Traced};
use crate::flow_text::ethernet;
use crate::network::Network;
use crate::node::{Kind, Node};
use lflow::action::{FdbScope, GetFdb, LookupFdb};
use packet::MacAddr;

/// The key of the port that an address was seen at.
fn find(place: Place<'_>, network: &Network, mac: u128) -> Option<u128> {
    let datapath = i64::from(place.datapath.key);
    let is_address = |text: &str| {
        text.parse::<MacAddr>().is_ok_and(|MacAddr(octets)| {
            octets.iter().fold(0u128, |value, octet| value << 8 | u128::from(*octet)) == mac
        })
    };
    let mut rows = network.tables().fdb.values().filter(|row| row.dp_key == datapath && is_address(&row.mac));
    rows.next().and_then(|row| u128::try_from(row.port_key).ok())
}

pub(super) fn get(
    place: Place<'_>,
    get: &GetFdb,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    match get.scope {
        FdbScope::Local => {
            let port = find(place, network, read(&get.mac, packet)).unwrap_or(0);
            write(&get.port, port, packet);
        }
        FdbScope::Remote => {
            write(&get.port, 0, packet);
            let remark = "/* The remote FDB table is different per each chassis. */";
            nodes.push(Node::new(Kind::Remark, remark));
        }
    }
}

pub(super) fn lookup(
    place: Place<'_>,
    lookup: &LookupFdb,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    let mac = read(&lookup.mac, packet);
    let found = find(place, network, mac) == Some(read(&lookup.port, packet));
    let remark = match found {
        true => format!("/* MAC lookup for {} found in FDB. */", ethernet(mac)),
        false => "/* lookup mac failed in mac learning table. */".to_owned(),
    };
    nodes.push(Node::new(Kind::Action, remark));
    write(&lookup.result, found.into(), packet);
}
