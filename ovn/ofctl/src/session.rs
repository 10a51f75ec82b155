//! A conversation with a switch.

use openflow::{
    Body, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind, ErrorCode, Framer, Message,
    MultipartReply, MultipartRequest, PortNames, PortNo, Style, Version, Versions,
};

use crate::options::Options;
use crate::{Failure, Result, Stream, World};

/// A connection whose version is agreed on.
pub(crate) struct Session {
    stream: Box<dyn Stream>,
    framer: Framer,
    pub version: Version,
    xid: u32,
    /// Flows of OpenFlow 1.0 are sent as Nicira's.
    extended: bool,
}

impl Session {
    /// Connects and agrees on a version.
    pub(crate) fn open(options: &Options, target: &str, world: &mut dyn World) -> Result<Self> {
        Self::open_as(options.versions, target, false, world)
    }

    /// The same with these versions; with `snoop` where controllers are listened to, which say no HELLO.
    pub(crate) fn open_as(
        versions: Versions,
        target: &str,
        snoop: bool,
        world: &mut dyn World,
    ) -> Result<Self> {
        let mut stream = world.connect(target, snoop)?;
        stream.write(&Message::encode_hello(1, versions))?;
        let mut this =
            Self { stream, framer: Framer::new(), version: Version::Of10, xid: 2, extended: false };
        let frame =
            this.frame()?.ok_or_else(|| Failure::new(format!("{target}: connection closed by peer")))?;
        let hello =
            Message::decode(Version::Of15, &frame).map_err(|error| Failure::new(error.to_string()))?;
        let Body::Hello(peer) = hello.body else {
            return Err(Failure::new(format!("{target}: the first message is no HELLO")));
        };
        let agreed = versions.negotiate(peer);
        this.version = agreed.ok_or_else(|| {
            Failure::new(format!("{target}: failed to negotiate a common OpenFlow version"))
        })?;
        Ok(this)
    }

    fn frame(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match self.framer.next_frame() {
                Ok(Some(frame)) => return Ok(Some(frame.to_vec())),
                Ok(None) => {}
                Err(_) => return Err(Failure::new("the switch sent a message shorter than its header")),
            }
            let octets = self.stream.read()?;
            if octets.is_empty() {
                return Ok(None);
            }
            self.framer.push(&octets);
        }
    }

    /// The number that the next message will have.
    pub(crate) const fn next_xid(&self) -> u32 {
        self.xid
    }

    /// Sends a message; its number.
    pub(crate) fn send(&mut self, body: Body) -> Result<u32> {
        let xid = self.xid;
        self.xid += 1;
        self.stream.write(&body.with_xid(xid).encode(self.version))?;
        Ok(xid)
    }

    /// The next message that is not about the connection itself; `None` when the switch has hung up.
    pub(crate) fn receive(&mut self) -> Result<Option<Message>> {
        while let Some(frame) = self.frame()? {
            let message =
                Message::decode(self.version, &frame).map_err(|error| Failure::new(error.to_string()))?;
            match message.body {
                Body::EchoRequest(data) => {
                    let reply = Body::EchoReply(data).with_xid(message.xid);
                    self.stream.write(&reply.encode(self.version))?;
                }
                _ => return Ok(Some(message)),
            }
        }
        Ok(None)
    }

    /// The answer to the message of this number; others are passed over. An error is a failure.
    fn answer(&mut self, xid: u32) -> Result<Message> {
        loop {
            let message = self.receive()?.ok_or_else(|| Failure::new("connection closed by peer"))?;
            match &message.body {
                Body::Error(_) => return Err(Failure::Refused(self.text(&message, Style::default()))),
                _ if message.xid == xid => return Ok(message),
                _ => {}
            }
        }
    }

    /// Asks, and gives the answer.
    pub(crate) fn ask(&mut self, body: Body) -> Result<Message> {
        let xid = self.send(body)?;
        self.answer(xid)
    }

    /// Asks for statistics, and gives all parts of the answer as one.
    pub(crate) fn stats(&mut self, request: MultipartRequest) -> Result<Message> {
        let xid = self.send(Body::MultipartRequest(request))?;
        let mut whole: Option<MultipartReply> = None;
        loop {
            let Body::MultipartReply { more, reply } = self.answer(xid)?.body else {
                return Err(Failure::new("the switch answered something else than it was asked"));
            };
            whole = Some(match whole {
                None => reply,
                Some(before) => joined(before, reply),
            });
            if let Some(reply) = whole.take_if(|_| !more) {
                return Ok(Body::MultipartReply { more: false, reply }.with_xid(xid));
            }
        }
    }

    /// Sends changes and waits until they are made; the first that is refused is a failure.
    pub(crate) fn change(&mut self, bodies: Vec<Body>) -> Result<()> {
        self.extend(&bodies)?;
        for body in bodies {
            self.send(body)?;
        }
        self.ask(Body::BarrierRequest)?;
        Ok(())
    }

    /// The same as one change.
    pub(crate) fn change_atomically(&mut self, bodies: Vec<Body>) -> Result<()> {
        self.extend(&bodies)?;
        let (id, flags) = (BundleId(0), BundleFlags::ATOMIC_ORDERED);
        let control = |kind| Body::BundleControl(BundleControl { id, kind, flags });
        self.ask(control(BundleKind::OpenRequest))?;
        for body in bodies {
            self.send(Body::BundleAdd(BundleAdd { id, flags, message: Box::new(body.with_xid(self.xid)) }))?;
        }
        // Refusals of single messages come before the answer to this.
        self.ask(control(BundleKind::CloseRequest))?;
        self.ask(control(BundleKind::CommitRequest))?;
        Ok(())
    }

    /// OpenFlow 1.0 has to be told that flows will be Nicira's, with tables.
    fn extend(&mut self, bodies: &[Body]) -> Result<()> {
        let wants = bodies.iter().any(|body| matches!(body, Body::FlowMod(_)));
        if wants && self.version == Version::Of10 && !self.extended {
            self.extended = true;
            self.send(Body::SetFlowFormat(2))?;
            self.send(Body::FlowModTableId(true))?;
        }
        Ok(())
    }

    /// The ports of the switch.
    pub(crate) fn ports(&mut self) -> Result<Vec<openflow::PortDesc>> {
        let Body::MultipartReply { reply: MultipartReply::PortDesc(ports), .. } =
            self.stats(MultipartRequest::PortDesc(PortNo::ANY))?.body
        else {
            return Err(Failure::new("the switch did not tell its ports"));
        };
        Ok(ports)
    }

    /// The names of the ports.
    pub(crate) fn names(&mut self) -> Result<PortNames> {
        Ok(self.ports()?.into_iter().map(|port| (port.port, port.name)).collect())
    }

    /// A message in text, with the packet that it may carry.
    pub(crate) fn text(&self, message: &Message, style: Style<'_>) -> String {
        message.text(self.version, style)
    }
}

/// Two parts of an answer as one. What is no list comes in one part.
fn joined(before: MultipartReply, after: MultipartReply) -> MultipartReply {
    macro_rules! join {
        ($($variant:ident),*) => {
            match (before, after) {
                $((MultipartReply::$variant(mut a), MultipartReply::$variant(b)) => {
                    a.extend(b);
                    MultipartReply::$variant(a)
                })*
                (_, after) => after,
            }
        };
    }
    join!(
        Flow,
        Table,
        PortStats,
        Queue,
        Group,
        GroupDesc,
        Meter,
        MeterConfig,
        TableFeatures,
        PortDesc,
        TableDesc,
        QueueDesc,
        FlowMonitor
    )
}

/// Whether a failure is the switch's word that it has no such request.
pub(crate) fn is_unknown(failure: &Failure) -> bool {
    let Failure::Refused(text) = failure else { return false };
    [ErrorCode::BAD_TYPE, ErrorCode::BAD_MULTIPART].iter().any(|code| text.contains(&code.upstream_name()))
}
