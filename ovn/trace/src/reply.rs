//! The answer that a host would give to a packet that arrived.

use crate::flow_text;
use crate::walk::Delivery;
use lflow::expr::{Microflow, Packet as _};
use openflow::Field;

const TTL: u128 = 64;
const SYN: u128 = 0x02;
const ACK: u128 = 0x10;
const GROUP: u128 = 1 << 40;

/// What a packet's receiver answers; `None` if it answers nothing.
///
/// The ends are exchanged. A ping is answered by its reply, a SYN by SYN and ACK. To what was sent to a group nobody answers.
pub(crate) fn reply(arrived: &Delivery) -> Option<Microflow> {
    let get = |field| arrived.flow.field(field);
    if get(Field::EthDst) & GROUP != 0 {
        return None;
    }
    let mut reply = Microflow::default();
    reply.set(Field::Reg(14), arrived.port.into());
    for (from, to) in [(Field::EthSrc, Field::EthDst), (Field::EthDst, Field::EthSrc)] {
        reply.set(to, get(from));
    }
    for field in [Field::EthType, Field::VlanTci, Field::IpProto] {
        reply.set(field, get(field));
    }
    let (source, destination) = match get(Field::EthType) {
        flow_text::ETH_IPV4 => (Field::Ipv4Src, Field::Ipv4Dst),
        flow_text::ETH_IPV6 => (Field::Ipv6Src, Field::Ipv6Dst),
        _ => return None,
    };
    reply.set(source, get(destination));
    reply.set(destination, get(source));
    reply.set(Field::IpTtl, TTL);
    match get(Field::IpProto) {
        1 if get(Field::Icmp4Type) == 8 => {}
        58 if get(Field::Icmp6Type) == 128 => reply.set(Field::Icmp6Type, 129),
        1 | 58 => return None,
        protocol => {
            let (source, destination) = crate::tracker::ports(&arrived.flow)?;
            reply.set(source, get(destination));
            reply.set(destination, get(source));
            if protocol == 6 {
                let flags = if get(Field::TcpFlags) & SYN != 0 { SYN | ACK } else { ACK };
                reply.set(Field::TcpFlags, flags);
            }
        }
    }
    Some(reply)
}
