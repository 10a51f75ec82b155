//! `send`: one frame of our own making, and who must receive it and who must not.

use super::Action;
use crate::lab::capture::{Begun, Place};
use crate::lab::guest::GUEST_INTERFACE;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{List, Mac, Name, Span};
use crate::tools::{decode, frame};
use packet::MacAddr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A guest sends a frame, with addresses of our choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Send {
    /// The guest that sends.
    pub from: Name,
    /// The source in the frame; the guest's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<Mac>,
    /// The destination in the frame; everybody unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dst: Option<Mac>,
    #[serde(default)]
    pub kind: FrameKind,
    /// Guests that must receive it.
    #[serde(default)]
    pub reaches: List<Name>,
    /// Guests that must not.
    #[serde(default)]
    pub misses: List<Name>,
    /// By then; who must not receive it is watched for so long.
    #[serde(default = "within")]
    pub within: Span,
}

/// What a frame of ours carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// An ARP request for an address that nobody has.
    #[default]
    Arp,
    /// A protocol that nobody speaks.
    Probe,
}

fn within() -> Span {
    Span::millis(500)
}

impl Action for Send {
    fn title(&self) -> String {
        let names = |list: &List<Name>| list.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let mut title = format!("{} sends", self.from);
        if let Some(src) = self.src {
            title += &format!(" as {src}");
        }
        if let Some(dst) = self.dst {
            title += &format!(" to {dst}");
        }
        if !self.reaches.is_empty() {
            title += &format!(", reaches {}", names(&self.reaches));
        }
        if !self.misses.is_empty() {
            title += &format!(", misses {}", names(&self.misses));
        }
        title
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        for (key, list) in [("reaches", &self.reaches), ("misses", &self.misses)] {
            for (i, name) in list.iter().enumerate() {
                checker.node(path![key, i], name.as_str(), &[NodeKind::Guest]);
            }
        }
        if self.reaches.is_empty() && self.misses.is_empty() {
            checker.complain(path![], "nobody is asked", "expected `reaches`, `misses`, or both");
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let guest = run.guest(self.from.as_str())?;
        let src = self.src.unwrap_or(guest.mac).0;
        let dst = self.dst.map_or(MacAddr::BROADCAST, |mac| mac.0);
        let from = guest.ip.iter().find_map(|cidr| match cidr.addr {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let sent = match (self.kind, from) {
            (FrameKind::Arp, Some(from)) => Sent::arp(src, dst, from),
            (FrameKind::Arp, None) | (FrameKind::Probe, _) => Sent::probe(src, dst),
        };
        deliver(run, &self.from, &sent, &self.reaches, &self.misses, self.within.0).await
    }
}

/// A frame to send, and how to know it again.
pub(super) struct Sent {
    octets: Vec<u8>,
    mark: Mark,
}

enum Mark {
    Probe(u64),
    Arp { sha: String, tpa: String },
}

/// Tells the probes of this process apart.
static MARK: AtomicU64 = AtomicU64::new(1);

impl Sent {
    pub(super) fn probe(src: MacAddr, dst: MacAddr) -> Self {
        let mark = MARK.fetch_add(1, Ordering::Relaxed);
        Self { octets: frame::probe(src, dst, mark), mark: Mark::Probe(mark) }
    }

    /// For an address in 192.0.2.0/24, which nobody has (RFC 5737); another one each time.
    pub(super) fn arp(src: MacAddr, dst: MacAddr, from: Ipv4Addr) -> Self {
        let nobody = Ipv4Addr::new(192, 0, 2, (MARK.fetch_add(1, Ordering::Relaxed) % 254 + 1) as u8);
        let mut octets = frame::arp_request(src, from, nobody);
        octets[..6].copy_from_slice(&dst.0);
        Self { octets, mark: Mark::Arp { sha: src.to_string(), tpa: nobody.to_string() } }
    }

    fn is(&self, octets: &[u8]) -> bool {
        match &self.mark {
            Mark::Probe(mark) => frame::probe_mark(octets) == Some(*mark),
            Mark::Arp { sha, tpa } => {
                let fields = decode::decode(octets).fields;
                fields.get("arp.sha") == Some(sha) && fields.get("arp.tpa") == Some(tpa)
            }
        }
    }
}

/// Sends a frame, and watches who receives it.
pub(super) async fn deliver(
    run: &Run,
    from: &Name,
    sent: &Sent,
    reaches: &[Name],
    misses: &[Name],
    within: Duration,
) -> Result<String, Failure> {
    let mut watched: Vec<(&Name, Begun)> = Vec::new();
    for name in reaches.iter().chain(misses) {
        let place = Place::Interface { node: name.to_string(), interface: GUEST_INTERFACE.to_owned() };
        watched.push((name, run.lab.capture(&place).await?));
    }
    run.lab.sender(from.as_str()).await?.send(sent.octets.clone()).await?;
    let end = deadline(within);
    let (hits, misses_seen) = watched.split_at(reaches.len());
    let mut silent = Vec::new();
    for (name, begun) in hits {
        if !arrives(begun, sent, end).await {
            silent.push(name.as_str());
        }
    }
    let mut reached = Vec::new();
    for (name, begun) in misses_seen {
        if arrives(begun, sent, end).await {
            reached.push(name.as_str());
        }
    }
    if silent.is_empty() && reached.is_empty() {
        return Ok(format!("{} received it, {} did not", hits.len(), misses_seen.len()));
    }
    let names = |list: &[Name]| list.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    let expected = format!("to reach [{}] and miss [{}] within {within:?}", names(reaches), names(misses));
    let actual = format!("not received by [{}], received by [{}]", silent.join(", "), reached.join(", "));
    let concerned = std::iter::once(from).chain(reaches).chain(misses).map(Name::as_str);
    Err(Failure::new(expected, actual)
        .with_details([decode::decode(&sent.octets).text])
        .with_nodes(run.concerned(concerned)))
}

/// Whether the frame arrives by then.
async fn arrives(begun: &Begun, sent: &Sent, end: tokio::time::Instant) -> bool {
    let mut next = 0;
    loop {
        let (frames, after, more) = begun.capture.since(next);
        next = after;
        if frames.iter().any(|f| !f.outgoing && sent.is(&f.octets)) {
            return true;
        }
        if !more || tokio::time::timeout_at(end, begun.capture.changed(next)).await.is_err() {
            return false;
        }
    }
}
