//! `ovn-trace`: follows a packet through the southbound database of a server, of a file, or of a topology.
//!
//! ```text
//!  southbound server ◄──JSON-RPC──► one stream, or Net ──► trace::service::Service ──► text
//!  file ──► replay ──► trace::Tracer ──► text               ▲        │
//!  topology ──► northd ──┘                      command line,        ├── OpenFlow of a switch (--ovs)
//!                                           or control socket        └── northbound server (--pretty, --json)
//! ```

mod copy;
mod northbound;
mod once;
mod openflow;
mod plan;
mod serve;
mod source;
mod verify;

pub use plan::Plan;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use trace::{Command, Traced};

use crate::base::getopt::{Opt, Takes, opt};
use crate::base::options::{self, Own, Program, TLS};
use crate::base::paths::Family;
use crate::base::shell;
use crate::base::tls::{Tls, TlsConfig};
use crate::vlog;
use source::Source;

const PROGRAM: Program = Program { name: "ovn-trace", family: Family::Ovn };

/// What the core understands.
const CORE: &[Opt] = &[
    opt("detailed", Takes::Nothing),
    opt("summary", Takes::Nothing),
    opt("minimal", Takes::Nothing),
    opt("all", Takes::Nothing),
    opt("pretty", Takes::Nothing),
    opt("json", Takes::Nothing),
    opt("friendly-names", Takes::Nothing),
    opt("no-friendly-names", Takes::Nothing),
    opt("ct", Takes::Value),
    opt("lb-dst", Takes::Value),
    opt("select-id", Takes::Value),
    opt("stateful", Takes::Nothing),
    opt("then", Takes::Value),
    opt("reply", Takes::Nothing),
    opt("compare", Takes::Value),
];

const OWN: &[Opt] = &{
    let mut all = [opt("", Takes::Nothing); CORE.len() + TLS.len() + 8];
    let mut i = 0;
    while i < CORE.len() {
        all[i] = CORE[i];
        i += 1;
    }
    while i < CORE.len() + TLS.len() {
        all[i] = TLS[i - CORE.len()];
        i += 1;
    }
    all[i] = opt("db", Takes::Value);
    all[i + 1] = opt("leader-only", Takes::Nothing);
    all[i + 2] = opt("no-leader-only", Takes::Nothing);
    all[i + 3] = opt("ovs", Takes::Maybe);
    all[i + 4] = opt("nb-db", Takes::Value);
    all[i + 5] = opt("topology", Takes::Value);
    all[i + 6] = opt("all-packets", Takes::Nothing);
    all[i + 7] = opt("dropped", Takes::Nothing);
    all
};

/// Reads a topology file.
pub type ReadTopology = fn(&Path) -> anyhow::Result<Plan>;

/// What a process was asked to do, beside the trace itself.
struct Setting {
    source: Source,
    /// Whether only the leader of a cluster will do.
    leader_only: bool,
    /// The switch whose flows are to be shown.
    ovs: Option<String>,
    /// The northbound database, if the user named one.
    northbound: Option<String>,
    tls: Tls,
}

/// Runs the program.
pub fn run(args: &[String], read_topology: ReadTopology) -> ExitCode {
    match start(args, read_topology) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}: {error:#}", PROGRAM.name);
            ExitCode::FAILURE
        }
    }
}

fn start(args: &[String], read_topology: ReadTopology) -> anyhow::Result<ExitCode> {
    let (common, own) = match options::parse(PROGRAM, OWN, args)? {
        options::Request::Help => return Ok(print(HELP)),
        options::Request::Version => return Ok(print(&format!("{}\n", shell::version(PROGRAM.name)))),
        options::Request::Run(common, own) => (common, own),
    };
    if common.detach.detach {
        return Ok(serve::run(args));
    }
    let vlog = vlog::init(PROGRAM.name);
    // Clients warn on the console and are silent else, as upstream's are.
    vlog.set("console:warn")?;
    shell::configure(&vlog, &common)?;
    if let Some(question) = verify::question(&own)? {
        let setting = Setting::new(&own, read_topology)?;
        return Ok(print(&verify::answer(&setting, &question)?));
    }
    let Command::Trace(request) = Command::parse(&core_words(&own))? else {
        return Ok(print(HELP));
    };
    warn(&request.warnings);
    let setting = Setting::new(&own, read_topology)?;
    Ok(print(&once::answer(&setting, request)?))
}

fn print(text: &str) -> ExitCode {
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!(target: "ovntrace", "{warning}");
    }
}

/// The options and operands that the core understands, as words of a command line.
fn core_words(own: &Own) -> Vec<String> {
    let mut words = core_options(own);
    words.push("--".to_owned());
    words.extend(own.operands.iter().cloned());
    words
}

fn core_options(own: &Own) -> Vec<String> {
    let is_core = |name: &str| CORE.iter().any(|option| option.long == name);
    let mut words: Vec<String> = Vec::new();
    for (name, value) in own.options.iter().filter(|(name, _)| is_core(name)) {
        words.push(match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        });
    }
    if own.has("ovs") {
        words.push("--ovs".to_owned());
    }
    words
}

impl Setting {
    fn new(own: &Own, read_topology: ReadTopology) -> anyhow::Result<Self> {
        let leader =
            own.options.iter().rev().map(|(name, _)| *name).find(|name| name.ends_with("leader-only"));
        Ok(Self {
            source: Source::new(own, read_topology)?,
            leader_only: leader != Some("no-leader-only"),
            ovs: own.last("ovs").map(|remote| match remote {
                "" => format!("unix:{}", Family::Ovs.run_dir().join("br-int.mgmt").display()),
                remote => remote.to_owned(),
            }),
            northbound: own.last("nb-db").map(str::to_owned),
            tls: Tls::new(TlsConfig::from_options(own)),
        })
    }

    /// Asks switch and northbound database for what the trace wants of them, and writes it down.
    ///
    /// `known` is the northbound database if it is at hand.
    async fn finish(&self, mut traced: Traced, known: Option<trace::Northbound>) -> String {
        let cookies = traced.cookies();
        if let Some(remote) = &self.ovs
            && !cookies.is_empty()
        {
            traced.put_openflow(&openflow::flows(remote, &cookies, &self.tls).await);
        }
        let northbound = match known {
            Some(known) => known,
            None if traced.asks_northbound() => northbound::read(self).await,
            None => trace::Northbound::default(),
        };
        let output = traced.into_output(&northbound);
        warn(&output.warnings);
        output.text
    }
}

const HELP: &str = "\
ovn-trace: follows a packet through the logical network
usage: ovn-trace [OPTION...] [DATAPATH] MICROFLOW
       ovn-trace [OPTION...] --detach
       ovn-trace [OPTION...] --all-packets FROM TO [EXPRESSION]
       ovn-trace [OPTION...] --dropped FROM TO [EXPRESSION]
Without a DATAPATH it is that of the packet's inport.
What to print:
  --detailed              every flow the packet meets (default)
  --summary               what is done to it
  --minimal               where it goes
  --all                   all three
  --pretty                hops and changes, who asked for them, why it was dropped
  --json                  everything, for programs
  --compare=MICROFLOW     where the packet and this one part
  --no-friendly-names     the names in the database rather than those of the CMS
  --ovs[=REMOTE]          the OpenFlow flows made of each flow, as a switch has them
                          (default: br-int.mgmt in the run directory of Open vSwitch)
What to assume:
  --ct=FLAG[,FLAG]...     connection state that the next tracking finds
  --lb-dst=IP[:PORT]      backend that a load balancer chooses
  --select-id=ID          what a select action chooses
What comes after the packet; connections are remembered from one to the next:
  --then=MICROFLOW        another packet
  --reply                 an answer from whoever got the packet before
  --stateful              remember, even with one packet: it begins its connection
About all packets, from a port or from \"any\" to another port:
  --all-packets           which ones get there, as classes with an example each
  --dropped               which ones are dropped, and where; those addressed to TO
                          unless an expression says which
Where to read:
  --db=REMOTE|FILE        the southbound database of a server, or a database file
                          (default: OVN_SB_DB, or ovnsb_db.sock in the run directory)
  --topology=FILE         the network of a lab's topology, without a lab
  --nb-db=REMOTE|none     the northbound database, to say who asked for a flow
                          (default: OVN_NB_DB, or ovnnb_db.sock in the run directory)
  --no-leader-only        any member of a cluster will do
As a daemon, with the control command \"trace [OPTION...] [DATAPATH] MICROFLOW\":
  --detach                run in the background
  --monitor               start it again when it crashes
  --no-chdir              stay in the current directory
  --pidfile[=FILE]        make a pidfile
  --overwrite-pidfile     even if there is one already
  --unixctl=SOCKET        control socket, or \"none\"
  --log-file[=FILE]       log to a file
  -v, --verbose=[SPEC]    set log levels
  -h, --help              this help
  -V, --version           version information
";
