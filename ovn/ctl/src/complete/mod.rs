//! Completion of command lines: what may stand where the cursor is, from the tables of verbs, options and columns, and
//! from the names of rows in the database.
//!
//! The scripts of the shells ([`script`]) call the client with `__complete LINE`, where the line is what stands before
//! the cursor; it prints a candidate a line, a tab and what it is for. It is quick or silent: rows are asked for only
//! where a row is named, what names them and no more, and after a second nothing is printed.

mod place;
mod script;

pub use script::{SHELLS, Shell, script};

use crate::Failure;
use crate::Program;
use crate::cli::{Argument, Command, split_anyway};
use crate::context::Context;
use crate::identify::{Identifier, identifiers};
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Atom, Datum, Uuid};
use place::{Place, place};

/// The word that asks for completion, before the line.
pub const WORD: &str = "__complete";

/// Most candidates printed; whoever has more rows types another letter.
const CANDIDATES_MAX: usize = 500;

/// Prints the candidates; not among the verbs that people see.
pub(crate) const COMPLETE: Verb = Verb {
    name: WORD,
    options: &[],
    parameters: &[Parameter::One("LINE")],
    group: "",
    help: "",
    prepare,
    run,
};

/// The words of a line, the one under the cursor last; the program's name is not among them.
fn words(line: &str) -> Vec<String> {
    let (mut words, unclosed) = split_anyway(line);
    if unclosed.is_none() && line.ends_with([' ', '\t']) {
        words.push(String::new());
    }
    let mut words: Vec<String> = words.into_iter().skip(1).collect();
    if words.is_empty() {
        words.push(String::new());
    }
    words
}

/// The candidates of a line, if they need no rows; `global` are the options of the program.
pub(crate) fn without_rows(program: Program, line: &str, global: Vec<String>) -> Option<String> {
    let words = words(line);
    match place(program, &words) {
        Place::Verb { is_first } => {
            let verbs = program.verbs();
            let mut all: Vec<(String, &str)> =
                verbs.iter().map(|verb| (verb.name.to_owned(), verb.help)).collect();
            if is_first {
                all.extend(global.into_iter().map(|option| (option, "")));
            }
            let options = verbs.iter().flat_map(|verb| verb.options);
            all.extend(options.map(|(option, argument)| (option_word(option, *argument), "")));
            // Before a letter is typed options would drown the commands.
            all.retain(|(word, _)| {
                words.last().is_some_and(|last| !last.is_empty()) || !word.starts_with('-')
            });
            Some(text(&words, all))
        }
        Place::Value(values) => Some(text(&words, values.into_iter().map(|value| (value, "")).collect())),
        Place::Row(_) => None,
        Place::Nothing => Some(String::new()),
    }
}

/// An option as it is typed: with an equals sign where an argument must follow.
pub(crate) fn option_word(name: &str, argument: Argument) -> String {
    match argument {
        Argument::Required => format!("{name}="),
        Argument::None | Argument::Optional => name.to_owned(),
    }
}

/// The remote that a line names.
pub(crate) fn remote(line: &str) -> Option<String> {
    let words = words(line);
    let mut found = words.iter().enumerate();
    found.find_map(|(at, word)| match word.strip_prefix("--db") {
        Some("") => words.get(at + 1).cloned(),
        Some(rest) => rest.strip_prefix('=').map(str::to_owned),
        None => None,
    })
}

/// The candidates that the last word begins, sorted, each with what it is for. What would need quotes is left out.
fn text(words: &[String], mut candidates: Vec<(String, &str)>) -> String {
    let current = words.last().map_or("", String::as_str);
    let is_plain = |word: &str| !word.contains(|c: char| c.is_whitespace() || c.is_control());
    candidates.retain(|(word, _)| word.starts_with(current) && is_plain(word));
    candidates.sort();
    candidates.dedup_by(|a, b| a.0 == b.0);
    let lines = candidates.into_iter().take(CANDIDATES_MAX).map(|(word, help)| match help {
        "" => format!("{word}\n"),
        help => format!("{word}\t{help}\n"),
    });
    lines.collect()
}

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    let Place::Row(table) = place(needs.program, &words(command.required(0))) else { return Ok(()) };
    needs.columns(&table, &[]);
    for identifier in own_identifiers(needs.program, &table) {
        let (_, columns) = identifier.needs(&table);
        needs.columns(&table, &columns);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let words = words(command.required(0));
    let Place::Row(table) = place(context.program, &words) else { return Ok(()) };
    let mut names = Vec::new();
    for row in context.view.uuids(&table) {
        for identifier in own_identifiers(context.program, &table) {
            names.extend(name(context, &table, row, identifier).map(|name| (name, "")));
        }
    }
    context.output.text = text(&words, names);
    Ok(())
}

/// The ways to name rows that the rows themselves tell.
fn own_identifiers(program: Program, table: &str) -> impl Iterator<Item = &'static Identifier> {
    identifiers(program, table).iter().filter(|identifier| match identifier {
        Identifier::Column(_) | Identifier::Key(..) | Identifier::Only => true,
        Identifier::Via { .. } => false,
    })
}

fn name(context: &Context<'_>, table: &str, row: Uuid, identifier: &Identifier) -> Option<String> {
    let name = match identifier {
        Identifier::Only => Some(".".to_owned()),
        Identifier::Key(column, key) => {
            context.view.value(table, row, column).get_str(key).map(str::to_owned)
        }
        Identifier::Column(column) => match &*context.view.value(table, row, column) {
            Datum::Set(atoms) => match atoms.only() {
                Some(Atom::String(text)) => Some(text.to_string()),
                Some(atom) => Some(atom.to_string()),
                None => None,
            },
            Datum::Map(_) => None,
        },
        Identifier::Via { .. } => None,
    };
    name.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{remote, without_rows, words};
    use crate::Program::{self, Nbctl, Sbctl, Vsctl};

    #[test]
    fn the_word_under_the_cursor_is_the_last() {
        assert_eq!(words("ovn-nbctl"), [""]);
        assert_eq!(words("ovn-nbctl ls"), ["ls"]);
        assert_eq!(words("ovn-nbctl ls-del "), ["ls-del", ""]);
        assert_eq!(words("ovn-nbctl ls-del 'a b"), ["ls-del", "a b"]);
        assert_eq!(remote("x --db=tcp:h:1 y").as_deref(), Some("tcp:h:1"));
        assert_eq!(remote("x --db tcp:h:1 y").as_deref(), Some("tcp:h:1"));
        assert_eq!(remote("x --db"), None);
    }

    #[test]
    fn what_needs_no_rows_is_told_at_once() {
        let found = |program: Program, line: &str| without_rows(program, line, vec!["--db=".to_owned()]);
        let names = |program, line: &str| {
            let text = found(program, line).unwrap_or_else(|| "rows".to_owned());
            text.lines().map(|line| line.split('\t').next().unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(Sbctl, "ovn-sbctl lsp-"), ["lsp-bind", "lsp-unbind"]);
        assert_eq!(names(Sbctl, "ovn-sbctl --may"), ["--may-exist"]);
        assert_eq!(names(Sbctl, "ovn-sbctl --d"), ["--db="]);
        assert_eq!(names(Sbctl, "ovn-sbctl --format=j"), ["--format=json"]);
        assert_eq!(names(Nbctl, "ovn-nbctl --wait="), ["--wait=hv", "--wait=none", "--wait=sb"]);
        assert_eq!(names(Sbctl, "ovn-sbctl list RBAC"), ["RBAC_Permission", "RBAC_Role"]);
        assert_eq!(names(Vsctl, "ovs-vsctl get Bridge br0 stp"), ["stp_enable"]);
        assert_eq!(names(Vsctl, "ovs-vsctl set Bridge br0 stp"), ["stp_enable="]);
        assert_eq!(names(Vsctl, "ovs-vsctl -t 5 add-br br0 -- --id=@x list-p"), ["list-ports"]);
        assert_eq!(names(Vsctl, "ovs-vsctl set-fail-mode br0 s"), ["secure", "standalone"]);
        assert!(names(Vsctl, "ovs-vsctl add-br ").is_empty(), "a new name is nobody's to guess");
        assert!(names(Vsctl, "ovs-vsctl nope ").is_empty());
        for line in ["ovs-vsctl del-br ", "ovs-vsctl add-port b", "ovs-vsctl get Bridge b"] {
            assert_eq!(found(Vsctl, line), None, "{line}");
        }
    }
}
