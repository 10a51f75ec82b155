//! How long connections are kept without a packet.

use std::time::Duration;

/// How far a connection is, as far as its timeout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    TcpFirst,
    TcpOpening,
    TcpEstablished,
    TcpClosing,
    TcpFinWait,
    TcpClosed,
    /// UDP and protocols that the tracker does not know: one packet, several one way, both ways.
    First,
    OneWay,
    BothWays,
    IcmpFirst,
    IcmpReply,
}

/// Names of the timeouts as in column `CT_Timeout_Policy:timeouts`, with their defaults in seconds,
/// in the order of [`Phase`].
const TIMEOUTS: [(&str, u32); 11] = [
    ("tcp_syn_sent", 30),
    ("tcp_syn_recv", 30),
    ("tcp_established", 24 * 60 * 60),
    ("tcp_fin_wait", 15 * 60),
    ("tcp_time_wait", 45),
    ("tcp_close", 30),
    ("udp_first", 60),
    ("udp_single", 60),
    ("udp_multiple", 30),
    ("icmp_first", 60),
    ("icmp_reply", 30),
];

/// The timeouts of one zone, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeoutPolicy([u32; TIMEOUTS.len()]);

impl Default for TimeoutPolicy {
    fn default() -> Self {
        Self(TIMEOUTS.map(|(_, seconds)| seconds))
    }
}

impl TimeoutPolicy {
    /// Sets the timeout of this name. False if this switch has none of the name: some are the
    /// kernel's only.
    pub(crate) fn set(&mut self, name: &str, seconds: u32) -> bool {
        let at = TIMEOUTS.iter().position(|(other, _)| *other == name);
        if let Some(at) = at {
            self.0[at] = seconds;
        }
        at.is_some()
    }

    pub(crate) fn of(&self, phase: Phase) -> Duration {
        Duration::from_secs(self.0[phase as usize].into())
    }
}
