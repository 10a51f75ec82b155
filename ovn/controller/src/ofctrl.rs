//! The connection by which the switch gets its flows.
//!
//! ```text
//! connected ─► HELLO ─► METER_CONFIG, TLV_TABLE_REQUEST ─► [TLV_TABLE_MOD + BARRIER] ─► rounds
//! a round: CT_FLUSH_ZONE... METER_MOD add, modify...
//!          { BUNDLE: [delete all flows and groups] GROUP_MOD... FLOW_MOD... GROUP_MOD delete... commit } BARRIER ─► METER_MOD delete...
//! ```
//! What is in brackets is for the first round of a connection: nobody knows what the switch has then, so everything goes
//! and comes in one bundle, and no packet is without flows. One round is on its way at a time; what changes in the
//! meantime waits for the next. A flow that the switch refuses is left out of the next round, and said in the log.
//! Upstream: ofctrl.c.

use openflow::{
    Body, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind, ErrorMessage, FlowMod,
    FlowStatsRequest, GroupId, GroupKind, GroupMod, GroupModCommand, Message, MeterId, MultipartReply,
    MultipartRequest, TlvMap, TlvTable, TlvTableCommand, TlvTableMod, Version, Versions,
};
use std::collections::VecDeque;

use crate::flow_table::{Change, FlowTable};
use crate::groups::GroupChanges;
use crate::meters::{METERS_MAX, MeterChanges};
use crate::tables;

/// The Geneve option that carries the keys of ports.
const OPTION_CLASS: u16 = 0x0102;
const OPTION_KIND: u8 = 0x80;
const OPTION_LENGTH: u8 = 4;
/// How many tunnel metadata fields there are.
const METADATA_FIELDS: u16 = 64;

/// Numbers for messages, one sequence for all connections.
#[derive(Debug, Default)]
pub(crate) struct Xids(u32);

impl Xids {
    pub(crate) fn next(&mut self) -> u32 {
        // Zero is for messages that answer nothing.
        self.range(1)
    }

    /// The first of `count` numbers in a row.
    fn range(&mut self, count: u32) -> u32 {
        let first = self.0.checked_add(1).filter(|first| first.checked_add(count).is_some()).unwrap_or(1);
        self.0 = first + count.saturating_sub(1);
        first
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Ofctrl {
    state: State,
    /// The switch may have anything.
    fresh: bool,
    bundles: u32,
    /// The xid of the question which meters there are.
    meter_request: u32,
    /// Messages that are ready. What else there is to a round is made when it is asked for, since it may be much.
    output: VecDeque<Message>,
    /// What is sent waits at the switch's side: changes stay here until there is room.
    is_full: bool,
}

/// About how many octets [`Ofctrl::poll_changes`] gives at once.
const OCTETS: usize = 64 * 1024;

#[derive(Debug)]
enum State {
    Disconnected,
    AwaitHello,
    AwaitTlvTable {
        xid: u32,
    },
    /// The map is to have the option under `index`.
    AwaitTlvMap {
        modification: u32,
        barrier: u32,
        index: u8,
        failed: Option<ErrorMessage>,
    },
    Ready,
    Round(Box<Round>),
}

/// Changes on their way.
#[derive(Debug)]
struct Round {
    changes: Vec<Change>,
    groups: GroupChanges,
    meters: MeterChanges,
    /// The xid of the first change of a meter; the others' follow.
    first_meter: u32,
    /// What the switch says of changes of meters.
    meter_errors: Vec<(u32, ErrorMessage)>,
    bundle: Option<Bundle>,
    barrier: u32,
}

#[derive(Debug)]
struct Bundle {
    id: BundleId,
    /// The xid of the first change; the others' follow: of groups, of flows, of groups that go.
    first: u32,
    /// How many changes are sent; `None` once the end of the bundle is too.
    sent: Option<usize>,
    committed: bool,
    errors: Vec<(u32, ErrorMessage)>,
}

impl Bundle {
    fn control(&self, kind: BundleKind) -> Body {
        Body::BundleControl(BundleControl { id: self.id, kind, flags: BundleFlags::ATOMIC_ORDERED })
    }

    fn add(&self, body: Body, xid: u32) -> Message {
        let message = Box::new(body.with_xid(xid));
        Body::BundleAdd(BundleAdd { id: self.id, flags: BundleFlags::ATOMIC_ORDERED, message }).with_xid(xid)
    }

    /// Which change a message of this bundle was for.
    fn place(&self, xid: u32) -> Option<usize> {
        usize::try_from(xid.checked_sub(self.first)?).ok()
    }
}

impl Round {
    /// Whether a message was for a change of a meter.
    fn is_about_meter(&self, xid: u32) -> bool {
        let place = xid.checked_sub(self.first_meter).and_then(|place| usize::try_from(place).ok());
        place.is_some_and(|place| place < self.meters.before.len())
    }

    /// How many changes there are.
    fn len(&self) -> usize {
        self.groups.before.len() + self.changes.len() + self.groups.after.len()
    }

    /// The flow whose change is at a place.
    fn flow(&self, place: usize) -> Option<&Change> {
        self.changes.get(place.checked_sub(self.groups.before.len())?)
    }

    /// The change at a place, as a message.
    fn message(&self, place: usize) -> Option<Body> {
        if let Some((_, group)) = self.groups.before.get(place) {
            return Some(Body::GroupMod(group.clone()));
        }
        if let Some(change) = self.flow(place) {
            return Some(Body::FlowMod(change.message()));
        }
        let (_, group) = self.groups.after.get(place - self.groups.before.len() - self.changes.len())?;
        Some(Body::GroupMod(group.clone()))
    }
}

/// What the connection has to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The field for Geneve's option is known: its number, or that there is none.
    GeneveField(Option<u8>),
    /// The switch has all that the last round sent: so many changes of flows.
    RoundDone { changes: usize },
    /// Cookies and packets of flows, as asked for by [`Ofctrl::ask_uses`]; more may follow.
    Uses { flows: Vec<(u64, u64)>, is_last: bool },
    /// The last round came to nothing, but the next may come to something.
    RoundFailed,
    /// The connection is of no more use.
    Broken(String),
}

impl Ofctrl {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Disconnected,
            fresh: true,
            bundles: 0,
            meter_request: 0,
            output: VecDeque::new(),
            is_full: false,
        }
    }

    /// Whether changes of flows are to wait, since the switch does not read.
    pub(crate) fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// The changes of flows that [`Self::poll_output`] would give next, as octets; not all of them at once.
    pub(crate) fn poll_changes(&mut self) -> Option<Vec<u8>> {
        let State::Round(round) = &mut self.state else { return None };
        let start = round.bundle.as_ref()?.sent.filter(|_| self.output.is_empty() && !self.is_full)?;
        let (mut sent, bundle) = (start, round.bundle.as_ref()?);
        let mut octets = Vec::new();
        while octets.len() < OCTETS
            && let Some(change) = round.flow(sent)
        {
            // Room for some more than the last one begins with.
            if sent == start {
                octets.reserve(OCTETS + OCTETS / 16);
            }
            let xid = bundle.first.wrapping_add(sent as u32);
            change.to_write().put_in_bundle(bundle.id, BundleFlags::ATOMIC_ORDERED, xid, &mut octets);
            sent += 1;
        }
        round.bundle.as_mut()?.sent = Some(sent);
        (sent > start).then_some(octets)
    }

    pub(crate) fn connected(&mut self, xids: &mut Xids) {
        self.output.clear();
        self.state = State::AwaitHello;
        self.fresh = true;
        self.bundles = 0;
        self.send(xids, Body::Hello(Versions::of(&[Version::Of15])));
    }

    pub(crate) fn disconnected(&mut self, flows: &mut FlowTable) {
        self.state = State::Disconnected;
        self.output.clear();
        flows.forget_installed();
    }

    pub(crate) fn poll_output(&mut self, xids: &mut Xids) -> Option<Message> {
        if let Some(message) = self.output.pop_front() {
            return Some(message);
        }
        let State::Round(round) = &mut self.state else { return None };
        let sent = round.bundle.as_ref()?.sent.filter(|_| !self.is_full)?;
        let message = round.message(sent);
        let bundle = round.bundle.as_mut()?;
        if let Some(message) = message {
            bundle.sent = Some(sent + 1);
            return Some(bundle.add(message, bundle.first.wrapping_add(sent as u32)));
        }
        bundle.sent = None;
        let commit = bundle.control(BundleKind::CommitRequest).with_xid(xids.next());
        self.output.push_back(Body::BarrierRequest.with_xid(round.barrier));
        Some(commit)
    }

    /// Whether a round can begin.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// Whether the first round of this connection is still to be done.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Asks which neighbours were used, if there is somebody to ask.
    pub(crate) fn ask_uses(&mut self, xids: &mut Xids) {
        if matches!(self.state, State::Ready | State::Round(_)) {
            let table = Some(tables::MAC_CACHE_USE.0);
            let request = FlowStatsRequest { table, ..Default::default() };
            self.send(xids, Body::MultipartRequest(MultipartRequest::Flow(request)));
        }
    }

    fn send(&mut self, xids: &mut Xids, body: Body) -> u32 {
        let xid = xids.next();
        self.output.push_back(body.with_xid(xid));
        xid
    }

    /// Sends what has changed; then [`Event::RoundDone`] or [`Event::RoundFailed`] follows.
    pub(crate) fn start_round(&mut self, flows: &mut FlowTable, zones: Vec<u16>, xids: &mut Xids) {
        debug_assert!(self.is_ready(), "one round at a time");
        for zone in zones {
            self.send(xids, Body::CtFlushZone(zone));
        }
        let (changes, groups) = (flows.take_changes(), flows.groups.take_changes());
        let meters = flows.meters.take_changes();
        let first_meter = xids.range(u32::try_from(meters.before.len()).unwrap_or(u32::MAX));
        for (xid, (_, meter)) in (first_meter..).zip(&meters.before) {
            self.output.push_back(Body::MeterMod(meter.clone()).with_xid(xid));
        }
        let barrier = xids.next();
        let meter_errors = Vec::new();
        let mut round = Round { changes, groups, meters, first_meter, meter_errors, bundle: None, barrier };
        if self.fresh || round.len() > 0 {
            round.bundle = Some(self.open_bundle(round.len(), xids));
        } else {
            self.output.push_back(Body::BarrierRequest.with_xid(round.barrier));
        }
        self.state = State::Round(Box::new(round));
    }

    fn open_bundle(&mut self, changes: usize, xids: &mut Xids) -> Bundle {
        let id = BundleId(self.bundles);
        self.bundles = self.bundles.wrapping_add(1);
        let first = xids.range(u32::try_from(changes).unwrap_or(u32::MAX));
        let bundle = Bundle { id, first, sent: Some(0), committed: false, errors: Vec::new() };
        self.send(xids, bundle.control(BundleKind::OpenRequest));
        if self.fresh {
            self.output.push_back(bundle.add(Body::FlowMod(FlowMod::delete_all()), xids.next()));
            self.output.push_back(bundle.add(Body::GroupMod(delete_groups()), xids.next()));
        }
        bundle
    }

    pub(crate) fn handle(
        &mut self,
        message: Message,
        flows: &mut FlowTable,
        xids: &mut Xids,
    ) -> Option<Event> {
        let Message { xid, body } = message;
        match body {
            Body::EchoRequest(data) => {
                self.output.push_back(Body::EchoReply(data).with_xid(xid));
                None
            }
            Body::Hello(versions) => self.hello(versions, xids),
            Body::TlvTableReply(table) => self.tlv_table(xid, &table, xids),
            Body::BarrierReply => self.barrier(xid, flows, xids),
            Body::BundleControl(BundleControl { id, kind: BundleKind::CommitReply, .. }) => {
                if let State::Round(round) = &mut self.state
                    && let Some(bundle) = round.bundle.as_mut().filter(|bundle| bundle.id == id)
                {
                    bundle.committed = true;
                }
                None
            }
            Body::MultipartReply { reply: MultipartReply::MeterConfig(meters), .. } => {
                let ours = meters.iter().map(|config| config.meter).filter(|meter| meter.0 <= METERS_MAX);
                ours.for_each(|meter| flows.meters.found(meter));
                None
            }
            Body::MultipartReply { reply: MultipartReply::Flow(flows), more } => {
                let flows = flows.iter().map(|flow| (flow.cookie, flow.packets)).collect();
                Some(Event::Uses { flows, is_last: !more })
            }
            Body::Error(error) => self.error(xid, error),
            // Whatever else a switch says needs no answer here.
            _ => None,
        }
    }

    fn hello(&mut self, versions: Versions, xids: &mut Xids) -> Option<Event> {
        if !matches!(self.state, State::AwaitHello) {
            return None;
        }
        if Versions::of(&[Version::Of15]).negotiate(versions).is_none() {
            return Some(Event::Broken("the switch does not speak OpenFlow 1.5".to_owned()));
        }
        // Meters from before stay until no flow names them; a switch that has none may answer with an error.
        self.meter_request =
            self.send(xids, Body::MultipartRequest(MultipartRequest::MeterConfig(MeterId::ALL)));
        let xid = self.send(xids, Body::TlvTableRequest);
        self.state = State::AwaitTlvTable { xid };
        None
    }

    /// Finds the field of the option, or the lowest one that is free for it.
    fn tlv_table(&mut self, reply: u32, table: &TlvTable, xids: &mut Xids) -> Option<Event> {
        let State::AwaitTlvTable { xid } = self.state else { return None };
        if reply != xid {
            return None;
        }
        let is_ours =
            |map: &&TlvMap| (map.class, map.kind, map.length) == (OPTION_CLASS, OPTION_KIND, OPTION_LENGTH);
        if let Some(index) = table.maps.iter().find(is_ours).and_then(|map| u8::try_from(map.index).ok()) {
            self.state = State::Ready;
            return Some(Event::GeneveField(Some(index)));
        }
        let is_free = |index: &u16| table.maps.iter().all(|map| map.index != *index);
        let free =
            (0..METADATA_FIELDS.min(table.max_fields)).find(is_free).and_then(|i| u8::try_from(i).ok());
        let Some(index) = free else {
            self.state = State::Ready;
            return Some(Event::GeneveField(None));
        };
        let map =
            TlvMap { class: OPTION_CLASS, kind: OPTION_KIND, length: OPTION_LENGTH, index: index.into() };
        let add = TlvTableMod { command: TlvTableCommand::Add, maps: vec![map] };
        let modification = self.send(xids, Body::TlvTableMod(add));
        let barrier = self.send(xids, Body::BarrierRequest);
        self.state = State::AwaitTlvMap { modification, barrier, index, failed: None };
        None
    }

    fn barrier(&mut self, reply: u32, flows: &mut FlowTable, xids: &mut Xids) -> Option<Event> {
        match std::mem::replace(&mut self.state, State::Ready) {
            State::AwaitTlvMap { barrier, index, failed, .. } if barrier == reply => match failed {
                None => Some(Event::GeneveField(Some(index))),
                Some(error) if is_race(&error) => {
                    // Somebody else has changed the map since we read it.
                    let xid = self.send(xids, Body::TlvTableRequest);
                    self.state = State::AwaitTlvTable { xid };
                    None
                }
                Some(error) => {
                    tracing::warn!("the switch has no room for the Geneve option: {}", error.code);
                    Some(Event::GeneveField(None))
                }
            },
            State::Round(round) if round.barrier == reply => Some(self.finish_round(*round, flows, xids)),
            other => {
                self.state = other;
                None
            }
        }
    }

    fn finish_round(&mut self, round: Round, flows: &mut FlowTable, xids: &mut Xids) -> Event {
        for (xid, error) in &round.meter_errors {
            let place = xid.checked_sub(round.first_meter).and_then(|place| usize::try_from(place).ok());
            if let Some((number, _)) = place.and_then(|place| round.meters.before.get(place)) {
                tracing::warn!("the switch refuses meter {}, which is left out: {}", number.0, error.code);
                flows.meters.refuse(*number);
            }
        }
        let refused = match &round.bundle {
            Some(bundle) if !bundle.committed => Some(refuse(bundle, &round, flows)),
            Some(_) | None => None,
        };
        let Round { changes, groups, meters, bundle, .. } = round;
        let Some(refused) = refused else {
            let count = changes.len();
            flows.installed(changes);
            flows.groups.installed(groups);
            for meter in &meters.after {
                self.send(xids, Body::MeterMod(meter.clone()));
            }
            flows.meters.installed(meters);
            self.fresh = false;
            return Event::RoundDone { changes: count };
        };
        flows.not_installed(changes);
        flows.groups.not_installed(groups);
        flows.meters.not_installed(meters);
        if refused == 0 {
            let errors = bundle.map(|bundle| bundle.errors).unwrap_or_default();
            let first = errors.first().map(|(_, error)| error.code.to_string());
            return Event::Broken(format!("bundle failed: {}", first.unwrap_or_default()));
        }
        Event::RoundFailed
    }

    fn error(&mut self, to: u32, error: ErrorMessage) -> Option<Event> {
        match &mut self.state {
            State::AwaitTlvTable { xid } if *xid == to => {
                tracing::warn!("the switch has no table of Geneve options: {}", error.code);
                self.state = State::Ready;
                Some(Event::GeneveField(None))
            }
            State::AwaitTlvMap { modification, failed, .. } if *modification == to => {
                *failed = Some(error);
                None
            }
            State::Round(round) if round.is_about_meter(to) => {
                round.meter_errors.push((to, error));
                None
            }
            State::Round(round) if round.bundle.is_some() => {
                round.bundle.iter_mut().for_each(|bundle| bundle.errors.push((to, error.clone())));
                None
            }
            _ if to == self.meter_request => None,
            State::Disconnected
            | State::AwaitHello
            | State::AwaitTlvTable { .. }
            | State::AwaitTlvMap { .. }
            | State::Ready
            | State::Round(_) => {
                tracing::warn!(xid = to, "unexpected error from the switch: {}", error.code);
                None
            }
        }
    }
}

/// Sees to it that what the switch refused is not sent again, and says how much that is.
fn refuse(bundle: &Bundle, round: &Round, flows: &mut FlowTable) -> usize {
    let mut refused = 0;
    for (xid, error) in &bundle.errors {
        let Some(place) = bundle.place(*xid) else { continue };
        if let Some((number, _)) = round.groups.before.get(place) {
            tracing::warn!("the switch refuses group {}, which is left out: {}", number.0, error.code);
            flows.groups.refuse(*number);
        } else if let Some(change) = round.flow(place).filter(|change| change.flow.is_some()) {
            tracing::warn!(
                "the switch refuses a flow, which is left out: {}: {}",
                error.code,
                change.message()
            );
            flows.refuse(change);
        } else {
            continue;
        }
        refused += 1;
    }
    refused
}

fn is_race(error: &ErrorMessage) -> bool {
    error.code == openflow::ErrorCode::TLV_ALREADY_MAPPED || error.code == openflow::ErrorCode::TLV_DUP_ENTRY
}

fn delete_groups() -> GroupMod {
    GroupMod {
        command: GroupModCommand::Delete,
        kind: GroupKind::All,
        group: GroupId::ALL,
        buckets: Vec::new(),
        selection: None,
    }
}
