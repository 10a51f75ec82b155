//! `trace`: what the logical network says would happen to a packet.

use super::Action;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::{List, Name, Span};
use crate::topology::Role;
use crate::topology::check::{CENTRAL, switches};
use anyhow::{Result, anyhow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Trace a packet through the logical network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trace {
    /// The guest from which the packet comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Name>,
    /// The guest to which it goes: an ICMP echo request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Name>,
    /// The logical datapath; that of `from` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapath: Option<String>,
    /// The packet as an expression, in place of `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// How much is said.
    #[serde(default)]
    pub format: Format,
    /// The trace must contain each of these.
    #[serde(default)]
    pub contains: List<String>,
    /// The trace must contain none of these.
    #[serde(default)]
    pub lacks: List<String>,
    /// By then it must have ended.
    #[serde(default = "within")]
    pub within: Span,
}

/// A form of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    Detailed,
    Summary,
    #[default]
    Minimal,
}

fn within() -> Span {
    Span::millis(5000)
}

impl Action for Trace {
    fn title(&self) -> String {
        match (&self.from, &self.to, &self.flow) {
            (Some(from), Some(to), None) => format!("trace {from} -> {to}"),
            (_, _, flow) => format!("trace {}", flow.as_deref().unwrap_or_default()),
        }
    }

    fn check(&self, checker: &mut Checker<'_>) {
        for (key, guest) in [("from", &self.from), ("to", &self.to)] {
            if let Some(guest) = guest {
                checker.node(path![key], guest.as_str(), &[NodeKind::Guest]);
            }
        }
        let whole = match &self.flow {
            Some(_) => self.to.is_none() && (self.from.is_some() || self.datapath.is_some()),
            None => self.from.is_some() && self.to.is_some(),
        };
        if !whole {
            checker.complain(
                path![],
                "a trace of no packet",
                "expected `from` and `to`, or `flow` with `from` or `datapath`",
            );
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let (datapath, flow) = self.packet(run)?;
        let format = match self.format {
            Format::Detailed => "--detailed",
            Format::Summary => "--summary",
            Format::Minimal => "--minimal",
        };
        let words = [Role::Trace.program(), format, &datapath, &flow].map(str::to_owned);
        let ran = run.lab.run_program(CENTRAL, &words, self.within.0).await?;
        let lines = || ran.output.lines().map(str::to_owned);
        if ran.exit != 0 {
            return Err(Failure::new("a trace", format!("it exited with {}", ran.exit)).with_details(lines()));
        }
        let has = |text: &&String| ran.output.contains(text.as_str());
        if let Some(text) = self.contains.iter().find(|text| !has(text)) {
            return Err(
                Failure::new(format!("the trace to contain {text:?}"), "it does not").with_details(lines())
            );
        }
        if let Some(text) = self.lacks.iter().find(has) {
            return Err(
                Failure::new(format!("the trace not to contain {text:?}"), "it does").with_details(lines())
            );
        }
        Ok(String::new())
    }
}

impl Trace {
    /// The datapath and the expression.
    fn packet(&self, run: &Run) -> Result<(String, String)> {
        let from = self
            .from
            .as_ref()
            .map(|name| Ok::<_, anyhow::Error>((name, run.guest(name.as_str())?)))
            .transpose()?;
        let datapath = match (&self.datapath, &from) {
            (Some(datapath), _) => datapath.clone(),
            (None, Some((name, guest))) => {
                switches(run.lab.topology()).remove(guest.port_name(name)).ok_or_else(|| {
                    anyhow!("the topology does not say in which switch {name} is: name the datapath")
                })?
            }
            (None, None) => return Err(anyhow!("a trace without a datapath")),
        };
        if let Some(flow) = &self.flow {
            return Ok((datapath, flow.clone()));
        }
        let (Some((name, source)), Some(to)) = (from, &self.to) else {
            return Err(anyhow!("a trace of no packet"));
        };
        let target = run.guest(to.as_str())?;
        let mut flow = format!(
            "inport == \"{}\" && eth.src == {} && eth.dst == {}",
            source.port_name(name),
            source.mac,
            target.mac
        );
        match (source.ip.first().map(|c| c.addr), target.ip.first().map(|c| c.addr)) {
            (Some(IpAddr::V4(a)), Some(IpAddr::V4(b))) => {
                flow += &format!(" && ip4.src == {a} && ip4.dst == {b} && ip.ttl == 64 && icmp4.type == 8");
            }
            (Some(IpAddr::V6(a)), Some(IpAddr::V6(b))) => {
                flow += &format!(" && ip6.src == {a} && ip6.dst == {b} && ip.ttl == 64 && icmp6.type == 128");
            }
            _ => {}
        }
        Ok((datapath, flow))
    }
}
