//! Peers that a core knows by a name of its own (`Link::Southbound`), over the connections of a [`Net`].
//!
//! One [`Peers`] a protocol: it frames what arrives, tells the core of connections made and lost, and ends a connection
//! whose bytes make no sense. The link behind it then connects again, with its growing pauses.

use std::collections::BTreeMap;

use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX, Message};

use super::net::{ConnId, Event, LinkId, Net};
use super::target::Active;

/// How bytes become messages and back.
pub trait Codec: Default {
    /// One message.
    type Message;
    /// Takes bytes and gives the messages they complete, and why no more can follow if so.
    fn decode(&mut self, bytes: &[u8]) -> (Vec<Self::Message>, Option<String>);
    /// The bytes of one message.
    fn encode(message: &Self::Message) -> Vec<u8>;
}

/// JSON-RPC, as OVSDB speaks it.
pub struct Json(Framer);

impl Default for Json {
    fn default() -> Self {
        Self(Framer::new(MESSAGE_BYTES_MAX))
    }
}

impl Codec for Json {
    type Message = Message;

    fn decode(&mut self, bytes: &[u8]) -> (Vec<Message>, Option<String>) {
        let error = self.0.push(bytes).err().map(|error| error.to_string());
        (std::iter::from_fn(|| self.0.pop()).collect(), error)
    }

    fn encode(message: &Message) -> Vec<u8> {
        message.to_string().into_bytes()
    }
}

/// What a core hears of its peers.
#[derive(Debug)]
pub enum Input<L, M> {
    /// The peer is there.
    Connected(L),
    /// It said something.
    Message(L, M),
    /// It is gone.
    Disconnected(L),
}

/// The peers of one core that speak one protocol.
pub struct Peers<L, C> {
    by_name: BTreeMap<L, Peer<C>>,
}

struct Peer<C> {
    targets: Vec<Active>,
    link: LinkId,
    conn: Option<(ConnId, C)>,
}

impl<L, C> Default for Peers<L, C> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new() }
    }
}

impl<L: Ord + Copy, C: Codec> Peers<L, C> {
    /// Connects `name` to one of `targets` from now on. Asking for the same again changes nothing; another target
    /// replaces the connection, and the core then hears of the loss first.
    pub fn connect(&mut self, net: &mut Net, name: L, targets: Vec<Active>) -> Option<Input<L, C::Message>> {
        if self.by_name.get(&name).is_some_and(|peer| peer.targets == targets) {
            return None;
        }
        let lost = self.disconnect(net, name);
        let link = net.connect(targets.clone());
        self.by_name.insert(name, Peer { targets, link, conn: None });
        lost
    }

    /// Gives up `name` for good.
    pub fn disconnect(&mut self, net: &mut Net, name: L) -> Option<Input<L, C::Message>> {
        let peer = self.by_name.remove(&name)?;
        net.drop_link(peer.link);
        peer.conn.map(|_| Input::Disconnected(name))
    }

    /// Ends the present connection of `name`; the link connects again.
    pub fn reconnect(&mut self, net: &mut Net, name: L) {
        if let Some((conn, _)) = self.by_name.get(&name).and_then(|peer| peer.conn.as_ref()) {
            net.hang_up(*conn);
        }
    }

    /// Sends to `name`; lost when it is not connected, as the core will hear.
    pub fn send(&self, net: &mut Net, name: L, message: &C::Message) {
        if let Some((conn, _)) = self.by_name.get(&name).and_then(|peer| peer.conn.as_ref()) {
            net.send(*conn, C::encode(message));
        }
    }

    /// The same with octets of whole messages.
    pub fn send_octets(&self, net: &mut Net, name: L, octets: Vec<u8>) {
        if let Some((conn, _)) = self.by_name.get(&name).and_then(|peer| peer.conn.as_ref()) {
            net.send(*conn, octets);
        }
    }

    /// Whether so much waits for `name` that it is to be left alone until there is an event again, see [`Net::is_full`].
    pub fn is_full(&self, net: &mut Net, name: L) -> bool {
        let conn = self.by_name.get(&name).and_then(|peer| peer.conn.as_ref());
        conn.is_some_and(|(conn, _)| net.is_full(*conn))
    }

    /// What an event means for the core; nothing when it concerns somebody else.
    pub fn handle(&mut self, net: &mut Net, event: &Event) -> Vec<Input<L, C::Message>> {
        match event {
            Event::Accepted(..) | Event::Drained(_) => Vec::new(),
            Event::Connected(link, conn) => {
                let found = self.by_name.iter_mut().find(|(_, peer)| peer.link == *link);
                let Some((name, peer)) = found else { return Vec::new() };
                peer.conn = Some((*conn, C::default()));
                vec![Input::Connected(*name)]
            }
            Event::Received(conn, bytes) => {
                let Some((name, codec)) = self.of(*conn) else { return Vec::new() };
                let (messages, error) = codec.decode(bytes);
                if let Some(error) = error {
                    tracing::warn!(target: "jsonrpc", "ending a connection whose bytes make no sense: {error}");
                    net.hang_up(*conn);
                }
                messages.into_iter().map(|message| Input::Message(name, message)).collect()
            }
            Event::Closed(conn) => {
                let found = self
                    .by_name
                    .iter_mut()
                    .find(|(_, peer)| peer.conn.as_ref().is_some_and(|(id, _)| id == conn));
                let Some((name, peer)) = found else { return Vec::new() };
                peer.conn = None;
                vec![Input::Disconnected(*name)]
            }
        }
    }

    fn of(&mut self, conn: ConnId) -> Option<(L, &mut C)> {
        self.by_name.iter_mut().find_map(|(name, peer)| match &mut peer.conn {
            Some((id, codec)) if *id == conn => Some((*name, codec)),
            _ => None,
        })
    }
}
