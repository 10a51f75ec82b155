//! `malformed`: a guest sends packets that make no sense, while other steps are done.

use super::{Action, Step};
use crate::path;
use crate::scenario::backend::Sender;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::Name;
use crate::tools::malformed::{Kind as Made, Maker, Parties};
use crate::topology::Guest;
use anyhow::{Context, Result};
use packet::MacAddr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::Instant;

/// A guest sends packets that make no sense, of a kind that the network looks into, while other steps are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Malformed {
    /// The guest that sends.
    pub from: Name,
    /// The guest to which those go that do not go to all, as those of `dns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Name>,
    /// What they are like.
    pub kind: Kind,
    /// How many.
    #[serde(default = "thousand")]
    pub count: u64,
    /// Packets a second, at most 10000.
    #[serde(default = "thousand")]
    pub rate: u64,
    /// What they follow from: the same seed, the same packets.
    #[serde(default)]
    pub seed: u64,
    /// What is done meanwhile.
    #[serde(default)]
    pub during: Vec<Step>,
}

/// Protocols that the network looks into: nd is of neighbours, ra of routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Dhcp,
    Dhcp6,
    Dns,
    Nd,
    Ra,
}

fn thousand() -> u64 {
    1000
}

const COUNT_MAX: u64 = 1_000_000;
const RATE_MAX: u64 = 10_000;

impl Action for Malformed {
    fn title(&self) -> String {
        let kind = format!("{:?}", self.kind).to_lowercase();
        format!("{} malformed {kind} packets from {}", self.count, self.from)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        if let Some(to) = &self.to {
            checker.node(path!["to"], to.as_str(), &[NodeKind::Guest]);
        } else if self.kind == Kind::Dns {
            checker.complain(
                path!["kind"],
                "a question for nobody",
                "expected `to`, the server that is asked",
            );
        }
        for (key, value, max) in [("count", self.count, COUNT_MAX), ("rate", self.rate, RATE_MAX)] {
            if !(1..=max).contains(&value) {
                checker.complain(
                    path![key],
                    format!("a {key} that cannot be"),
                    format!("expected 1 to {max}"),
                );
            }
        }
        checker.inner("during", &self.during);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let from = run.guest(self.from.as_str())?;
        let to = self.to.as_ref().map(|to| run.guest(to.as_str())).transpose()?;
        let kind = match self.kind {
            Kind::Dhcp => Made::Dhcp,
            Kind::Dhcp6 => Made::Dhcp6,
            Kind::Dns => Made::Dns,
            Kind::Nd => Made::Nd,
            Kind::Ra => Made::Ra,
        };
        let parties = Parties {
            mac: from.mac.0,
            ip: v4(&from).unwrap_or(Ipv4Addr::UNSPECIFIED),
            to_mac: to.as_ref().map_or(MacAddr::BROADCAST, |to| to.mac.0),
            to_ip: to.as_ref().and_then(v4).unwrap_or(Ipv4Addr::BROADCAST),
        };
        let maker = Maker::new(kind, parties, self.seed);
        let sending = send(run.lab.sender(self.from.as_str()).await?, maker, self.count, self.rate);
        let sending = tokio::task::spawn_local(sending);
        let result = run.inner("malformed", "during", &self.during).await;
        if result.is_err() {
            sending.abort();
            return result.map(|()| String::new());
        }
        sending.await.context("sending ended")??;
        Ok(format!("{} sent", self.count))
    }
}

/// Sends so many, evenly.
async fn send(sender: Sender, mut maker: Maker, count: u64, rate: u64) -> Result<()> {
    let began = Instant::now();
    for number in 0..count {
        tokio::time::sleep_until(began + Duration::from_micros(number * 1_000_000 / rate)).await;
        sender.send(maker.frame()).await?;
    }
    Ok(())
}

/// The guest's first address of IPv4.
fn v4(guest: &Guest) -> Option<Ipv4Addr> {
    guest.ip.iter().find_map(|cidr| match cidr.addr {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    })
}
