//! `nbctl`, `sbctl`, `vsctl`, `exec`: programs that are run to their end.

use super::Action;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::Run;
use crate::scenario::words::Words;
use crate::text::values::{List, Span};
use crate::topology::Role;
use crate::topology::check::CENTRAL;
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// What is run, and what must come of it. A bare command means: it must exit with 0.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Invocation {
    #[serde(flatten)]
    pub details: Details,
}

/// The long form of an invocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Details {
    /// The words of the command.
    pub run: Words,
    /// Its output must contain each of these.
    #[serde(default)]
    pub contains: List<String>,
    /// Its output must contain none of these.
    #[serde(default)]
    pub lacks: List<String>,
    /// Its output, without white space at both ends, must be this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Its exit code.
    #[serde(default)]
    pub exit: i32,
    /// By then it must have ended.
    #[serde(default = "within")]
    pub within: Span,
}

fn within() -> Span {
    Span::millis(10_000)
}

impl<'de> Deserialize<'de> for Invocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShortOrLong;
        impl<'de> Visitor<'de> for ShortOrLong {
            type Value = Invocation;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command, or a mapping with `run`")
            }
            fn visit_str<E: Error>(self, line: &str) -> Result<Invocation, E> {
                let words = crate::scenario::words::split(line).map_err(E::custom)?;
                Ok(Invocation::of(Words(words)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Invocation, A::Error> {
                let words = Words::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
                Ok(Invocation::of(words))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Invocation, A::Error> {
                let details = Details::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Invocation { details })
            }
        }
        deserializer.deserialize_any(ShortOrLong)
    }
}

impl Invocation {
    fn of(run: Words) -> Self {
        let details = Details {
            run,
            contains: List::default(),
            lacks: List::default(),
            equals: None,
            exit: 0,
            within: within(),
        };
        Self { details }
    }
}

impl Details {
    /// Runs it and looks at what came out.
    async fn try_on(&self, run: &Run, node: &str, before: &[String]) -> Result<String, Failure> {
        let words: Vec<String> = before.iter().chain(&self.run.0).cloned().collect();
        let command = Words(words.clone());
        let ran = run
            .lab
            .run_program(node, &words, self.within.0)
            .await
            .map_err(|e| Failure::new(format!("`{command}` to run"), format!("{e:#}")))?;
        let output = ran.output.trim();
        let fail = |expected: String, actual: String| {
            let lines = output.lines().map(str::to_owned);
            Err(Failure::new(expected, actual).with_details(lines))
        };
        if ran.exit != self.exit {
            return fail(
                format!("`{command}` to exit with {}", self.exit),
                format!("it exited with {}", ran.exit),
            );
        }
        for text in &*self.contains {
            if !output.contains(text.as_str()) {
                return fail(format!("the output of `{command}` to contain {text:?}"), "it does not".into());
            }
        }
        for text in &*self.lacks {
            if output.contains(text.as_str()) {
                return fail(format!("the output of `{command}` not to contain {text:?}"), "it does".into());
            }
        }
        match &self.equals {
            Some(wanted) if wanted.trim() != output => {
                fail(format!("the output of `{command}` to be {:?}", wanted.trim()), format!("{output:?}"))
            }
            Some(_) | None => Ok(String::new()),
        }
    }
}

/// Give a command to the Northbound database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Nbctl(pub Invocation);

/// Give a command to the Southbound database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sbctl(pub Invocation);

/// Give a command to a chassis' switch database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vsctl {
    /// The chassis.
    pub on: String,
    /// The command, and what must come of it.
    #[serde(rename = "do")]
    pub invocation: Invocation,
}

/// Run a program in a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The node.
    pub on: String,
    /// The program, and what must come of it.
    #[serde(rename = "do")]
    pub invocation: Invocation,
}

fn client(role: Role) -> [String; 1] {
    [role.program().to_owned()]
}

impl Action for Nbctl {
    fn title(&self) -> String {
        format!("nbctl {}", self.0.details.run)
    }

    fn check(&self, _: &mut Checker<'_>) {}

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        self.0.details.try_on(run, CENTRAL, &client(Role::Nbctl)).await
    }
}

impl Action for Sbctl {
    fn title(&self) -> String {
        format!("sbctl {}", self.0.details.run)
    }

    fn check(&self, _: &mut Checker<'_>) {}

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        self.0.details.try_on(run, CENTRAL, &client(Role::Sbctl)).await
    }
}

impl Action for Vsctl {
    fn title(&self) -> String {
        format!("{}: vsctl {}", self.on, self.invocation.details.run)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["on"], &self.on, &[NodeKind::Chassis]);
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let [program] = client(Role::Vsctl);
        let before: Vec<String> = [program].into_iter().chain(run.lab.switch_option(&self.on)).collect();
        self.invocation.details.try_on(run, &self.on, &before).await
    }
}

impl Action for Exec {
    fn title(&self) -> String {
        format!("{}: {}", self.on, self.invocation.details.run)
    }

    fn check(&self, checker: &mut Checker<'_>) {
        checker.node(path!["on"], &self.on, &[NodeKind::Central, NodeKind::Chassis, NodeKind::Guest]);
    }

    fn not_simulated(&self) -> Option<&'static str> {
        Some("there are no processes")
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        self.invocation.details.try_on(run, &self.on, &[]).await
    }
}
