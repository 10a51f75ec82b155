//! Connections as text, in the words of Open vSwitch's `ovs-appctl dpctl/dump-conntrack`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use packet::IpProto;

use super::conn::{Conn, Track};
use super::key::ConnKey;
use super::tcp::{Scale, State, Tcp};
use super::{ConnId, Tracker};

/// What of the connections is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detail {
    /// Both TCP states, and their flags.
    pub more: bool,
    /// The seconds left.
    pub timeout: bool,
}

impl Tracker {
    /// The live connections of a zone, or all, one a line.
    pub(crate) fn dump(&mut self, zone: Option<u16>, detail: Detail, now: Instant) -> String {
        let now = self.millis(now);
        let mut out = String::new();
        for id in self.live_ids(zone, now) {
            if let Some(conn) = self.table.get(id) {
                let left = (self.table.expires(id) - now) / 1000;
                out += &line(conn, left, detail);
            }
        }
        out
    }

    /// How many live connections a zone has, or all have.
    pub(crate) fn live(&mut self, zone: Option<u16>, now: Instant) -> usize {
        let now = self.millis(now);
        self.live_ids(zone, now).len()
    }

    fn live_ids(&self, zone: Option<u16>, now: u64) -> Vec<ConnId> {
        let all = zone.map_or_else(|| self.table.ids().collect(), |zone| self.table.ids_of(zone));
        all.into_iter().filter(|id| self.table.expires(*id) > now).collect()
    }

    /// How many connections there are of each protocol; with `more`, also in each TCP state.
    pub(crate) fn statistics(&mut self, zone: Option<u16>, more: bool, now: Instant) -> String {
        /// In the order of the text, with the name that nothing else has last.
        const PROTOCOLS: [(&str, u8); 7] = [
            ("TCP", 6),
            ("UDP", 17),
            ("UDPLITE", 136),
            ("SCTP", 132),
            ("ICMP", 1),
            ("DCCP", 33),
            ("IGMP", 2),
        ];
        let now = self.millis(now);
        let live = self.live_ids(zone, now);
        let mut out = format!("Connections Stats:\n    Total: {}\n", live.len());
        let mut by_proto: BTreeMap<u8, u32> = BTreeMap::new();
        let mut by_state: BTreeMap<State, u32> = BTreeMap::new();
        for conn in live.into_iter().filter_map(|id| self.table.get(id)) {
            *by_proto.entry(conn.key.proto.0).or_default() += 1;
            if let Track::Tcp(tcp) = conn.track {
                *by_state.entry(overall(&tcp)).or_default() += 1;
            }
        }
        for (name, proto) in PROTOCOLS {
            let Some(count) = by_proto.remove(&proto) else { continue };
            let _ = writeln!(out, "  {name}: {count}");
            if proto == 6 && more {
                out += "    Conn per TCP states:\n";
                for (state, count) in &by_state {
                    let _ = writeln!(out, "\t  [{}]={count}", state.name(false));
                }
            }
        }
        // Open vSwitch counts ICMPv6 and does not say how many.
        by_proto.remove(&IpProto::ICMP6.0);
        if !by_proto.is_empty() {
            let _ = writeln!(out, "  Other: {}", by_proto.values().sum::<u32>());
        }
        out
    }
}

/// The state that stands for both: that of the sender who is further. Two that the kernel does not
/// tell apart are one.
fn overall(tcp: &Tcp) -> State {
    match tcp.peers[0].state.max(tcp.peers[1].state) {
        State::FinWait2 => State::TimeWait,
        other @ (State::Closed | State::SynSent | State::Established | State::Closing | State::TimeWait) => {
            other
        }
    }
}

fn line(conn: &Conn, seconds_left: u64, detail: Detail) -> String {
    let mut out = format!(
        "{},orig=({}),reply=({})",
        proto_name(conn.key.proto),
        tuple(&conn.key),
        tuple(&conn.reply_key)
    );
    if detail.more {
        out += ",id=0";
    }
    if conn.key.zone != 0 {
        let _ = write!(out, ",zone={}", conn.key.zone);
    }
    if detail.more {
        out += ",status=0";
    }
    if detail.timeout {
        let _ = write!(out, ",timeout={seconds_left}");
    }
    if conn.mark != 0 {
        let _ = write!(out, ",mark={}", conn.mark);
    }
    if conn.label != 0 {
        let _ = write!(out, ",labels={:#x}", conn.label);
    }
    if let Track::Tcp(tcp) = &conn.track {
        let _ = write!(out, ",protoinfo=({})", if detail.more { both(tcp) } else { one(tcp) });
    }
    if let Some(helper) = conn.helper() {
        let _ = write!(out, ",helper={}", helper.name());
    }
    if let (true, Some(parent)) = (detail.more, conn.parent()) {
        let _ = write!(out, ",parent=({})", tuple(&parent));
    }
    out.push('\n');
    out
}

fn one(tcp: &Tcp) -> String {
    format!("state={}", overall(tcp).name(false))
}

fn both(tcp: &Tcp) -> String {
    let [first, second] = tcp.peers;
    let mut out = format!("state_orig={},state_reply={}", first.state.name(true), second.state.name(true));
    let shift = |scale: Scale| match scale {
        Scale::By(shift) => shift,
        Scale::None | Scale::Unknown => 0,
    };
    let (a, b) = (shift(first.scale), shift(second.scale));
    if a != 0 || b != 0 {
        let _ = write!(out, ",wscale_orig={a},wscale_reply={b}");
    }
    for (name, scale) in [("orig", first.scale), ("reply", second.scale)] {
        let flags = match scale {
            Scale::By(_) => "WINDOW_SCALE",
            Scale::Unknown => "BE_LIBERAL",
            Scale::None => "0",
        };
        let _ = write!(out, ",flags_{name}={flags}");
    }
    out
}

fn tuple(key: &ConnKey) -> String {
    let mut out = format!("src={},dst={}", key.src.ip(key.v6), key.dst.ip(key.v6));
    let _ = match key.is_icmp() {
        true => write!(out, ",id={},type={},code=0", key.src_port, key.dst_port),
        false => write!(out, ",sport={},dport={}", key.src_port, key.dst_port),
    };
    out
}

fn proto_name(proto: IpProto) -> String {
    let name = match proto {
        IpProto::ICMP => "icmp",
        IpProto::ICMP6 => "icmpv6",
        IpProto::TCP => "tcp",
        IpProto::UDP => "udp",
        IpProto::SCTP => "sctp",
        IpProto::IGMP => "igmp",
        IpProto(136) => "udplite",
        IpProto(33) => "dccp",
        IpProto(other) => return other.to_string(),
    };
    name.to_owned()
}
