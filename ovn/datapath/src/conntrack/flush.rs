//! Forgetting connections: of a zone, of some ends, all.

use std::time::Instant;

use openflow::{CtFlush, CtTuple};
use packet::IpProto;

use super::Tracker;
use super::conn::Conn;
use super::key::{Addr, ConnKey};

impl Tracker {
    /// Forgets the connections that match; false if one connection was named by all its parts and is
    /// not there. Parts that are zero match everything, as in Open vSwitch.
    pub(crate) fn flush(&mut self, wanted: &CtFlush, now: Instant) -> bool {
        let now = self.millis(now);
        if let Some(key) = whole(wanted) {
            let found = self.table.find(&key, now);
            if let Some((id, _)) = found {
                self.remove(id);
            }
            return found.is_some();
        }
        let ids = match wanted.zone {
            Some(zone) => self.table.ids_of(zone),
            None => self.table.ids().collect(),
        };
        for id in ids {
            if self.table.get(id).is_some_and(|conn| matches(wanted, conn)) {
                self.remove(id);
            }
        }
        true
    }
}

/// The key of the one connection that is meant, if its original direction is all that is given.
/// Without a zone it is the one of zone 0, as in Open vSwitch.
fn whole(wanted: &CtFlush) -> Option<ConnKey> {
    let CtFlush { protocol, original: Some(tuple), reply: None, zone, mark: None, labels: None, .. } = wanted
    else {
        return None;
    };
    let (src, dst) = (tuple.src?, tuple.dst?);
    let key = ConnKey {
        src: Addr::from_ip(src),
        dst: Addr::from_ip(dst),
        src_port: 0,
        dst_port: 0,
        zone: zone.unwrap_or(0),
        proto: IpProto(*protocol),
        v6: src.is_ipv6(),
    };
    let (src_port, dst_port) = if key.is_icmp() {
        (tuple.icmp_id.unwrap_or(0), tuple.icmp_type.unwrap_or(0).into())
    } else {
        (tuple.src_port.filter(|port| *port != 0)?, tuple.dst_port.filter(|port| *port != 0)?)
    };
    (src.is_ipv6() == dst.is_ipv6()).then_some(ConnKey { src_port, dst_port, ..key })
}

fn matches(wanted: &CtFlush, conn: &Conn) -> bool {
    let masked = |bits: u128, value: Option<u128>, mask: Option<u128>| {
        value.is_none_or(|value| (bits ^ value) & mask.unwrap_or(u128::MAX) == 0)
    };
    (wanted.protocol == 0 || wanted.protocol == conn.key.proto.0)
        && wanted.original.as_ref().is_none_or(|tuple| tuple_matches(tuple, &conn.key))
        && wanted.reply.as_ref().is_none_or(|tuple| tuple_matches(tuple, &conn.reply_key))
        && masked(conn.mark.into(), wanted.mark.map(Into::into), wanted.mark_mask.map(Into::into))
        && masked(conn.label, wanted.labels, wanted.labels_mask)
}

fn tuple_matches(tuple: &CtTuple, key: &ConnKey) -> bool {
    let address = |wanted: Option<std::net::IpAddr>, has: Addr| {
        wanted.is_none_or(|ip| ip.is_unspecified() || ip == has.ip(key.v6))
    };
    let number = |wanted: Option<u16>, has: u16| wanted.is_none_or(|number| number == 0 || number == has);
    address(tuple.src, key.src)
        && address(tuple.dst, key.dst)
        && if key.is_icmp() {
            tuple.icmp_id.is_none_or(|id| id == key.src_port)
                && tuple.icmp_type.is_none_or(|ty| u16::from(ty) == key.dst_port)
                && tuple.icmp_code.is_none_or(|code| code == 0)
        } else {
            number(tuple.src_port, key.src_port) && number(tuple.dst_port, key.dst_port)
        }
}
