//! `arp-entry`: what routers have learned about neighbours.

use super::Action;
use crate::db::client::Rows;
use crate::path;
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{Mac, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A router's port must know a neighbour, or must not: a row of `MAC_Binding`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArpEntry {
    /// The port of the router.
    pub port: String,
    /// The neighbour's address.
    pub ip: IpAddr,
    /// The Ethernet address that it must be known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The neighbour must not be known.
    #[serde(default)]
    pub absent: bool,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
    /// From then on it must stay so for this long.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub stays: Option<Span>,
}

fn within() -> Span {
    Span::millis(5000)
}

const COLUMNS: &[&str] = &["logical_port", "ip", "mac"];

impl Action for ArpEntry {
    fn title(&self) -> String {
        let what = match (self.absent, self.mac) {
            (true, _) => "nobody at".to_owned(),
            (false, Some(mac)) => format!("{mac} at"),
            (false, None) => "somebody at".to_owned(),
        };
        let stays = self.stays.map_or(String::new(), |span| format!(" for {span}"));
        format!("{} knows {what} {}{stays}", self.port, self.ip)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if self.absent && self.mac.is_some() {
            checker.complain(path!["mac"], "the address of nobody", "expected `mac` only without `absent`");
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let (southbound, tables) = (run.lab.southbound(), [("MAC_Binding", COLUMNS)]);
        let mut last = None;
        let found = southbound.wait(&tables, deadline(self.within.0), |rows| {
            last = self.mac_of(rows);
            self.is_met(last.as_deref()).then_some(())
        });
        let is_met = found.await.is_some();
        let fail = |last: Option<String>, when: String| {
            let actual = last.map_or("nobody is known there".to_owned(), |mac| format!("{mac} is"));
            Err(Failure::new(format!("{} {when}", self.title()), actual))
        };
        if !is_met {
            return fail(last, format!("within {}", self.within));
        }
        let Some(stays) = self.stays else { return Ok(String::new()) };
        let other = southbound.wait(&tables, deadline(stays.0), |rows| {
            let mac = self.mac_of(rows);
            (!self.is_met(mac.as_deref())).then_some(mac)
        });
        match other.await {
            Some(mac) => fail(mac, "all the time".to_owned()),
            None => Ok(String::new()),
        }
    }
}

impl ArpEntry {
    fn mac_of(&self, rows: &Rows<'_>) -> Option<String> {
        let rows = rows.of("MAC_Binding");
        let is_it = |text: &str| text.parse::<IpAddr>().ok() == Some(self.ip);
        let row = rows.iter().find(|row| row.text("logical_port") == self.port && is_it(row.text("ip")))?;
        Some(row.text("mac").to_owned())
    }

    fn is_met(&self, mac: Option<&str>) -> bool {
        match (mac, self.mac) {
            (None, _) => self.absent,
            (Some(_), None) => !self.absent,
            (Some(known), Some(wanted)) => !self.absent && known.eq_ignore_ascii_case(&wanted.to_string()),
        }
    }
}
