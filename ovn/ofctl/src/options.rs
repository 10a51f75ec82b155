//! The command line.

use openflow::{PacketInFormat, Version, Versions};

use crate::protocols::Protocols;
use crate::{Failure, Result};

/// What the command line says, beside the verb's own operands.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub versions: Versions,
    /// The ways to say flows that `--flow-format` allows.
    pub formats: Option<Protocols>,
    pub packet_in: Option<PacketInFormat>,
    pub strict: bool,
    /// Fields to sort flows by, and whether the greatest comes first.
    pub sort: Vec<(String, bool)>,
    pub names: bool,
    pub stats: bool,
    pub bundle: bool,
    pub may_create: bool,
    pub read_only: bool,
    /// Seconds after which the program ends, whatever it does; zero for never.
    pub timeout: u32,
    /// How often `--more` was said.
    pub more: u8,
    /// The verb and its arguments.
    pub operands: Vec<String>,
}

pub(crate) enum Parsed {
    Help,
    Version,
    Run(Options),
}

/// Options with a value, long and short.
const VALUED: [(&str, &str); 8] = [
    ("protocols", "O"),
    ("flow-format", "F"),
    ("packet-in-format", "P"),
    ("timeout", "t"),
    ("verbose", "v"),
    ("log-file", ""),
    ("pidfile", ""),
    ("unixctl", ""),
];

/// Of these, the ones whose value may be left out.
const OPTIONAL: [&str; 5] = ["verbose", "log-file", "pidfile", "sort", "rsort"];

/// Options may stand anywhere, also after operands.
pub(crate) fn parse(args: &[String]) -> Result<Parsed> {
    let mut options = Options {
        // What upstream's tool offers unless told otherwise.
        versions: Versions::of(&[Version::Of10]),
        formats: None,
        packet_in: None,
        strict: false,
        sort: Vec::new(),
        names: false,
        stats: true,
        bundle: false,
        may_create: false,
        read_only: false,
        timeout: 0,
        more: 0,
        operands: Vec::new(),
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            options.operands.extend(args.cloned());
            break;
        }
        let Some((name, value)) = name_and_value(arg) else {
            options.operands.push(arg.clone());
            continue;
        };
        let takes = VALUED.iter().any(|(long, _)| *long == name) && !OPTIONAL.contains(&name.as_str());
        let value = match value {
            None if takes => {
                let missing = || Failure::new(format!("option '{arg}' requires an argument"));
                Some(args.next().ok_or_else(missing)?.clone())
            }
            value => value,
        };
        match name.as_str() {
            "help" => return Ok(Parsed::Help),
            "version" => return Ok(Parsed::Version),
            _ => set(&mut options, &name, value, arg)?,
        }
    }
    Ok(Parsed::Run(options))
}

/// The long name of an option, and the value that is written with it.
fn name_and_value(arg: &str) -> Option<(String, Option<String>)> {
    if let Some(long) = arg.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v.to_owned())));
        return Some((name.to_owned(), value));
    }
    let short = arg.strip_prefix('-').filter(|rest| !rest.is_empty())?;
    let (letter, rest) = short.split_at(short.chars().next().map_or(0, char::len_utf8));
    let long = match letter {
        "h" => "help",
        "V" => "version",
        "m" => "more",
        letter => VALUED.iter().find(|(_, short)| *short == letter).map_or(letter, |(long, _)| *long),
    };
    Some((long.to_owned(), (!rest.is_empty()).then(|| rest.to_owned())))
}

fn set(options: &mut Options, name: &str, value: Option<String>, arg: &str) -> Result<()> {
    let text = value.unwrap_or_default();
    match name {
        "protocols" => options.versions = versions(&text)?,
        "packet-in-format" => {
            options.packet_in = Some(match text.as_str() {
                "standard" | "openflow10" => PacketInFormat::Standard,
                "nxt_packet_in" | "nxm" => PacketInFormat::Nxt,
                "nxt_packet_in2" => PacketInFormat::Nxt2,
                _ => return Err(Failure::new(format!("unknown packet-in format `{text}'"))),
            });
        }
        "strict" => options.strict = true,
        "sort" | "rsort" => {
            let field = if text.is_empty() { "priority".to_owned() } else { text };
            options.sort.push((field, name == "rsort"));
        }
        "names" => options.names = true,
        "no-names" => options.names = false,
        "stats" => options.stats = true,
        "no-stats" => options.stats = false,
        "bundle" => options.bundle = true,
        "may-create" => options.may_create = true,
        "read-only" => options.read_only = true,
        "more" => options.more = options.more.saturating_add(1),
        "timeout" => {
            let bad = || Failure::new(format!("value {text} on -t or --timeout is invalid"));
            options.timeout = text.parse().map_err(|_| bad())?;
        }
        // Flows are always sent in the form that the version has.
        "flow-format" => {
            let bad = || Failure::new(format!("{text}: unknown flow format"));
            options.formats = Some(Protocols::named(&text).ok_or_else(bad)?);
        }
        // Logs and colours are the shell's.
        "verbose" | "log-file" | "pidfile" | "unixctl" | "color" | "timestamp" => {}
        _ => return Err(Failure::new(format!("unrecognized option '{arg}'"))),
    }
    Ok(())
}

/// `OpenFlow10,OpenFlow13` and the like. Versions 1.1 and 1.2 are not spoken here.
fn versions(text: &str) -> Result<Versions> {
    let mut found = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        found.push(match word.to_ascii_lowercase().as_str() {
            "openflow10" => Version::Of10,
            "openflow13" => Version::Of13,
            "openflow14" => Version::Of14,
            "openflow15" => Version::Of15,
            "openflow11" | "openflow12" => continue,
            _ => return Err(Failure::new(format!("{word} is not a valid OpenFlow version"))),
        });
    }
    if found.is_empty() {
        return Err(Failure::new("no OpenFlow version that this program speaks was named"));
    }
    Ok(Versions::of(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Options {
        let args: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
        match parse(&args) {
            Ok(Parsed::Run(options)) => options,
            Ok(Parsed::Help | Parsed::Version) => panic!("no verb"),
            Err(failure) => panic!("{failure}"),
        }
    }

    #[test]
    fn options_stand_anywhere() {
        let options = run("-O OpenFlow15,OpenFlow13 dump-flows br0 --no-stats --rsort=in_port -mm");
        assert_eq!(options.operands, ["dump-flows", "br0"]);
        assert_eq!(options.versions, Versions::of(&[Version::Of13, Version::Of15]));
        assert!(!options.stats);
        assert_eq!(options.sort, [("in_port".to_owned(), true)]);
        assert!(parse(&["--nosuch".to_owned()]).is_err() && parse(&["-O".to_owned()]).is_err());
    }
}
