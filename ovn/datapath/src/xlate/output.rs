//! Output to ports: devices, patch ports, tunnels, and the reserved numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use openflow::{PacketInReason, PortConfig, PortNo};
use packet::key::slot;
use packet::{Erspan, ErspanForm, EtherType, Geneve, Gre, Vni, Vxlan};

use super::{Credit, Xlate};
use crate::counters::Event;
use crate::device::TunnelKind;
use crate::limits::DEPTH_MAX;
use crate::port::{Port, PortId, PortKind, Setting, Tunnel};
use crate::program::{Encap, Op};

impl Xlate<'_> {
    /// The `output` action.
    pub(super) fn output(&mut self, port: PortNo) {
        match port {
            PortNo::IN_PORT => {
                let port = self.in_port();
                self.output_to(port);
            }
            PortNo::TABLE => {
                let (.., depth, _) = self.position();
                self.table_lookup(None, 0, depth + 1);
            }
            PortNo::NORMAL => self.normal(),
            PortNo::FLOOD => self.output_all(true),
            PortNo::ALL => self.output_all(false),
            PortNo::CONTROLLER => {
                let (.., miss) = self.position();
                let reason = if miss { PacketInReason::NoMatch } else { PacketInReason::Action };
                self.punt_plain(reason, 0);
            }
            PortNo::NONE => {}
            port if port == self.in_port() => self.warn(|| "skipping output to input port".to_owned()),
            port => self.output_to(port),
        }
    }

    /// A copy of the first octets goes out of a port.
    pub(super) fn output_truncated(&mut self, port: PortNo, max_len: u32) {
        self.begin_copy();
        if self.failure.is_none() {
            let floor = self.levels.len();
            self.emit(Op::Truncate(max_len));
            self.output(port);
            self.run(floor - 1);
        }
    }

    /// Every port but the one it came in by, and but those that controllers excluded from flooding.
    fn output_all(&mut self, flood: bool) {
        let in_port = self.in_port();
        let Some(bridge) = self.current() else { return };
        // The order of numbers, so that equal states give equal programs.
        for (&number, id) in &bridge.ports {
            let Some(port) = self.view.port(*id) else { continue };
            if number != in_port && !(flood && port.config.0 & PortConfig::NO_FLOOD != 0) {
                self.output_to(number);
            }
        }
        self.depend(None);
    }

    /// Sends the packet as it is now out of one port.
    pub(super) fn output_to(&mut self, number: PortNo) {
        self.depend(None);
        let found = self.port(number);
        let Some((id, port)) = found else {
            self.out.events.push(Event::DropPort);
            return self.warn(|| "Nonexistent output port".to_owned());
        };
        if port.config.0 & (PortConfig::NO_FWD | PortConfig::PORT_DOWN) != 0 {
            self.out.events.push(Event::DropPort);
            return self.note(|| "the port takes no packets, skipping output".to_owned());
        }
        match &port.kind {
            PortKind::Device(_) => {
                let queue = self.key.get(slot::SKB_PRIORITY) as u32;
                let dscp = port.qos.as_ref().and_then(|qos| qos.queues.get(&queue)?.config.dscp);
                self.output_marked(dscp, if queue == 0 { Op::Output(id) } else { Op::Enqueue(id, queue) });
            }
            PortKind::Patch { peer } => self.output_to_peer(id, peer),
            PortKind::Tunnel(tunnel) => self.output_to_tunnel(id, tunnel),
            PortKind::Null => self.out.credits.push(Credit::Sent(id)),
        }
        self.mirror_egress(number);
    }

    /// The packet leaves with the code point of its queue, and goes on with its own.
    fn output_marked(&mut self, dscp: Option<u8>, op: Op) {
        let is_ip = dscp.is_some() && EtherType(self.see(slot::ETH_TYPE) as u16).is_ip();
        let Some(dscp) = dscp.filter(|_| is_ip) else {
            self.commit();
            return self.emit(op);
        };
        let before = self.see(slot::NW_DSCP);
        self.store(slot::NW_DSCP, dscp.into(), u128::MAX);
        self.commit();
        self.emit(op);
        self.store(slot::NW_DSCP, before, u128::MAX);
    }

    /// The packet goes on in the bridge at the other end, as if it had come in there; then all is as
    /// before.
    fn output_to_peer(&mut self, id: PortId, peer: &str) {
        let other = self.view.by_name.get(peer).and_then(|id| Some((*id, self.view.port(*id)?)));
        let (other_id, other): (PortId, &Port) = match other {
            Some((id, port)) if matches!(port.kind, PortKind::Patch { .. }) => (id, port),
            Some(_) | None => return self.out.events.push(Event::DropPort),
        };
        let (.., depth, _) = self.position();
        if depth >= DEPTH_MAX {
            return self.fail(Event::DropRecursion);
        }
        self.out.credits.push(Credit::Sent(id));
        self.begin_copy();
        if self.failure.is_some() {
            return;
        }
        let floor = self.levels.len();
        self.ct_clear();
        // What the other bridge must not see: registers, metadata, tunnel and connection.
        for word in 0..packet::key::STAGES[0] {
            self.key[word] = 0;
            self.written[word] = u64::MAX;
        }
        self.stack.clear();
        self.store(slot::IN_PORT, u128::from(other.number.0), u128::MAX);
        self.bridge = other.bridge;
        let level = self.levels.len() - 1;
        let name = self.current().map_or("", |bridge| bridge.name.as_str());
        self.record(|trace, _| trace.bridge(level, name));
        if other.config.0 & PortConfig::NO_RECV == 0 {
            self.out.credits.push(Credit::Received(other_id));
            self.mirror_ingress();
            self.table_lookup(None, 0, depth + 1);
        }
        // A flood goes on with the next port of this bridge afterwards. Depth bounds the recursion.
        self.run(floor - 1);
    }

    fn output_to_tunnel(&mut self, id: PortId, tunnel: &Tunnel) {
        let remote = match tunnel.remote {
            Setting::Fixed(remote) => Some(remote),
            Setting::Flow => self.tunnel_address(slot::TUN_DST),
            Setting::Unset => None,
        };
        let local = match tunnel.local {
            Setting::Fixed(local) => Some(local),
            Setting::Flow => self.tunnel_address(slot::TUN_SRC),
            Setting::Unset => None,
        };
        let Some(remote) = remote else { return self.out.events.push(Event::DropTunnelRemote) };
        let key = match tunnel.out_key {
            Setting::Fixed(key) => Some(key.into()),
            Setting::Flow => Some(self.see(slot::TUN_ID) as u64),
            Setting::Unset => None,
        };
        let header = self.tunnel_header(tunnel, key);
        let (tos, ttl) = self.outer(tunnel);
        self.commit();
        self.emit(Op::Tunnel(Arc::new(Encap {
            port: id,
            kind: tunnel.kind,
            local,
            remote,
            udp_port: tunnel.udp_port,
            checksum: tunnel.checksum,
            dont_fragment: tunnel.dont_fragment,
            tos,
            ttl,
            header: header.into(),
        })));
    }

    /// An address that flows set; all zero is none.
    fn tunnel_address(&mut self, slot: packet::key::Slot) -> Option<IpAddr> {
        let bits = self.see(slot);
        match u32::try_from(bits) {
            Ok(0) => None,
            Ok(v4) => Some(Ipv4Addr::from(v4).into()),
            Err(_) => Some(Ipv6Addr::from(bits).into()),
        }
    }

    fn tunnel_header(&mut self, tunnel: &Tunnel, key: Option<u64>) -> Vec<u8> {
        let mut header = Vec::new();
        let vni = Vni::from_tunnel_key(key.unwrap_or(0));
        match tunnel.kind {
            TunnelKind::Gre => {
                let sequence = tunnel.sequence.then_some(0);
                let key = key.map(|key| key as u32);
                Gre { protocol: EtherType::ETHERNET, checksum: tunnel.checksum, key, sequence }
                    .emit(&mut header);
            }
            TunnelKind::Erspan => {
                let session = key.unwrap_or(0) as u16 & 0x3ff;
                let erspan = Erspan { session, form: self.erspan_form(tunnel) };
                // The session takes the place of the key (draft-foschiano-erspan-03 section 4.2).
                Gre { protocol: erspan.protocol(), checksum: false, key: None, sequence: Some(0) }
                    .emit(&mut header);
                erspan.emit(&mut header);
            }
            TunnelKind::Vxlan => Vxlan { vni }.emit(&mut header),
            TunnelKind::Geneve => {
                let oam = self.see(slot::TUN_FLAGS) & 1 != 0;
                let Some(bridge) = self.current() else { return header };
                let present = self.see(slot::TUN_PRESENT) as u64;
                for option in (0..64).filter(|n| present >> n & 1 != 0) {
                    if let Some(slot) = bridge.tlv.slot(option) {
                        self.look(slot, u128::MAX);
                    }
                }
                let (options, critical) = bridge.tlv.write(&self.key);
                let protocol = EtherType::ETHERNET;
                Geneve { oam, critical, protocol, vni, options: &options }.emit(&mut header);
            }
        }
        header
    }

    /// What ERSPAN says of a frame: configured, or as flows set it.
    fn erspan_form(&mut self, tunnel: &Tunnel) -> ErspanForm {
        let erspan = &tunnel.erspan;
        let mut number = |setting: Setting<u32>, slot| match setting {
            Setting::Fixed(value) => value,
            Setting::Flow => self.see(slot) as u32,
            Setting::Unset => 0,
        };
        let wide = |setting: Setting<u8>| match setting {
            Setting::Fixed(value) => Setting::Fixed(value.into()),
            Setting::Flow => Setting::Flow,
            Setting::Unset => Setting::Unset,
        };
        match number(wide(erspan.version), slot::TUN_ERSPAN_VER) {
            2 => ErspanForm::Hardware {
                egress: number(wide(erspan.direction), slot::TUN_ERSPAN_DIR) != 0,
                hwid: number(wide(erspan.hwid), slot::TUN_ERSPAN_HWID) as u8,
                timestamp: 0,
            },
            _ => ErspanForm::Index(number(erspan.index, slot::TUN_ERSPAN_IDX)),
        }
    }

    /// ToS and TTL of the outer header: configured, or of the inner packet if that is IP. Congestion that the inner
    /// packet met is not told outside, only that it may be (RFC 6040 section 4.1, compatibility mode).
    fn outer(&mut self, tunnel: &Tunnel) -> (u8, u8) {
        const CONGESTED: u8 = 3;
        let is_ip = EtherType(self.see(slot::ETH_TYPE) as u16).is_ip();
        let tos = match tunnel.tos {
            Setting::Fixed(tos) => tos & !CONGESTED,
            Setting::Flow if is_ip => (self.see(slot::NW_DSCP) as u8) << 2,
            Setting::Flow | Setting::Unset => 0,
        };
        let ecn = match is_ip.then(|| self.see(slot::NW_ECN) as u8) {
            Some(CONGESTED) => 2,
            Some(ecn) => ecn,
            None => 0,
        };
        let ttl = match tunnel.ttl {
            Setting::Fixed(ttl) => ttl,
            Setting::Flow if is_ip => self.see(slot::NW_TTL) as u8,
            Setting::Flow | Setting::Unset => 0,
        };
        (tos | ecn, ttl)
    }

    /// Congestion that a tunnel packet met is told to the packet in it; one that does not know of congestion is
    /// dropped instead (RFC 6040 section 4.2). False if it was.
    pub(super) fn take_congestion(&mut self) -> bool {
        const CONGESTED: u128 = 3;
        if self.key.get(slot::TUN_DST) == 0 {
            return true;
        }
        self.look(slot::IN_PORT, u128::MAX);
        self.look(slot::TUN_TOS, CONGESTED);
        let met = self.key.get(slot::TUN_TOS) & CONGESTED == CONGESTED;
        if !met || !EtherType(self.see(slot::ETH_TYPE) as u16).is_ip() {
            return true;
        }
        if self.see(slot::NW_ECN) == 0 {
            self.fail(Event::DropTunnelEcn);
            return false;
        }
        self.store(slot::NW_ECN, CONGESTED, u128::MAX);
        true
    }
}
