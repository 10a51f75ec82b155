//! Man pages, printed from the tables of verbs and options in the macros of man(7).

use crate::Program;
use crate::help::{groups, in_help_order, option_help, records};
use std::fmt::Write;

/// The page of a program: the name of its file in the folder `man8`, and its text.
pub fn page(program: Program) -> (String, String) {
    let name = program.name();
    let mut page = Page { text: String::new() };
    let (title, about) = match program {
        Program::Nbctl => ("OVN", "edits and shows the OVN northbound database"),
        Program::Sbctl => ("OVN", "edits and shows the OVN southbound database"),
        Program::Vsctl => ("Open vSwitch", "edits and shows the database of a switch"),
    };
    let version = env!("CARGO_PKG_VERSION");
    page.line(&format!(".TH {} 8 \"\" \"ovn {version}\" \"{title}\"", name.to_uppercase()));
    page.section("NAME");
    page.line(&format!("{} \\- {about}", escaped(name)));
    page.section("SYNOPSIS");
    page.line(&format!(".B {}", escaped(name)));
    page.text("[OPTION]... COMMAND [ARGUMENT]... [-- [OPTION]... COMMAND [ARGUMENT]...]...");
    page.section("DESCRIPTION");
    page.text(
        "The commands of a line are one transaction: all of them happen or none. Each sees what those before it did. \
         Options of a command stand before its name; those of the first may stand among the options of the program.",
    );
    page.section("OPTIONS");
    page.text("They stand before the first command.");
    for (usage, text) in option_help(program, "see ENVIRONMENT") {
        page.item(usage, &text);
    }
    page.section("COMMANDS");
    for group in groups(program) {
        page.line(&format!(".SS \"{}\"", escaped(group)));
        for verb in in_help_order(program).filter(|verb| verb.group == group) {
            page.item(&verb.usage(), verb.help);
        }
    }
    page.section("RECORDS");
    page.text("A RECORD is named by its UUID, by four or more of its first digits, or in these ways:");
    for (table, ways) in records(program) {
        page.item(table, &ways);
    }
    page.section("ENVIRONMENT");
    for (variable, text) in environment(program) {
        page.item(variable, text);
    }
    page.section("EXIT STATUS");
    page.text("0 if everything was done, 1 otherwise; a signal SIGALRM if it took longer than --timeout.");
    if program == Program::Vsctl {
        page.text("br-exists exits with 2 if there is no such bridge.");
    }
    page.section("SEE ALSO");
    let others = Program::ALL.into_iter().filter(|other| *other != program);
    page.text(&others.map(|other| format!("{}(8)", other.name())).collect::<Vec<_>>().join(", "));
    (format!("{name}.8"), page.text)
}

fn environment(program: Program) -> Vec<(&'static str, &'static str)> {
    let mut variables = match program {
        Program::Nbctl => vec![
            ("OVN_NB_DB", "the database; otherwise ovnnb_db.sock in OVN_RUNDIR"),
            ("OVN_NB_DAEMON", "control socket of a daemon to use, as --detach prints it"),
            ("OVN_NBCTL_OPTIONS", "options to put before those of the command line"),
            ("OVN_RUNDIR", "folder of sockets and pidfiles"),
        ],
        Program::Sbctl => vec![
            ("OVN_SB_DB", "the database; otherwise ovnsb_db.sock in OVN_RUNDIR"),
            ("OVN_SB_DAEMON", "control socket of a daemon to use, as --detach prints it"),
            ("OVN_SBCTL_OPTIONS", "options to put before those of the command line"),
            ("OVN_RUNDIR", "folder of sockets and pidfiles"),
        ],
        Program::Vsctl => vec![
            ("OVS_RUNDIR", "folder of sockets; the database is db.sock there"),
            ("OVS_LOGDIR", "where the logs of the switch are, for a hint in errors"),
        ],
    };
    variables.push(("OVS_CTL_TIMEOUT", "seconds to give up after, if --timeout does not say"));
    variables
}

struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("a String takes any text");
    }

    fn section(&mut self, name: &str) {
        self.line(&format!(".SH \"{name}\""));
    }

    fn text(&mut self, text: &str) {
        self.line(&escaped(text));
    }

    /// A paragraph under a heading of its own.
    fn item(&mut self, heading: &str, text: &str) {
        self.line(".TP");
        self.line(&format!(".B {}", escaped(heading)));
        self.text(text);
    }
}

/// Text that means itself: no escapes, dashes that can be copied, no dot or quote that begins a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('\n', " ");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
