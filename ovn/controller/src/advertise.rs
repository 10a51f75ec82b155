//! Router advertisements that nobody asks for (RFC 4861 section 6.2.4): each chassis sends those of the routers of its
//! switches to its own ports, from time to time.
//!
//! What is advertised is in the options of the router's port binding. Upstream: pinctrl.c, prepare_ipv6_ras.

use openflow::{Action, PacketOut, PortNo, SetField, Subfield};
use ovsdb::{Str, Uuid};
use packet::{DnsName, MacAddr, RouterAdvertisement, RouterOption};
use schema::sb;
use schema::tables::Delta;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use crate::compile::resubmit;
use crate::inputs::Inputs;
use crate::packet_in::unasked;
use crate::tables;

/// The first advertisements come in quick succession (RFC 4861 section 10).
const FIRST: u8 = 3;
const FIRST_INTERVAL_MAX: Duration = Duration::from_secs(16);
/// Seconds; all ones is forever.
const FOREVER: u32 = u32::MAX;

/// The routers that advertise.
#[derive(Debug)]
pub(crate) struct Advertiser {
    /// Bindings that say so, here or elsewhere.
    rows: BTreeSet<Uuid>,
    /// Those of switches that are here.
    routers: BTreeMap<Uuid, Router>,
    /// Something has changed that the routers depend on.
    is_stale: bool,
    random: u64,
}

#[derive(Debug)]
struct Router {
    advertised: Advertised,
    /// Advertisements sent so far, as far as that matters.
    sent: u8,
    next: Instant,
}

/// What is sent, where, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Advertised {
    /// Keys of the switch and of its port to the router.
    place: (u32, u32),
    frame: Vec<u8>,
    /// Seconds.
    interval: (u32, u32),
}

/// What of the network is here.
pub(crate) trait Places {
    /// The keys of a switch port of that name and of its switch, if packets are handled here.
    fn place(&self, port: &Str) -> Option<(u32, u32)>;
}

impl Places for Inputs {
    fn place(&self, port: &Str) -> Option<(u32, u32)> {
        self.keys_of_port(port)
    }
}

impl Advertiser {
    /// One that takes its chances from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { rows: BTreeSet::new(), routers: BTreeMap::new(), is_stale: false, random: seed | 1 }
    }

    /// A port binding has changed.
    pub(crate) fn found(&mut self, delta: &Delta<sb::PortBinding>) {
        let says_so = |row: &sb::PortBinding| {
            row.options.get("ipv6_ra_send_periodic").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let changed = if delta.new.as_deref().is_some_and(says_so) {
            self.rows.insert(delta.uuid);
            true
        } else {
            self.rows.remove(&delta.uuid)
        };
        // Another port may be the one that leads to a router.
        self.is_stale |= changed || !self.rows.is_empty();
    }

    /// Ports or datapaths have come to this chassis or left it.
    pub(crate) fn moved(&mut self) {
        self.is_stale |= !self.rows.is_empty();
    }

    /// What is due. Rows and places count as they are now.
    pub(crate) fn poll(&mut self, rows: &sb::Tables, places: &dyn Places, now: Instant) -> Vec<PacketOut> {
        if std::mem::take(&mut self.is_stale) {
            self.settle(rows, places, now);
        }
        let mut due = Vec::new();
        for router in self.routers.values_mut().filter(|router| router.next <= now) {
            due.push(packet_out(&router.advertised));
            router.sent = router.sent.saturating_add(1).min(FIRST);
            router.next = now + pause(&mut self.random, router.advertised.interval, router.sent);
        }
        due
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.routers.values().map(|router| router.next).min()
    }

    fn settle(&mut self, rows: &sb::Tables, places: &dyn Places, now: Instant) {
        let mut wanted = BTreeMap::new();
        for uuid in &self.rows {
            let Some(row) = rows.port_binding.get(uuid) else { continue };
            let Some(place) = row.options.get("peer").and_then(|peer| places.place(peer)) else { continue };
            match advertised(&row.options, place) {
                Some(advertised) => drop(wanted.insert(*uuid, advertised)),
                None => tracing::warn!(port = %row.logical_port, "options:ipv6_ra_* make no advertisement"),
            }
        }
        self.routers.retain(|uuid, _| wanted.contains_key(uuid));
        for (uuid, advertised) in wanted {
            match self.routers.get_mut(&uuid) {
                Some(router) if router.advertised.interval == advertised.interval => {
                    router.advertised = advertised;
                }
                Some(_) | None => {
                    let next = now + pause(&mut self.random, advertised.interval, 0);
                    self.routers.insert(uuid, Router { advertised, sent: 0, next });
                }
            }
        }
    }
}

/// Some time between the two intervals; a short one after the first few.
fn pause(random: &mut u64, (min, max): (u32, u32), sent: u8) -> Duration {
    // xorshift64: what matters is that routers do not keep step.
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let span = u64::from(max.saturating_sub(min)) * 1000 + 1;
    let pause = Duration::from_millis(u64::from(min) * 1000 + *random % span);
    if sent < FIRST { pause.min(FIRST_INTERVAL_MAX) } else { pause }
}

/// As if the switch's port to the router had it, for ports of this chassis alone.
fn packet_out(advertised: &Advertised) -> PacketOut {
    let (datapath, port) = advertised.place;
    let set = |to: Subfield, value: u32| {
        Action::SetField(SetField::masked(to.field, u128::from(value) << to.offset, to.mask()))
    };
    let actions = vec![
        set(Subfield::whole(tables::DATAPATH), datapath),
        set(Subfield::whole(tables::INPORT), port),
        set(tables::FLAG_LOCAL_ONLY, 1),
        resubmit(tables::LOG_INGRESS),
    ];
    PacketOut::new(PortNo::CONTROLLER, actions, advertised.frame.clone())
}

/// Reads the options of a router's port; `None` if they make no sense.
fn advertised(options: &BTreeMap<Str, Str>, place: (u32, u32)) -> Option<Advertised> {
    let get = |name: &str| options.get(format!("ipv6_ra_{name}").as_str()).map(|value| &**value);
    let number = |name: &str| get(name).and_then(|value| value.trim().parse::<u32>().ok());
    let (mode, autonomous) = match get("address_mode")? {
        "slaac" => (0, RouterAdvertisement::AUTONOMOUS),
        "dhcpv6_stateless" => (RouterAdvertisement::OTHER, RouterAdvertisement::AUTONOMOUS),
        "dhcpv6_stateful" => (RouterAdvertisement::MANAGED, 0),
        _ => return None,
    };
    let (mac, ip): (MacAddr, Ipv6Addr) = (get("src_eth")?.parse().ok()?, get("src_addr")?.parse().ok()?);
    let mut told = vec![RouterOption::SourceLink(mac)];
    told.extend(number("mtu").filter(|mtu| *mtu > 0).map(RouterOption::Mtu));
    for text in get("prefixes").unwrap_or_default().split_ascii_whitespace() {
        let (prefix, length) = prefix(text)?;
        let flags = RouterAdvertisement::ON_LINK | autonomous;
        told.push(RouterOption::Prefix { length, flags, valid: FOREVER, preferred: FOREVER, prefix });
    }
    if let Some(server) = get("rdnss") {
        told.push(RouterOption::DnsServers { lifetime: FOREVER, servers: vec![server.parse().ok()?] });
    }
    if let Some(domains) = get("dnssl") {
        let domains: Option<Vec<DnsName>> =
            domains.split(',').map(|name| DnsName::from_text(name.trim())).collect();
        told.push(RouterOption::search(FOREVER, &domains?)?);
    }
    for route in get("route_info").into_iter().flat_map(|text| text.split(',')) {
        let (word, text) = route.split_once('-')?;
        let (address, length) = prefix(text)?;
        let octets = address.octets()[..usize::from(length.div_ceil(64)) * 8].to_vec();
        told.push(RouterOption::Route { length, flags: preference(word), lifetime: FOREVER, prefix: octets });
    }
    let message = RouterAdvertisement {
        hop_limit: 255,
        flags: mode | get("prf").map_or(0, preference),
        lifetime: u16::MAX,
        reachable_ms: 0,
        retransmit_ms: 0,
        options: told,
    };
    let max = number("max_interval")?.clamp(4, 1800);
    let min = number("min_interval")?.clamp(3, max);
    Some(Advertised { place, frame: unasked(mac, ip, &message)?, interval: (min, max) })
}

/// An address without the bits beyond the length that follows it.
fn prefix(text: &str) -> Option<(Ipv6Addr, u8)> {
    let (address, length) = text.trim().split_once('/').unwrap_or((text.trim(), "128"));
    let (address, length): (Ipv6Addr, u8) = (address.parse().ok()?, length.parse().ok()?);
    let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
    (length <= 128).then(|| (Ipv6Addr::from_bits(address.to_bits() & mask), length))
}

/// RFC 4191 section 2.1.
fn preference(word: &str) -> u8 {
    match word.trim() {
        "HIGH" => RouterAdvertisement::HIGH,
        "LOW" => RouterAdvertisement::LOW,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Here(bool);

    impl Places for Here {
        fn place(&self, port: &Str) -> Option<(u32, u32)> {
            (self.0 && &**port == "sr").then_some((7, 3))
        }
    }

    fn row(more: &[(&str, &str)]) -> sb::PortBinding {
        let base = [
            ("ipv6_ra_send_periodic", "true"),
            ("ipv6_ra_address_mode", "slaac"),
            ("ipv6_ra_src_eth", "0a:00:00:00:01:00"),
            ("ipv6_ra_src_addr", "fe80::1"),
            ("ipv6_ra_prefixes", "fd00::/64 fd01::/64"),
            ("ipv6_ra_mtu", "1400"),
            ("ipv6_ra_rdnss", "fd00::53"),
            ("ipv6_ra_dnssl", "ovn.org"),
            ("ipv6_ra_route_info", "LOW-fd02::/48"),
            ("ipv6_ra_prf", "HIGH"),
            ("ipv6_ra_min_interval", "20"),
            ("ipv6_ra_max_interval", "60"),
            ("peer", "sr"),
        ];
        let options =
            base.iter().chain(more).map(|(key, value)| (Str::from(*key), Str::from(*value))).collect();
        sb::PortBinding { uuid: Uuid::from_u128(1), options, ..Default::default() }
    }

    fn put(advertiser: &mut Advertiser, tables: &mut sb::Tables, row: sb::PortBinding) {
        let new = Arc::new(row);
        tables.port_binding.insert(new.uuid, new.clone());
        advertiser.found(&Delta { uuid: new.uuid, old: None, new: Some(new) });
    }

    #[test]
    fn options_become_the_message() {
        let advertised = advertised(&row(&[]).options, (7, 3)).unwrap();
        let message = RouterAdvertisement::parse(&advertised.frame[54..]).unwrap();
        insta::assert_snapshot!(message, @"router advertisement, hop limit 255, flags 0x08, lifetime 65535s, source link-address 0a:00:00:00:01:00, mtu 1400, prefix fd00::/64 flags 0xc0 valid 4294967295s preferred 4294967295s, prefix fd01::/64 flags 0xc0 valid 4294967295s preferred 4294967295s, rdnss [fd00::53] 4294967295s, dnssl 16 octets 4294967295s, route fd02::/48 flags 0x18 4294967295s");
        for bad in
            [("ipv6_ra_address_mode", "odd"), ("ipv6_ra_rdnss", "here"), ("ipv6_ra_prefixes", "fd00::/129")]
        {
            assert_eq!(super::advertised(&row(&[bad]).options, (7, 3)), None, "{bad:?}");
        }
        let actions: Vec<String> = packet_out(&advertised).actions.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(actions.join(","), @"set_field:0x7->metadata,set_field:0x3->reg14,set_field:0x10/0x10->reg10,resubmit(,8)");
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "tests begin at some time")]
    fn a_router_advertises_now_and_then_where_its_switch_is() {
        let (mut advertiser, mut tables, start) = (Advertiser::new(7), sb::Tables::default(), Instant::now());
        put(&mut advertiser, &mut tables, row(&[]));
        assert!(advertiser.poll(&tables, &Here(false), start).is_empty() && advertiser.next().is_none());

        advertiser.moved();
        assert!(advertiser.poll(&tables, &Here(true), start).is_empty());
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..50 {
            let next = advertiser.next().unwrap();
            pauses.push(next - now);
            now = next;
            assert_eq!(advertiser.poll(&tables, &Here(true), now).len(), 1);
        }
        assert_eq!(pauses[..3], [FIRST_INTERVAL_MAX; 3]);
        let bounds = Duration::from_secs(20)..=Duration::from_secs(60);
        assert!(pauses[3..].iter().all(|pause| bounds.contains(pause)), "{pauses:?}");
        assert!(pauses[3..].iter().collect::<BTreeSet<_>>().len() > 40);

        put(&mut advertiser, &mut tables, row(&[("ipv6_ra_send_periodic", "false")]));
        assert!(advertiser.poll(&tables, &Here(true), now).is_empty() && advertiser.next().is_none());
    }
}
