//! `ovs-ofctl`: looks at a switch and changes it by OpenFlow.
//!
//! The tour: [`run`] reads the command line (`options`) and finds the verb in the table `verb::VERBS`; a verb talks with
//! the switch through a `Session`, which speaks OpenFlow over a [`Stream`] of octets, and prints what came back. What
//! messages look like in text is the business of crate `openflow`.
//!
//! The invariant: sockets, files and the clock are behind [`World`]; this crate moves octets and text only.
#![forbid(unsafe_code)]

mod names;
mod options;
mod packets;
mod protocols;
mod session;
mod verb;

use options::{Options, Parsed};

/// A connection to a switch.
pub trait Stream {
    /// Writes all of these octets.
    ///
    /// # Errors
    /// Why not.
    fn write(&mut self, octets: &[u8]) -> Result<(), String>;

    /// Waits for some octets; none at the end of the stream.
    ///
    /// # Errors
    /// Why not.
    fn read(&mut self) -> Result<Vec<u8>, String>;
}

/// Everything outside.
pub trait World {
    /// Connects to a switch: a bridge by name, or a remote. With `snoop` to the socket that repeats what its controllers hear.
    ///
    /// # Errors
    /// Why not.
    fn connect(&mut self, target: &str, snoop: bool) -> Result<Box<dyn Stream>, String>;

    /// The contents of a file; `-` is the standard input.
    ///
    /// # Errors
    /// Why not.
    fn read_file(&mut self, name: &str) -> Result<String, String>;

    /// Whether there is such a file.
    fn is_file(&mut self, name: &str) -> bool;

    /// Writes to the standard output, at once.
    fn print(&mut self, text: &str);

    /// Writes to the standard error output.
    fn complain(&mut self, text: &str);

    /// Ends the program after so many seconds, as a signal of the alarm clock would.
    fn end_after(&mut self, seconds: u32);

    /// Microseconds since some moment.
    fn micros(&mut self) -> u64;
}

/// Why a verb ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// To be told after the program's name.
    #[error("{0}")]
    Told(String),
    /// The switch refused something: its message in text.
    #[error("{0}")]
    Refused(String),
    /// What was asked for is so; the exit status says it.
    #[error("")]
    Status(i32),
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::Told(text.into())
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Told(text)
    }
}

impl From<openflow::TextError> for Failure {
    fn from(error: openflow::TextError) -> Self {
        Self::Told(error.to_string())
    }
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Runs the program with these arguments (without its own name); the exit status.
pub fn run(args: &[String], world: &mut dyn World) -> i32 {
    let mut reads = false;
    let outcome = match options::parse(args) {
        Ok(Parsed::Help) => {
            world.print(&verb::help());
            return 0;
        }
        Ok(Parsed::Version) => {
            world.print(concat!("ovs-ofctl (ovn) ", env!("CARGO_PKG_VERSION"), "\n"));
            return 0;
        }
        Ok(Parsed::Run(options)) => {
            let name = options.operands.first();
            reads = name.and_then(|name| verb::find(name)).is_some_and(|verb| !verb.changes);
            dispatch(&options, world)
        }
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => 0,
        Err(Failure::Status(status)) => status,
        // A refusal is an answer too, to who only asked.
        Err(Failure::Refused(text)) if reads => {
            world.print(&text);
            0
        }
        Err(Failure::Refused(text)) => {
            world.complain(&text);
            1
        }
        Err(Failure::Told(text)) => {
            world.complain(&format!("ovs-ofctl: {text}\n"));
            1
        }
    }
}

fn dispatch(options: &Options, world: &mut dyn World) -> Result<()> {
    let Some((name, args)) = options.operands.split_first() else {
        return Err(Failure::new("missing command name; use --help for help"));
    };
    let Some(verb) = verb::find(name) else {
        return Err(Failure::new(format!("unknown command '{name}'; use --help for help")));
    };
    if args.len() < verb.least {
        return Err(Failure::new(format!("'{name}' command requires at least {} arguments", verb.least)));
    }
    if args.len() > verb.most {
        return Err(Failure::new(format!("'{name}' command takes at most {} arguments", verb.most)));
    }
    if options.read_only && verb.changes {
        return Err(Failure::new(format!("'{name}' command is not available in read-only mode")));
    }
    if options.timeout != 0 {
        world.end_after(options.timeout);
    }
    (verb.run)(options, args, world)
}
