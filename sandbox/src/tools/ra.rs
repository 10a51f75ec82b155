//! A host that listens to routers (RFC 4861 section 6.3), and asks them if it is to: frames in, frames out. Pure.

use super::facts::Facts;
use super::frame::{self, Ends};
use packet::{DnsName, Icmp6, IpProto, MacAddr, Pseudo, RouterAdvertisement, RouterOption};
use std::net::Ipv6Addr;

/// All routers of a link, and the Ethernet address of that group.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ROUTERS_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 2]);

/// A host.
#[derive(Debug)]
pub struct Host {
    mac: MacAddr,
    asks: bool,
    /// Whom it listens to; anybody if none.
    router: Option<Ipv6Addr>,
    told: Option<Facts>,
    other: Option<Facts>,
}

impl Host {
    /// A host, which asks or only listens, to this router or to any.
    pub fn new(mac: MacAddr, asks: bool, router: Option<Ipv6Addr>) -> Self {
        Self { mac, asks, router, told: None, other: None }
    }

    /// What another router said first, to whom it did not listen.
    pub fn other(&self) -> Option<&Facts> {
        self.other.as_ref()
    }

    /// What the router said first.
    pub fn told(&self) -> Option<&Facts> {
        self.told.as_ref()
    }
}

impl super::Talk for Host {
    fn speak(&mut self) -> Option<Vec<u8>> {
        let ends =
            Ends { src: self.mac, dst: ROUTERS_MAC, ip: Pseudo::V6(frame::link_local(self.mac), ROUTERS) };
        // The option that says its own Ethernet address.
        let option = [&[1, 1], &self.mac.0[..]].concat();
        self.asks.then(|| frame::icmp6(ends, Icmp6::ROUTER_SOLICITATION, [0; 4], &option))
    }

    fn hear(&mut self, frame: &[u8]) -> bool {
        let Some((ends, IpProto::ICMP6, message)) = frame::read(frame) else { return false };
        let Pseudo::V6(router, _) = ends.ip else { return false };
        let Ok(advertisement) = RouterAdvertisement::parse(message) else { return false };
        let is_it = self.router.is_none_or(|wanted| wanted == router);
        let heard = if is_it { &mut self.told } else { &mut self.other };
        heard.get_or_insert_with(|| told(router, &advertisement));
        is_it
    }

    fn is_over(&self) -> bool {
        self.told.is_some()
    }
}

/// What an advertisement says. What it does not say has no name.
fn told(router: Ipv6Addr, said: &RouterAdvertisement) -> Facts {
    let mut facts = Facts::default();
    let (mut prefixes, mut routes) = (Vec::new(), Vec::new());
    facts.set("router", router);
    facts.set("hop-limit", said.hop_limit);
    facts.set("lifetime", said.lifetime);
    facts.set("preference", preference(said.flags));
    facts.set("managed", said.flags & RouterAdvertisement::MANAGED != 0);
    facts.set("other", said.flags & RouterAdvertisement::OTHER != 0);
    for option in &said.options {
        match option {
            RouterOption::SourceLink(mac) => facts.set("mac", mac),
            RouterOption::Mtu(mtu) => facts.set("mtu", mtu),
            RouterOption::Prefix { length, flags, prefix, .. } => {
                let autonomous = flags & RouterAdvertisement::AUTONOMOUS != 0;
                prefixes.push((format!("{prefix}/{length}"), autonomous));
            }
            RouterOption::Route { length, flags, prefix, .. } => {
                let mut octets = [0; 16];
                octets.iter_mut().zip(prefix).for_each(|(to, from)| *to = *from);
                routes.push(format!("{} {}/{length}", preference(*flags), Ipv6Addr::from(octets)));
            }
            RouterOption::DnsServers { servers, .. } => facts.list("dns", servers),
            RouterOption::DnsSearch { names, .. } => {
                if let Ok(names) = DnsName::parse_list(names) {
                    facts.list("search", names);
                }
            }
            RouterOption::Other(..) => {}
        }
    }
    facts.list("prefixes", prefixes.iter().map(|(prefix, _)| prefix));
    facts.list("slaac", prefixes.iter().filter(|(_, autonomous)| *autonomous).map(|(prefix, _)| prefix));
    facts.list("routes", routes);
    facts
}

/// How much a router or a route is to be liked (RFC 4191 section 2.1).
fn preference(flags: u8) -> &'static str {
    match flags & RouterAdvertisement::LOW {
        RouterAdvertisement::HIGH => "high",
        RouterAdvertisement::LOW => "low",
        _ => "medium",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Talk as _;
    use super::*;
    use proptest::prelude::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const ROUTER: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);

    fn advertisement(options: Vec<RouterOption>) -> Vec<u8> {
        let mut message = Vec::new();
        let flags = RouterAdvertisement::MANAGED | RouterAdvertisement::HIGH;
        let said = RouterAdvertisement {
            hop_limit: 255,
            flags,
            lifetime: 1800,
            reachable_ms: 0,
            retransmit_ms: 0,
            options,
        };
        said.emit(&mut message);
        let ip = Pseudo::V6(frame::link_local(ROUTER), frame::link_local(MAC));
        let data = [message[4], message[5], message[6], message[7]];
        frame::icmp6(Ends { src: ROUTER, dst: MAC, ip }, 134, data, &message[8..])
    }

    #[test]
    fn what_a_router_says_is_understood() {
        let mut host = Host::new(MAC, true, None);
        let (ends, proto, message) =
            frame::read(&host.speak().unwrap()).map(|(e, p, m)| (e, p, m.to_vec())).unwrap();
        assert_eq!((ends.dst, proto, message[0]), (ROUTERS_MAC, IpProto::ICMP6, Icmp6::ROUTER_SOLICITATION));
        let prefix: Ipv6Addr = "fd00::".parse().unwrap();
        let domain = DnsName::from_text("ovn.org").unwrap();
        let frame = advertisement(vec![
            RouterOption::SourceLink(ROUTER),
            RouterOption::Mtu(1400),
            RouterOption::Prefix { length: 64, flags: 0xc0, valid: 10, preferred: 5, prefix },
            RouterOption::Route {
                length: 48,
                flags: 0x18,
                lifetime: 9,
                prefix: vec![0xfd, 2, 0, 0, 0, 0, 0, 0],
            },
            RouterOption::DnsServers { lifetime: 9, servers: vec!["fd00::53".parse().unwrap()] },
            RouterOption::search(9, &[domain]).unwrap(),
        ]);
        assert!(!host.hear(&frame[..20]) && host.hear(&frame) && host.is_over());
        insta::assert_snapshot!(host.told().unwrap(), @"dns fd00::53; hop-limit 255; lifetime 1800; mac 02:00:00:00:01:00; managed true; mtu 1400; other false; preference high; prefixes fd00::/64; router fe80::ff:fe00:100; routes low fd02::/48; search ovn.org; slaac fd00::/64");
        assert!(Host::new(MAC, false, None).speak().is_none());
        let mut other = Host::new(MAC, false, Some(frame::link_local(MAC)));
        assert!(!other.hear(&frame) && !other.is_over() && other.other() == host.told());
    }

    proptest! {
        #[test]
        fn any_options_are_understood_or_passed_over(ty: u8, value in proptest::collection::vec(any::<u8>(), 0..60)) {
            Host::new(MAC, false, None).hear(&advertisement(vec![RouterOption::Other(ty, value)]));
        }
    }
}
