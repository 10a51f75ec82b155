//! OpenFlow from the controller's side.

mod changes;
mod measures;
mod monitor;
mod role;
mod session;

use openflow::{Body, ErrorCode, Framer, Message, SwitchConfig, Version, Versions};

use super::*;
use crate::testing::Lab;

/// A controller of the lab's bridge.
struct Peer {
    conn: ConnId,
    version: Version,
    framer: Framer,
    xid: u32,
}

impl Peer {
    fn new(lab: &mut Lab, version: Version) -> Self {
        let conn = lab.switch.openflow_connected(lab.bridge, ConnKind::Service, Versions::all(), lab.now);
        let mut peer = Self { conn, version, framer: Framer::new(), xid: 100 };
        lab.switch.openflow_input(conn, &Message::encode_hello(1, Versions::of(&[version])), lab.now);
        assert!(matches!(peer.hear(lab).as_slice(), [Body::Hello(_)]));
        peer
    }

    /// With packet-ins and notices.
    fn listening(lab: &mut Lab, version: Version) -> Self {
        let mut peer = Self::new(lab, version);
        let config = SwitchConfig { flags: 0, miss_send_len: 0xffff };
        assert_eq!(peer.say(lab, Body::SetConfig(config)), []);
        peer
    }

    /// Says something; what comes back.
    fn say(&mut self, lab: &mut Lab, body: Body) -> Vec<Body> {
        self.xid += 1;
        let octets = body.with_xid(self.xid).encode(self.version);
        lab.switch.openflow_input(self.conn, &octets, lab.now);
        self.hear(lab)
    }

    /// What has come.
    fn hear(&mut self, lab: &mut Lab) -> Vec<Body> {
        let mut bodies = Vec::new();
        while let Some(ConnOutput::Send(octets)) = lab.switch.openflow_output(self.conn) {
            self.framer.push(&octets);
            while let Some(frame) = self.framer.next_frame().unwrap() {
                bodies.push(Message::decode(self.version, &frame).unwrap().body);
            }
        }
        bodies
    }

    /// Says something that is answered by an error.
    fn refused(&mut self, lab: &mut Lab, body: Body) -> ErrorCode {
        match self.say(lab, body).as_slice() {
            [Body::Error(error)] => error.code,
            other => panic!("no error: {other:?}"),
        }
    }
}
