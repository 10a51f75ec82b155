//! `dhcp6`: a guest asks for an address, or for the rest, by DHCPv6.

use super::Action;
use super::dhcp::{as_expected, one_of, within};
use super::talk::converse;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{List, Name, Span};
use crate::tools::dhcp6::{Client, Wish};
use crate::tools::facts::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;

/// A guest asks for its address by DHCPv6, and must get one, soon. What it gets it does not use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dhcp6 {
    /// The guest that asks.
    pub from: Name,
    /// It has an address already, and asks only for the rest.
    #[serde(default)]
    pub information: bool,
    /// What it must be told; of what is not named here, anything is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gets: Option<Told>,
    /// Nobody may answer for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// What a client is told. An empty list is one that must not come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<List<Ipv6Addr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<List<Ipv6Addr>>,
    /// Domains to look in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<List<String>>,
}

impl Told {
    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for (name, values) in [("address", &self.address), ("dns", &self.dns)] {
            values.iter().for_each(|values| facts.list(name, &**values));
        }
        self.domains.iter().for_each(|domains| facts.list("domains", &**domains));
        facts
    }
}

impl Action for Dhcp6 {
    fn title(&self) -> String {
        let what = if self.information { ", information only" } else { "" };
        let silent = self.silent_for.map_or(String::new(), |span| format!(", no answer for {span}"));
        format!("dhcp6 {}{what}{silent}", self.from)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        one_of(checker, &[("gets", self.gets.is_some()), ("silent-for", self.silent_for.is_some())]);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let mac = run.guest(self.from.as_str())?.mac.0;
        let wish = if self.information { Wish::Information } else { Wish::Address };
        let mut client = Client::new(mac, run.number(), wish);
        let end = deadline(self.silent_for.unwrap_or(self.within).0);
        let answered = converse(run, self.from.as_str(), &mut client, end).await?;
        let fail = |expected: String, actual: String| {
            Err(Failure::new(expected, actual).with_nodes(run.concerned([self.from.as_str()])))
        };
        match (client.told(), self.silent_for) {
            (None, Some(_)) if !answered => Ok(String::new()),
            (told, Some(span)) => {
                let told = told.map_or("an answer".to_owned(), ToString::to_string);
                fail(format!("no answer for {span}"), told)
            }
            (None, None) => {
                let first = if answered { "an answer, but then" } else { "none:" };
                let actual = format!("{first} it waited for {}", client.waits_for());
                fail(format!("an answer within {}", self.within), actual)
            }
            (Some(told), None) => {
                as_expected(told, self.gets.as_ref().map(Told::facts), run.concerned([self.from.as_str()]))
            }
        }
    }
}
