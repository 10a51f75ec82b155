//! Command-line options the way `getopt_long` reads them, since people's scripts rely on it: options and operands in any
//! order, `--name=value` or `--name value`, unique beginnings of long names, bundled short options, `--` ends them.

use std::fmt;

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A bare flag.
    Nothing,
    /// `--name=value` or `--name value`.
    Value,
    /// `--name` or `--name=value`.
    Maybe,
}

/// One option a program knows.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Long name without the dashes; also the name under which it is reported.
    pub long: &'static str,
    /// One-letter form, if it has one.
    pub short: Option<char>,
    /// Whether it takes a value.
    pub takes: Takes,
}

/// Short for an option without a one-letter form.
pub const fn opt(long: &'static str, takes: Takes) -> Opt {
    Opt { long, short: None, takes }
}

/// Short for an option with a one-letter form.
pub const fn short(short: char, long: &'static str, takes: Takes) -> Opt {
    Opt { long, short: Some(short), takes }
}

/// The options given, in order, and the operands.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Long name and value, in the order given.
    pub options: Vec<(&'static str, Option<String>)>,
    /// What is not an option.
    pub operands: Vec<String>,
}

/// A command line that does not fit the options known; `Display` is getopt's wording without the program's name.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError {
    /// No option has this name.
    Unrecognized(String),
    /// Several options begin with this name.
    Ambiguous(String, Vec<&'static str>),
    /// The option needs a value and none follows.
    MissingValue(String),
    /// The option takes no value and was given one.
    UnwantedValue(&'static str),
    /// A one-letter option nobody knows.
    InvalidShort(char),
    /// A one-letter option that needs a value and has none.
    MissingShortValue(char),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrecognized(name) => write!(f, "unrecognized option '--{name}'"),
            Self::Ambiguous(name, all) => {
                write!(f, "option '--{name}' is ambiguous; possibilities:")?;
                all.iter().try_for_each(|one| write!(f, " '--{one}'"))
            }
            Self::MissingValue(name) => write!(f, "option '--{name}' requires an argument"),
            Self::UnwantedValue(name) => write!(f, "option '--{name}' doesn't allow an argument"),
            Self::InvalidShort(letter) => write!(f, "invalid option -- '{letter}'"),
            Self::MissingShortValue(letter) => write!(f, "option requires an argument -- '{letter}'"),
        }
    }
}

impl std::error::Error for UsageError {}

/// Reads `args` (without the program's name).
///
/// # Errors
/// The first thing on the command line that does not fit `known`.
pub fn parse(known: &[Opt], args: &[String]) -> Result<Parsed, UsageError> {
    read(known, args, false)
}

/// Like [`parse`], but everything from the first operand on is an operand, for programs whose operands are another's command.
///
/// # Errors
/// The first thing before the first operand that does not fit `known`.
pub fn parse_leading(known: &[Opt], args: &[String]) -> Result<Parsed, UsageError> {
    read(known, args, true)
}

fn read(known: &[Opt], args: &[String], leading: bool) -> Result<Parsed, UsageError> {
    let mut parsed = Parsed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.operands.extend(args.cloned());
            break;
        }
        if let Some(long) = arg.strip_prefix("--") {
            parsed.options.push(long_option(known, long, &mut args)?);
        } else if arg.len() > 1 && arg.starts_with('-') {
            short_options(known, &arg[1..], &mut args, &mut parsed.options)?;
        } else {
            parsed.operands.push(arg.clone());
            if leading {
                parsed.operands.extend(args.cloned());
                break;
            }
        }
    }
    Ok(parsed)
}

fn long_option<'a>(
    known: &[Opt],
    text: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(&'static str, Option<String>), UsageError> {
    let (name, inline) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let option = find_long(known, name)?;
    let value = match (option.takes, inline) {
        (Takes::Nothing, Some(_)) => return Err(UsageError::UnwantedValue(option.long)),
        (Takes::Nothing, None) => None,
        (Takes::Maybe, inline) => inline,
        (Takes::Value, Some(value)) => Some(value),
        (Takes::Value, None) => {
            Some(rest.next().cloned().ok_or_else(|| UsageError::MissingValue(option.long.to_owned()))?)
        }
    };
    Ok((option.long, value))
}

fn find_long<'a>(known: &'a [Opt], name: &str) -> Result<&'a Opt, UsageError> {
    if let Some(exact) = known.iter().find(|option| option.long == name) {
        return Ok(exact);
    }
    let candidates: Vec<&Opt> = known.iter().filter(|option| option.long.starts_with(name)).collect();
    match candidates.as_slice() {
        [] => Err(UsageError::Unrecognized(name.to_owned())),
        [one] => Ok(one),
        many => Err(UsageError::Ambiguous(name.to_owned(), many.iter().map(|option| option.long).collect())),
    }
}

fn short_options<'a>(
    known: &[Opt],
    letters: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    options: &mut Vec<(&'static str, Option<String>)>,
) -> Result<(), UsageError> {
    let mut letters = letters.chars();
    while let Some(letter) = letters.next() {
        let option = known
            .iter()
            .find(|option| option.short == Some(letter))
            .ok_or(UsageError::InvalidShort(letter))?;
        let attached = letters.as_str();
        let value = match option.takes {
            Takes::Nothing => {
                options.push((option.long, None));
                continue;
            }
            Takes::Maybe => (!attached.is_empty()).then(|| attached.to_owned()),
            Takes::Value if !attached.is_empty() => Some(attached.to_owned()),
            Takes::Value => Some(rest.next().cloned().ok_or(UsageError::MissingShortValue(letter))?),
        };
        options.push((option.long, value));
        break;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Opt] = &[
        opt("pidfile", Takes::Maybe),
        opt("remote", Takes::Value),
        opt("detach", Takes::Nothing),
        short('v', "verbose", Takes::Maybe),
        short('t', "timeout", Takes::Value),
        short('V', "version", Takes::Nothing),
    ];

    fn check(line: &str, expected: &str) {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let got = match parse(KNOWN, &args) {
            Ok(parsed) => {
                let options: Vec<String> = parsed
                    .options
                    .iter()
                    .map(|(name, value)| match value {
                        Some(value) => format!("{name}={value}"),
                        None => (*name).to_owned(),
                    })
                    .collect();
                format!("{} | {}", options.join(" "), parsed.operands.join(" "))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "{line}");
    }

    #[test]
    fn it_reads_what_getopt_long_reads() {
        check("--pidfile a --remote=x b", "pidfile remote=x | a b");
        check("--pidfile=p --remote x", "pidfile=p remote=x | ");
        check(
            "--det --rem x -vconsole:off -v -t3 -t 4",
            "detach remote=x verbose=console:off verbose timeout=3 timeout=4 | ",
        );
        check("a -- --remote", " | a --remote");
        check("-Vt5 -", "version timeout=5 | -");
        check("--nope", "unrecognized option '--nope'");
        check("--ver", "option '--ver' is ambiguous; possibilities: '--verbose' '--version'");
        check("--remote", "option '--remote' requires an argument");
        check("--detach=1", "option '--detach' doesn't allow an argument");
        check("-x", "invalid option -- 'x'");
        check("-t", "option requires an argument -- 't'");
    }
}
