//! What a user of the engine writes, and what one gets.

use std::fmt::Debug;
use std::hash::Hash;

use crate::cell::{Reads, Touched};

/// A computation made of units. The implementing type holds the inputs: [`Table`](crate::Table)s and
/// [`Index`](crate::Index)es.
pub trait Program: Sized {
    /// The key of a unit, small: kind and row. Its order is the order in which units of a phase run.
    type Unit: Clone + Ord + Hash + Debug;
    /// What leaves the engine. Large ones are best shared ([`std::sync::Arc`]).
    type Output: Clone + Ord;
    /// What units tell units of later phases; `std::convert::Infallible` where none do.
    type Fact: Clone + Ord;

    /// The name under which units are counted.
    fn kind(unit: &Self::Unit) -> &'static str;

    /// When the unit runs within a step. A unit may read facts of earlier phases only, and may ask for units of
    /// later phases only.
    fn phase(unit: &Self::Unit) -> u8;

    /// Runs a unit. Everything it depends on must be read through `reads`.
    fn run(&self, unit: &Self::Unit, reads: &Reads, emit: &mut Emit<Self>);

    /// Takes notice that some unit began (`present`) or ceased to say `fact`. Within a phase all beginnings come
    /// before all endings, and several units may say the same, so the place for facts is an
    /// [`Index`](crate::Index), which counts.
    fn absorb(&mut self, fact: &Self::Fact, present: bool, touched: &mut Touched);
}

/// What one run of a unit emits. Emitting a thing twice is emitting it once.
pub struct Emit<P: Program> {
    pub(crate) outputs: Vec<P::Output>,
    pub(crate) facts: Vec<P::Fact>,
    pub(crate) units: Vec<P::Unit>,
}

impl<P: Program> Emit<P> {
    /// An empty one; the engine makes its own, this is for tests of single units.
    pub fn new() -> Self {
        Self { outputs: Vec::new(), facts: Vec::new(), units: Vec::new() }
    }

    /// Emits an output.
    pub fn output(&mut self, output: P::Output) {
        self.outputs.push(output);
    }

    /// States a fact for units of later phases.
    pub fn fact(&mut self, fact: P::Fact) {
        self.facts.push(fact);
    }

    /// Asks for another unit, of a later phase. It exists as long as anyone asks for it.
    pub fn unit(&mut self, unit: P::Unit) {
        self.units.push(unit);
    }

    /// The outputs so far.
    pub fn outputs(&self) -> &[P::Output] {
        &self.outputs
    }
}

impl<P: Program> Default for Emit<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// The difference that a step made: which unit began and which ceased to emit which output.
///
/// Both lists are in the order in which the units ran. Whoever merges outputs of several units applies `added`
/// before `removed` and counts (see [`Gather`](crate::Gather)).
pub struct Step<P: Program> {
    /// Outputs that were not there before.
    pub added: Vec<(P::Unit, P::Output)>,
    /// Outputs that are no more.
    pub removed: Vec<(P::Unit, P::Output)>,
}

impl<P: Program> Step<P> {
    /// Whether no output changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// The added outputs without their units.
    pub fn added_outputs(&self) -> Vec<P::Output> {
        self.added.iter().map(|(_, output)| output.clone()).collect()
    }

    /// The removed outputs without their units.
    pub fn removed_outputs(&self) -> Vec<P::Output> {
        self.removed.iter().map(|(_, output)| output.clone()).collect()
    }
}

impl<P: Program> Default for Step<P> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new() }
    }
}
