//! Load balancing: the user says which backend, or it is the first one.

use super::assign::write;
use super::conntrack::{ETH_IPV4, ETH_IPV6, begin_connection, ports};
use super::nat::{changed_ends, set_address};
use super::{Place, Traced, Walk};
use crate::network::{Network, Want};
use crate::node::{Kind, Node};
use crate::options::CtState;
use crate::tracker::{Translation, Zone};
use lflow::action::{CtLb, LbKind, LbSnat};
use lflow::symbols::FieldRef;
use openflow::Field;
use std::net::{IpAddr, SocketAddr};

const DNAT: u128 = 0x80;

impl<'n> Walk<'n> {
    pub(super) fn ct_lb(&mut self, place: Place<'n>, lb: &CtLb, packet: &Traced, nodes: &mut Vec<Node>) {
        let mut tracked = packet.clone();
        begin_connection(&mut tracked, packet);
        if self.tracker.is_some() {
            let title = self.balance_by_memory(place, lb, &mut tracked, nodes);
            let children = self.tables(Place { table: lb.table, ..place }, &mut tracked);
            nodes.push(Node::new(Kind::Transformation, title).with(children));
            return;
        }
        let mut remark = "";
        if matches!(packet.get(Field::EthType), ETH_IPV4 | ETH_IPV6) {
            match self.destination(lb, packet) {
                Some((address, port)) => {
                    set_address(&mut tracked, true, address);
                    if let Some((_, field)) = ports(packet).filter(|_| port != 0) {
                        tracked.flow.set(field, port.into());
                    }
                    tracked.flow.set(Field::CtState, tracked.get(Field::CtState) | DNAT);
                }
                None if lb.backends.is_empty() => {}
                None => {
                    let message = "*** no load balancing destination (use --lb-dst)";
                    nodes.push(Node::new(Kind::Error, message));
                }
            }
            let (state, assumed) = self.next_ct_state();
            remark = assumed;
            tracked.flow.set(Field::CtState, tracked.get(Field::CtState) | u128::from(state));
        }
        let title = format!("{}{remark}", lb.kind.name());
        let children = self.tables(Place { table: lb.table, ..place }, &mut tracked);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }

    /// Does what the switch would: a connection stays with its backend. The result is a title.
    fn balance_by_memory(
        &mut self,
        place: Place<'n>,
        lb: &CtLb,
        packet: &mut Traced,
        nodes: &mut Vec<Node>,
    ) -> String {
        let zone = super::conntrack::zone(place, None, packet);
        let is_ip = matches!(packet.get(Field::EthType), ETH_IPV4 | ETH_IPV6);
        let chosen = if is_ip && !lb.backends.is_empty() { self.destination(lb, packet) } else { None };
        if is_ip && !lb.backends.is_empty() && chosen.is_none() {
            nodes.push(Node::new(Kind::Error, "*** no load balancing destination (use --lb-dst)"));
        }
        let translation = chosen.map(|(address, port)| Translation {
            is_destination: true,
            address,
            port: (port != 0).then_some(port),
        });
        let before = packet.clone();
        let was_known = self.is_known(zone, packet);
        let state = self.track(zone, true, translation.map(Some), packet).unwrap_or(0);
        if translation.is_some() && !was_known {
            let (field, bits) = marks(lb);
            packet.flow.set(field, packet.get(field) | bits);
            self.label(zone, packet);
        }
        format!("{}({}ct_state={})", lb.kind.name(), changed_ends(&before, packet), CtState(state))
    }

    /// Whether a packet's connection is remembered.
    fn is_known(&self, zone: Zone, packet: &Traced) -> bool {
        self.tracker.as_ref().is_some_and(|tracker| tracker.knows(zone, &packet.flow))
    }

    /// Where the connection goes: to the backend that the user asks for, once, else to the first of the packet's family.
    fn destination(&mut self, lb: &CtLb, packet: &Traced) -> Option<(IpAddr, u16)> {
        let is_v4 = packet.get(Field::EthType) == ETH_IPV4;
        let wanted = self.lb_dst.filter(|(address, _)| address.is_ipv4() == is_v4);
        if lb.backends.is_empty() {
            return wanted;
        }
        let mut fitting = lb.backends.iter().filter(|backend| backend.address.is_ipv4() == is_v4);
        let asked =
            wanted.and_then(|(address, _)| fitting.clone().find(|backend| backend.address == address));
        if asked.is_some() {
            self.lb_dst = None;
        }
        asked.or_else(|| fitting.next()).map(|backend| (backend.address, backend.port))
    }
}

/// The bits by which a load balancer's connections are known, and where they are.
fn marks(lb: &CtLb) -> (Field, u128) {
    const NATTED: u128 = 1 << 1;
    const SKIP_SNAT: u128 = 1 << 2;
    const FORCE_SNAT: u128 = 1 << 3;
    let field = match lb.kind {
        LbKind::Label => Field::CtLabel,
        LbKind::Mark | LbKind::MarkLocal => Field::CtMark,
    };
    let snat = match lb.snat {
        None => 0,
        Some(LbSnat::Skip) => SKIP_SNAT,
        Some(LbSnat::Force) => FORCE_SNAT,
    };
    (field, NATTED | snat)
}

/// Which packets of a connection are asked for.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// To the load balancer and back to the sender.
    There,
    /// The reply.
    Back,
}

/// The load balancer that the packet's connection was for: its address as the database writes it, and its port.
fn vip(network: &Network, packet: &Traced) -> Option<(String, u16)> {
    let is_asked_for = |address: IpAddr| match address {
        IpAddr::V4(address) => packet.get(Field::CtNwDst) == address.to_bits().into(),
        IpAddr::V6(address) => packet.get(Field::CtIpv6Dst) == address.to_bits(),
    };
    network.need(Want::LoadBalancers);
    let vips = network.tables().load_balancer.values().flat_map(|row| row.vips.keys());
    let parse = |vip: &str| match vip.parse::<SocketAddr>() {
        Ok(vip) => Some((vip.ip(), vip.port())),
        Err(_) => vip.trim_matches(['[', ']']).parse().ok().map(|address| (address, 0)),
    };
    vips.filter_map(|vip| parse(vip))
        .find(|(address, _)| is_asked_for(*address))
        .map(|(address, port)| (address.to_string(), port))
}

/// `bit = chk_lb_hairpin();` and the one for replies.
pub(super) fn check_hairpin(
    result: &FieldRef,
    way: Way,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    let same_ends = match packet.get(Field::EthType) {
        ETH_IPV4 => packet.get(Field::Ipv4Src) == packet.get(Field::Ipv4Dst),
        ETH_IPV6 => packet.get(Field::Ipv6Src) == packet.get(Field::Ipv6Dst),
        _ => false,
    };
    let port = match way {
        Way::There => packet.get(Field::CtTpDst),
        Way::Back => ports(packet).map_or(0, |(_, dst)| packet.get(dst)),
    };
    let is_hairpin = same_ends
        && packet.get(Field::CtState) & DNAT != 0
        && vip(network, packet).is_some_and(|(_, vip_port)| u128::from(vip_port) == port);
    write(result, is_hairpin.into(), packet);
    nodes.push(Node::new(Kind::Effect, format!("{result} = {}", u8::from(is_hairpin))));
}

/// `ct_snat_to_vip;`: the source becomes the load balancer's address.
pub(super) fn snat_to_vip(network: &Network, packet: &Traced, nodes: &mut Vec<Node>) {
    if let Some((address, port)) = vip(network, packet)
        && u128::from(port) == packet.get(Field::CtTpDst)
    {
        nodes.push(Node::new(Kind::Action, format!("/* nat(src={address}) */")));
    }
}
