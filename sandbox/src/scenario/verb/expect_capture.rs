//! `expect-capture`: what a capture must contain, or must not.

use super::Action;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::nearest::nearest;
use crate::text::values::{Name, Span};
use crate::tools::decode::{self, Decoded};
use anyhow::{Result, anyhow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Frames that are shown when the expectation is not met.
const SHOWN: usize = 10;

/// A capture must contain frames with these fields, or must not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectCapture {
    /// The capture's name.
    pub capture: String,
    /// Fields and their values, such as `ip.dst: 10.0.0.3`; those of what a tunnel carries after `inner.`.
    #[serde(default, rename = "where")]
    pub fields: BTreeMap<String, Plain>,
    /// A Geneve packet of this logical switch, with the right network and port keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geneve: Option<Tunnelled>,
    /// At least so many frames.
    #[serde(default = "one")]
    pub at_least: usize,
    /// At most so many; then the time is waited out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<usize>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// Logical names of what a tunnel carries; their keys are looked up in the Southbound database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tunnelled {
    /// The logical switch, whose key is the VNI.
    pub switch: String,
    /// The guest whose port is the ingress key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Name>,
    /// The guest whose port is the egress key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Name>,
}

/// A value as it stands, whatever YAML takes it for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plain(pub String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // YAML gives any scalar as the text it was written as.
        String::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Plain {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Plain".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

fn one() -> usize {
    1
}

fn within() -> Span {
    Span::millis(1000)
}

impl Action for ExpectCapture {
    fn title(&self) -> String {
        let mut parts: Vec<String> = self.fields.iter().map(|(k, v)| format!("{k}={}", v.0)).collect();
        if let Some(t) = &self.geneve {
            let end = |n: &Option<Name>| n.as_ref().map_or("any".to_owned(), Name::to_string);
            parts.insert(0, format!("Geneve of {} {} -> {}", t.switch, end(&t.from), end(&t.to)));
        }
        format!("{} has {}", self.capture, parts.join(" "))
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if !checker.captures.contains(&self.capture) {
            let known: Vec<&str> = checker.captures.iter().map(String::as_str).collect();
            let expected = match known.as_slice() {
                [] => "expected a `capture` step before this one".to_owned(),
                some => format!("expected {}, begun before this step", some.join(" or ")),
            };
            checker.complain(
                path!["capture"],
                format!("there is no capture called {} here", self.capture),
                expected,
            );
        }
        for field in self.fields.keys() {
            let bare = field.trim_start_matches("inner.");
            if !decode::FIELDS.contains(&bare) {
                let meant = nearest(bare, decode::FIELDS.iter().copied())
                    .map_or(String::new(), |m| format!("; did you mean {m}?"));
                let expected = format!("expected one of {}{meant}", decode::FIELDS.join(", "));
                checker.complain_key(
                    path!["where", field.as_str()],
                    format!("no field is called {field}"),
                    expected,
                );
            }
        }
        if let Some(tunnelled) = &self.geneve {
            for (key, guest) in [("from", &tunnelled.from), ("to", &tunnelled.to)] {
                if let Some(guest) = guest {
                    checker.node(path!["geneve", key], guest.as_str(), &[NodeKind::Guest]);
                }
            }
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let mut wanted: BTreeMap<String, String> =
            self.fields.iter().map(|(k, v)| (k.clone(), v.0.clone())).collect();
        if let Some(tunnelled) = &self.geneve {
            wanted.extend(tunnelled.keys(run, self.within).await?);
        }
        let begun =
            run.captures.get(&self.capture).ok_or_else(|| anyhow!("no capture called {}", self.capture))?;
        let capture = begun.capture.clone();
        let (end, mut next, mut hits, mut last) = (deadline(self.within.0), 0, 0, Vec::new());
        loop {
            let (frames, after, more) = capture.since(next);
            next = after;
            for frame in frames {
                let decoded = decode::decode(&frame.octets);
                hits += usize::from(matches(&decoded, &wanted));
                last.push(decoded.text);
            }
            let settled = self.at_most.is_none() && hits >= self.at_least;
            if settled || !more || tokio::time::timeout_at(end, capture.changed(next)).await.is_err() {
                break;
            }
        }
        let enough = hits >= self.at_least || self.at_most == Some(0);
        if enough && self.at_most.is_none_or(|most| hits <= most) {
            return Ok(format!("{hits} of {next} frames"));
        }
        let fields: Vec<String> = wanted.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let bound = match self.at_most {
            Some(most) => format!("at most {most}"),
            None => format!("at least {}", self.at_least),
        };
        let shown = last.len().saturating_sub(SHOWN);
        Err(Failure::new(
            format!("{bound} frames with {} within {}", fields.join(" "), self.within),
            format!("{hits} of {next} frames; the last of all:"),
        )
        .with_details(last.drain(shown..)))
    }
}

fn matches(decoded: &Decoded, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(field, value)| decoded.fields.get(field) == Some(value))
}

impl Tunnelled {
    /// The fields that the keys in the Southbound database ask for.
    async fn keys(&self, run: &Run, within: Span) -> Result<Vec<(String, String)>> {
        let port = |guest: &Option<Name>| -> Result<Option<String>> {
            match guest {
                Some(name) => Ok(Some(run.guest(name.as_str())?.port_name(name).to_owned())),
                None => Ok(None),
            }
        };
        let (from, to) = (port(&self.from)?, port(&self.to)?);
        let tables: [(&str, &[&str]); 2] = [
            ("Datapath_Binding", &["tunnel_key", "external_ids"]),
            ("Port_Binding", &["tunnel_key", "logical_port"]),
        ];
        let southbound = run.lab.southbound();
        let found = southbound.wait(&tables, deadline(within.0), |rows| {
            let datapaths = rows.of("Datapath_Binding");
            let datapath = datapaths
                .iter()
                .find(|d| d.get("external_ids").get_str("name") == Some(self.switch.as_str()))?;
            let mut fields =
                vec![("geneve.vni".to_owned(), datapath.get("tunnel_key").as_integer()?.to_string())];
            let ports = rows.of("Port_Binding");
            for (field, port) in [("geneve.ingress", &from), ("geneve.egress", &to)] {
                if let Some(port) = port {
                    let binding = ports.iter().find(|p| p.text("logical_port") == port)?;
                    fields.push((field.to_owned(), binding.get("tunnel_key").as_integer()?.to_string()));
                }
            }
            Some(fields)
        });
        found
            .await
            .ok_or_else(|| anyhow!("the Southbound database has no keys for {} and its ports", self.switch))
    }
}
