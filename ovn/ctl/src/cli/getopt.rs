//! Splits a command line into options and operands as GNU getopt does with `+`: options stop at the first operand or
//! at `--`, long names may be cut short while they stay unique, short ones may be joined.

use super::options::Argument;
use crate::Program;

/// An option that may stand on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known<T> {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) argument: Argument,
    pub(super) tag: T,
}

/// An option that did, with its argument.
pub(super) type Found<T> = (T, Option<String>);

/// What stands on a command line.
pub(super) struct Split<'a, T> {
    /// The options, as far as they were right.
    pub(super) options: Vec<Found<T>>,
    /// What follows the options, or what is wrong with one, in the words of the program's upstream: ovs-vsctl leaves
    /// it to the C library, the OVN programs have their own.
    pub(super) operands: Result<&'a [String], String>,
}

/// Reads the options at the beginning of `arguments`.
pub(super) fn split<'a, T: Copy>(
    program: Program,
    known: &[Known<T>],
    arguments: &'a [String],
) -> Split<'a, T> {
    let scan = Scan { words: Words::of(program), known };
    let mut options = Vec::new();
    let mut rest = arguments;
    while let [first, others @ ..] = rest {
        if first == "--" {
            return Split { options, operands: Ok(others) };
        }
        let step = if let Some(long) = first.strip_prefix("--") {
            rest = others;
            scan.long(long, &mut rest).map(|found| options.push(found))
        } else if first.len() > 1 && first.starts_with('-') {
            rest = others;
            scan.short(&first[1..], &mut rest, &mut options)
        } else {
            break;
        };
        if let Err(error) = step {
            return Split { options, operands: Err(error) };
        }
    }
    Split { options, operands: Ok(rest) }
}

struct Scan<'k, T> {
    words: Words,
    known: &'k [Known<T>],
}

impl<T: Copy> Scan<'_, T> {
    fn long(&self, text: &str, rest: &mut &[String]) -> Result<Found<T>, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let option = self.find_long(name, text)?;
        let value = match (option.argument, value) {
            (Argument::None, Some(_)) => return Err(self.words.unwanted_argument(option.long, text)),
            (Argument::Required, None) => match rest {
                [next, others @ ..] => {
                    *rest = others;
                    Some(next.clone())
                }
                [] => return Err(format!("option '--{}' requires an argument", option.long)),
            },
            (Argument::None | Argument::Optional, None) => None,
            (Argument::Required | Argument::Optional, Some(value)) => Some(value),
        };
        Ok((option.tag, value))
    }

    /// The option called `name`, or the only one whose name begins so.
    fn find_long(&self, name: &str, text: &str) -> Result<&Known<T>, String> {
        if let Some(option) = self.known.iter().find(|option| option.long == name) {
            return Ok(option);
        }
        let candidates: Vec<_> = self.known.iter().filter(|option| option.long.starts_with(name)).collect();
        match candidates[..] {
            [option] => Ok(option),
            [] => Err(format!("unrecognized option '--{text}'")),
            _ => Err(self.words.ambiguous(text, candidates.iter().map(|option| option.long))),
        }
    }

    /// A cluster such as `-vt5`.
    fn short(&self, cluster: &str, rest: &mut &[String], found: &mut Vec<Found<T>>) -> Result<(), String> {
        let mut letters = cluster.chars();
        while let Some(letter) = letters.next() {
            let Some(option) = self.known.iter().find(|option| option.short == Some(letter)) else {
                return Err(self.words.unknown_letter(letter));
            };
            let joined = Some(letters.as_str()).filter(|joined| !joined.is_empty()).map(str::to_owned);
            let value = match (option.argument, joined, *rest) {
                (Argument::None, _, _) => {
                    found.push((option.tag, None));
                    continue;
                }
                (Argument::Optional | Argument::Required, Some(joined), _) => Some(joined),
                (Argument::Optional, None, _) => None,
                (Argument::Required, None, [next, others @ ..]) => {
                    *rest = others;
                    Some(next.clone())
                }
                (Argument::Required, None, []) => return Err(self.words.missing_argument(letter)),
            };
            found.push((option.tag, value));
            return Ok(());
        }
        Ok(())
    }
}

/// Whose wording of the errors.
#[derive(Clone, Copy)]
enum Words {
    Ovn,
    Library,
}

impl Words {
    fn of(program: Program) -> Self {
        match program {
            Program::Nbctl | Program::Sbctl => Self::Ovn,
            Program::Vsctl => Self::Library,
        }
    }

    fn unwanted_argument(self, name: &str, text: &str) -> String {
        let shown = match self {
            Self::Ovn => text,
            Self::Library => name,
        };
        format!("option '--{shown}' doesn't allow an argument")
    }

    fn ambiguous(self, text: &str, candidates: impl Iterator<Item = &'static str>) -> String {
        match self {
            Self::Ovn => format!("unrecognized option '--{text}'"),
            Self::Library => {
                let candidates: String = candidates.map(|name| format!(" '--{name}'")).collect();
                format!("option '--{text}' is ambiguous; possibilities:{candidates}")
            }
        }
    }

    fn unknown_letter(self, letter: char) -> String {
        match self {
            Self::Ovn => format!("unrecognized option '{letter}'"),
            Self::Library => format!("invalid option -- '{letter}'"),
        }
    }

    fn missing_argument(self, letter: char) -> String {
        match self {
            Self::Ovn => format!("option '-{letter}' requires an argument"),
            Self::Library => format!("option requires an argument -- '{letter}'"),
        }
    }
}
