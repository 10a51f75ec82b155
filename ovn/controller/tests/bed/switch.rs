//! A switch as far as its OpenFlow connections go: it keeps flows, and does nothing with packets.

use controller::Link;
use openflow::{
    Body, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind, ErrorCode, ErrorMessage, FlowMod,
    FlowModCommand, GroupId, GroupMod, GroupModCommand, Message, MeterConfig, MeterFlags, MeterId, MeterMod,
    MeterModCommand, MultipartReply, MultipartRequest, PacketIn2, PacketOut, SwitchConfig, TlvMap, TlvTable,
    Version, Versions,
};
use std::collections::{BTreeMap, VecDeque};

type Key = (Option<u8>, u16, openflow::Match);

#[derive(Default)]
pub(crate) struct Switch {
    pub(crate) flows: BTreeMap<Key, FlowMod>,
    /// Groups by number, with their buckets.
    pub(crate) groups: BTreeMap<GroupId, usize>,
    pub(crate) meters: BTreeMap<MeterId, MeterConfig>,
    /// What became of meters, with rates and bursts.
    pub(crate) meter_log: Vec<String>,
    bundles: BTreeMap<BundleId, (Vec<Body>, bool)>,
    tlv: Vec<TlvMap>,
    ports: BTreeMap<String, u32>,
    output: VecDeque<(Link, Message)>,
    /// Replies to barriers are held back.
    pub(crate) is_slow: bool,
    held: Vec<(Link, Message)>,
    /// Flows with this text in them are refused.
    pub(crate) refuses: Option<&'static str>,
    /// What bundles changed, one entry a bundle, as text.
    pub(crate) log: Vec<Vec<String>>,
    pub(crate) packets: Vec<PacketOut>,
    /// Packets that were paused and go on.
    pub(crate) resumed: Vec<PacketIn2>,
    pub(crate) flushed_zones: Vec<u16>,
    pub(crate) config: Option<SwitchConfig>,
}

impl Switch {
    /// The number of a port.
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        let next = self.ports.len() as u32 + 1;
        *self.ports.entry(name.to_owned()).or_insert(next)
    }

    pub(crate) fn connect(&mut self, link: Link) {
        self.output.push_back((link, Body::Hello(Versions::up_to(6)).with_xid(0)));
    }

    pub(crate) fn disconnect(&mut self, link: Link) {
        self.output.retain(|(other, _)| *other != link);
        self.held.retain(|(other, _)| *other != link);
        self.bundles.clear();
    }

    /// A meter that somebody has left.
    pub(crate) fn stale_meter(&mut self, number: u32) {
        let meter = MeterId(number);
        self.meters.insert(meter, MeterConfig { meter, flags: MeterFlags(1), bands: Vec::new() });
    }

    /// Answers what was held back.
    pub(crate) fn hurry(&mut self) {
        self.is_slow = false;
        self.output.extend(self.held.drain(..));
    }

    /// A packet for the controller.
    pub(crate) fn punt(&mut self, packet: openflow::PacketIn2) {
        self.output.push_back((Link::Packets, Body::PacketIn2(packet).with_xid(0)));
    }

    pub(crate) fn say(&mut self) -> Option<(Link, Message)> {
        self.output.pop_front()
    }

    /// Flows as text, without cookies.
    pub(crate) fn text(&self) -> Vec<String> {
        self.flows.values().map(|flow| FlowMod { cookie: 0, ..flow.clone() }.to_string()).collect()
    }

    pub(crate) fn hear(&mut self, link: Link, message: Message) {
        // What is said must come through the wire as it is.
        let octets = message.encode(Version::Of15);
        assert_eq!(Message::decode(Version::Of15, &octets).as_ref(), Ok(&message));
        let Message { xid, body } = message;
        match body {
            Body::BarrierRequest => {
                let reply = (link, Body::BarrierReply.with_xid(xid));
                if self.is_slow { self.held.push(reply) } else { self.output.push_back(reply) }
            }
            Body::TlvTableRequest => {
                let table = TlvTable { max_option_space: 256, max_fields: 64, maps: self.tlv.clone() };
                self.output.push_back((link, Body::TlvTableReply(table).with_xid(xid)));
            }
            Body::TlvTableMod(change) => self.tlv.extend(change.maps),
            Body::GetConfigRequest => {
                let config = SwitchConfig { flags: 0, miss_send_len: 0 };
                self.output.push_back((link, Body::GetConfigReply(config).with_xid(xid)));
            }
            Body::SetConfig(config) => self.config = Some(config),
            Body::BundleControl(control) => self.bundle(link, xid, control),
            Body::BundleAdd(BundleAdd { id, message, .. }) => self.add(link, xid, id, message.body),
            Body::PacketOut(packet) => self.packets.push(packet),
            Body::Resume(packet) => self.resumed.push(packet),
            Body::CtFlushZone(zone) => self.flushed_zones.push(zone),
            Body::MultipartRequest(MultipartRequest::MeterConfig(MeterId::ALL)) => {
                let reply = MultipartReply::MeterConfig(self.meters.values().cloned().collect());
                self.output.push_back((link, Body::MultipartReply { more: false, reply }.with_xid(xid)));
            }
            Body::MeterMod(change) => self.change_meter(link, xid, change),
            Body::Hello(_) | Body::SetPacketInFormat(_) => {}
            other => panic!("the switch hears {other:?}"),
        }
    }

    fn change_meter(&mut self, link: Link, xid: u32, change: MeterMod) {
        let MeterMod { command, flags, meter, bands } = change;
        let text: Vec<String> = bands.iter().map(|band| format!("{}/{}", band.rate, band.burst)).collect();
        self.meter_log.push(format!("{command:?} {} {}", meter.0, text.join(" ")).trim_end().to_owned());
        let config = MeterConfig { meter, flags, bands };
        match command {
            MeterModCommand::Add if self.meters.contains_key(&meter) => {
                self.error(link, xid, ErrorCode::METER_EXISTS);
            }
            MeterModCommand::Add => drop(self.meters.insert(meter, config)),
            MeterModCommand::Modify => {
                self.meters.insert(meter, config).expect("what is changed is there");
            }
            MeterModCommand::Delete => {
                self.meters.remove(&meter).expect("what is deleted is there");
                let named = [format!("meter:{}", meter.0), format!("meter_id={}", meter.0)];
                let text = self.text();
                let uses = |flow: &String| named.iter().any(|name| flow.contains(name));
                assert!(!text.iter().any(uses), "no flow names the meter: {text:#?}");
            }
        }
    }

    fn error(&mut self, link: Link, xid: u32, code: ErrorCode) {
        let error = ErrorMessage { code, data: Vec::new() };
        self.output.push_back((link, Body::Error(error).with_xid(xid)));
    }

    fn add(&mut self, link: Link, xid: u32, id: BundleId, body: Body) {
        let refused = match &body {
            Body::FlowMod(flow) => self.refuses.is_some_and(|text| flow.to_string().contains(text)),
            _ => false,
        };
        let (changes, failed) = self.bundles.get_mut(&id).expect("the bundle is open");
        if refused {
            *failed = true;
            self.error(link, xid, ErrorCode::BAD_ARGUMENT);
        } else {
            changes.push(body);
        }
    }

    fn bundle(&mut self, link: Link, xid: u32, control: BundleControl) {
        let reply = match control.kind {
            BundleKind::OpenRequest => {
                assert!(self.bundles.insert(control.id, Default::default()).is_none());
                BundleKind::OpenReply
            }
            BundleKind::CommitRequest => {
                let (changes, failed) = self.bundles.remove(&control.id).expect("the bundle is open");
                if failed {
                    return self.error(link, xid, ErrorCode::BUNDLE_MSG_FAILED);
                }
                let text = |change: &Body| match change {
                    Body::FlowMod(f) => format!("{:?} {}", f.command, FlowMod { cookie: 0, ..f.clone() }),
                    Body::GroupMod(g) => format!("{:?} group {}", g.command, g.group.0),
                    other => panic!("the switch hears {other:?} in a bundle"),
                };
                let is_delete_all = |b: &&Body| matches!(b, Body::GroupMod(g) if g.group == GroupId::ALL);
                self.log.push(changes.iter().filter(|b| !is_delete_all(b)).map(text).collect());
                for change in changes {
                    match change {
                        Body::FlowMod(flow) => self.change(flow),
                        Body::GroupMod(group) => self.change_group(group),
                        _ => {}
                    }
                }
                BundleKind::CommitReply
            }
            other => panic!("the switch hears {other:?}"),
        };
        let reply = BundleControl { id: control.id, kind: reply, flags: BundleFlags::default() };
        self.output.push_back((link, Body::BundleControl(reply).with_xid(xid)));
    }

    fn change_group(&mut self, group: GroupMod) {
        match group.command {
            GroupModCommand::Add => {
                assert!(self.groups.insert(group.group, group.buckets.len()).is_none(), "the group is new");
            }
            GroupModCommand::Delete if group.group == GroupId::ALL => self.groups.clear(),
            GroupModCommand::Delete => {
                let named = format!("group:{}", group.group.0);
                assert!(self.text().iter().all(|flow| !flow.contains(&named)), "no flow names the group");
                self.groups.remove(&group.group).expect("what is deleted is there");
            }
            other => panic!("the switch hears {other:?}"),
        }
    }

    fn change(&mut self, flow: FlowMod) {
        if let Some((_, number)) = flow.to_string().split_once("group:") {
            let number = number.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
            assert!(self.groups.contains_key(&GroupId(number)), "the group that a flow names is there");
        }
        let key = (flow.table, flow.priority, flow.matching.clone());
        match flow.command {
            FlowModCommand::Add => drop(self.flows.insert(key, flow)),
            FlowModCommand::ModifyStrict => {
                let old = self.flows.get_mut(&key).expect("what is changed is there");
                assert_eq!(old.cookie, flow.cookie);
                *old = flow;
            }
            FlowModCommand::DeleteStrict => drop(self.flows.remove(&key).expect("what is deleted is there")),
            FlowModCommand::Delete => self.flows.clear(),
            FlowModCommand::Modify => panic!("the switch hears {flow}"),
        }
    }
}
