//! `ovn-trace`: reads the southbound database once and follows a packet through it.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use ovsdb::replica::{Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use schema::sb;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trace::{Command, Request};

use crate::base::options::TLS;
use crate::base::paths::Family;
use crate::base::shell;
use crate::base::stream::{self, Stream};
use crate::base::target::Active;
use crate::base::tls::{Tls, TlsConfig};
use crate::vlog::{self, Vlog};

const NAME: &str = "ovn-trace";

/// Runs the program.
pub fn run(args: &[String]) -> ExitCode {
    let vlog = vlog::init(NAME);
    match traced(&vlog, args) {
        Ok(text) => {
            // A closed pipe is the reader's choice.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{NAME}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn traced(vlog: &Vlog, args: &[String]) -> anyhow::Result<String> {
    // Clients warn on the console and are silent else, as upstream's are.
    vlog.set("console:warn")?;
    let connection = Connection::take(vlog, args)?;
    let request = match Command::parse(&connection.rest)? {
        Command::Help => return Ok(HELP.to_owned()),
        Command::Version => return Ok(format!("{}\n", shell::version(NAME))),
        Command::Trace(request) => request,
    };
    for warning in &request.warnings {
        tracing::warn!(target: "ovntrace", "{warning}");
    }
    let targets = Active::parse_list(&connection.db, &Family::Ovn.run_dir())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tables = runtime.block_on(read_southbound(&connection.db, &targets, connection.tls))?;
    Ok(answer(&tables, &request))
}

fn answer(tables: &sb::Tables, request: &Request) -> String {
    let output = trace::trace(tables, request);
    for warning in output.warnings {
        tracing::warn!(target: "ovntrace", "{warning}");
    }
    output.text
}

/// The options about the database and the log; `rest` is for the core.
struct Connection {
    db: String,
    tls: TlsConfig,
    rest: Vec<String>,
}

impl Connection {
    fn take(vlog: &Vlog, args: &[String]) -> anyhow::Result<Self> {
        let default = || format!("unix:{}", Family::Ovn.run_dir().join("ovnsb_db.sock").display());
        let mut db = std::env::var("OVN_SB_DB").unwrap_or_else(|_| default());
        let (mut tls, mut rest) = (TlsConfig::default(), Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if let Some(value) = arg.strip_prefix("--db=") {
                value.clone_into(&mut db);
            } else if arg == "--db" {
                db = args.next().context("option '--db' requires an argument")?.clone();
            } else if let Some(spec) = arg.strip_prefix("--verbose=").or_else(|| arg.strip_prefix("-v")) {
                vlog.set(spec)?;
            } else if arg == "--verbose" {
                vlog.set("")?;
            } else if arg == "--no-leader-only" || arg == "--leader-only" {
                // Whoever answers will do: a trace writes nothing.
            } else if let Some((name, value)) = tls_option(arg) {
                let missing = || format!("option '--{name}' requires an argument");
                let value = value.or_else(|| args.next().map(String::as_str)).with_context(missing)?;
                tls.set(name, value);
            } else if arg == "--" {
                rest.push(arg.clone());
                rest.extend(args.by_ref().cloned());
            } else {
                rest.push(arg.clone());
            }
        }
        Ok(Self { db, tls, rest })
    }
}

/// An option about keys, and its value if that is in the same word.
fn tls_option(arg: &str) -> Option<(&'static str, Option<&str>)> {
    let by_letter = |letter| TLS.iter().find(|option| option.short == Some(letter));
    let Some(long) = arg.strip_prefix("--") else {
        let mut letters = arg.strip_prefix('-')?.chars();
        let option = by_letter(letters.next()?)?;
        return Some((option.long, Some(letters.as_str()).filter(|rest| !rest.is_empty())));
    };
    let (name, value) = match long.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (long, None),
    };
    TLS.iter().find(|option| option.long == name).map(|option| (option.long, value))
}

/// The whole southbound database, once.
async fn read_southbound(db: &str, targets: &[Active], tls: TlsConfig) -> anyhow::Result<sb::Tables> {
    let tls = Tls::new(tls);
    let mut failure = "no remote is given".to_owned();
    for target in targets {
        match stream::connect(target, &tls).await {
            Ok(stream) => return download(stream).await.with_context(|| db.to_owned()),
            Err(error) => failure = crate::base::os_error(&error),
        }
    }
    bail!("{db}: database connection failed ({failure})")
}

async fn download(mut stream: Stream) -> anyhow::Result<sb::Tables> {
    let monitors: Vec<_> = sb::TableId::ALL.iter().map(|table| table.monitor()).collect();
    let mut tables = sb::Tables::with_monitors(&monitors);
    let mut replica = Replica::new(sb::schema().clone(), monitors, ReplicaOptions::default());
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; 256 << 10];
    replica.connected(Instant::now());
    loop {
        while let Some(message) = replica.poll_output() {
            stream.write_all(message.to_string().as_bytes()).await?;
        }
        stream.flush().await?;
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            bail!("the server closed the connection");
        }
        framer.push(&buffer[..length])?;
        while let Some(message) = framer.pop() {
            replica.handle_message(message, Instant::now());
        }
        let mut complete = false;
        while let Some(event) = replica.poll_event() {
            match event {
                ReplicaEvent::Synced => complete = true,
                ReplicaEvent::Changes(changes) => {
                    for change in &changes {
                        if let Err(error) = tables.apply(change) {
                            tracing::warn!(target: "ovntrace", "row ignored: {error}");
                        }
                    }
                }
                ReplicaEvent::Lost(reason) => bail!("the database cannot be read: {reason}"),
                ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
        if complete {
            return Ok(tables);
        }
    }
}

const HELP: &str = "\
ovn-trace: follows a packet through the logical network
usage: ovn-trace [OPTION...] [DATAPATH] MICROFLOW
Without a DATAPATH it is that of the packet's inport.
What to print:
  --detailed              every flow the packet meets (default)
  --summary               what is done to it
  --minimal               where it goes
  --all                   all three
  --no-friendly-names     the names in the database rather than those of the CMS
What to assume:
  --ct=FLAG[,FLAG]...     connection state that the next tracking finds
  --lb-dst=IP[:PORT]      backend that a load balancer chooses
  --select-id=ID          what a select action chooses
Where to read:
  --db=REMOTE             the southbound database (default: OVN_SB_DB, or
                          ovnsb_db.sock in the run directory)
  -v, --verbose=[SPEC]    set log levels
  -h, --help              this help
  -V, --version           version information
";
