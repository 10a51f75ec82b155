//! `clock`: time goes by.

use super::Action;
use crate::path;
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::text::values::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Let time go by: at once in virtual time, by waiting in namespaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Clock {
    /// How much.
    pub advance: Span,
}

impl Action for Clock {
    fn title(&self) -> String {
        format!("{} go by", self.advance)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        if self.advance.0 == Duration::ZERO {
            checker.complain(path!["advance"], "no time", "expected some, such as 300s");
        }
    }

    async fn run(&self, _: &mut Run) -> Result<String, Failure> {
        tokio::time::sleep(self.advance.0).await;
        Ok(String::new())
    }
}
