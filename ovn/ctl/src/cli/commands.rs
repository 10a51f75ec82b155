//! The commands after the options: `[OPTIONS] VERB ARGUMENTS`, with `--` between one and the next.

use super::Argument;
use crate::verb::Verb;
use crate::{Failure, Program};
use std::collections::BTreeMap;

/// One command with its options and arguments, in number as its verb wants them.
#[derive(Clone, Debug)]
pub struct Command {
    /// What to do.
    pub verb: &'static Verb,
    /// Its options by name with the dashes, each with its argument.
    pub options: BTreeMap<String, Option<String>>,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.verb.name == other.verb.name
            && self.options == other.options
            && self.arguments == other.arguments
    }
}

impl Command {
    /// Whether an option such as `--may-exist` was given.
    pub fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    /// The argument of an option such as `--columns`.
    pub fn option(&self, option: &str) -> Option<&str> {
        self.options.get(option)?.as_deref()
    }

    /// An argument that the verb requires.
    pub fn required(&self, index: usize) -> &str {
        self.arguments.get(index).map_or("", String::as_str)
    }

    /// An argument that may be left out.
    pub fn optional(&self, index: usize) -> Option<&str> {
        self.arguments.get(index).map(String::as_str)
    }

    /// The arguments from the one at `index` on.
    pub fn rest(&self, index: usize) -> &[String] {
        self.arguments.get(index..).unwrap_or_default()
    }
}

/// Reads all commands; `local` are options found before the first one.
pub(super) fn parse(
    program: Program,
    operands: &[String],
    mut local: Vec<(String, Option<String>)>,
) -> Result<Vec<Command>, Failure> {
    let mut commands = Vec::new();
    let mut rest = operands;
    while !rest.is_empty() {
        let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
        if end > 0 {
            commands.push(command(program, &rest[..end], std::mem::take(&mut local))?);
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if commands.is_empty() { Err(missing_name()) } else { Ok(commands) }
}

fn missing_name() -> Failure {
    Failure::new("missing command name (use --help for help)")
}

fn command(
    program: Program,
    words: &[String],
    local: Vec<(String, Option<String>)>,
) -> Result<Command, Failure> {
    let mut options = BTreeMap::new();
    let mut add = |name: String, value, shown: &str| {
        let again = Failure::new(format!("'{shown}' option specified multiple times"));
        if options.insert(name, value).is_some() { Err(again) } else { Ok(()) }
    };
    for (name, value) in local {
        add(name.clone(), value, &name)?;
    }
    let mut words = words;
    while let [word, rest @ ..] = words
        && word.starts_with('-')
    {
        match word.split_once('=') {
            Some((name, value)) => add(name.to_owned(), Some(value.to_owned()), word)?,
            None => add(word.clone(), None, word)?,
        }
        words = rest;
    }
    let [name, arguments @ ..] = words else { return Err(missing_name()) };
    let unknown = || Failure::new(format!("unknown command '{name}'; use --help for help"));
    let verb = program.verb(name).ok_or_else(unknown)?;
    check_options(verb, &options)?;
    check_arguments(verb, arguments)?;
    Ok(Command { verb, options, arguments: arguments.to_vec() })
}

fn check_options(verb: &Verb, options: &BTreeMap<String, Option<String>>) -> Result<(), Failure> {
    for (option, value) in options {
        let name = verb.name;
        let Some((_, argument)) = verb.options.iter().find(|(known, _)| known == option) else {
            return Err(Failure::new(format!("'{name}' command has no '{option}' option")));
        };
        match (argument, value) {
            (Argument::Required, None) => {
                return Err(Failure::new(format!(
                    "missing argument to '{option}' option on '{name}' command"
                )));
            }
            (Argument::None, Some(_)) => {
                return Err(Failure::new(format!(
                    "'{option}' option on '{name}' does not accept an argument"
                )));
            }
            (Argument::None | Argument::Optional, None)
            | (Argument::Required | Argument::Optional, Some(_)) => {}
        }
    }
    Ok(())
}

fn check_arguments(verb: &Verb, arguments: &[String]) -> Result<(), Failure> {
    let (name, arity) = (verb.name, verb.arity());
    if arguments.len() < arity.min {
        return Err(Failure::new(format!("'{name}' command requires at least {} arguments", arity.min)));
    }
    let Some(max) = arity.max.filter(|&max| arguments.len() > max) else { return Ok(()) };
    let hint = if arguments.iter().any(|argument| argument.starts_with('-')) {
        " (note that options must precede command names and follow a \"--\" argument)"
    } else {
        ""
    };
    Err(Failure::new(format!("'{name}' command takes at most {max} arguments{hint}")))
}
