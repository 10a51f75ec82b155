//! Ways to say a flow in OpenFlow, and which of them can say a given one (ovs-ofctl(8), "flow formats").

use openflow::{
    Action, Field, FlowMod, FlowModFlags, Instruction, Match, MatchField, Prereq, SetField, Version, Versions,
};

/// A set of ways, as bits in the order in which they are preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protocols(u16);

/// The single ways.
const SINGLE: [&str; 9] = [
    "OpenFlow10-table_id",
    "OpenFlow10+table_id",
    "NXM-table_id",
    "NXM+table_id",
    "OpenFlow11",
    "OXM-OpenFlow12",
    "OXM-OpenFlow13",
    "OXM-OpenFlow14",
    "OXM-OpenFlow15",
];

const OF10: Protocols = Protocols(0b0_0000_0011);
const NXM: Protocols = Protocols(0b0_0000_1100);
const OF11: Protocols = Protocols(0b0_0001_0000);
const OXM: Protocols = Protocols(0b1_1110_0000);
const OF13_UP: Protocols = Protocols(0b1_1100_0000);
const ANY: Protocols = Protocols(0b1_1111_1111);
/// Those that can name a table.
const WITH_TABLE: Protocols = Protocols(0b1_1111_1010);
/// Those that do not look whether an action suits the match.
const LAX: Protocols = OF10.or(NXM);

/// Sets that have a name of their own.
const FAMILIES: [(Protocols, &str); 3] = [(OF10, "OpenFlow10"), (NXM, "NXM"), (OXM, "OXM")];

impl Protocols {
    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both sets.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn any() -> Self {
        ANY
    }

    /// What versions of OpenFlow allow.
    pub(crate) fn of_versions(versions: Versions) -> Self {
        let bits = [
            (Version::Of10, OF10.or(NXM)),
            (Version::Of13, Self(1 << 6)),
            (Version::Of14, Self(1 << 7)),
            (Version::Of15, Self(1 << 8)),
        ];
        let found = bits.into_iter().filter(|(version, _)| versions.contains(*version));
        found.fold(Self(0), |all, (_, one)| all.or(one))
    }

    /// The set of this name, single ways between commas; `None` for a word that is none.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let mut all = Self(0);
        for word in text.split(',').map(str::trim) {
            let is = |name: &str| name.eq_ignore_ascii_case(word);
            let family = FAMILIES.iter().find(|(_, name)| is(name)).map(|(set, _)| *set);
            let single = SINGLE.iter().position(|name| is(name)).map(|at| Self(1 << at));
            all = all.or(if is("any") { ANY } else { family.or(single)? });
        }
        Some(all)
    }

    /// The one that is preferred among those of both sets, and its version.
    pub(crate) fn chosen(self, allowed: Self) -> Option<(&'static str, Version)> {
        let both = self.and(allowed);
        let versions = [
            (0, Version::Of10),
            (1, Version::Of10),
            (2, Version::Of10),
            (3, Version::Of10),
            (6, Version::Of13),
            (7, Version::Of14),
            (8, Version::Of15),
        ];
        let first = versions.into_iter().find(|(at, _)| both.0 >> at & 1 != 0);
        first.map(|(at, version)| (SINGLE[at], version))
    }
}

impl std::fmt::Display for Protocols {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == ANY {
            return f.write_str("any");
        }
        let mut left = *self;
        let mut names = Vec::new();
        for (family, name) in FAMILIES {
            if left.and(family) == family {
                names.push(name);
                left = Self(left.0 & !family.0);
            }
        }
        names
            .extend(SINGLE.iter().enumerate().filter(|(at, _)| left.0 >> at & 1 != 0).map(|(_, name)| *name));
        if names.is_empty() { f.write_str("none") } else { f.write_str(&names.join(",")) }
    }
}

/// The ways that can say a flow.
pub(crate) fn usable(flow: &FlowMod) -> Protocols {
    let mut all = flow.matching.iter().fold(ANY, |all, test| all.and(of_match(&flow.matching, test)));
    if flow.table.is_some_and(|table| table != 0) {
        all = all.and(WITH_TABLE);
    }
    if flow.flags.has(FlowModFlags::RESET_COUNTS) {
        all = all.and(OXM);
    }
    if flow.flags.has(FlowModFlags::NO_PACKET_COUNTS) || flow.flags.has(FlowModFlags::NO_BYTE_COUNTS) {
        all = all.and(OF13_UP);
    }
    flow.instructions.iter().fold(all, |all, instruction| {
        all.and(match instruction {
            Instruction::Meter(_) => OF13_UP,
            Instruction::WriteMetadata { .. } => NXM.or(OXM).or(OF11),
            Instruction::Apply(actions) | Instruction::Write(actions) => of_actions(actions, &flow.matching),
            Instruction::ClearActions | Instruction::GotoTable(_) => ANY,
        })
    })
}

fn of_match(all: &Match, test: MatchField) -> Protocols {
    let is_whole = test.mask == test.field.full_mask();
    // What OpenFlow 1.0 says of addresses is how many bits of them count.
    let is_prefix = (test.mask as u32).leading_ones() + (test.mask as u32).trailing_zeros() == 32;
    let is_v6 = all.exact(Field::EthType) == Some(0x86dd);
    match test.field {
        Field::InPort | Field::InPort16 | Field::EthType | Field::IpProto => ANY,
        Field::VlanTci if matches!(test.mask, 0x1fff | 0xf000 | 0xffff) => ANY,
        Field::EthSrc | Field::EthDst if is_whole => ANY,
        Field::EthSrc | Field::EthDst => NXM.or(OXM).or(OF11),
        Field::Ipv4Src | Field::Ipv4Dst | Field::ArpSpa | Field::ArpTpa if is_prefix => ANY,
        Field::Ipv4Src | Field::Ipv4Dst | Field::ArpSpa | Field::ArpTpa => NXM.or(OXM).or(OF11),
        Field::IpDscp | Field::IpTos | Field::ArpOp => ANY,
        Field::TcpSrc | Field::TcpDst | Field::UdpSrc | Field::UdpDst if is_whole && !is_v6 => ANY,
        Field::Icmp4Type | Field::Icmp4Code => ANY,
        Field::SctpSrc | Field::SctpDst if is_whole && !is_v6 => NXM.or(OXM).or(OF11),
        Field::Metadata | Field::IpEcn | Field::MplsLabel | Field::MplsTc => NXM.or(OXM).or(OF11),
        _ => NXM.or(OXM),
    }
}

fn of_actions(actions: &[Action], matching: &Match) -> Protocols {
    actions.iter().fold(ANY, |all, action| {
        all.and(match action {
            Action::Meter(_) => OF13_UP,
            Action::PushVlan(_) => OXM.or(OF11),
            Action::PopVlan if matching.get(Field::VlanTci).is_none_or(|tci| tci.value & 0x1000 == 0) => LAX,
            Action::DecTtl { .. } if !holds(matching, Prereq::Ip) => LAX,
            Action::DecMplsTtl if !holds(matching, Prereq::Mpls) => LAX,
            Action::FinTimeout { .. } if !holds(matching, Prereq::Tcp) => LAX,
            Action::SetField(set) => of_set(set, matching),
            Action::Clone(nested) => of_actions(nested, matching),
            Action::Ct(ct) => of_actions(&ct.actions, matching),
            _ => ANY,
        })
    })
}

fn of_set(set: &SetField, matching: &Match) -> Protocols {
    let plain = match set.field {
        Field::EthSrc
        | Field::EthDst
        | Field::VlanVid
        | Field::VlanPcp
        | Field::VlanTci
        | Field::Ipv4Src
        | Field::Ipv4Dst
        | Field::IpDscp
        | Field::IpTos
        | Field::TcpSrc
        | Field::TcpDst
        | Field::UdpSrc
        | Field::UdpDst
        | Field::ArpOp
        | Field::ArpSpa
        | Field::ArpTpa
        | Field::Icmp4Type
        | Field::Icmp4Code
        | Field::InPort
        | Field::InPort16 => ANY,
        Field::Metadata
        | Field::IpEcn
        | Field::MplsLabel
        | Field::MplsTc
        | Field::SctpSrc
        | Field::SctpDst => NXM.or(OXM).or(OF11),
        _ => NXM.or(OXM),
    };
    if holds(matching, set.field.prereq()) { plain } else { plain.and(LAX) }
}

/// Whether a match lets only packets through that have what is needed.
fn holds(m: &Match, needed: Prereq) -> bool {
    let ethertype = m.exact(Field::EthType);
    let is = |kinds: &[u128]| ethertype.is_some_and(|kind| kinds.contains(&kind));
    let proto = |n: u128| is(&[0x0800, 0x86dd]) && m.exact(Field::IpProto) == Some(n);
    match needed {
        // Writing a tag makes one.
        Prereq::None | Prereq::Ethernet | Prereq::Vlan => true,
        Prereq::Mpls => is(&[0x8847, 0x8848]),
        Prereq::Ipv4 => is(&[0x0800]),
        Prereq::Ipv6 => is(&[0x86dd]),
        Prereq::Ip => is(&[0x0800, 0x86dd]),
        Prereq::Arp => is(&[0x0806, 0x8035]),
        Prereq::Nsh => is(&[0x894f]),
        Prereq::Tcp => proto(6),
        Prereq::Udp => proto(17),
        Prereq::Sctp => proto(132),
        Prereq::Icmp4 => is(&[0x0800]) && proto(1),
        Prereq::Icmp6 | Prereq::Nd | Prereq::NdSolicit | Prereq::NdAdvert => is(&[0x86dd]) && proto(58),
        Prereq::Ct => m.get(Field::CtState).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_said_as_upstreams_tool_says() {
        for (flow, expected) in [
            ("ip,actions=output:1", "any"),
            ("reg0=1,actions=2", "NXM,OXM"),
            ("table=1,actions=drop", "OXM,OpenFlow10+table_id,NXM+table_id,OpenFlow11"),
            ("metadata=1,actions=drop", "NXM,OXM,OpenFlow11"),
            ("actions=meter:1", "OXM-OpenFlow13,OXM-OpenFlow14,OXM-OpenFlow15"),
            ("actions=set_field:1->reg0", "NXM,OXM"),
            ("reset_counts,actions=drop", "OXM"),
            ("actions=dec_ttl", "OpenFlow10,NXM"),
            ("ip,actions=dec_ttl", "any"),
            ("ip,nw_dst=1.2.3.4/255.0.255.0,actions=drop", "NXM,OXM,OpenFlow11"),
            ("arp,arp_spa=1.0.0.0/8,actions=drop", "any"),
            ("vlan_tci=0x1000/0x1000,actions=drop", "NXM,OXM"),
            ("dl_vlan=5,actions=strip_vlan", "any"),
            ("table=2,ip,actions=set_field:5->metadata", "OXM,NXM+table_id,OpenFlow11"),
            ("tcp6,tp_dst=1,actions=drop", "NXM,OXM"),
            ("actions=push_vlan:0x8100", "OXM,OpenFlow11"),
            ("actions=mod_nw_src:1.1.1.1", "OpenFlow10,NXM"),
            ("reg0=1,actions=clone(set_field:1->reg0)", "NXM,OXM"),
        ] {
            let flow_mod: FlowMod = flow.parse().expect("a flow");
            assert_eq!(usable(&flow_mod).to_string(), expected, "{flow}");
        }
    }

    #[test]
    fn ways_have_names() {
        for text in ["any", "NXM", "OXM,OpenFlow10+table_id", "NXM,OXM,OpenFlow11", "OXM-OpenFlow13"] {
            assert_eq!(Protocols::named(text).map(|set| set.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Protocols::named("NXN"), None);
        assert_eq!(
            ANY.chosen(Protocols::of_versions(Versions::of(&[Version::Of15]))),
            Some(("OXM-OpenFlow15", Version::Of15))
        );
        assert_eq!(OF11.chosen(ANY), None);
    }
}
