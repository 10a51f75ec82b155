//! Runs the steps of a scenario in a lab.

use super::backend::Backend;
use super::report::{Failure, StepReport};
use super::verb::{Step, convert};
use crate::lab::capture::Begun;
use crate::lab::world::Kind;
use crate::path;
use crate::text::{Path, Source};
use crate::topology::Guest;
use anyhow::{Result, anyhow};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// Says a step's report as soon as it is there.
pub type Tell = Rc<dyn Fn(&StepReport)>;

/// A scenario under way.
pub struct Run {
    pub lab: Backend,
    pub source: Source,
    /// Captures by name.
    pub captures: BTreeMap<String, Begun>,
    /// The schemas that databases had before they were converted.
    pub schemas: BTreeMap<convert::Central, serde_json::Value>,
    tell: Tell,
    /// Where we are: the path of the steps, and their numbers.
    place: Path,
    number: String,
    /// Numbers given out so far.
    numbers: u32,
}

impl Run {
    pub fn new(lab: Backend, source: Source, tell: Tell) -> Self {
        let (place, number) = (path!["steps"], String::new());
        Self {
            lab,
            source,
            captures: BTreeMap::new(),
            schemas: BTreeMap::new(),
            tell,
            place,
            number,
            numbers: 0,
        }
    }

    /// A number that no other step of this run has, to know answers by; the same in each run.
    pub fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// Runs steps one after the other, until one fails; that one's failure.
    ///
    /// # Errors
    /// The first failure.
    pub async fn steps(&mut self, steps: &[Step]) -> Result<(), Failure> {
        for (i, step) in steps.iter().enumerate() {
            let (place, number) = (self.place.clone(), self.number.clone());
            self.place.push(i.into());
            self.number =
                if number.is_empty() { format!("{}", i + 1) } else { format!("{number}.{}", i + 1) };
            let result = self.step(step).await;
            (self.place, self.number) = (place, number);
            result?;
        }
        Ok(())
    }

    /// Runs the steps that a step has inside, under a key of its verb.
    ///
    /// # Errors
    /// The first failure.
    pub async fn inner(
        &mut self,
        verb: &'static str,
        key: &'static str,
        steps: &[Step],
    ) -> Result<(), Failure> {
        let place = self.place.clone();
        self.place.extend(path![verb, key]);
        let result = Box::pin(self.steps(steps)).await;
        self.place = place;
        result
    }

    async fn step(&mut self, step: &Step) -> Result<(), Failure> {
        let began = Instant::now();
        let lab = self.lab.clone();
        // A daemon that dies by itself fails the step during which it died.
        let result = tokio::select! {
            result = step.verb.run(self) => result,
            crash = lab.wait_crash() => Err(Failure::new("every daemon to go on", crash)),
        };
        let (line, _) = self
            .source
            .line_column(self.source.key(&[&self.place[..], &path![step.verb.key()]].concat()).start);
        let report = StepReport {
            number: self.number.clone(),
            title: step.title(),
            line,
            ms: began.elapsed().as_secs_f64() * 1e3,
            note: result.as_ref().cloned().unwrap_or_default(),
            failure: result.as_ref().err().cloned(),
        };
        (self.tell)(&report);
        result.map(drop)
    }

    /// A guest of the lab.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn guest(&self, name: &str) -> Result<Guest> {
        match self.lab.kind(name)? {
            Kind::Guest(guest) => Ok(guest),
            Kind::Central | Kind::Chassis(_) => Err(anyhow!("{name} is not a guest")),
        }
    }

    /// The chassis of guests, and the other nodes themselves: whose logs may tell why something between them failed.
    pub fn concerned<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut nodes: Vec<String> = names
            .into_iter()
            .filter_map(|name| Some((name, self.lab.kind(name).ok()?)))
            .map(|(name, kind)| match kind {
                Kind::Guest(guest) => guest.chassis.to_string(),
                Kind::Central | Kind::Chassis(_) => name.to_owned(),
            })
            .collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    /// The address of a guest (its first), of a chassis, or as it stands.
    ///
    /// # Errors
    /// When it is neither a node with an address nor an address.
    pub fn address(&self, text: &str) -> Result<IpAddr> {
        if let Ok(address) = text.parse() {
            return Ok(address);
        }
        match self.lab.kind(text)? {
            Kind::Guest(guest) => {
                guest.ip.first().map(|c| c.addr).ok_or_else(|| anyhow!("{text} has no address"))
            }
            Kind::Chassis(chassis) => Ok(chassis.address.addr),
            Kind::Central => Err(anyhow!("{text} cannot be pinged")),
        }
    }
}

/// From now on for so long.
pub fn deadline(within: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + within
}
