//! What can be asked of a trace, and how the command line and the control socket say it.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;

/// The flags of connection tracking, in the order in which they are printed, with their bit in `ct_state`.
pub(crate) const CT_FLAGS: [(&str, u8); 8] = [
    ("new", 0x01),
    ("est", 0x02),
    ("rel", 0x04),
    ("rpl", 0x08),
    ("inv", 0x10),
    ("trk", 0x20),
    ("snat", 0x40),
    ("dnat", 0x80),
];

/// Which forms of the trace are wanted, and what to assume where the database does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub detailed: bool,
    pub summary: bool,
    pub minimal: bool,
    /// Whether long names are replaced by those that a cloud management system gave its users.
    pub friendly_names: bool,
    /// What each tracking of the packet finds, in order, as `ct_state`; after the last one, `trk,est`.
    pub ct: VecDeque<u8>,
    /// What a load balancer without a visible choice sends the packet to.
    pub lb_dst: Option<(IpAddr, u16)>,
    /// What a `select` action chooses.
    pub select_id: Option<u16>,
    /// Whether the OpenFlow flows that were made of each flow are shown with it.
    pub ovs: bool,
    /// A form of our own in place of upstream's.
    pub form: Option<Form>,
    /// Whether connections are remembered, so that the first packet begins one.
    pub stateful: bool,
}

/// The forms that upstream's program does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What matters, for people: hops, changes, who asked for it, why it was dropped.
    Pretty,
    /// Everything, for programs.
    Json,
}

impl Default for Options {
    /// Detailed, with friendly names.
    fn default() -> Self {
        Self {
            detailed: false,
            summary: false,
            minimal: false,
            friendly_names: true,
            ct: VecDeque::new(),
            lb_dst: None,
            select_id: None,
            ovs: false,
            form: None,
            stateful: false,
        }
    }
}

/// What is traced after the first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another packet, as an expression that names its ingress port.
    Packet(String),
    /// An answer to the packet before, from each port where it arrived.
    Reply,
}

/// The most packets of one request.
pub const PACKETS_MAX: usize = 64;

/// One trace to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The name or UUID of a datapath; without one it is that of the packet's ingress port.
    pub datapath: Option<String>,
    /// The packet, as an expression.
    pub microflow: String,
    /// What comes after it, in order. Connections are remembered if there is anything.
    pub then: Vec<Then>,
    /// A packet, A, whose way is compared with that of the first one, B.
    pub compare: Option<String>,
    pub options: Options,
    /// What is odd about the options, for the log.
    pub warnings: Vec<String>,
}

/// What a command line asks for. Options of daemons and of the connection are taken out before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Trace(Request),
    Help,
    Version,
}

/// A command line that makes no sense. `Display` is the message without the program's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("unrecognized option '{0}'")]
    UnknownOption(String),
    #[error("option '{0}' requires an argument")]
    MissingValue(String),
    #[error("option '{0}' doesn't allow an argument")]
    UnwantedValue(String),
    #[error("{0}: unknown connection tracking state flag")]
    UnknownCtFlag(String),
    #[error("{0}: bad address")]
    BadAddress(String),
    #[error("{0}: bad select-id")]
    BadSelectId(String),
    #[error("more than {PACKETS_MAX} packets")]
    TooManyPackets,
    #[error("--compare is of two packets, and knows no --then, --reply, --json")]
    Compare,
    #[error("one or two non-option arguments are required (use --help for help)")]
    Arguments,
}

impl Command {
    /// Reads the arguments after the program's name: `[OPTIONS] [DATAPATH] MICROFLOW`.
    ///
    /// # Errors
    /// If they are not that.
    pub fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Self, UsageError> {
        let mut request = Request::default();
        let mut operands = Vec::new();
        let mut only_operands = false;
        let mut arguments = arguments.iter().map(AsRef::as_ref);
        while let Some(argument) = arguments.next() {
            if only_operands || !argument.starts_with('-') || argument == "-" {
                operands.push(argument.to_owned());
                continue;
            }
            match argument {
                "--" => only_operands = true,
                "-h" | "--help" => return Ok(Self::Help),
                "-V" | "--version" => return Ok(Self::Version),
                _ => {
                    let (name, inline) = match argument.split_once('=') {
                        Some((name, value)) => (name, Some(value)),
                        None => (argument, None),
                    };
                    let mut value = || {
                        let value = inline.or_else(|| arguments.next());
                        value.ok_or_else(|| UsageError::MissingValue(name.to_owned()))
                    };
                    request.option(name, inline, &mut value)?;
                }
            }
        }
        if request.then.len() >= PACKETS_MAX {
            return Err(UsageError::TooManyPackets);
        }
        if request.compare.is_some() && (!request.then.is_empty() || request.options.form == Some(Form::Json))
        {
            return Err(UsageError::Compare);
        }
        request.microflow = operands.pop().ok_or(UsageError::Arguments)?;
        request.datapath = operands.pop();
        if operands.is_empty() { Ok(Self::Trace(request)) } else { Err(UsageError::Arguments) }
    }
}

impl Request {
    /// Takes one option. `value` gives its argument, from after the `=` or else the next one.
    fn option<'a>(
        &mut self,
        name: &str,
        inline: Option<&str>,
        value: &mut dyn FnMut() -> Result<&'a str, UsageError>,
    ) -> Result<(), UsageError> {
        let options = &mut self.options;
        let flags: &mut [(&str, &mut bool, bool)] = &mut [
            ("--detailed", &mut options.detailed, true),
            ("--summary", &mut options.summary, true),
            ("--minimal", &mut options.minimal, true),
            ("--friendly-names", &mut options.friendly_names, true),
            ("--stateful", &mut options.stateful, true),
            ("--ovs", &mut options.ovs, true),
        ];
        if let Some((_, flag, to)) = flags.iter_mut().find(|(flag, ..)| *flag == name) {
            **flag = *to;
        } else if name == "--no-friendly-names" {
            options.friendly_names = false;
        } else if name == "--pretty" {
            options.form = Some(Form::Pretty);
        } else if name == "--json" {
            options.form = Some(Form::Json);
        } else if name == "--reply" {
            self.then.push(Then::Reply);
        } else if name == "--all" {
            (options.detailed, options.summary, options.minimal) = (true, true, true);
        } else {
            match name {
                "--ct" => {
                    let state = parse_ct(value()?)?;
                    options.ct.push_back(state);
                    self.warnings.extend(ct_complaint(state));
                }
                "--lb-dst" => options.lb_dst = Some(parse_lb_dst(value()?)?),
                "--select-id" => {
                    let text = value()?;
                    options.select_id =
                        Some(text.parse().map_err(|_| UsageError::BadSelectId(text.to_owned()))?);
                }
                "--then" => self.then.push(Then::Packet(value()?.to_owned())),
                "--compare" => self.compare = Some(value()?.to_owned()),
                _ => return Err(UsageError::UnknownOption(name.to_owned())),
            }
            return Ok(());
        }
        match inline {
            None => Ok(()),
            Some(_) => Err(UsageError::UnwantedValue(name.to_owned())),
        }
    }
}

/// Flags with commas or spaces between them; the packet is always tracked.
fn parse_ct(text: &str) -> Result<u8, UsageError> {
    let mut state = 0x20;
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let flag = CT_FLAGS.iter().find(|(name, _)| *name == word);
        state |= flag.ok_or_else(|| UsageError::UnknownCtFlag(word.to_owned()))?.1;
    }
    Ok(state)
}

/// What no connection tracker ever says.
fn ct_complaint(state: u8) -> Option<String> {
    let complaint = if state & 0x10 != 0 && state & !0x30 != 0 {
        "when \"inv\" is set, only \"trk\" may also be set"
    } else if state & 0x03 == 0x03 {
        "\"new\" and \"est\" are mutually exclusive"
    } else if state & 0x09 == 0x09 {
        "\"new\" and \"rpy\" are mutually exclusive"
    } else {
        return None;
    };
    Some(format!("{}: invalid connection state: {complaint}", CtState(state)))
}

fn parse_lb_dst(text: &str) -> Result<(IpAddr, u16), UsageError> {
    let bad = || UsageError::BadAddress(text.to_owned());
    if let Ok(address) = text.parse() {
        return Ok((address, 0));
    }
    let (address, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let address = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    Ok((address.parse().map_err(|_| bad())?, port.parse().map_err(|_| bad())?))
}

/// `ct_state` as its flags, with `|` between them.
pub(crate) struct CtState(pub(crate) u8);

impl fmt::Display for CtState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, bit) in CT_FLAGS {
            if self.0 & bit != 0 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arguments: &[&str]) -> Request {
        match Command::parse(arguments) {
            Ok(Command::Trace(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_may_stand_anywhere() {
        let read =
            request(&["sw0", "--summary", "ip4", "--ct=new", "--ct", "est,rpl", "--no-friendly-names"]);
        assert_eq!((read.datapath.as_deref(), read.microflow.as_str()), (Some("sw0"), "ip4"));
        assert!(read.options.summary && !read.options.detailed && !read.options.friendly_names);
        assert_eq!(read.options.ct, [0x21, 0x2a]);
        let all = request(&["--all", "--", "--odd"]);
        assert_eq!(all.microflow, "--odd");
        assert!(all.options.detailed && all.options.summary && all.options.minimal);
        assert_eq!(request(&["--lb-dst=1.2.3.4:80", "x"]).options.lb_dst, Some(([1, 2, 3, 4].into(), 80)));
        assert_eq!(Command::parse(&["-h"]), Ok(Command::Help));
        assert_eq!(Command::parse(&["--version"]), Ok(Command::Version));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let error = |arguments: &[&str]| Command::parse(arguments).map_err(|e| e.to_string()).unwrap_err();
        assert_eq!(error(&["--bogus", "x"]), "unrecognized option '--bogus'");
        assert_eq!(error(&["--all=x", "x"]), "option '--all' doesn't allow an argument");
        assert_eq!(error(&["--ct"]), "option '--ct' requires an argument");
        assert_eq!(error(&["--ct=foo", "x"]), "foo: unknown connection tracking state flag");
        assert_eq!(error(&["--select-id=x", "x"]), "x: bad select-id");
        assert_eq!(error(&["--lb-dst=foo", "x"]), "foo: bad address");
        assert_eq!(error(&["--lb-dst=1.2.3.4:x", "x"]), "1.2.3.4:x: bad address");
        let message = "one or two non-option arguments are required (use --help for help)";
        assert_eq!(error(&[]), message);
        assert_eq!(error(&["a", "b", "c"]), message);
    }

    #[test]
    fn a_connection_state_that_cannot_be_is_warned_of() {
        let warnings = |ct: &str| request(&["--ct", ct, "x"]).warnings;
        assert_eq!(
            warnings("new inv"),
            ["new|inv|trk: invalid connection state: when \"inv\" is set, only \"trk\" may also be set"]
        );
        assert_eq!(warnings("new,est").len(), 1);
        assert_eq!(warnings("new,rpl").len(), 1);
        assert!(warnings("trk,est,rpl").is_empty());
    }
}
