//! `link`: faults of the fabric.

use super::Action;
use crate::fabric::Side;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::{List, Name};
use crate::topology::LinkSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Change what the fabric does to frames, or who is cut from whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Link {
    /// At whose attachment: a node, or several.
    #[serde(default)]
    pub at: List<Name>,
    /// In which direction, as the node sees it; both unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<Side>,
    /// What happens to frames there from now on, in place of what happened before; `{}` is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<LinkSettings>,
    /// These are cut from all others.
    #[serde(default)]
    pub cut: List<Name>,
    /// All cuts are undone.
    #[serde(default)]
    pub heal: bool,
}

impl Action for Link {
    fn title(&self) -> String {
        let names = |list: &List<Name>| list.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        if let Some(settings) = &self.set {
            let what = serde_json::to_string(settings).unwrap_or_default().replace(['"', '{', '}'], "");
            let what = if what.is_empty() { "as it was made".to_owned() } else { what.replace(',', " ") };
            parts.push(format!("link at {}: {what}", names(&self.at)));
        }
        if !self.cut.is_empty() {
            parts.push(format!("cut {} from the others", names(&self.cut)));
        }
        if self.heal {
            parts.push("heal all cuts".to_owned());
        }
        parts.join("; ")
    }

    fn check(&self, checker: &mut Checker<'_>) {
        for (key, list) in [("at", &self.at), ("cut", &self.cut)] {
            for (i, name) in list.iter().enumerate() {
                checker.node(path![key, i], name.as_str(), &[NodeKind::Chassis, NodeKind::Central]);
            }
        }
        if self.set.is_some() == self.at.is_empty() {
            checker.complain(path![], "a link without its other half", "expected both `at` and `set`");
        }
        if self.set.is_none() && self.cut.is_empty() && !self.heal {
            checker.complain(
                path![],
                "nothing to change",
                "expected `at` with `set`, `cut`, or `heal: true`",
            );
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        if self.heal {
            run.lab.heal_all().await;
        }
        for name in &*self.cut {
            run.lab.cut(name.as_str()).await?;
        }
        if let Some(settings) = self.set {
            for name in &*self.at {
                for side in [Side::Tx, Side::Rx] {
                    if self.dir.is_none_or(|dir| dir == side) {
                        run.lab.set_link(name.as_str(), side, settings).await?;
                    }
                }
            }
        }
        Ok(String::new())
    }
}
