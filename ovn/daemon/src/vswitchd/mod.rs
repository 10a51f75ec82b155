//! `ovs-vswitchd`: the software switch as the database Open_vSwitch describes it.
//!
//! ```text
//!  database ◄──JSON-RPC──► Net ──► ┌──────────────────────┐ ──► devices, UDP sockets
//!  BRIDGE.mgmt ◄─OpenFlow─► Net ──► │ vswitchd::Vswitchd   │
//!  devices, UDP sockets ──frames──► └──────────────────────┘ ◄── commands
//! ```

mod devices;
mod dummy;
mod handover;
mod openflow;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use datapath::Departure;
use datapath::vswitchd::{Output, Vswitchd};
use packet::Frame;

use crate::base::getopt::{Opt, Takes, opt};
use crate::base::net::Event;
use crate::base::options::{Own, Program, TLS};
use crate::base::paths::Family;
use crate::base::peers::{Input, Json, Peers};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::target::Active;
use crate::base::unixctl::{Command, Spec, spec};
use crate::device::Dummies;
use crate::device::tunnel::Datagrams;
use devices::{Arrival, Batch, Devices};
use handover::Giver;
use openflow::Management;

/// The program.
pub const PROGRAM: Program = Program { name: "ovs-vswitchd", family: Family::Ovs };

const OWN: &[Opt] = &[
    opt("mlockall", Takes::Nothing),
    opt("enable-dummy", Takes::Maybe),
    opt("disable-system", Takes::Nothing),
    opt("disable-system-route", Takes::Nothing),
    TLS[0],
    TLS[1],
    TLS[2],
    TLS[3],
    TLS[4],
    TLS[5],
    TLS[6],
    TLS[7],
    TLS[8],
];

/// How often all devices that have something are read before everybody else has a turn.
const TURNS: usize = 16;

/// The one thing that this shell connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Database;

/// Runs the switch.
pub fn run(args: &[String]) -> ExitCode {
    let mut commands: Vec<Spec> =
        datapath::COMMANDS.iter().map(|(name, usage, min, max, _)| spec(name, usage, *min, *max)).collect();
    commands.extend(dummy::COMMANDS);
    // The table lives as long as the process.
    let succeeds = handover::is_offered(&PROGRAM.family.run_dir());
    let about = About { program: PROGRAM, options: OWN, help: HELP, commands: commands.leak(), succeeds };
    shell::run(&about, args, move |shell, own| async move {
        let mut daemon = Daemon::open(shell, &own)?;
        if succeeds {
            daemon.taking_over = true;
            handover::take_over(&mut daemon, &PROGRAM.family.run_dir()).await?;
        }
        daemon.serve().await;
        Ok(())
    })
}

struct Daemon {
    shell: Shell,
    core: Vswitchd,
    peers: Peers<Database, Json>,
    devices: Devices,
    management: Management,
    udp_ports: BTreeSet<u16>,
    departures: Vec<Departure>,
    /// Room for a batch of frames.
    frames: Vec<Frame>,
    /// What hands over to another process, once that is asked for.
    giver: Option<Giver>,
    /// The management sockets are another process's still.
    taking_over: bool,
    /// The bridges whose management sockets are made as soon as they are ours.
    unheard: Vec<String>,
}

impl Daemon {
    fn open(mut shell: Shell, own: &Own) -> anyhow::Result<Self> {
        let run_dir = PROGRAM.family.run_dir();
        let asked = own.options.iter().find(|(name, _)| *name == "enable-dummy");
        let dummies = asked.map_or(Dummies::Off, |(_, value)| Dummies::from_option(value.as_deref()));
        let default = || format!("unix:{}", run_dir.join("db.sock").display());
        let remote = own.operands.first().cloned().unwrap_or_else(default);
        let mut peers: Peers<Database, Json> = Peers::default();
        peers.connect(&mut shell.net, Database, Active::parse_list(&remote, &run_dir)?);
        Ok(Self {
            shell,
            core: Vswitchd::new(crate::base::random_seed()),
            peers,
            devices: Devices::open(dummies)?,
            management: Management::new(run_dir),
            udp_ports: BTreeSet::new(),
            departures: Vec::new(),
            frames: Vec::new(),
            giver: None,
            taking_over: false,
            unheard: Vec::new(),
        })
    }

    async fn serve(&mut self) {
        self.shell.ready();
        loop {
            self.drain().await;
            let deadline = self.core.poll_timeout().map(|(at, _)| at);
            let happening = tokio::select! {
                biased;
                happening = self.shell.next(deadline) => happening,
                arrival = self.devices.next() => {
                    self.arrived(arrival).await;
                    // A copy goes on, whatever comes in.
                    if self.giver.is_some() && self.hand_over().await {
                        return;
                    }
                    continue;
                }
                () = Giver::ready(self.giver.as_ref()) => {
                    if self.hand_over().await {
                        return;
                    }
                    continue;
                }
            };
            match happening {
                Happening::Net(event) => {
                    let mut event = Some(event);
                    while let Some(one) = event {
                        self.on_net(&one);
                        event = self.shell.net.try_next();
                    }
                }
                Happening::Deadline => self.core.handle_timeout(Instant::now()),
                Happening::Command(command) => {
                    if self.on_command(command) {
                        return;
                    }
                }
                Happening::Terminate => return,
            }
        }
    }

    fn on_net(&mut self, event: &Event) {
        let now = Instant::now();
        if self.management.handle(event, &mut self.core, &mut self.shell.net, now) {
            return;
        }
        if matches!(event, Event::Received(..)) {
            self.core.database_activity(now);
        }
        for input in self.peers.handle(&mut self.shell.net, event) {
            match input {
                Input::Connected(Database) => self.core.database_connected(now),
                Input::Message(Database, message) => self.core.database_message(message, now),
                Input::Disconnected(Database) => self.core.database_disconnected(now),
            }
        }
    }

    async fn arrived(&mut self, arrival: Arrival) {
        let now = Instant::now();
        match arrival {
            Arrival::Ready => self.forward().await,
            Arrival::Changed(device, info) => self.core.device_changed(device, info, now),
            Arrival::LinksChanged => self.core.links_changed(now),
        }
    }

    /// Gives the switch what came in, and what else comes meanwhile, and sends what comes of it.
    async fn forward(&mut self) {
        let mut frames = std::mem::take(&mut self.frames);
        for _ in 0..TURNS {
            let tokens = self.devices.ready();
            let idle = tokens.is_empty();
            for token in &tokens {
                let batch = self.devices.receive(*token, &mut frames);
                let now = Instant::now();
                match batch {
                    Batch::Frames(device) => self.core.switch_mut().receive(device, frames.drain(..), now),
                    Batch::Datagrams(udp_port, datagrams) => {
                        for Datagrams { outer, payload, datagram_len } in datagrams {
                            let switch = self.core.switch_mut();
                            switch.tunnel_datagrams(udp_port, outer, payload, datagram_len, now);
                        }
                    }
                    Batch::Lost(device) => {
                        self.devices.remove(device).await;
                        self.core.device_gone(device, now);
                    }
                    Batch::Nothing => {}
                }
            }
            self.depart();
            self.devices.done(tokens);
            if idle {
                break;
            }
        }
        self.frames = frames;
    }

    /// Sends what the switch wants sent.
    fn depart(&mut self) {
        let mut departures = std::mem::take(&mut self.departures);
        self.core.switch_mut().take_departures(&mut departures);
        let mut lost = 0;
        for departure in departures.drain(..) {
            lost += self.devices.send(departure);
        }
        lost += self.devices.flush();
        if lost > 0 {
            self.core.switch_mut().send_failed(lost);
            tracing::debug!(target: "netdev", "{lost} packets were not sent");
        }
        self.departures = departures;
    }

    /// Carries out what the core asks for.
    async fn drain(&mut self) {
        loop {
            let mut idle = true;
            while let Some(output) = self.core.poll_output() {
                idle = false;
                self.carry_out(output).await;
            }
            while let Some(message) = self.core.poll_database() {
                self.peers.send(&mut self.shell.net, Database, &message);
            }
            if let Some(reason) = self.core.poll_database_lost() {
                tracing::info!(target: "reconnect", "connecting to the database anew: {reason}");
                self.peers.reconnect(&mut self.shell.net, Database);
            }
            self.depart();
            self.management.write(&mut self.core, &mut self.shell.net);
            if idle {
                return;
            }
        }
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::OpenDevice { id, name, kind, captures, mtu, mac } => {
                let opened = self.devices.add(id, &name, kind, &captures).await;
                match opened {
                    Ok(info) => {
                        let info = self.devices.configure(id, mtu, mac).await.unwrap_or(info);
                        self.core.device_opened(id, info, Instant::now());
                    }
                    Err(error) => {
                        tracing::warn!(target: "bridge", "{error}");
                        self.core.device_failed(id, &error.to_string(), Instant::now());
                    }
                }
            }
            Output::ChangeDevice { id, mtu, mac } => {
                if let Some(info) = self.devices.configure(id, mtu, mac).await {
                    self.core.device_changed(id, info, Instant::now());
                }
            }
            Output::CloseDevice { id } => self.devices.remove(id).await,
            Output::Listen { bridge } if self.taking_over => self.unheard.push(bridge),
            Output::Listen { bridge } => self.management.listen(&bridge, &mut self.shell.net).await,
            Output::Unlisten { bridge } => {
                self.management.unlisten(&bridge, &mut self.core, &mut self.shell.net)
            }
            Output::OpenTunnel { udp_port } => {
                self.udp_ports.insert(udp_port);
                self.devices.listen(self.udp_ports.iter().copied());
            }
            Output::CloseTunnel { udp_port } => {
                self.udp_ports.remove(&udp_port);
                self.devices.listen(self.udp_ports.iter().copied());
            }
        }
    }

    /// Answers a command; whether the daemon is to stop.
    fn on_command(&mut self, command: Command) -> bool {
        if command.name == "exit" && command.args == ["--hand-over"] {
            let outcome = self.offer();
            command.reply(outcome);
            return false;
        }
        if command.name == "exit" {
            command.reply(Ok(String::new()));
            return true;
        }
        let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
        let now = Instant::now();
        let outcome = dummy::command(command.name, &args, &mut self.devices, &mut self.core, now)
            .or_else(|| self.core.switch_mut().command(command.name, &args, now));
        let unknown = || Err(format!("\"{}\" is not for this daemon", command.name));
        let outcome = outcome.unwrap_or_else(unknown);
        command.reply(outcome);
        false
    }
}

const HELP: &str = "\
ovs-vswitchd: the software switch, as the database Open_vSwitch describes it
usage: ovs-vswitchd [OPTION...] [DATABASE]
DATABASE is unix:FILE or tcp:IP:PORT (default: db.sock in the run directory).
  --pidfile[=FILE]       make a pidfile
  --detach               run in the background
  --monitor              start it again when it crashes
  --no-chdir             stay in the current directory
  --unixctl=SOCKET       control socket, or \"none\"
  --log-file[=FILE]      log to a file
  -v, --verbose=[SPEC]   set log levels
  --enable-dummy[=WHICH] allow interfaces of type dummy, for tests; WHICH may be
                         system or override: such interfaces become dummies, too
  -h, --help             this help
  -V, --version          version information
Controllers reach a bridge at BRIDGE.mgmt in the run directory.
After ovs-appctl -t ovs-vswitchd exit --hand-over, the next ovs-vswitchd that is
started takes the place of the one that runs, which works on until then.
";
