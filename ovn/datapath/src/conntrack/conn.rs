//! One tracked connection.

use packet::IpProto;

use super::helper::{Helper, Skew};
use super::key::ConnKey;
use super::tcp::{Segment, State, Tcp, Verdict};
use super::timeout::Phase;
use crate::handover::{HandOverError, In, Kept, Out, kept};

/// Which end's address the connection replaces, as seen by packets of the original direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

/// A connection. Its place in lists and its expiry are the table's.
#[derive(Clone, Debug)]
pub(crate) struct Conn {
    /// Packets of the original direction, as they come in.
    pub key: ConnKey,
    /// Packets of the reply direction, as they come in. The reverse of `key`, but for what is
    /// translated.
    pub reply_key: ConnKey,
    pub label: u128,
    pub mark: u32,
    pub nat: Option<Side>,
    pub track: Track,
    /// What few connections have.
    pub extra: Option<Box<Extra>>,
}

/// What connections with helpers, and those that they announce, have beside the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    pub helper: Option<Helper>,
    /// The connection that announced this one. It has the same mark and label.
    pub parent: Option<ConnKey>,
    pub skew: Skew,
}

impl Conn {
    pub(super) fn helper(&self) -> Option<Helper> {
        self.extra.as_ref()?.helper
    }

    pub(super) fn parent(&self) -> Option<ConnKey> {
        self.extra.as_ref()?.parent
    }
}

/// What is known of the conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Track {
    Tcp(Tcp),
    Icmp { answered: bool },
    Other(Seen),
}

/// What was seen of a conversation without handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    One,
    Several,
    Both,
}

/// What a packet's transport header means for its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload {
    Tcp(Segment),
    /// With its type.
    Icmp(u16),
    Other,
}

impl Payload {
    pub(crate) fn read(key: &ConnKey, segment: &[u8]) -> Option<Self> {
        Some(match key.proto {
            IpProto::TCP => Self::Tcp(Segment::read(segment)?),
            _ if key.is_icmp() => Self::Icmp(key.dst_port),
            _ => Self::Other,
        })
    }

    /// Whether a connection may begin with it.
    pub(crate) fn may_open(&self) -> bool {
        match self {
            Self::Tcp(segment) => segment.may_open(),
            Self::Icmp(ty) => matches!(ty, 8 | 13 | 15 | 128),
            Self::Other => true,
        }
    }

    /// A conversation that begins with it, and how long it is kept.
    pub(crate) fn open(&self) -> (Track, Phase) {
        match self {
            Self::Tcp(segment) => (Track::Tcp(Tcp::open(segment)), Phase::TcpFirst),
            Self::Icmp(_) => (Track::Icmp { answered: false }, Phase::IcmpFirst),
            Self::Other => (Track::Other(Seen::One), Phase::First),
        }
    }
}

impl Track {
    /// A further packet; see [`Tcp::update`].
    pub(crate) fn update(&mut self, payload: &Payload, reply: bool, check: bool) -> (Verdict, Option<Phase>) {
        match (self, payload) {
            (Self::Tcp(tcp), Payload::Tcp(segment)) => tcp.update(segment, reply, check),
            (Self::Icmp { answered }, _) => {
                let verdict = if reply || *answered { Verdict::Established } else { Verdict::New };
                *answered |= reply;
                (verdict, Some(if *answered { Phase::IcmpReply } else { Phase::IcmpFirst }))
            }
            (Self::Other(seen), _) => {
                *seen = match seen {
                    Seen::Both => Seen::Both,
                    Seen::One | Seen::Several if reply => Seen::Both,
                    Seen::One | Seen::Several => Seen::Several,
                };
                match seen {
                    Seen::Both => (Verdict::Established, Some(Phase::BothWays)),
                    Seen::One | Seen::Several => (Verdict::New, Some(Phase::OneWay)),
                }
            }
            // The key says the protocol, so a segment is there whenever the connection is TCP's.
            (Self::Tcp(_), Payload::Icmp(_) | Payload::Other) => (Verdict::Invalid, None),
        }
    }

    /// Whether the other end was heard of.
    pub(crate) fn is_answered(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.peers[1].state != State::Closed,
            Self::Icmp { answered } => *answered,
            Self::Other(seen) => *seen == Seen::Both,
        }
    }
}

kept!(Side => Source, Destination);
kept!(Extra { helper, parent, skew });
kept!(Seen => One, Several, Both);

/// Most connections are not translated: their reply key is not written.
impl Kept for Conn {
    fn put(&self, out: &mut Out) {
        let Self { key, reply_key, label, mark, nat, track, extra } = self;
        key.put(out);
        Some(*reply_key).filter(|reply| *reply != key.reversed()).put(out);
        label.put(out);
        mark.put(out);
        nat.put(out);
        track.put(out);
        extra.put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let key = ConnKey::read(from)?;
        let reply_key = Option::read(from)?.unwrap_or_else(|| key.reversed());
        Ok(Self {
            key,
            reply_key,
            label: Kept::read(from)?,
            mark: Kept::read(from)?,
            nat: Kept::read(from)?,
            track: Kept::read(from)?,
            extra: Kept::read(from)?,
        })
    }
}

impl Kept for Track {
    fn put(&self, out: &mut Out) {
        match self {
            Self::Tcp(tcp) => {
                0u8.put(out);
                tcp.put(out);
            }
            Self::Icmp { answered } => {
                1u8.put(out);
                answered.put(out);
            }
            Self::Other(seen) => {
                2u8.put(out);
                seen.put(out);
            }
        }
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok(match u8::read(from)? {
            0 => Self::Tcp(Kept::read(from)?),
            1 => Self::Icmp { answered: Kept::read(from)? },
            2 => Self::Other(Kept::read(from)?),
            _ => return Err(HandOverError::Damaged("a conversation")),
        })
    }
}
