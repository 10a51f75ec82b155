//! `add-guest`: guests that come while the lab runs.

use super::Action;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::Name;
use crate::topology::Guest;
use crate::topology::check::is_reserved;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Start guests, as a topology describes them, while the lab runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AddGuest(pub BTreeMap<Name, Guest>);

impl Action for AddGuest {
    fn title(&self) -> String {
        let names: Vec<&str> = self.0.keys().map(Name::as_str).collect();
        format!("add {}", names.join(", "))
    }

    fn check(&self, checker: &mut Checker<'_>) {
        for (name, guest) in &self.0 {
            checker.node(path![name.as_str(), "chassis"], guest.chassis.as_str(), &[NodeKind::Chassis]);
            if is_reserved(name.as_str()) {
                let expected = "expected another name: this one is taken by a part of every lab";
                checker.complain_key(path![name.as_str()], format!("bad name {name}"), expected);
            }
            if checker.nodes.insert(name.to_string(), NodeKind::Guest).is_some() {
                let title = format!("two nodes are called {name}");
                checker.complain(path![name.as_str()], title, "expected a name of its own");
            }
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        for (name, guest) in &self.0 {
            run.lab.add_guest(name, guest).await?;
        }
        Ok(String::new())
    }
}
