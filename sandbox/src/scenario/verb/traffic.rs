//! `traffic`: datagrams at a rate and a connection that stays, while other steps are done.

use super::{Action, Step};
use crate::lab::world::Kind;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::Name;
use crate::tools::traffic::Plan;
use anyhow::anyhow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Datagrams go from one guest to another, and a connection between them stays, while other steps are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Traffic {
    /// The guest that sends.
    pub from: Name,
    /// The guest that receives.
    pub to: Name,
    /// Datagrams a second, at most 10000.
    #[serde(default = "rate")]
    pub rate: u64,
    /// Octets of a datagram, after its headers.
    #[serde(default = "size")]
    pub size: usize,
    /// Datagrams that may be lost.
    #[serde(default)]
    pub max_lost: u64,
    /// What is done meanwhile.
    pub during: Vec<Step>,
}

fn rate() -> u64 {
    1000
}

fn size() -> usize {
    64
}

/// Datagrams a second that a guest may be asked for.
const RATE_MAX: u64 = 10_000;
/// Octets that fit into one packet.
const SIZE_MAX: usize = 1400;

impl Action for Traffic {
    fn title(&self) -> String {
        format!(
            "traffic {} -> {}, {} a second, at most {} lost",
            self.from, self.to, self.rate, self.max_lost
        )
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["from"], self.from.as_str(), &[NodeKind::Guest]);
        checker.node(path!["to"], self.to.as_str(), &[NodeKind::Guest]);
        if !(1..=RATE_MAX).contains(&self.rate) {
            checker.complain(path!["rate"], "a rate that cannot be", format!("expected 1 to {RATE_MAX}"));
        }
        if self.size > SIZE_MAX {
            checker.complain(
                path!["size"],
                "too long for one packet",
                format!("expected at most {SIZE_MAX}"),
            );
        }
        checker.inner("during", &self.during);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let to = run.address(self.to.as_str())?;
        let from = source(run, &self.from, to)?;
        let plan = Plan { from, to, rate: self.rate, size: self.size };
        let traffic = run.lab.start_traffic(self.from.as_str(), self.to.as_str(), plan).await?;
        let result = run.inner("traffic", "during", &self.during).await;
        let report = traffic.end().await?;
        result?;
        let fail = |expected: String| {
            let failure = Failure::new(expected, report.to_string());
            Err(failure.with_nodes(run.concerned([self.from.as_str(), self.to.as_str()])))
        };
        if report.sent == 0 {
            return fail("the steps to last for at least one datagram".to_owned());
        }
        if report.lost() > self.max_lost {
            return fail(format!("at most {} lost", self.max_lost));
        }
        if report.broken().is_some() {
            return fail("the connection to stay".to_owned());
        }
        Ok(report.to_string())
    }
}

/// The address that a guest sends from to another.
fn source(run: &Run, name: &Name, to: IpAddr) -> anyhow::Result<IpAddr> {
    let Kind::Guest(guest) = run.lab.kind(name.as_str())? else {
        return Err(anyhow!("{name} is not a guest"));
    };
    let addresses = guest.ip.iter().map(|cidr| cidr.addr);
    let same = addresses.clone().find(|ip| ip.is_ipv4() == to.is_ipv4());
    same.ok_or_else(|| anyhow!("{name} has no address to reach {to} from"))
}
