//! Packets on a line, and in hexadecimal.

use openflow::{Field, Match};
use packet::key::{FlowKey, extract, slot};
use packet::{EtherType, IpProto};

/// What the headers of a frame say, as `ovs-ofctl monitor` writes it.
pub(crate) fn line(frame: &[u8]) -> String {
    let mut key = FlowKey::ZERO;
    extract(frame, &mut key);
    let mut found = Match::any();
    let mut add = |field: Field, slot| {
        found.set(field, key.get(slot));
    };
    add(Field::VlanTci, slot::VLAN_TCI);
    add(Field::EthSrc, slot::ETH_SRC);
    add(Field::EthDst, slot::ETH_DST);
    add(Field::EthType, slot::ETH_TYPE);
    let kind = EtherType(key.get(slot::ETH_TYPE) as u16);
    if kind == EtherType::ARP || kind == EtherType::RARP {
        add(Field::ArpSpa, slot::IPV4_SRC);
        add(Field::ArpTpa, slot::IPV4_DST);
        add(Field::ArpOp, slot::NW_PROTO);
        add(Field::ArpSha, slot::ARP_SHA);
        add(Field::ArpTha, slot::ARP_THA);
    } else if kind.is_ip() {
        let (src, dst) = match kind {
            EtherType::IPV4 => (Field::Ipv4Src, Field::Ipv4Dst),
            _ => (Field::Ipv6Src, Field::Ipv6Dst),
        };
        let is_v4 = kind == EtherType::IPV4;
        add(src, if is_v4 { slot::IPV4_SRC } else { slot::NW_SRC });
        add(dst, if is_v4 { slot::IPV4_DST } else { slot::NW_DST });
        if !is_v4 {
            add(Field::Ipv6Label, slot::IPV6_LABEL);
        }
        add(Field::IpProto, slot::NW_PROTO);
        add(Field::IpDscp, slot::NW_DSCP);
        add(Field::IpEcn, slot::NW_ECN);
        add(Field::IpTtl, slot::NW_TTL);
        add(Field::IpFrag, slot::NW_FRAG);
        let is_later = key.get(slot::NW_FRAG) & 2 != 0;
        let ports = match IpProto(key.get(slot::NW_PROTO) as u8) {
            _ if is_later => None,
            IpProto::TCP => Some((Field::TcpSrc, Field::TcpDst)),
            IpProto::UDP => Some((Field::UdpSrc, Field::UdpDst)),
            IpProto::SCTP => Some((Field::SctpSrc, Field::SctpDst)),
            IpProto::ICMP if is_v4 => Some((Field::Icmp4Type, Field::Icmp4Code)),
            IpProto::ICMP6 if !is_v4 => Some((Field::Icmp6Type, Field::Icmp6Code)),
            _ => None,
        };
        if let Some((src, dst)) = ports {
            add(src, slot::TP_SRC);
            add(dst, slot::TP_DST);
            if src == Field::TcpSrc {
                add(Field::TcpFlags, slot::TCP_FLAGS);
            }
        }
    }
    format!("{found}{}\n", checksum(frame, &key))
}

/// The transport checksum as it stands in the frame.
fn checksum(frame: &[u8], key: &FlowKey) -> String {
    let layout = extract(frame, &mut FlowKey::default());
    let at = |offset: usize| {
        let start = layout.l4_at as usize + offset;
        frame.get(start..start + 2).map(|octets| format!("{:02x}{:02x}", octets[0], octets[1]))
    };
    let named = match IpProto(key.get(slot::NW_PROTO) as u8) {
        _ if !EtherType(key.get(slot::ETH_TYPE) as u16).is_ip() || key.get(slot::NW_FRAG) & 2 != 0 => None,
        IpProto::TCP => at(16).map(|sum| ("tcp", sum)),
        IpProto::UDP => at(6).map(|sum| ("udp", sum)),
        IpProto::ICMP => at(2).map(|sum| ("icmp", sum)),
        IpProto::ICMP6 => at(2).map(|sum| ("icmp6", sum)),
        _ => None,
    };
    named.map(|(name, sum)| format!(" {name}_csum:{sum}")).unwrap_or_default()
}

/// Octets in hexadecimal, 16 a line.
pub(crate) fn hex(octets: &[u8]) -> String {
    let mut text = String::new();
    for (n, line) in octets.chunks(16).enumerate() {
        text += &format!("{:08x} ", n * 16);
        for (at, octet) in line.iter().enumerate() {
            text += &format!("{}{octet:02x}", if at == 8 { '-' } else { ' ' });
        }
        text += "\n";
    }
    text
}

/// Octets from hexadecimal digits; blanks, dots and colons between them are skipped.
pub(crate) fn octets(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '.' | ':'))
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_written_as_upstream_does() {
        let tcp = octets(
            "50540000000750540000000508004500002800000000 4006f97cc0a80001c0a80002 0008000a000000000000000050020000 2e7d0000",
        );
        insta::assert_snapshot!(line(&tcp.unwrap()).trim_end(), @"tcp,vlan_tci=0x0000,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:07,nw_src=192.168.0.1,nw_dst=192.168.0.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=8,tp_dst=10,tcp_flags=syn tcp_csum:2e7d");
        let arp =
            octets("505400000007505400000005080600010800060400015054000000050101010100000000000002020202");
        insta::assert_snapshot!(line(&arp.unwrap()).trim_end(), @"arp,vlan_tci=0x0000,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:07,arp_spa=1.1.1.1,arp_tpa=2.2.2.2,arp_op=1,arp_sha=50:54:00:00:00:05,arp_tha=00:00:00:00:00:00");
    }
}
