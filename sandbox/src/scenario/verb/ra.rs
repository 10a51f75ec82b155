//! `ra`: what a guest hears from its router.

use super::Action;
use super::dhcp::{as_expected, one_of, within};
use super::talk::converse;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{BadValue, Cidr, List, Mac, Name, Span};
use crate::tools::facts::Facts;
use crate::tools::ra::Host;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A guest asks for its routers, and must hear one, soon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ra {
    /// The guest that asks.
    pub from: Name,
    /// It does not ask, but waits until a router speaks by itself.
    #[serde(default)]
    pub unasked: bool,
    /// What it must be told; of what is not named here, anything is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gets: Option<Told>,
    /// No router may speak for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// What a router says. An empty list is one that must not come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Told {
    /// The address that it speaks from; other routers are not listened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<Ipv6Addr>,
    /// Its Ethernet address, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Seconds for which it is a way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop_limit: Option<u8>,
    /// How much it is to be liked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<Preference>,
    /// Addresses come from DHCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<bool>,
    /// The rest comes from DHCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The prefixes of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<List<Cidr>>,
    /// Those of them of which hosts make their addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slaac: Option<List<Cidr>>,
    /// Such as `low fd02::/48`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<List<Route>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<List<Ipv6Addr>>,
    /// Domains to look in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<List<String>>,
}

impl Told {
    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        self.router.iter().for_each(|router| facts.set("router", router));
        self.mac.iter().for_each(|mac| facts.set("mac", mac));
        self.lifetime.iter().for_each(|seconds| facts.set("lifetime", seconds));
        self.hop_limit.iter().for_each(|hops| facts.set("hop-limit", hops));
        self.preference.iter().for_each(|preference| facts.set("preference", preference));
        self.managed.iter().for_each(|managed| facts.set("managed", managed));
        self.other.iter().for_each(|other| facts.set("other", other));
        self.mtu.iter().for_each(|mtu| facts.set("mtu", mtu));
        for (name, values) in [("prefixes", &self.prefixes), ("slaac", &self.slaac)] {
            values.iter().for_each(|values| facts.list(name, &**values));
        }
        self.routes.iter().for_each(|routes| facts.list("routes", &**routes));
        self.dns.iter().for_each(|servers| facts.list("dns", &**servers));
        self.search.iter().for_each(|domains| facts.list("search", &**domains));
        facts
    }
}

/// How much a router, or a route, is to be liked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preference {
    High,
    Medium,
    Low,
}

impl FromStr for Preference {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "high" => Ok(Self::High),
            "medium" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}

/// What is behind a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    preference: Preference,
    to: Cidr,
}

impl FromStr for Route {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let parts = text.split_once(' ').and_then(|(preference, to)| {
            let to: Cidr = to.trim().parse().ok().filter(|cidr: &Cidr| cidr.addr.is_ipv6())?;
            Some(Self { preference: preference.parse().ok()?, to })
        });
        parts.ok_or_else(|| Self::bad(text))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.preference, self.to)
    }
}

crate::text_value!(
    Route,
    "route",
    "high, medium or low, and NETWORK/BITS, such as low fd02::/48",
    "^(high|medium|low) [0-9a-fA-F:.]+/[0-9]{1,3}$"
);

impl Action for Ra {
    fn title(&self) -> String {
        let how = if self.unasked { "hears" } else { "asks" };
        match self.silent_for {
            Some(span) => format!("{} {how} no router for {span}", self.from),
            None => format!("{} {how} its router", self.from),
        }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        one_of(checker, &[("gets", self.gets.is_some()), ("silent-for", self.silent_for.is_some())]);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let router = self.gets.as_ref().and_then(|gets| gets.router);
        let mut host = Host::new(run.guest(self.from.as_str())?.mac.0, !self.unasked, router);
        let end = deadline(self.silent_for.unwrap_or(self.within).0);
        converse(run, self.from.as_str(), &mut host, end).await?;
        let fail = |expected: String, actual: String| {
            Err(Failure::new(expected, actual).with_nodes(run.concerned([self.from.as_str()])))
        };
        match (host.told(), self.silent_for) {
            (None, Some(_)) => Ok(String::new()),
            (Some(told), Some(span)) => fail(format!("no router to speak for {span}"), told.to_string()),
            (None, None) => {
                let router = router.map_or("a router".to_owned(), |router| format!("router {router}"));
                let actual =
                    host.other().map_or("none spoke".to_owned(), |other| format!("another spoke: {other}"));
                fail(format!("{router} to speak within {}", self.within), actual)
            }
            (Some(told), None) => {
                as_expected(told, self.gets.as_ref().map(Told::facts), run.concerned([self.from.as_str()]))
            }
        }
    }
}
