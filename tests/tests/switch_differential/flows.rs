//! Flow tables by chance: matches on what each family of packets has, and actions that they can take.

use proptest::collection::vec;
use proptest::prelude::*;
use tests::switch_pair::PORTS;

/// Tables that flows are in.
const TABLES: u8 = 4;

/// The groups that flows name.
pub(crate) const GROUPS: &str = "\
group_id=1,type=all,bucket=actions=output:1,bucket=actions=set_field:02:00:00:00:00:77->eth_src,output:2
group_id=2,type=indirect,bucket=actions=resubmit(,3)
group_id=3,type=select,bucket=actions=set_field:9->reg1,resubmit(,2),output:3
group_id=4,type=ff,bucket=watch_port:1,actions=output:4,bucket=watch_port:2,actions=output:3
";

/// What kind of packets a flow is for, and so which fields it may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Any,
    Ip,
    Ip6,
    Tcp,
    Tcp6,
    Udp,
    Udp6,
    Sctp,
    Icmp,
    Icmp6,
    Solicitation,
    Advertisement,
    Arp,
}

const FAMILIES: [Family; 13] = [
    Family::Any,
    Family::Ip,
    Family::Ip6,
    Family::Tcp,
    Family::Tcp6,
    Family::Udp,
    Family::Udp6,
    Family::Sctp,
    Family::Icmp,
    Family::Icmp6,
    Family::Solicitation,
    Family::Advertisement,
    Family::Arp,
];

impl Family {
    fn text(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Ip => "ip",
            Self::Ip6 => "ipv6",
            Self::Tcp => "tcp",
            Self::Tcp6 => "tcp6",
            Self::Udp => "udp",
            Self::Udp6 => "udp6",
            Self::Sctp => "sctp",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Solicitation => "icmp6,icmp_type=135,icmp_code=0",
            Self::Advertisement => "icmp6,icmp_type=136,icmp_code=0",
            Self::Arp => "arp",
        }
    }

    fn is_ip4(self) -> bool {
        matches!(self, Self::Ip | Self::Tcp | Self::Udp | Self::Sctp | Self::Icmp)
    }

    fn is_ip6(self) -> bool {
        matches!(self, Self::Ip6 | Self::Tcp6 | Self::Udp6 | Self::Icmp6) || self.is_nd()
    }

    fn is_ip(self) -> bool {
        self.is_ip4() || self.is_ip6()
    }

    fn is_nd(self) -> bool {
        matches!(self, Self::Solicitation | Self::Advertisement)
    }
}

/// Which families have a field or take an action.
type Fits = fn(Family) -> bool;

const ANY: Fits = |_| true;
const IP: Fits = Family::is_ip;
const IP4: Fits = Family::is_ip4;
const IP6: Fits = Family::is_ip6;
const TCP: Fits = |family| matches!(family, Family::Tcp | Family::Tcp6);
const UDP: Fits = |family| matches!(family, Family::Udp | Family::Udp6);
const SCTP: Fits = |family| family == Family::Sctp;
const ICMP: Fits = |family| family == Family::Icmp;
const ICMP6: Fits = |family| family == Family::Icmp6;
const ND: Fits = Family::is_nd;
const SOLICITATION: Fits = |family| family == Family::Solicitation;
const ADVERTISEMENT: Fits = |family| family == Family::Advertisement;
const ARP: Fits = |family| family == Family::Arp;

/// Tests of a match and actions, `%n` standing for a number from 1 to 3.
const TESTS: &[(Fits, &str)] = &[
    (ANY, "in_port=%n"),
    (ANY, "in_port=%n"),
    (ANY, "dl_src=02:00:00:00:00:0%n"),
    (ANY, "dl_dst=02:00:00:00:00:0%n"),
    (ANY, "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"),
    (ANY, "dl_src=02:00:00:00:00:02/ff:ff:ff:ff:ff:fe"),
    (ANY, "vlan_tci=0x0000"),
    (ANY, "vlan_tci=0x0000/0x1000"),
    (ANY, "vlan_tci=0x1000/0x1000"),
    (ANY, "vlan_tci=0x1004/0x1ffe"),
    (ANY, "vlan_tci=0x2000/0xe000"),
    (ANY, "reg0=%n/3"),
    (ANY, "reg1=%n/3"),
    (ANY, "xreg0=%n"),
    (ANY, "xxreg0=0x%n/0x3"),
    (ANY, "metadata=%n/3"),
    (ANY, "pkt_mark=%n/1"),
    (ANY, "tun_id=0"),
    (ANY, "ct_state=-trk"),
    (IP, "ip_frag=no"),
    (IP, "ip_frag=yes"),
    (IP, "ip_frag=first"),
    (IP, "ip_frag=later"),
    (IP, "ip_frag=not_later"),
    (IP, "nw_ttl=%n"),
    (IP, "nw_ttl=64"),
    (IP, "ip_dscp=%n"),
    (IP, "nw_ecn=%n"),
    (IP4, "nw_src=10.0.0.%n"),
    (IP4, "nw_src=10.0.0.0/30"),
    (IP4, "nw_src=10.0.0.2/31"),
    (IP4, "nw_dst=10.0.0.%n"),
    (IP4, "nw_dst=10.0.0.1/255.0.0.1"),
    (IP6, "ipv6_src=fd00::%n"),
    (IP6, "ipv6_src=fd00::/64"),
    (IP6, "ipv6_dst=fd00::%n"),
    (IP6, "ipv6_dst=fd00::2/127"),
    (IP6, "ipv6_label=%n"),
    (TCP, "tcp_dst=%n"),
    (TCP, "tcp_src=0x%n/0xfffe"),
    (TCP, "tcp_flags=+syn-ack"),
    (TCP, "tcp_flags=0x010/0x010"),
    (UDP, "udp_dst=%n"),
    (UDP, "udp_src=0x%n/0xfffe"),
    (SCTP, "sctp_dst=%n"),
    (ICMP, "icmp_type=8"),
    (ICMP, "icmp_code=%n"),
    (ICMP6, "icmp_type=128"),
    (ICMP6, "icmp_code=%n"),
    (ND, "nd_target=fd00::%n"),
    (ND, "nd_target=fd00::2/127"),
    (SOLICITATION, "nd_sll=02:00:00:00:00:0%n"),
    (ADVERTISEMENT, "nd_tll=02:00:00:00:00:0%n"),
    (ARP, "arp_op=%n"),
    (ARP, "arp_spa=10.0.0.%n"),
    (ARP, "arp_tpa=10.0.0.2/31"),
    (ARP, "arp_sha=02:00:00:00:00:0%n"),
    (ARP, "arp_tha=02:00:00:00:00:0%n"),
];

const ACTIONS: &[(Fits, &str)] = &[
    (ANY, "output:%n"),
    (ANY, "output:%n"),
    (ANY, "output:4"),
    (ANY, "output:17"),
    (ANY, "in_port"),
    (ANY, "flood"),
    (ANY, "all"),
    (ANY, "local"),
    (ANY, "controller"),
    (ANY, "controller(max_len=2%n)"),
    (ANY, "controller(reason=no_match,id=0,userdata=01.02.0%n)"),
    (ANY, "output(port=%n,max_len=3%n)"),
    (ANY, "load:%n->NXM_NX_REG0[]"),
    (ANY, "load:%n->NXM_NX_REG1[0..1]"),
    (ANY, "set_field:%n->xreg0"),
    (ANY, "set_field:0x%n00000000/0xf00000000->xxreg0"),
    (ANY, "set_field:%n->metadata"),
    (ANY, "set_field:%n->pkt_mark"),
    (ANY, "set_field:%n->tun_id"),
    (ANY, "set_field:%n->in_port"),
    (ANY, "set_field:02:00:00:00:00:0%n->eth_src"),
    (ANY, "set_field:02:00:00:00:00:0%n->eth_dst"),
    (ANY, "set_field:00:00:00:00:ab:00/00:00:00:00:ff:00->eth_dst"),
    (ANY, "push_vlan:0x8100"),
    (ANY, "push_vlan:0x88a8,set_field:0x100%n->vlan_vid"),
    (ANY, "push_vlan:0x8100,strip_vlan"),
    (ANY, "mod_vlan_vid:%n"),
    (ANY, "mod_vlan_pcp:%n"),
    (ANY, "strip_vlan"),
    (ANY, "move:NXM_OF_ETH_SRC[0..7]->NXM_NX_REG0[0..7]"),
    (ANY, "move:NXM_NX_REG0[0..1]->NXM_OF_ETH_DST[0..1]"),
    (ANY, "move:NXM_OF_VLAN_TCI[]->NXM_NX_REG1[0..15]"),
    (ANY, "move:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]"),
    (ANY, "move:OXM_OF_METADATA[0..31]->NXM_NX_REG1[]"),
    (ANY, "push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]"),
    (ANY, "push:NXM_NX_REG0[]"),
    (ANY, "pop:NXM_NX_REG1[]"),
    (ANY, "output:NXM_NX_REG0[0..15]"),
    (ANY, "output:NXM_NX_REG1[]"),
    (ANY, "check_pkt_larger(8%n)->NXM_NX_REG0[0]"),
    (ANY, "group:%n"),
    (ANY, "group:4"),
    (ANY, "exit"),
    (ANY, "note:01.02.03"),
    (ANY, "bundle(eth_src,0,active_backup,ofport,members:%n,4)"),
    (ANY, "bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[],members:17,%n)"),
    (ANY, "resubmit(,%n)"),
    (ANY, "resubmit(,%n)"),
    (ANY, "resubmit(,%n)"),
    (ANY, "resubmit(%n,1)"),
    (ANY, "resubmit(,0)"),
    (IP, "dec_ttl"),
    (IP, "dec_ttl(0,0)"),
    (IP, "mod_nw_ttl:%n"),
    (IP, "set_field:%n->ip_dscp"),
    (IP, "mod_nw_ecn:%n"),
    (IP, "move:NXM_NX_IP_TTL[]->NXM_NX_REG0[0..7]"),
    (IP4, "mod_nw_src:10.0.0.%n"),
    (IP4, "mod_nw_dst:10.0.0.%n"),
    (IP4, "set_field:0.0.9.0/0.0.255.0->ip_dst"),
    (IP4, "move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[]"),
    (IP4, "move:NXM_OF_IP_DST[]->NXM_NX_REG1[]"),
    (IP6, "set_field:fd00::%n->ipv6_src"),
    (IP6, "set_field:fd00::%n->ipv6_dst"),
    (IP6, "set_field:%n->ipv6_label"),
    (IP6, "move:NXM_NX_IPV6_SRC[0..63]->NXM_NX_IPV6_DST[0..63]"),
    (IP6, "push:NXM_NX_IPV6_SRC[],pop:NXM_NX_XXREG0[]"),
    (TCP, "mod_tp_dst:%n"),
    (TCP, "mod_tp_src:%n"),
    (TCP, "move:NXM_OF_TCP_SRC[]->NXM_OF_TCP_DST[]"),
    (UDP, "mod_tp_dst:%n"),
    (UDP, "mod_tp_src:%n"),
    (SCTP, "mod_tp_dst:%n"),
    (ICMP, "set_field:%n->icmp_type"),
    (ICMP, "set_field:%n->icmp_code"),
    (ND, "set_field:fd00::%n->nd_target"),
    (SOLICITATION, "set_field:02:00:00:00:00:0%n->nd_sll"),
    (ADVERTISEMENT, "set_field:02:00:00:00:00:0%n->nd_tll"),
    (ADVERTISEMENT, "move:NXM_NX_ND_TLL[]->NXM_OF_ETH_DST[]"),
    (ARP, "set_field:%n->arp_op"),
    (ARP, "set_field:02:00:00:00:00:0%n->arp_sha"),
    (ARP, "set_field:02:00:00:00:00:0%n->arp_tha"),
    (ARP, "set_field:10.0.0.%n->arp_spa"),
    (ARP, "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]"),
];

/// Actions that go into an action set as well.
const WRITTEN: &[&str] = &[
    "output:%n",
    "group:1",
    "group:2",
    "set_field:02:00:00:00:00:0%n->eth_src",
    "push_vlan:0x8100",
    "pop_vlan",
    "set_field:%n->reg1",
];

/// One of a list that a family may have, with a number.
fn one(list: &'static [(Fits, &'static str)]) -> impl Strategy<Value = (Fits, String)> {
    (prop::sample::select(list), 1u8..4)
        .prop_map(|((fits, text), n)| (fits, text.replace("%n", &n.to_string())))
}

fn action() -> impl Strategy<Value = (Fits, String)> {
    let nested = vec(one(ACTIONS), 1..4).prop_map(|inner| {
        // Inside too, only what every packet has. An `exit` in a clone ends the peer's whole pipeline, and ours the
        // clone alone: nothing that OVN writes has one there.
        let inner: Vec<String> = inner
            .into_iter()
            .filter(|(fits, text)| fits(Family::Any) && text != "exit")
            .map(|(_, text)| text)
            .collect();
        (ANY, format!("clone({})", inner.join(",")))
    });
    prop_oneof![9 => one(ACTIONS), 1 => nested]
}

/// What follows the actions: instructions.
fn instructions() -> impl Strategy<Value = Vec<String>> {
    let number = |text: &str, n: u8| text.replace("%n", &n.to_string());
    let written = vec((prop::sample::select(WRITTEN), 1u8..4), 1..4).prop_map(move |actions| {
        let actions: Vec<String> = actions.into_iter().map(|(text, n)| number(text, n)).collect();
        format!("write_actions({})", actions.join(","))
    });
    (
        proptest::option::weighted(0.1, Just("clear_actions".to_owned())),
        proptest::option::weighted(0.15, written),
        proptest::option::weighted(0.1, (0u8..4).prop_map(|n| format!("write_metadata:{n}/0xf"))),
        proptest::option::weighted(0.2, (1u8..4).prop_map(|n| format!("goto_table:{n}"))),
    )
        .prop_map(|(clear, write, metadata, goto)| {
            [clear, write, metadata, goto].into_iter().flatten().collect()
        })
}

/// A flow as `ovs-ofctl` takes it, but for its priority.
pub(crate) fn flow() -> impl Strategy<Value = String> {
    let family = prop_oneof![1 => Just(Family::Any), 3 => prop::sample::select(&FAMILIES[..])];
    (0..TABLES, family, vec(one(TESTS), 0..3), vec(action(), 0..6), instructions()).prop_map(
        |(table, family, tests, actions, mut instructions)| {
            let mut parts = vec![format!("table={table}")];
            parts.extend(Some(family.text().to_owned()).filter(|text| !text.is_empty()));
            let mut named: Vec<String> = Vec::new();
            for (fits, text) in tests {
                let field = text.split('=').next().unwrap_or_default().to_owned();
                // Registers overlap.
                let field = if field.contains("reg") { "reg".to_owned() } else { field };
                if fits(family) && !named.contains(&field) {
                    named.push(field);
                    parts.push(text);
                }
            }
            let mut actions: Vec<String> =
                actions.into_iter().filter(|(fits, _)| fits(family)).map(|(_, text)| text).collect();
            // A table is left for a later one only.
            instructions.retain(|text| {
                text.strip_prefix("goto_table:")
                    .is_none_or(|next| next.parse::<u8>().is_ok_and(|next| next > table))
            });
            actions.extend(instructions);
            let actions = if actions.is_empty() { "drop".to_owned() } else { actions.join(",") };
            format!("{},actions={actions}", parts.join(","))
        },
    )
}

/// Two flows of a conjunction and the one that it leads to.
pub(crate) fn conjunction() -> impl Strategy<Value = Vec<String>> {
    (vec(1..=PORTS, 1..3), vec(1u8..4, 1..3), 1u32..4).prop_map(|(ports, sources, out)| {
        let clause = |number: u8, test: String| {
            format!("table=3,priority=300,ip,{test},actions=conjunction(7,{number}/2)")
        };
        let ports = ports.into_iter().map(|port| clause(1, format!("in_port={port}")));
        let sources = sources.into_iter().map(|n| clause(2, format!("nw_src=10.0.0.{n}")));
        let end = format!("table=3,priority=300,conj_id=7,ip,actions=mod_nw_tos:8,output:{out}");
        let mut flows: Vec<String> = ports.chain(sources).chain([end]).collect();
        flows.sort();
        flows.dedup();
        flows
    })
}

/// Flows that forward by learned addresses, before or among others: what comes in by a port with a tag, and all else.
pub(crate) fn learning() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        Just(vec!["table=0,priority=400,actions=normal".to_owned()]),
        Just(vec![
            "table=0,priority=400,vlan_tci=0x1000/0x1000,actions=strip_vlan,normal".to_owned(),
            "table=0,priority=399,in_port=1,actions=mod_vlan_vid:5,normal".to_owned(),
            "table=0,priority=399,actions=set_field:02:00:00:00:00:0a->eth_src,normal,controller".to_owned(),
        ]),
    ]
}
