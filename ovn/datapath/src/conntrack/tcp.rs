//! The TCP part of a connection: two senders, each with a state and the window it may send in.
//!
//! The windows are those of Guido van Rooij, "Real stateful TCP packet filtering in IP Filter"
//! (2001), as pf and Open vSwitch check them (conntrack-tcp.c): what is not in the window is
//! invalid, while connections that were there before the tracker are picked up.

use super::timeout::Phase;
use crate::handover::{HandOverError, In, Kept, Out, kept};

/// What a packet means for a connection that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It belongs to an established connection.
    Established,
    /// It belongs to a connection that nobody has answered yet.
    New,
    /// It cannot belong to the connection.
    Invalid,
    /// The connection is over and this begins another with the same ends.
    Reopen,
}

/// What the tracker needs of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    /// Octets of data.
    pub len: u32,
    /// The window scale option, at most 14; only in segments that open connections.
    pub scale: Option<u8>,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;
const URG: u8 = 32;

impl Segment {
    /// Reads a segment whose header is known to be whole.
    pub(crate) fn read(segment: &[u8]) -> Option<Self> {
        let header = segment.first_chunk::<20>()?;
        let word =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let header_len = super::key::tcp_header_len(segment);
        let flags = header[13];
        let options = if flags & SYN != 0 { segment.get(20..header_len)? } else { &[] };
        Some(Self {
            flags,
            seq: word(4),
            ack: word(8),
            window: u16::from_be_bytes([header[14], header[15]]),
            len: segment.len().checked_sub(header_len)? as u32,
            scale: window_scale(options),
        })
    }

    /// Whether no sender has a reason to send these flags together.
    fn contradicts_itself(&self) -> bool {
        let has = |flags: u8| self.flags & flags != 0;
        has(SYN) && has(RST | FIN) || !has(SYN | ACK | RST) || !has(ACK) && has(FIN | PSH | URG)
    }

    /// Whether it may begin a connection: SYN without ACK, or anything in the middle of one.
    pub(crate) fn may_open(&self) -> bool {
        !self.contradicts_itself() && self.flags & (SYN | ACK) != SYN | ACK
    }

    /// Octets of the sequence space beyond the data.
    fn phantom(&self) -> u32 {
        u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0)
    }
}

/// The window scale among TCP options (RFC 7323 section 2.2).
fn window_scale(mut options: &[u8]) -> Option<u8> {
    const SCALE_MAX: u8 = 14;
    loop {
        match options {
            [1, rest @ ..] => options = rest,
            [3, len, shift, ..] if *len >= 3 => return Some((*shift).min(SCALE_MAX)),
            [] | [0, ..] | [_] => return None,
            [_, len, ..] => options = options.get(usize::from(*len).max(2)..)?,
        }
    }
}

/// How far a sender is, in the order of a connection's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    #[default]
    Closed,
    SynSent,
    Established,
    Closing,
    FinWait2,
    TimeWait,
}

impl State {
    /// As `dpctl/dump-conntrack` says it. Without `exact`, states that the kernel's tracker does not
    /// tell apart have one name.
    pub(crate) const fn name(self, exact: bool) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::SynSent => "SYN_SENT",
            Self::Established => "ESTABLISHED",
            Self::Closing => "CLOSING",
            Self::FinWait2 if exact => "FIN_WAIT_2",
            Self::FinWait2 | Self::TimeWait => "TIME_WAIT",
        }
    }
}

/// What is known of how a sender scales its windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Not at all.
    #[default]
    None,
    /// By this many bits.
    By(u8),
    /// The connection is older than the tracker: by as much as is possible.
    Unknown,
}

/// One sender.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer {
    /// One past the highest sequence number that it sent.
    low: u32,
    /// One past the highest sequence number that it may send; 1 while that is not known.
    high: u32,
    /// The largest window that it offered, unscaled.
    window: u16,
    pub scale: Scale,
    pub state: State,
}

/// Both senders of a connection, who opened it first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub peers: [Peer; 2],
}

/// Beyond this a segment acknowledges what cannot be in flight: a window, and some.
const ACK_SKEW_MAX: i32 = 0xffff + 1500;

const fn at_least(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) as i32 >= 0
}

impl Tcp {
    /// A connection that begins with this segment.
    pub(crate) fn open(segment: &Segment) -> Self {
        let is_syn = segment.flags & SYN != 0;
        let scale = match segment.scale {
            Some(shift) if is_syn => Scale::By(shift),
            None if is_syn => Scale::None,
            Some(_) | None => Scale::Unknown,
        };
        let shift = if let Scale::By(shift) = scale { shift } else { 0 };
        let high = segment.seq.wrapping_add(segment.len + 1 + segment.phantom());
        let opener = Peer {
            low: segment.seq,
            high,
            window: descale(segment.window.max(1), shift),
            scale,
            state: State::SynSent,
        };
        let answer = if is_syn { Scale::None } else { Scale::Unknown };
        let other = Peer { low: 0, high: 1, window: 1, scale: answer, state: State::Closed };
        Self { peers: [opener, other] }
    }

    /// A further segment, by the one who did not open the connection if `reply`. Without `check` no
    /// window is too small. Says also how long the connection is now to be kept; `None` leaves it.
    pub(crate) fn update(&mut self, segment: &Segment, reply: bool, check: bool) -> (Verdict, Option<Phase>) {
        if segment.contradicts_itself() {
            return (Verdict::Invalid, None);
        }
        let [first, second] = &mut self.peers;
        let (src, dst) = if reply { (second, first) } else { (first, second) };
        if segment.flags & (SYN | ACK) == SYN {
            if src.state >= State::FinWait2 && dst.state >= State::FinWait2 {
                (src.state, dst.state) = (State::Closed, State::Closed);
                return (Verdict::Reopen, None);
            }
            if src.state <= State::SynSent {
                src.state = State::SynSent;
                return (Verdict::New, Some(Phase::TcpFirst));
            }
        }
        let mut exchange = Exchange::new(segment, src, dst);
        if src.state < State::SynSent {
            exchange.first_of(segment, src, dst);
        }
        exchange.judge(segment, src, dst, check)
    }
}

/// A window without the scale that the first segment does not apply, rounded up.
const fn descale(window: u16, shift: u8) -> u16 {
    (window as u32).div_ceil(1 << shift) as u16
}

/// One segment in terms of the window it is checked against.
struct Exchange {
    src_shift: u8,
    dst_shift: u8,
    window: u16,
    /// Sequence space of the segment.
    seq: u32,
    end: u32,
    ack: u32,
    check_skew: bool,
}

impl Exchange {
    fn new(segment: &Segment, src: &Peer, dst: &Peer) -> Self {
        const SHIFT_UNKNOWN: u8 = 14;
        let is_syn = segment.flags & SYN != 0;
        let (src_shift, dst_shift) = match (src.scale, dst.scale) {
            (Scale::By(a), Scale::By(b)) if !is_syn => (a, b),
            (Scale::Unknown, Scale::Unknown) if !is_syn => (SHIFT_UNKNOWN, SHIFT_UNKNOWN),
            (Scale::None | Scale::By(_) | Scale::Unknown, _) => (0, 0),
        };
        Self {
            src_shift,
            dst_shift,
            window: segment.window,
            seq: segment.seq,
            end: segment.seq.wrapping_add(segment.len + segment.phantom()),
            ack: segment.ack,
            check_skew: true,
        }
    }

    /// One past what `src` may send after `end`, as `dst` offered.
    fn room(&self, dst: &Peer, end: u32) -> u32 {
        end.wrapping_add((u32::from(dst.window) << self.dst_shift).max(1))
    }

    /// The first segment of a sender: it tells how that sender scales and where its window is.
    fn first_of(&mut self, segment: &Segment, src: &mut Peer, dst: &mut Peer) {
        if let (true, Scale::By(shift)) = (segment.flags & SYN != 0, dst.scale) {
            if let Some(own) = segment.scale {
                src.scale = Scale::By(own);
                (self.src_shift, self.dst_shift) = (own, shift);
                self.window = descale(self.window, own);
            } else {
                // Scaling takes two: the window was offered unscaled after all.
                src.scale = Scale::None;
                dst.scale = Scale::None;
                dst.window = (u32::from(dst.window) << shift).min(u32::from(u16::MAX)) as u16;
            }
        }
        src.low = segment.seq;
        src.state = State::SynSent;
        let room = self.room(dst, self.end);
        if src.high == 1 || at_least(room, src.high) {
            src.high = room;
            // A connection that is picked up: what it acknowledges was never seen.
            self.check_skew = false;
        }
        src.window = src.window.max(self.window);
    }

    fn judge(
        mut self,
        segment: &Segment,
        src: &mut Peer,
        dst: &mut Peer,
        check: bool,
    ) -> (Verdict, Option<Phase>) {
        let flags = segment.flags;
        let answers_nothing = flags & ACK == 0 || self.ack == 0 && flags & RST != 0;
        if answers_nothing {
            self.ack = dst.low;
        }
        if self.seq == self.end {
            // Without data the place does not matter.
            (self.seq, self.end) = (src.low, src.low);
        }
        let low = src.low;
        if !check || self.fits(segment, src, dst) {
            self.slide(src, dst);
            advance(flags, src, dst);
            return (Verdict::Established, Some(phase_of(src.state, dst.state)));
        }
        let loose = dst.state < State::SynSent || src.state.max(dst.state) >= State::FinWait2;
        let near = at_least(src.high.wrapping_add(ACK_SKEW_MAX as u32), self.end)
            && at_least(self.seq, low.wrapping_sub(ACK_SKEW_MAX as u32));
        if !(loose && near) {
            return (Verdict::Invalid, None);
        }
        // Both open at once, or the connection is older than the tracker, or just over. The time
        // that it is kept does not grow: floods come this way too.
        self.slide(src, dst);
        if flags & FIN != 0 {
            src.state = src.state.max(State::Closing);
        }
        if flags & RST != 0 {
            (src.state, dst.state) = (State::TimeWait, State::TimeWait);
        }
        (Verdict::Established, None)
    }

    /// Whether the segment is in the window that the other end offered, no more than a window back,
    /// and acknowledges what can be in flight. A reset must be at the edge (RFC 5961 section 3.2).
    fn fits(&self, segment: &Segment, src: &Peer, dst: &Peer) -> bool {
        let skew = if self.check_skew { dst.low.wrapping_sub(self.ack) as i32 } else { 0 };
        let at_edge = matches!(segment.seq.wrapping_sub(src.low), 0 | 1 | u32::MAX);
        at_least(src.high, self.end)
            && at_least(self.seq, src.low.wrapping_sub(u32::from(dst.window) << self.dst_shift))
            && skew >= -ACK_SKEW_MAX
            && i64::from(skew) <= i64::from(ACK_SKEW_MAX) << self.src_shift
            && (segment.flags & RST == 0 || at_edge)
    }

    /// Moves the windows by what the segment says.
    fn slide(&self, src: &mut Peer, dst: &mut Peer) {
        src.window = src.window.max(self.window);
        if !at_least(src.low, self.end) {
            src.low = self.end;
        }
        let offered = u32::from(self.window) << self.src_shift;
        if at_least(self.ack.wrapping_add(offered), dst.high) {
            dst.high = self.ack.wrapping_add(offered.max(1));
        }
    }
}

/// The states after a segment that fits.
fn advance(flags: u8, src: &mut Peer, dst: &mut Peer) {
    if flags & FIN != 0 {
        src.state = src.state.max(State::Closing);
    }
    if flags & ACK != 0 {
        dst.state = match dst.state {
            State::SynSent => State::Established,
            State::Closing => State::FinWait2,
            other @ (State::Closed | State::Established | State::FinWait2 | State::TimeWait) => other,
        };
    }
    if flags & RST != 0 {
        (src.state, dst.state) = (State::TimeWait, State::TimeWait);
    }
}

fn phase_of(a: State, b: State) -> Phase {
    let (least, most) = (a.min(b), a.max(b));
    if least >= State::FinWait2 {
        Phase::TcpClosed
    } else if least >= State::Closing {
        Phase::TcpFinWait
    } else if least < State::Established {
        Phase::TcpOpening
    } else if most >= State::Closing {
        Phase::TcpClosing
    } else {
        Phase::TcpEstablished
    }
}

kept!(Tcp { peers });
kept!(Peer { low, high, window, scale, state });
kept!(State => Closed, SynSent, Established, Closing, FinWait2, TimeWait);

impl Kept for Scale {
    fn put(&self, out: &mut Out) {
        match self {
            Self::None => 0xff,
            Self::Unknown => 0xfe,
            Self::By(shift) => *shift,
        }
        .put(out);
    }

    fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        Ok(match u8::read(from)? {
            0xff => Self::None,
            0xfe => Self::Unknown,
            shift @ 0..=14 => Self::By(shift),
            _ => return Err(HandOverError::Damaged("a window scale")),
        })
    }
}
