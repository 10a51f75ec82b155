//! `ovn-controller`: makes this host's switch do what the southbound database says.
//!
//! ```text
//!  Open_vSwitch server ◄─JSON-RPC─┐
//!  southbound server   ◄─JSON-RPC─┼─► Net ──► controller::Controller ◄── commands
//!  BRIDGE.mgmt (twice) ◄─OpenFlow─┘
//! ```

use std::process::ExitCode;
use std::time::Instant;

use controller::{Controller, Keys, Link, Now, Options, Output, commands};
use openflow::{Framer, Message, Version};

use crate::base::getopt::{Opt, Takes, opt, short};
use crate::base::options::{Own, Program, TLS};
use crate::base::paths::Family;
use crate::base::peers::{Codec, Input, Json, Peers};
use crate::base::shell::{self, About, Happening, Shell};
use crate::base::target::Active;
use crate::base::tls::TlsConfig;
use crate::base::unixctl::{Command, Spec, spec};

const PROGRAM: Program = Program { name: "ovn-controller", family: Family::Ovn };

const OWN: &[Opt] = &[
    short('n', "name", Takes::Value),
    opt("enable-dummy-vif-plug", Takes::Nothing),
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

/// Those of the core.
const COMMANDS: &[Spec] = &{
    let mut specs = [spec("", "", 0, 0); commands::COMMANDS.len()];
    let mut i = 0;
    while i < specs.len() {
        let (name, usage, min, max) = commands::COMMANDS[i];
        specs[i] = spec(name, usage, min, max);
        i += 1;
    }
    specs
};

/// OpenFlow 1.5, which is all that the controller speaks.
#[derive(Default)]
struct OpenFlow15(Framer);

impl Codec for OpenFlow15 {
    type Message = Message;

    fn decode(&mut self, bytes: &[u8]) -> (Vec<Message>, Option<String>) {
        let mut messages = Vec::new();
        self.0.push(bytes);
        loop {
            match self.0.next_frame() {
                Ok(Some(frame)) => match Message::decode(Version::Of15, &frame) {
                    Ok(message) => messages.push(message),
                    // A switch may say what we do not know; it concerns nothing that we asked for.
                    Err(error) => tracing::warn!(target: "vconn", "ignoring a message: {error}"),
                },
                Ok(None) => return (messages, None),
                Err(error) => return (messages, Some(error.to_string())),
            }
        }
    }

    fn encode(message: &Message) -> Vec<u8> {
        // Only replies come in parts, and there are none to send.
        message.encode(Version::Of15)
    }
}

/// Runs the controller.
pub fn run(args: &[String]) -> ExitCode {
    let about = About { program: PROGRAM, options: OWN, help: HELP, commands: COMMANDS, succeeds: false };
    shell::run(&about, args, |shell, own| async move {
        let mut daemon = Daemon::open(shell, &own);
        daemon.serve().await;
        Ok(())
    })
}

struct Daemon {
    shell: Shell,
    core: Controller,
    databases: Peers<Link, Json>,
    switch: Peers<Link, OpenFlow15>,
    /// Keys and choices of the command line.
    tls: TlsConfig,
}

impl Daemon {
    fn open(shell: Shell, own: &Own) -> Self {
        let run_dir = Family::Ovs.run_dir();
        let default = || format!("unix:{}", run_dir.join("db.sock").display());
        let options = Options {
            system_id: own.last("name").map(str::to_owned).or_else(system_id_override).map(Into::into),
            hostname: hostname().into(),
            vswitch: own.operands.first().cloned().unwrap_or_else(default).into(),
            switch_run_dir: run_dir.to_string_lossy().into(),
            seed: crate::base::random_seed(),
        };
        Self {
            shell,
            core: Controller::new(options),
            databases: Peers::default(),
            switch: Peers::default(),
            tls: TlsConfig::from_options(own),
        }
    }

    async fn serve(&mut self) {
        self.shell.ready();
        loop {
            if self.drain() {
                return;
            }
            if self.core.take_busy() {
                crate::sys::trim_memory();
            }
            let deadline = self.core.poll_timeout().map(|(at, _)| at);
            match self.shell.next(deadline).await {
                Happening::Net(event) => {
                    let mut event = Some(event);
                    // Everything that has arrived is part of one computation.
                    while let Some(one) = event {
                        for input in self.databases.handle(&mut self.shell.net, &one) {
                            self.database_said(input);
                        }
                        for input in self.switch.handle(&mut self.shell.net, &one) {
                            self.switch_said(input);
                        }
                        event = self.shell.net.try_next();
                    }
                }
                Happening::Deadline => self.core.handle_timeout(now()),
                Happening::Command(command) => self.on_command(command),
                Happening::Terminate => return,
            }
        }
    }

    fn database_said(&mut self, input: Input<Link, ovsdb::rpc::Message>) {
        match input {
            Input::Connected(link) => self.core.connected(link, now()),
            Input::Message(link, message) => self.core.handle_ovsdb(link, message, now()),
            Input::Disconnected(link) => self.core.disconnected(link, now()),
        }
    }

    fn switch_said(&mut self, input: Input<Link, Message>) {
        match input {
            Input::Connected(link) => self.core.connected(link, now()),
            Input::Message(link, message) => self.core.handle_openflow(link, message, now()),
            Input::Disconnected(link) => self.core.disconnected(link, now()),
        }
    }

    /// Carries out what the core asks for; whether it asks to end.
    fn drain(&mut self) -> bool {
        loop {
            let is_full = self.switch.is_full(&mut self.shell.net, Link::Flows);
            if let Some(octets) = self.core.poll_changes(is_full) {
                self.switch.send_octets(&mut self.shell.net, Link::Flows, octets);
                continue;
            }
            let Some(output) = self.core.poll_output(now()) else { return false };
            match output {
                Output::UseKeys(keys) => self.use_keys(keys),
                Output::Connect { link, target } => self.connect(link, &target),
                Output::Disconnect { link } => self.disconnect(link),
                Output::Reconnect { link } => match link {
                    Link::Vswitch | Link::Southbound => self.databases.reconnect(&mut self.shell.net, link),
                    Link::Flows | Link::Packets => self.switch.reconnect(&mut self.shell.net, link),
                },
                Output::SendOvsdb { link, message } => {
                    self.databases.send(&mut self.shell.net, link, &message);
                }
                Output::SendOpenflow { link, message } => {
                    self.switch.send(&mut self.shell.net, link, &message);
                }
                Output::Exit => return true,
            }
        }
    }

    fn use_keys(&mut self, keys: Option<Keys>) {
        let mut config = self.tls.clone();
        if let Some(keys) = keys {
            config.set("private-key", &keys.private_key);
            config.set("certificate", &keys.certificate);
            let ca = if keys.bootstrap_ca_cert { "bootstrap-ca-cert" } else { "ca-cert" };
            config.set(ca, &keys.ca_cert);
        }
        self.shell.net.tls.configure(config);
    }

    fn connect(&mut self, link: Link, target: &str) {
        let targets = match Active::parse_list(target, &Family::Ovs.run_dir()) {
            Ok(targets) => targets,
            Err(error) => {
                // It comes from a row; the row may be mended.
                tracing::error!(target: "ovn_controller", "cannot connect: {error}");
                self.disconnect(link);
                return;
            }
        };
        match link {
            Link::Vswitch | Link::Southbound => {
                if let Some(input) = self.databases.connect(&mut self.shell.net, link, targets) {
                    self.database_said(input);
                }
            }
            Link::Flows | Link::Packets => {
                if let Some(input) = self.switch.connect(&mut self.shell.net, link, targets) {
                    self.switch_said(input);
                }
            }
        }
    }

    fn disconnect(&mut self, link: Link) {
        match link {
            Link::Vswitch | Link::Southbound => {
                if let Some(input) = self.databases.disconnect(&mut self.shell.net, link) {
                    self.database_said(input);
                }
            }
            Link::Flows | Link::Packets => {
                if let Some(input) = self.switch.disconnect(&mut self.shell.net, link) {
                    self.switch_said(input);
                }
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command.name {
            "exit" => {
                // It ends when the core has cleaned up.
                self.core.exit(command.args.iter().any(|arg| arg == "--restart"));
                command.reply(Ok(String::new()));
            }
            name => {
                let args: Vec<&str> = command.args.iter().map(String::as_str).collect();
                let outcome = commands::run(&mut self.core, name, &args);
                command.reply(outcome);
            }
        }
    }
}

fn now() -> Now {
    Now { instant: Instant::now(), wall_ms: crate::base::wall_ms() }
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The chassis name that a file gives, for containers that share a database.
fn system_id_override() -> Option<String> {
    let text = std::fs::read_to_string(Family::Ovn.conf_dir().join("system-id-override")).ok()?;
    let name = text.lines().next()?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

const HELP: &str = "\
ovn-controller: makes this host's switch do what the southbound database says
usage: ovn-controller [OPTION...] [DATABASE]
DATABASE is that of the switch, unix:FILE or tcp:IP:PORT (default: db.sock in
the run directory of Open vSwitch); it says where the southbound one is.
  -n, --name=NAME        name of this chassis
  --pidfile[=FILE]       make a pidfile
  --detach               run in the background
  --monitor              start it again when it crashes
  --no-chdir             stay in the current directory
  --unixctl=SOCKET       control socket, or \"none\"
  --log-file[=FILE]      log to a file
  -v, --verbose=[SPEC]   set log levels
  -h, --help             this help
  -V, --version          version information
";
