//! `ovs-ofctl`: the shell around its verbs: a blocking connection, files and the standard streams.
//!
//! ```text
//!  arguments ──► ofctl::run ──► stdout
//!                 │     ▲
//!             OpenFlow by a Unix or TCP socket (BRIDGE.mgmt, BRIDGE.snoop)
//! ```

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ofctl::{Stream, World};

use crate::base::os_error;
use crate::base::paths::Family;
use crate::base::target::Active;

/// What a shell says of a program that the alarm clock ended.
const ALARM_STATUS: i32 = 128 + 14;

/// Runs the program with these arguments.
pub fn run(args: &[String]) -> ExitCode {
    let mut desk = Desk { run_dir: Family::Ovs.run_dir(), start: Instant::now() };
    // A status is small; what would not fit is a failure all the same.
    u8::try_from(::ofctl::run(args, &mut desk)).map_or(ExitCode::FAILURE, ExitCode::from)
}

struct Desk {
    run_dir: PathBuf,
    start: Instant,
}

impl Desk {
    /// Where a switch is reached: a remote, a bridge of this host, or a socket.
    fn target(&self, text: &str, snoop: bool) -> Result<Active, String> {
        if ["unix:", "tcp:", "ssl:"].iter().any(|method| text.starts_with(method)) {
            return Active::parse(text, &self.run_dir).map_err(|error| error.to_string());
        }
        let suffix = if snoop { "snoop" } else { "mgmt" };
        let bridge = self.run_dir.join(format!("{text}.{suffix}"));
        if bridge.exists() {
            return Ok(Active::Unix(bridge));
        }
        if Path::new(text).exists() {
            return Ok(Active::Unix(PathBuf::from(text)));
        }
        Err(format!("{text} is not a bridge or a socket"))
    }
}

impl World for Desk {
    fn connect(&mut self, target: &str, snoop: bool) -> Result<Box<dyn Stream>, String> {
        let failed =
            |error: std::io::Error| format!("{target}: failed to connect to socket ({})", os_error(&error));
        match self.target(target, snoop)? {
            Active::Unix(path) => Ok(Box::new(Socket(UnixStream::connect(path).map_err(failed)?))),
            Active::Tcp(address) => Ok(Box::new(Socket(TcpStream::connect(address).map_err(failed)?))),
            Active::Tls(_) => Err(format!("{target}: this program does not speak TLS")),
        }
    }

    fn read_file(&mut self, name: &str) -> Result<String, String> {
        if name == "-" {
            return std::io::read_to_string(std::io::stdin())
                .map_err(|error| format!("stdin: {}", os_error(&error)));
        }
        std::fs::read_to_string(name).map_err(|error| format!("{name}: open: {}", os_error(&error)))
    }

    fn is_file(&mut self, name: &str) -> bool {
        name == "-" || Path::new(name).is_file()
    }

    fn print(&mut self, text: &str) {
        let mut out = std::io::stdout();
        // Whoever read it may be gone; then nobody is left to be told.
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(1);
        }
    }

    fn complain(&mut self, text: &str) {
        eprint!("{text}");
    }

    fn end_after(&mut self, seconds: u32) {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(seconds.into()));
            // Whoever started it sees an alarm; where signals are blocked, a status that says the same.
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGALRM);
            std::process::exit(ALARM_STATUS);
        });
    }

    fn micros(&mut self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

/// A connected socket that blocks.
struct Socket<S>(S);

impl<S: Read + Write> Stream for Socket<S> {
    fn write(&mut self, octets: &[u8]) -> Result<(), String> {
        self.0.write_all(octets).map_err(|error| os_error(&error))
    }

    fn read(&mut self) -> Result<Vec<u8>, String> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match self.0.read(&mut buffer) {
                Ok(length) => {
                    buffer.truncate(length);
                    return Ok(buffer);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(os_error(&error)),
            }
        }
    }
}
