//! `broadcast`: what one guest says to all, all must hear.

use super::Action;
use super::send::{Sent, deliver};
use crate::lab::world::Kind;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::{List, Name, Span};
use packet::MacAddr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A guest sends a broadcast, and others must receive it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Broadcast {
    /// The guest that sends.
    pub from: Name,
    /// Who must receive it; all other guests unless given.
    #[serde(default)]
    pub reaches: List<Name>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

fn within() -> Span {
    Span::millis(1000)
}

impl Action for Broadcast {
    fn title(&self) -> String {
        let whom = match self.reaches.as_ref() {
            [] => "all".to_owned(),
            some => some.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
        };
        format!("broadcast {} -> {whom}", self.from)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        for (i, name) in self.reaches.iter().enumerate() {
            checker.node(path!["reaches", i], name.as_str(), &[NodeKind::Guest]);
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let guest = run.guest(self.from.as_str())?;
        let address = guest.ip.iter().find_map(|cidr| match cidr.addr {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let sent = match address {
            Some(from) => Sent::arp(guest.mac.0, MacAddr::BROADCAST, from),
            None => Sent::probe(guest.mac.0, MacAddr::BROADCAST),
        };
        let others = run.lab.all_nodes().into_iter().filter(|(_, kind)| matches!(kind, Kind::Guest(_)));
        let others =
            others.filter_map(|(name, _)| name.parse::<Name>().ok()).filter(|name| *name != self.from);
        let reaches: Vec<Name> =
            if self.reaches.is_empty() { others.collect() } else { self.reaches.to_vec() };
        deliver(run, &self.from, &sent, &reaches, &[], self.within.0).await
    }
}
