//! A DHCP client (RFC 2131 section 4.4) that uses nothing of what it gets: frames in, frames out. Pure.

use super::facts::Facts;
use super::frame::{self, Ends};
use packet::{Cursor, Dhcp4, IpProto, MacAddr, Malformed, Pseudo, Udp};
use std::net::Ipv4Addr;

/// Options that are asked for: netmask, router, DNS, host name, domain, MTU, lease, server, routes.
const ASKED: [u8; 9] = [1, 3, 6, 12, 15, 26, 51, 54, 121];
const ASKED_FOR: u8 = 55;

/// What is wanted of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// The address that the client had before; whichever there is unless given.
    pub address: Option<Ipv4Addr>,
    /// The address is asked for once more by who has it.
    pub renew: bool,
    /// And given back in the end.
    pub release: bool,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    mac: MacAddr,
    xid: u32,
    wishes: Wishes,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Asks who has an address.
    Discovering,
    /// Takes the one that was offered.
    Requesting {
        address: Ipv4Addr,
        server: Ipv4Addr,
    },
    /// Asks for the one that it had.
    Rebooting {
        address: Ipv4Addr,
    },
    /// Asks whether it may keep the one that it has.
    Renewing(Lease),
    /// Gives it back, which nobody answers.
    Releasing(Lease),
    Over(Outcome),
}

/// An address, and where it is from.
#[derive(Clone, Debug)]
struct Lease {
    address: Ipv4Addr,
    server: Ipv4Addr,
    server_mac: MacAddr,
    told: Facts,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an address, and all that came along.
    Bound(Facts),
    /// The server said no.
    Refused,
}

impl Client {
    /// A client; `xid` tells its messages from those of others.
    pub fn new(mac: MacAddr, xid: u32, wishes: Wishes) -> Self {
        let state = match wishes.address {
            Some(address) => State::Rebooting { address },
            None => State::Discovering,
        };
        Self { mac, xid, wishes, state }
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Over(outcome) => Some(outcome),
            State::Discovering
            | State::Requesting { .. }
            | State::Rebooting { .. }
            | State::Renewing(_)
            | State::Releasing(_) => None,
        }
    }

    /// What it waits for, in words.
    pub fn waits_for(&self) -> &'static str {
        match self.state {
            State::Discovering => "an offer",
            State::Requesting { .. } | State::Rebooting { .. } | State::Renewing(_) => "an acknowledgement",
            State::Releasing(_) | State::Over(_) => "nothing",
        }
    }

    fn say(&self, kind: u8, more: &[(u8, &[u8])], held: Option<&Lease>) -> Vec<u8> {
        let kind = [kind];
        let mut options: Vec<(u8, &[u8])> = vec![(Dhcp4::MESSAGE_TYPE, &kind)];
        options.extend(more);
        options.push((ASKED_FOR, &ASKED));
        let message = Dhcp4 {
            op: Dhcp4::REQUEST,
            hops: 0,
            xid: self.xid,
            secs: 0,
            flags: 0,
            ciaddr: held.map_or(Ipv4Addr::UNSPECIFIED, |lease| lease.address),
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: self.mac,
            options,
        };
        let mut payload = Vec::new();
        message.emit(&mut payload);
        let (dst, ip) = match held {
            Some(lease) => (lease.server_mac, Pseudo::V4(lease.address, lease.server)),
            None => (MacAddr::BROADCAST, Pseudo::V4(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)),
        };
        let ends = Ends { src: self.mac, dst, ip };
        frame::udp(ends, (Dhcp4::CLIENT_PORT, Dhcp4::SERVER_PORT), &payload)
    }

    fn bound(&mut self, lease: Lease) {
        self.state = match (self.wishes.renew, self.wishes.release) {
            (true, _) => {
                self.wishes.renew = false;
                State::Renewing(lease)
            }
            (false, true) => State::Releasing(lease),
            (false, false) => State::Over(Outcome::Bound(lease.told)),
        };
    }

    /// A message for this client: what it leads to.
    fn answered(&mut self, message: &Dhcp4<'_>, server_mac: MacAddr) -> bool {
        let server = message.address(Dhcp4::SERVER_ID).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let address = message.yiaddr;
        match (&self.state, message.message_type()) {
            (State::Discovering, Some(Dhcp4::OFFER)) => self.state = State::Requesting { address, server },
            (State::Requesting { .. } | State::Rebooting { .. } | State::Renewing(_), Some(Dhcp4::ACK)) => {
                self.bound(Lease { address, server, server_mac, told: told(message) })
            }
            (State::Requesting { .. } | State::Rebooting { .. } | State::Renewing(_), Some(Dhcp4::NAK)) => {
                self.state = State::Over(Outcome::Refused)
            }
            // Said before, or not by a server.
            (
                State::Discovering
                | State::Requesting { .. }
                | State::Rebooting { .. }
                | State::Renewing(_)
                | State::Releasing(_)
                | State::Over(_),
                _,
            ) => return false,
        }
        true
    }
}

impl super::Talk for Client {
    fn speak(&mut self) -> Option<Vec<u8>> {
        match self.state.clone() {
            State::Discovering => Some(self.say(Dhcp4::DISCOVER, &[], None)),
            State::Requesting { address, server } => {
                let (address, server) = (address.octets(), server.octets());
                let chosen = [(Dhcp4::REQUESTED_ADDRESS, &address[..]), (Dhcp4::SERVER_ID, &server[..])];
                Some(self.say(Dhcp4::TAKE, &chosen, None))
            }
            State::Rebooting { address } => {
                let address = address.octets();
                Some(self.say(Dhcp4::TAKE, &[(Dhcp4::REQUESTED_ADDRESS, &address)], None))
            }
            State::Renewing(lease) => Some(self.say(Dhcp4::TAKE, &[], Some(&lease))),
            State::Releasing(lease) => {
                let server = lease.server.octets();
                let frame = self.say(Dhcp4::RELEASE, &[(Dhcp4::SERVER_ID, &server)], Some(&lease));
                self.state = State::Over(Outcome::Bound(lease.told));
                Some(frame)
            }
            State::Over(_) => None,
        }
    }

    fn hear(&mut self, frame: &[u8]) -> bool {
        let Some((ends, IpProto::UDP, segment)) = frame::read(frame) else { return false };
        let Ok((udp, payload)) = Udp::parse(segment) else { return false };
        let Ok(message) = Dhcp4::parse(payload) else { return false };
        let is_ours = (udp.src, udp.dst) == (Dhcp4::SERVER_PORT, Dhcp4::CLIENT_PORT)
            && (message.op, message.xid, message.chaddr) == (Dhcp4::REPLY, self.xid, self.mac);
        is_ours && self.answered(&message, ends.src)
    }

    fn is_over(&self) -> bool {
        self.outcome().is_some()
    }
}

/// What a message tells a client. A value that does not fit its option is told as none.
fn told(message: &Dhcp4<'_>) -> Facts {
    let mut facts = Facts::default();
    facts.set("address", message.yiaddr);
    for (name, code) in [("netmask", 1), ("server", Dhcp4::SERVER_ID)] {
        if let Some(address) = message.address(code) {
            facts.set(name, address);
        }
    }
    for (name, code) in [("router", 3), ("dns", 6)] {
        if let Some(value) = message.option(code) {
            facts.list(name, value.as_chunks::<4>().0.iter().map(|octets| Ipv4Addr::from(*octets)));
        }
    }
    for (name, code) in [("hostname", 12), ("domain", 15)] {
        if let Some(value) = message.option(code) {
            facts.set(name, String::from_utf8_lossy(value));
        }
    }
    if let Some(Ok(octets)) = message.option(26).map(<[u8; 2]>::try_from) {
        facts.set("mtu", u16::from_be_bytes(octets));
    }
    if let Some(Ok(octets)) = message.option(51).map(<[u8; 4]>::try_from) {
        facts.set("lease", u32::from_be_bytes(octets));
    }
    if let Some(Ok(routes)) = message.option(121).map(routes) {
        facts.list("routes", routes);
    }
    facts
}

/// Classless routes (RFC 3442): the length of the prefix, as many octets of it as count, and the router.
fn routes(value: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut c = Cursor::new("routes", value);
    let mut routes = Vec::new();
    while !c.rest().is_empty() {
        let length = c.u8()?;
        if length > 32 {
            return Err(c.error_at(c.offset() - 1, "a prefix of more than 32 bits"));
        }
        let mut network = [0; 4];
        let octets = c.take(usize::from(length.div_ceil(8)))?;
        network[..octets.len()].copy_from_slice(octets);
        let via = Ipv4Addr::from(c.array()?);
        routes.push(format!("{}/{length} via {via}", Ipv4Addr::from(network)));
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::super::Talk as _;
    use super::*;
    use proptest::prelude::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const SERVER_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xfe]);
    const SERVER: [u8; 4] = [10, 0, 0, 254];

    /// What a frame of the client says, and to whom.
    fn said(frame: &[u8]) -> String {
        let (ends, _, segment) = frame::read(frame).unwrap();
        let message = Dhcp4::parse(Udp::parse(segment).unwrap().1).unwrap();
        let wants = message.address(Dhcp4::REQUESTED_ADDRESS);
        format!("to {}: {message}, wants {wants:?}", ends.dst)
    }

    fn reply(kind: u8, xid: u32) -> Vec<u8> {
        let kind = [kind];
        let message = Dhcp4 {
            op: Dhcp4::REPLY,
            hops: 0,
            xid,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: [10, 0, 0, 1].into(),
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            chaddr: MAC,
            options: vec![
                (Dhcp4::MESSAGE_TYPE, &kind),
                (Dhcp4::SERVER_ID, &SERVER),
                (1, &[255, 255, 255, 0]),
                (6, &[10, 0, 0, 53, 10, 0, 0, 54]),
                (15, b"ovn.org"),
                (26, &[5, 120]),
                (51, &[0, 0, 14, 16]),
                (121, &[16, 10, 1, 10, 0, 0, 253, 0, 10, 0, 0, 254]),
            ],
        };
        let mut payload = Vec::new();
        message.emit(&mut payload);
        let ip = Pseudo::V4(SERVER.into(), [10, 0, 0, 1].into());
        frame::udp(Ends { src: SERVER_MAC, dst: MAC, ip }, (67, 68), &payload)
    }

    #[test]
    fn an_address_is_found_taken_kept_and_given_back() {
        let mut client = Client::new(MAC, 7, Wishes { renew: true, release: true, address: None });
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"to ff:ff:ff:ff:ff:ff: DHCP Discover, xid 0x7, client 02:00:00:00:00:01, wants None");
        assert!(!client.hear(&reply(Dhcp4::OFFER, 8)), "another's");
        assert!(!client.hear(&reply(Dhcp4::ACK, 7)), "nothing was asked for");
        assert!(client.hear(&reply(Dhcp4::OFFER, 7)));
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"to ff:ff:ff:ff:ff:ff: DHCP Request, xid 0x7, client 02:00:00:00:00:01, wants Some(10.0.0.1)");
        assert!(client.hear(&reply(Dhcp4::ACK, 7)));
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"to 02:00:00:00:00:fe: DHCP Request, xid 0x7, client 02:00:00:00:00:01, Client-IP 10.0.0.1, wants None");
        assert!(client.hear(&reply(Dhcp4::ACK, 7)) && !client.is_over());
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"to 02:00:00:00:00:fe: DHCP Release, xid 0x7, client 02:00:00:00:00:01, Client-IP 10.0.0.1, wants None");
        assert!(client.is_over() && client.speak().is_none());
        let Some(Outcome::Bound(facts)) = client.outcome() else { panic!("{client:?}") };
        insta::assert_snapshot!(facts, @"address 10.0.0.1; dns 10.0.0.53, 10.0.0.54; domain ovn.org; lease 3600; mtu 1400; netmask 255.255.255.0; routes 10.1.0.0/16 via 10.0.0.253, 0.0.0.0/0 via 10.0.0.254; server 10.0.0.254");
    }

    #[test]
    fn who_asks_for_the_address_of_another_is_refused() {
        let wishes = Wishes { address: Some([10, 0, 0, 9].into()), ..Wishes::default() };
        let mut client = Client::new(MAC, 7, wishes);
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"to ff:ff:ff:ff:ff:ff: DHCP Request, xid 0x7, client 02:00:00:00:00:01, wants Some(10.0.0.9)");
        assert!(client.hear(&reply(Dhcp4::NAK, 7)));
        assert_eq!(client.outcome(), Some(&Outcome::Refused));
    }

    proptest! {
        #[test]
        fn any_answer_is_understood_or_passed_over(options in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut frame = reply(Dhcp4::OFFER, 7);
            let at = frame.len() - 60;
            frame[at..at + options.len()].copy_from_slice(&options);
            let mut client = Client::new(MAC, 7, Wishes::default());
            client.hear(&frame);
            let _ = routes(&options);
        }
    }
}
