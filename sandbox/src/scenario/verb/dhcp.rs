//! `dhcp`: a guest asks for an address by DHCP.

use super::Action;
use super::talk::converse;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::values::{BadValue, Cidr, List, Mac, Name, Span};
use crate::tools::dhcp::{Client, Outcome, Wishes};
use crate::tools::facts::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A guest asks for its address by DHCP, and must get one, soon. What it gets it does not use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dhcp {
    /// The guest that asks.
    pub from: Name,
    /// The Ethernet address of the client; the guest's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// An address that the client says it had before; it then asks for that one and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Ipv4Addr>,
    /// What it must be told; of what is not named here, anything is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gets: Option<Told>,
    /// The server must refuse it.
    #[serde(default)]
    pub refused: bool,
    /// Nobody may answer for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_for: Option<Span>,
    /// It must be allowed to keep the address, too.
    #[serde(default)]
    pub renew: bool,
    /// It gives the address back in the end.
    #[serde(default)]
    pub release: bool,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// What a client is told with its address. An empty list is one that must not come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netmask: Option<Ipv4Addr>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Ipv4Addr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub router: Option<List<Ipv4Addr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<List<Ipv4Addr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<u32>,
    /// Such as `10.1.0.0/16 via 10.0.0.253`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<List<Route>>,
}

impl Told {
    fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for (name, value) in [("address", self.address), ("netmask", self.netmask), ("server", self.server)] {
            value.iter().for_each(|value| facts.set(name, value));
        }
        for (name, values) in [("router", &self.router), ("dns", &self.dns)] {
            values.iter().for_each(|values| facts.list(name, &**values));
        }
        for (name, value) in [("domain", &self.domain), ("hostname", &self.hostname)] {
            value.iter().for_each(|value| facts.set(name, value));
        }
        self.mtu.iter().for_each(|mtu| facts.set("mtu", mtu));
        self.lease.iter().for_each(|lease| facts.set("lease", lease));
        self.routes.iter().for_each(|routes| facts.list("routes", &**routes));
        facts
    }
}

/// A network, and the router behind which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    to: Cidr,
    via: Ipv4Addr,
}

impl FromStr for Route {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let parts = text.split_once(" via ").and_then(|(to, via)| {
            let to: Cidr = to.trim().parse().ok().filter(|cidr: &Cidr| cidr.addr.is_ipv4())?;
            Some(Self { to, via: via.trim().parse().ok()? })
        });
        parts.ok_or_else(|| Self::bad(text))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} via {}", self.to, self.via)
    }
}

crate::text_value!(
    Route,
    "route",
    "NETWORK/BITS via ADDRESS, such as 10.1.0.0/16 via 10.0.0.253",
    "^[0-9.]+/[0-9]{1,2} via [0-9.]+$"
);

pub(super) fn within() -> Span {
    Span::millis(5000)
}

/// What of these is said, of which only one can be.
pub(super) fn one_of(checker: &mut Checker<'_>, said: &[(&'static str, bool)]) {
    let said: Vec<&'static str> = said.iter().filter(|(_, is_said)| *is_said).map(|(key, _)| *key).collect();
    if let [first, second, ..] = said[..] {
        let title = format!("{first} and {second} cannot both be");
        checker.complain_key(path![second], title, "expected one of them");
    }
}

impl Action for Dhcp {
    fn title(&self) -> String {
        let mut title = format!("dhcp {}", self.from);
        self.mac.iter().for_each(|mac| title += &format!(" as {mac}"));
        self.wants.iter().for_each(|address| title += &format!(", wants {address}"));
        match (&self.gets, self.refused, self.silent_for) {
            (_, _, Some(span)) => title + &format!(", no answer for {span}"),
            (_, true, None) => title + ", refused",
            (Some(Told { address: Some(address), .. }), false, None) => title + &format!(", gets {address}"),
            (Some(Told { address: None, .. }) | None, false, None) => title,
        }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        one_of(
            checker,
            &[
                ("gets", self.gets.is_some()),
                ("refused", self.refused),
                ("silent-for", self.silent_for.is_some()),
            ],
        );
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let mac = self.mac.unwrap_or(run.guest(self.from.as_str())?.mac).0;
        let wishes = Wishes { address: self.wants, renew: self.renew, release: self.release };
        let mut client = Client::new(mac, run.number(), wishes);
        let end = deadline(self.silent_for.unwrap_or(self.within).0);
        let answered = converse(run, self.from.as_str(), &mut client, end).await?;
        let waiting = match answered {
            true => format!("an answer, but then it waited for {}", client.waits_for()),
            false => "no answer".to_owned(),
        };
        let fail = |expected: String, actual: String| {
            Err(Failure::new(expected, actual).with_nodes(run.concerned([self.from.as_str()])))
        };
        match (client.outcome(), self.silent_for, self.refused) {
            (_, Some(_), _) if !answered => Ok(String::new()),
            (Some(Outcome::Bound(told)), Some(span), _) => {
                fail(format!("no answer for {span}"), told.to_string())
            }
            (_, Some(span), _) => fail(format!("no answer for {span}"), "there was one".to_owned()),
            (Some(Outcome::Refused), None, true) => Ok(String::new()),
            (Some(Outcome::Bound(told)), None, true) => fail("to be refused".to_owned(), told.to_string()),
            (None, None, true) => fail(format!("to be refused within {}", self.within), waiting),
            (Some(Outcome::Refused), None, false) => {
                fail("an address".to_owned(), "it was refused".to_owned())
            }
            (None, None, false) => fail(format!("an address within {}", self.within), waiting),
            (Some(Outcome::Bound(told)), None, false) => {
                as_expected(told, self.gets.as_ref().map(Told::facts), run.concerned([self.from.as_str()]))
            }
        }
    }
}

/// What was told, or where it is not as expected, and whose logs may tell why.
pub(super) fn as_expected(
    told: &Facts,
    expected: Option<Facts>,
    nodes: Vec<String>,
) -> Result<String, Failure> {
    let expected = expected.unwrap_or_default();
    let differences = told.differences(&expected);
    if differences.is_empty() {
        return Ok(told.to_string());
    }
    let failure = Failure::new(format!("to be told {expected}"), told.to_string());
    Err(failure.with_details(differences).with_nodes(nodes))
}
