//! A DHCPv6 client (RFC 8415 section 18.2) that uses nothing of what it gets: frames in, frames out. Pure.

use super::facts::Facts;
use super::frame::{self, Ends};
use packet::{Dhcp6, DnsName, IpProto, MacAddr, Pseudo, Udp};
use std::net::Ipv6Addr;

/// Where servers listen, and the Ethernet address of that group.
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
const SERVERS_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 1, 0, 2]);
/// The options that are asked for, those that may come along, and how long it took so far.
const ASKED_FOR: u16 = 6;
const ASKED: [u8; 4] = [0, Dhcp6::DNS_SERVERS as u8, 0, Dhcp6::DOMAIN_LIST as u8];
const ELAPSED: u16 = 8;
/// A DUID of an Ethernet address (section 11.4).
const DUID: [u8; 4] = [0, 3, 0, 1];

/// What is wanted of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An address, and what comes along.
    Address,
    /// All but an address.
    Information,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    mac: MacAddr,
    transaction: [u8; 3],
    state: State,
}

#[derive(Debug)]
enum State {
    /// Asks who has an address.
    Soliciting,
    /// Takes what a server advertised.
    Requesting {
        server: Vec<u8>,
        association: Vec<u8>,
    },
    /// Asks for the rest.
    Inquiring,
    Over(Facts),
}

impl Client {
    /// A client; `number` tells its messages from those of others.
    pub fn new(mac: MacAddr, number: u32, wish: Wish) -> Self {
        let [_, transaction @ ..] = number.to_be_bytes();
        let state = match wish {
            Wish::Address => State::Soliciting,
            Wish::Information => State::Inquiring,
        };
        Self { mac, transaction, state }
    }

    /// What it was told, when all was said.
    pub fn told(&self) -> Option<&Facts> {
        match &self.state {
            State::Over(told) => Some(told),
            State::Soliciting | State::Requesting { .. } | State::Inquiring => None,
        }
    }

    /// What it waits for, in words.
    pub fn waits_for(&self) -> &'static str {
        match self.state {
            State::Soliciting => "an advertisement",
            State::Requesting { .. } | State::Inquiring => "a reply",
            State::Over(_) => "nothing",
        }
    }

    fn say(&self, kind: u8, more: &[(u16, &[u8])]) -> Vec<u8> {
        let client = [&DUID[..], &self.mac.0].concat();
        let mut options: Vec<(u16, &[u8])> = vec![(Dhcp6::CLIENT_ID, &client)];
        options.extend(more);
        options.extend([(ASKED_FOR, &ASKED[..]), (ELAPSED, &[0, 0])]);
        let mut payload = Vec::new();
        Dhcp6 { kind, transaction: self.transaction, options }.emit(&mut payload);
        let ends =
            Ends { src: self.mac, dst: SERVERS_MAC, ip: Pseudo::V6(frame::link_local(self.mac), SERVERS) };
        frame::udp(ends, (Dhcp6::CLIENT_PORT, Dhcp6::SERVER_PORT), &payload)
    }

    /// A message for this client: what it leads to.
    fn answered(&mut self, message: &Dhcp6<'_>) -> bool {
        let server = message.option(Dhcp6::SERVER_ID);
        self.state = match (&self.state, message.kind, server) {
            (State::Soliciting, Dhcp6::ADVERTISE, Some(server)) => State::Requesting {
                server: server.to_vec(),
                association: message.option(Dhcp6::IA_NA).unwrap_or_default().to_vec(),
            },
            (State::Requesting { .. } | State::Inquiring, Dhcp6::REPLY, _) => State::Over(told(message)),
            // Said before, or not by a server.
            (State::Soliciting | State::Requesting { .. } | State::Inquiring | State::Over(_), _, _) => {
                return false;
            }
        };
        true
    }
}

impl super::Talk for Client {
    fn speak(&mut self) -> Option<Vec<u8>> {
        // The association is number 1 of this client, and the server says how long things last.
        let fresh = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        match &self.state {
            State::Soliciting => Some(self.say(Dhcp6::SOLICIT, &[(Dhcp6::IA_NA, &fresh)])),
            State::Requesting { server, association } => {
                let chosen = [(Dhcp6::SERVER_ID, &server[..]), (Dhcp6::IA_NA, &association[..])];
                Some(self.say(Dhcp6::REQUEST, &chosen))
            }
            State::Inquiring => Some(self.say(Dhcp6::INFORMATION_REQUEST, &[])),
            State::Over(_) => None,
        }
    }

    fn hear(&mut self, frame: &[u8]) -> bool {
        let Some((ends, IpProto::UDP, segment)) = frame::read(frame) else { return false };
        let Ok((udp, payload)) = Udp::parse(segment) else { return false };
        let Ok(message) = Dhcp6::parse(payload) else { return false };
        let is_ours =
            ends.dst == self.mac && udp.dst == Dhcp6::CLIENT_PORT && message.transaction == self.transaction;
        is_ours && self.answered(&message)
    }

    fn is_over(&self) -> bool {
        self.told().is_some()
    }
}

/// What a message tells a client. A value that does not fit its option is told as none.
fn told(message: &Dhcp6<'_>) -> Facts {
    let mut facts = Facts::default();
    // After the association's number and its two times come its addresses.
    let inside = message.option(Dhcp6::IA_NA).and_then(|value| value.get(12..)).unwrap_or_default();
    let inside = Dhcp6::parse_options(inside).unwrap_or_default();
    let addresses = inside.iter().filter(|(code, _)| *code == Dhcp6::IA_ADDRESS);
    let addresses: Vec<Ipv6Addr> =
        addresses.filter_map(|(_, value)| value.first_chunk::<16>()).map(|a| Ipv6Addr::from(*a)).collect();
    if !addresses.is_empty() {
        facts.list("address", addresses);
    }
    if let Some(value) = message.option(Dhcp6::DNS_SERVERS) {
        facts.list("dns", value.as_chunks::<16>().0.iter().map(|octets| Ipv6Addr::from(*octets)));
    }
    if let Some(Ok(domains)) = message.option(Dhcp6::DOMAIN_LIST).map(DnsName::parse_list) {
        facts.list("domains", domains);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::super::Talk as _;
    use super::*;
    use proptest::prelude::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn said(frame: &[u8]) -> String {
        let (ends, _, segment) = frame::read(frame).unwrap();
        format!("{:?}: {}", ends.ip, Dhcp6::parse(Udp::parse(segment).unwrap().1).unwrap())
    }

    fn answer(kind: u8, number: u8, options: Vec<(u16, &[u8])>) -> Vec<u8> {
        let mut payload = Vec::new();
        Dhcp6 { kind, transaction: [0, 0, number], options }.emit(&mut payload);
        let ip = Pseudo::V6("fe80::fe".parse().unwrap(), frame::link_local(MAC));
        frame::udp(Ends { src: MAC, dst: MAC, ip }, (547, 546), &payload)
    }

    #[test]
    fn an_address_is_found_and_taken() {
        let mut client = Client::new(MAC, 7, Wish::Address);
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"V6(fe80::ff:fe00:1, ff02::1:2): dhcp6 solicit xid=7 (option 1 10 octets) (option 3 12 octets) (option 6 4 octets) (option 8 2 octets)");
        let address: Ipv6Addr = "fd00::2".parse().unwrap();
        let association = [&[0; 12][..], &[0, 5, 0, 24], &address.octets(), &[0xff; 8]].concat();
        let options = vec![(2, &b"server"[..]), (3, &association), (24, &b"\x03ovn\x03org\0"[..])];
        assert!(!client.hear(&answer(Dhcp6::ADVERTISE, 8, options.clone())), "another's");
        assert!(!client.hear(&answer(Dhcp6::ADVERTISE, 7, vec![])), "of no server");
        assert!(client.hear(&answer(Dhcp6::ADVERTISE, 7, options.clone())));
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"V6(fe80::ff:fe00:1, ff02::1:2): dhcp6 request xid=7 (option 1 10 octets) (option 2 6 octets) (option 3 40 octets) (option 6 4 octets) (option 8 2 octets)");
        assert!(client.hear(&answer(Dhcp6::REPLY, 7, options)));
        insta::assert_snapshot!(client.told().unwrap(), @"address fd00::2; domains ovn.org");
    }

    #[test]
    fn who_has_an_address_asks_for_the_rest() {
        let mut client = Client::new(MAC, 7, Wish::Information);
        insta::assert_snapshot!(said(&client.speak().unwrap()), @"V6(fe80::ff:fe00:1, ff02::1:2): dhcp6 inf-req xid=7 (option 1 10 octets) (option 6 4 octets) (option 8 2 octets)");
        let server: Ipv6Addr = "fd00::53".parse().unwrap();
        assert!(client.hear(&answer(Dhcp6::REPLY, 7, vec![(23, &server.octets())])));
        insta::assert_snapshot!(client.told().unwrap(), @"dns fd00::53");
    }

    proptest! {
        #[test]
        fn any_answer_is_understood_or_passed_over(inside in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut client = Client::new(MAC, 7, Wish::Information);
            prop_assert!(client.hear(&answer(Dhcp6::REPLY, 7, vec![(3, &inside), (23, &inside), (24, &inside)])));
        }
    }
}
