//! Connection tracking: which conversation a packet belongs to, and address translation.
//!
//! The tour: [`Tracker::track`] does what a `ct` action asks for. `key` reads the packet, `table`
//! finds the connection by it, `conn` and `tcp` say what the packet means for the conversation,
//! `nat` chooses addresses for new ones and rewrites packets; `helper` looks into FTP
//! and TFTP, `fragments` puts packets together. `wheel` finds what is expired without
//! looking at the rest; `limits` says how many there may be.
//!
//! What it decides follows Open vSwitch's userspace tracker (conntrack.c), state bit for state bit.
//! It differs where that would let something through that was not checked: a connection that no
//! address or port is left for makes its packet invalid, and a table that is full drops the oldest
//! unanswered connection of the zone that has most of them, so that a flood cannot keep others from
//! opening connections; only if all are answered is the new one not kept.
//!
//! Memory: a connection takes the size of `Conn` (at most 176 octets, a test holds it) and 60 to 100
//! octets in indexes and lists, so a million take less than 280 MB; [`CONNECTIONS_MAX`] bounds them.

mod conn;
mod expect;
mod flush;
mod fragments;
mod ftp;
mod handover;
mod helper;
mod index;
mod key;
mod limits;
mod lists;
mod nat;
mod show;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod timeout;
mod wheel;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use packet::Frame;
use packet::key::{FlowKey, Layout, slot};

pub(crate) use conn::Side;
pub(crate) use fragments::{Cut, Fragments};
pub(crate) use helper::Helper;
pub(crate) use key::{Addr, ConnKey};
pub(crate) use nat::{Nat, Range};
pub(crate) use show::Detail;
pub(crate) use table::ConnId;
pub(crate) use timeout::TimeoutPolicy;

use conn::{Conn, Extra, Payload};
use expect::{Expectations, Expected};
use fragments::Added;
use helper::Finding;
use key::{Parsed, Read};
use limits::Limits;
use table::Table;
use tcp::Verdict;
use timeout::Phase;

/// Connections kept unless an operator says otherwise; see above for what happens beyond them.
pub(crate) const CONNECTIONS_MAX: u32 = 3_000_000;
/// Expired connections removed in one go, so that packets do not wait for it.
const EXPIRE_AT_ONCE: usize = 20_000;

/// Bits of `ct_state`.
pub(crate) mod state {
    pub(crate) const NEW: u8 = 1;
    pub(crate) const EST: u8 = 2;
    pub(crate) const REL: u8 = 4;
    pub(crate) const RPL: u8 = 8;
    pub(crate) const INV: u8 = 0x10;
    pub(crate) const TRK: u8 = 0x20;
    pub(crate) const SNAT: u8 = 0x40;
    pub(crate) const DNAT: u8 = 0x80;
}

/// What a `ct` action asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub zone: u16,
    /// Keeps the connection if it is new.
    pub commit: bool,
    /// Replaces one of the other direction; only with `commit`.
    pub force: bool,
    /// Bits for the mark of the connection, and which.
    pub mark: (u32, u32),
    /// Bits for its label, and which.
    pub label: (u128, u128),
    pub nat: Option<Nat>,
    /// What a new connection is looked into for.
    pub helper: Option<Helper>,
}

/// What is known of a packet on its way through tables: the `ct_*` fields, and what saves looking again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tracked {
    pub state: u8,
    pub zone: u16,
    pub mark: u32,
    pub label: u128,
    /// The original direction of the connection.
    pub original: Option<ConnKey>,
    /// Its connection, if nothing was translated since it was looked up.
    found: Option<Found>,
    /// Checksums were looked at.
    pub summed: bool,
    /// The zone in which a helper last moved its sequence numbers: once is enough.
    moved: Option<u16>,
    rewritten: Rewritten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    id: ConnId,
    reply: bool,
    related: bool,
}

/// By whose addresses and ports those of a packet were replaced: the connection, and whether the packet was an answer.
pub(crate) type Rewriter = (ConnId, bool);

/// What became of addresses and ports of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// They are as they were.
    #[default]
    No,
    /// All packets that come to this connection alike get the same.
    By(Rewriter),
    /// They were replaced more than once, or inside an ICMP error, or something else changed.
    Otherwise,
}

impl Rewritten {
    /// What became of them by one and then another.
    pub(crate) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::No, other) | (other, Self::No) => other,
            (Self::By(_) | Self::Otherwise, Self::By(_) | Self::Otherwise) => Self::Otherwise,
        }
    }
}

impl Tracked {
    /// As a flow key says it, of a packet that a controller sends.
    pub(crate) fn from_key(key: &FlowKey) -> Self {
        Self {
            state: key.get(slot::CT_STATE) as u8,
            zone: key.get(slot::CT_ZONE) as u16,
            mark: key.get(slot::CT_MARK) as u32,
            label: key.get(slot::CT_LABEL),
            ..Self::default()
        }
    }

    /// What a trace supposes that was found for a request.
    pub(crate) fn found(state: u8, request: &Request) -> Self {
        Self { state, zone: request.zone, mark: request.mark.0, label: request.label.0, ..Self::default() }
    }

    /// Writes the `ct_*` fields of a flow key.
    pub(crate) fn write(&self, key: &mut FlowKey) {
        key.set(slot::CT_STATE, self.state.into());
        key.set(slot::CT_ZONE, self.zone.into());
        key.set(slot::CT_MARK, self.mark.into());
        key.set(slot::CT_LABEL, self.label);
        if let Some(original) = &self.original {
            let (src, dst) = match original.is_icmp() {
                true => (original.dst_port, 0),
                false => (original.src_port, original.dst_port),
            };
            key.set(slot::CT_NW_PROTO, original.proto.0.into());
            key.set(slot::CT_NW_SRC, original.src.bits());
            key.set(slot::CT_NW_DST, original.dst.bits());
            key.set(slot::CT_TP_SRC, src.into());
            key.set(slot::CT_TP_DST, dst.into());
        }
    }

    /// What became of addresses and ports since this was last asked.
    pub(crate) fn take_rewritten(&mut self) -> Rewritten {
        std::mem::take(&mut self.rewritten)
    }

    fn is_translated(&self) -> bool {
        self.state & (state::SNAT | state::DNAT) != 0
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has the length that it had.
    Same,
    /// A message in it was rewritten.
    Rewritten,
    /// It was the last fragment of a packet, which it is now.
    Joined(Cut),
    /// It is a fragment that waits for others, or was dropped with them.
    Held,
}

/// The connections that the switch knows.
#[derive(Debug)]
pub(crate) struct Tracker {
    table: Table,
    expectations: Expectations,
    pub fragments: Fragments,
    pub limits: Limits,
    pub policies: BTreeMap<u16, TimeoutPolicy>,
    /// Whether TCP windows are checked.
    pub check_windows: bool,
    seed: u64,
    /// What milliseconds are counted from: when the first packet came.
    beginning: Option<Instant>,
}

impl Tracker {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            table: Table::new(seed),
            expectations: Expectations::default(),
            fragments: Fragments::default(),
            limits: Limits::default(),
            policies: BTreeMap::new(),
            check_windows: true,
            seed,
            beginning: None,
        }
    }

    /// Sends a packet through the tracker: its state is in `packet` afterwards, and its headers are
    /// translated. Who knows where the headers are says so.
    pub(crate) fn track(
        &mut self,
        request: &Request,
        packet: &mut Tracked,
        frame: &mut Frame,
        layout: Option<&Layout>,
        now: Instant,
    ) -> Outcome {
        let now = self.millis(now);
        let known = packet.found.filter(|found| {
            let conn = self.table.get(found.id).filter(|_| !request.force);
            conn.is_some_and(|conn| conn.key.zone == request.zone && conn.helper().is_none())
        });
        if let Some(found) = known {
            self.again(request, packet, frame, (layout, found));
            return Outcome::Same;
        }
        let mut outcome = Outcome::Same;
        let mut read = key::read_known(frame, layout, request.zone, !packet.summed);
        if let Read::Fragment(layout) = read {
            read = match self.fragments.add(frame, &layout, request.zone, now) {
                Added::Held => return Outcome::Held,
                Added::Wrong => Read::Wrong,
                Added::Whole(whole, cut) => {
                    *frame = whole;
                    outcome = Outcome::Joined(cut);
                    key::read(frame, request.zone, true)
                }
            };
        }
        let parsed = match read {
            Read::Packet(parsed) => Some(parsed),
            Read::Fragment(_) | Read::Wrong => None,
        };
        let payload = parsed.as_ref().and_then(|parsed| {
            let segment = &frame[parsed.layout.l4_at as usize..parsed.layout.l3_end as usize];
            // Of an ICMP error the transport header is not that of the connection.
            if parsed.related { Some(Payload::Other) } else { Payload::read(&parsed.key, segment) }
        });
        let (Some(parsed), Some(payload)) = (parsed, payload) else {
            *packet = Tracked { state: state::INV | state::TRK, zone: request.zone, ..Tracked::default() };
            return outcome;
        };
        packet.summed = true;
        let rewritten =
            Walk { tracker: self, request, packet, frame, parsed, payload, expected: None, now }.run();
        if rewritten && outcome == Outcome::Same { Outcome::Rewritten } else { outcome }
    }

    /// A packet whose connection was looked up before in this zone.
    fn again(
        &mut self,
        request: &Request,
        packet: &mut Tracked,
        frame: &mut Frame,
        (layout, found): (Option<&Layout>, Found),
    ) {
        if request.nat.is_some() {
            if let Read::Packet(parsed) = key::read_known(frame, layout, request.zone, false) {
                self.translate(packet, frame, &parsed, found);
            }
            packet.found = None;
        }
        packet.zone = request.zone;
        if let Some(conn) = self.table.get_mut(found.id) {
            (packet.mark, packet.label) = (conn.mark, conn.label);
            set_marks(request, packet, conn);
        }
    }

    /// Rewrites a packet as its connection says, once in a zone.
    fn translate(&self, packet: &mut Tracked, frame: &mut Frame, parsed: &Parsed, found: Found) {
        let Some(conn) = self.table.get(found.id) else { return };
        let Some(side) = conn.nat else { return };
        if packet.is_translated() && packet.zone == conn.key.zone {
            return;
        }
        let side = if found.reply { side.other() } else { side };
        packet.state &= !(state::SNAT | state::DNAT);
        packet.state |= match side {
            Side::Source => state::SNAT,
            Side::Destination => state::DNAT,
        };
        let wanted = if found.reply { conn.key.reversed() } else { conn.reply_key.reversed() };
        let rewritten = Rewritten::By((found.id, found.reply));
        packet.rewritten = if found.related { Rewritten::Otherwise } else { packet.rewritten.and(rewritten) };
        if found.related {
            nat::translate_error(frame.as_mut_slice(), &parsed.layout, &wanted, side);
        } else {
            nat::translate(frame.as_mut_slice(), &parsed.layout, &wanted);
        }
    }

    fn prolong(&mut self, id: ConnId, zone: u16, phase: Phase, now: u64) {
        let timeout = self.policies.get(&zone).copied().unwrap_or_default().of(phase);
        self.table.set_expires(id, now + timeout.as_millis() as u64);
    }

    fn remove(&mut self, id: ConnId) {
        self.table.remove(id);
    }

    /// Removes what is expired, a part at a time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let now = self.millis(now);
        self.table.expire(now, EXPIRE_AT_ONCE);
        self.expectations.expire(now);
        self.fragments.expire(now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let all = [self.table.next_expiry(), self.expectations.next_expiry(), self.fragments.next_expiry()];
        let next = all.into_iter().flatten().min()?;
        Some(self.beginning? + Duration::from_millis(next))
    }

    fn millis(&mut self, now: Instant) -> u64 {
        let beginning = *self.beginning.get_or_insert(now);
        now.saturating_duration_since(beginning).as_millis() as u64
    }
}

#[cfg(test)]
pub(crate) use tests::{fragments_of, packets};

/// Whether a frame is a whole IP packet with right checksums.
#[cfg(test)]
pub(crate) fn is_whole(frame: &[u8]) -> bool {
    matches!(key::read(&Frame::copy_from(frame), 0, true), Read::Packet(_))
}

fn set_marks(request: &Request, packet: &mut Tracked, conn: &mut Conn) {
    if conn.parent().is_some() {
        return;
    }
    let ((mark, mark_bits), (label, label_bits)) = (request.mark, request.label);
    packet.mark = packet.mark & !mark_bits | mark & mark_bits;
    packet.label = packet.label & !label_bits | label & label_bits;
    (conn.mark, conn.label) = (packet.mark, packet.label);
}

/// One packet on its way through the tracker.
struct Walk<'a> {
    tracker: &'a mut Tracker,
    request: &'a Request,
    packet: &'a mut Tracked,
    frame: &'a mut Frame,
    parsed: Parsed,
    payload: Payload,
    /// What was announced of a packet without connection.
    expected: Option<Expected>,
    now: u64,
}

impl Walk<'_> {
    fn run(mut self) -> bool {
        if self.packet.zone != self.request.zone {
            self.packet.state = 0;
        }
        let mut found = self.look_up();
        let mut taken = false;
        if let Some(wrong) = found.filter(|found| self.request.force && found.reply) {
            self.tracker.remove(wrong.id);
            found = None;
            // Translation may leave another with the same ends; then this packet opens none.
            taken = self.tracker.table.find(&self.parsed.key, self.now).is_some();
        }
        match found {
            Some(there) => {
                // The windows are those that each end counts itself.
                self.move_numbers(there, false);
                if self.update(there) {
                    found = self.open();
                } else if self.request.nat.is_some() {
                    self.tracker.translate(self.packet, self.frame, &self.parsed, there);
                }
            }
            // The connection of an ICMP error must be there.
            None if self.parsed.related => self.packet.state = state::INV,
            None if taken => {}
            None => found = self.open(),
        }
        self.tell(found);
        let grown = found.is_some_and(|found| self.help(found));
        self.packet.found = found.filter(|_| self.request.nat.is_none());
        grown
    }

    /// The connection of the packet. One that was translated in this zone has the addresses of the
    /// other direction by now.
    fn look_up(&mut self) -> Option<Found> {
        let related = self.parsed.related;
        if self.packet.is_translated() {
            let turned = self.parsed.key.reversed();
            if let Some((id, reply)) = self.tracker.table.find(&turned, self.now) {
                let conn = self.tracker.table.get(id)?;
                self.parsed.key = if reply { conn.key } else { conn.reply_key };
                return Some(Found { id, reply: !reply, related });
            }
        }
        let found = self.tracker.table.find(&self.parsed.key, self.now).or_else(|| {
            // Translated, but its connection goes by other ports: by its original direction.
            let original = self.packet.original.filter(|_| self.packet.is_translated())?;
            let is_here = original.zone == self.request.zone && self.request.nat.is_none();
            self.tracker.table.find(&original, self.now).filter(|_| is_here)
        });
        let (id, reply) = found?;
        Some(Found { id, reply, related })
    }

    /// Tells the connection of the packet and the packet of the connection. True if it is over, and
    /// the packet begins another.
    fn update(&mut self, found: Found) -> bool {
        let packet = &mut *self.packet;
        if found.related {
            packet.state |= state::REL | if found.reply { state::RPL } else { 0 };
            return false;
        }
        let check = self.tracker.check_windows;
        let Some(conn) = self.tracker.table.get_mut(found.id) else { return true };
        let (verdict, phase) = conn.track.update(&self.payload, found.reply, check);
        let (answered, announced) = (conn.track.is_answered(), conn.parent().is_some());
        match verdict {
            Verdict::Established => {
                packet.state = packet.state & !state::NEW | state::EST;
                packet.state |= if found.reply { state::RPL } else { 0 };
            }
            Verdict::New => packet.state |= state::NEW,
            Verdict::Invalid => packet.state = state::INV,
            Verdict::Reopen => {
                self.tracker.remove(found.id);
                return true;
            }
        }
        if announced && verdict != Verdict::Invalid {
            packet.state |= state::REL;
        }
        if answered {
            self.tracker.table.set_answered(found.id);
        }
        if let Some(phase) = phase {
            self.tracker.prolong(found.id, self.request.zone, phase, self.now);
        }
        false
    }

    /// A packet without connection: a new one, kept if that is asked for and there is room.
    fn open(&mut self) -> Option<Found> {
        if !self.payload.may_open() {
            self.packet.state = state::INV;
            return None;
        }
        let key = self.parsed.key;
        self.expected = self.tracker.expectations.get(&key, self.now).cloned();
        self.packet.state = state::NEW | if self.expected.is_some() { state::REL } else { 0 };
        if !self.request.commit || !self.tracker.has_room(key.zone) {
            return None;
        }
        let Some((reply_key, nat)) = self.choose(&key) else {
            self.packet.state = state::INV;
            return None;
        };
        let (track, phase) = self.payload.open();
        let mut conn = Conn { key, reply_key, label: 0, mark: 0, nat, track, extra: None };
        if let Some(expected) = &self.expected {
            self.tracker.expectations.take(&key);
            (conn.mark, conn.label) = (expected.mark, expected.label);
            conn.extra = Some(Box::new(Extra { parent: Some(expected.parent), ..Extra::default() }));
        } else if let Some(helper) = self.request.helper.filter(|helper| helper.fits(key.proto)) {
            conn.extra = Some(Box::new(Extra { helper: Some(helper), ..Extra::default() }));
        }
        let policy = self.tracker.policies.get(&key.zone).copied().unwrap_or_default();
        let expires = self.now + policy.of(phase).as_millis() as u64;
        let id = self.tracker.table.insert(conn, expires);
        let found = Found { id, reply: false, related: false };
        self.tracker.translate(self.packet, self.frame, &self.parsed, found);
        Some(found)
    }

    /// The reply key of a new connection, and what is translated. `None` if that cannot be.
    fn choose(&mut self, key: &ConnKey) -> Option<(ConnKey, Option<Side>)> {
        let Some(nat) = &self.request.nat else { return Some((key.reversed(), None)) };
        let Tracker { table, seed, .. } = &mut *self.tracker;
        if let Some(expected) = &self.expected {
            let reply = helper::reply_key(key, expected.nat);
            let side = expected.nat.map(|(side, ..)| side);
            return table.find(&reply, self.now).is_none().then_some((reply, side));
        }
        Some((nat::choose(table, *seed, key, nat, self.now)?, nat.side))
    }

    /// Moves the numbers of a segment whose direction was rewritten (`rewritten`), or of one that
    /// acknowledges that direction.
    fn move_numbers(&mut self, found: Found, rewritten: bool) {
        let Some(conn) = self.tracker.table.get(found.id) else { return };
        let Some(extra) = conn.extra.as_ref().filter(|extra| extra.helper == Some(Helper::Ftp)) else {
            return;
        };
        let is_done = self.packet.moved == Some(self.request.zone);
        let is_other = (found.reply == extra.skew.reply) != rewritten;
        if found.related || is_done || is_other || self.request.nat.is_none() {
            return;
        }
        extra.skew.apply(self.frame.as_mut_slice(), &self.parsed.layout, found.reply);
        self.packet.moved = Some(self.request.zone);
        let segment = &self.frame[self.parsed.layout.l4_at as usize..self.parsed.layout.l3_end as usize];
        if let (false, Some(payload)) = (rewritten, Payload::read(&self.parsed.key, segment)) {
            self.payload = payload;
        }
    }

    /// Looks into a packet of a connection with a helper. True if the frame's length may have changed.
    fn help(&mut self, found: Found) -> bool {
        let Some(conn) = self.tracker.table.get(found.id) else { return false };
        let Some(helper) = conn.helper().filter(|_| !found.related) else { return false };
        if self.packet.state & state::INV != 0 {
            return false;
        }
        let finding = helper::look(helper, conn, self.frame, &self.parsed.layout, found.reply);
        self.move_numbers(found, true);
        let (key, expected, rewrite) = match finding {
            Finding::Nothing => return false,
            Finding::Wrong => {
                self.packet.state |= state::INV;
                return false;
            }
            Finding::Expect { key, expected, rewrite } => (key, expected, rewrite),
        };
        self.tracker.expectations.add(&key, expected, self.now);
        let Some((place, text)) = rewrite.filter(|_| self.request.nat.is_some()) else { return false };
        let grown = helper::replace(self.frame, &self.parsed.layout, place, &text);
        match (grown, self.payload, self.tracker.table.get_mut(found.id)) {
            (Some(octets), Payload::Tcp(segment), Some(conn)) => {
                helper::note_growth(conn, found.reply, segment.seq, octets);
            }
            // Longer than a packet can be.
            (None, ..) => self.packet.state |= state::INV,
            (Some(_), ..) => {}
        }
        true
    }

    /// Writes the fields of the packet, and what is asked for of the connection.
    fn tell(&mut self, found: Option<Found>) {
        let packet = &mut *self.packet;
        packet.state |= state::TRK;
        packet.zone = self.request.zone;
        packet.original = Some(self.parsed.key);
        (packet.mark, packet.label) = (0, 0);
        if let Some(conn) = found.and_then(|found| self.tracker.table.get_mut(found.id)) {
            (packet.mark, packet.label) = (conn.mark, conn.label);
            packet.original = Some(conn.parent().unwrap_or(conn.key));
            set_marks(self.request, packet, conn);
        } else if let Some(expected) = &self.expected {
            (packet.mark, packet.label) = (expected.mark, expected.label);
            packet.original = Some(expected.parent);
        }
    }
}
