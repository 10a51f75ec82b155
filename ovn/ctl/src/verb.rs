//! What a verb is: its name, usage, help and the pure function behind it.

use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;

/// One verb of one program (or of several).
pub struct Verb {
    /// Name, unique in its program.
    pub name: &'static str,
    /// Options that stand before the name, with their dashes.
    pub options: &'static [(&'static str, Argument)],
    /// Arguments, in order.
    pub parameters: &'static [Parameter],
    /// Heading in the help that the verb stands under.
    pub group: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
    /// Checks what can be checked without rows, and says which rows it reads.
    pub prepare: fn(&Command, &mut Needs) -> Result<(), Failure>,
    /// Does it.
    pub run: fn(&mut Context<'_>, &Command) -> Result<(), Failure>,
}

/// An argument, by the name it has in help, and how often it may stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Once.
    One(&'static str),
    /// Once or not at all.
    Maybe(&'static str),
    /// Any number of times.
    Any(&'static str),
    /// At least once.
    Many(&'static str),
}

/// How many arguments a verb takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    /// At least.
    pub min: usize,
    /// At most; `None` is any number.
    pub max: Option<usize>,
}

impl Verb {
    /// How many arguments the verb takes.
    pub fn arity(&self) -> Arity {
        let mut arity = Arity { min: 0, max: Some(0) };
        for parameter in self.parameters {
            let (min, max) = match parameter {
                Parameter::One(_) => (1, Some(1)),
                Parameter::Maybe(_) => (0, Some(1)),
                Parameter::Any(_) => (0, None),
                Parameter::Many(_) => (1, None),
            };
            arity.min += min;
            arity.max = arity.max.zip(max).map(|(sum, max)| sum + max);
        }
        arity
    }

    /// The line of usage: options, name, arguments.
    pub fn usage(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.options.iter().map(|(name, argument)| match argument {
            Argument::None => format!("[{name}]"),
            Argument::Required => format!("[{name}=ARG]"),
            Argument::Optional => format!("[{name}[=ARG]]"),
        }));
        words.push(self.name.to_owned());
        words.extend(self.parameters.iter().map(|parameter| match parameter {
            Parameter::One(name) => (*name).to_owned(),
            Parameter::Maybe(name) => format!("[{name}]"),
            Parameter::Any(name) => format!("[{name}]..."),
            Parameter::Many(name) => format!("{name}..."),
        }));
        words.join(" ")
    }
}

impl std::fmt::Debug for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verb").field("name", &self.name).finish_non_exhaustive()
    }
}

/// For verbs that read nothing beside the row of the database as a whole.
pub(crate) fn prepare_nothing(_: &Command, _: &mut Needs) -> Result<(), Failure> {
    Ok(())
}
