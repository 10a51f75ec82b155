//! Where on a command line the cursor is.

use crate::Program;
use crate::cli::takes_next_word;
use crate::identify;
use crate::verb::{Parameter, Verb};

/// What stands under the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A verb, or an option before it.
    Verb {
        /// Of the first command, where options of the program may stand too.
        is_first: bool,
    },
    /// One of these words.
    Value(Vec<String>),
    /// The name of a row of this table.
    Row(String),
    /// Nothing that is known.
    Nothing,
}

/// Words that options are followed by.
const VALUES: &[(&str, &[&str])] = &[
    ("--format", &["csv", "html", "json", "list", "table"]),
    ("-f", &["csv", "html", "json", "list", "table"]),
    ("--data", &["bare", "json", "string"]),
    ("-d", &["bare", "json", "string"]),
    ("--wait", &["hv", "none", "sb"]),
];

/// Words that parameters stand for, by program and name.
const WORDS: &[(Program, &str, &[&str])] = &[
    (Program::Vsctl, "MODE", &["secure", "standalone"]),
    (Program::Sbctl, "ENCAP-TYPE", &["geneve", "stt", "vxlan"]),
    (Program::Nbctl, "DIRECTION", &["from-lport", "to-lport"]),
    (Program::Nbctl, "STATE", &["disabled", "enabled"]),
];

/// Tables whose rows parameters name, by program, beginning of the verb and name of the parameter.
const ROWS: &[(Program, &str, &str, &str)] = &[
    (Program::Nbctl, "", "SWITCH", "Logical_Switch"),
    (Program::Nbctl, "", "SWITCH|PORT-GROUP", "Logical_Switch"),
    (Program::Nbctl, "", "ROUTER", "Logical_Router"),
    (Program::Nbctl, "", "LB", "Load_Balancer"),
    (Program::Nbctl, "lrp-", "PORT", "Logical_Router_Port"),
    (Program::Nbctl, "lsp-", "PORT", "Logical_Switch_Port"),
    (Program::Nbctl, "lsp-", "MIRROR", "Mirror"),
    (Program::Nbctl, "mirror-", "NAME", "Mirror"),
    (Program::Nbctl, "meter-", "NAME", "Meter"),
    (Program::Nbctl, "ha-chassis-group-", "GROUP", "HA_Chassis_Group"),
    (Program::Nbctl, "fwd-group-", "GROUP", "Forwarding_Group"),
    (Program::Nbctl, "pg-", "GROUP", "Port_Group"),
    (Program::Sbctl, "", "CHASSIS", "Chassis"),
    (Program::Sbctl, "", "PORT", "Port_Binding"),
    (Program::Sbctl, "", "DATAPATH", "Datapath_Binding"),
    (Program::Sbctl, "", "SWITCH", "Datapath_Binding"),
    (Program::Vsctl, "", "BRIDGE", "Bridge"),
    (Program::Vsctl, "", "PARENT", "Bridge"),
    (Program::Vsctl, "", "PORT", "Port"),
    (Program::Vsctl, "", "BOND", "Port"),
    (Program::Vsctl, "", "IFACE", "Interface"),
];

/// Verbs that make what one of their parameters names: that name is new.
const NEW: &[(&str, &str)] = &[
    ("ls-add", "SWITCH"),
    ("lr-add", "ROUTER"),
    ("lsp-add", "PORT"),
    ("lrp-add", "PORT"),
    ("lb-add", "LB"),
    ("mirror-add", "NAME"),
    ("meter-add", "NAME"),
    ("ha-chassis-group-add", "GROUP"),
    ("fwd-group-add", "GROUP"),
    ("pg-add", "GROUP"),
    ("chassis-add", "CHASSIS"),
    ("add-br", "BRIDGE"),
    ("add-port", "PORT"),
    ("add-bond", "PORT"),
    ("add-bond", "IFACE"),
    ("add-bond-iface", "IFACE"),
];

/// Where the last of `words` is.
pub(super) fn place(program: Program, words: &[String]) -> Place {
    let Some((current, before)) = words.split_last() else { return Place::Nothing };
    let is_first = !before.iter().any(|word| word == "--");
    let mut rest = before.rsplit(|word| word == "--").next().unwrap_or_default();
    while let [option, others @ ..] = rest
        && option.starts_with('-')
    {
        rest = others;
        if is_first && takes_next_word(program, option) {
            let [_, others @ ..] = rest else { return value_of(option, "") };
            rest = others;
        }
    }
    match (rest, current.split_once('=')) {
        ([], Some((option, _))) => value_of(option, &format!("{option}=")),
        ([], None) => Place::Verb { is_first },
        ([verb, arguments @ ..], _) => match program.verb(verb) {
            Some(verb) => of_verb(program, verb, arguments),
            None => Place::Nothing,
        },
    }
}

/// What follows an option, each after `before`.
fn value_of(option: &str, before: &str) -> Place {
    match VALUES.iter().find(|(name, _)| *name == option) {
        Some((_, values)) => Place::Value(values.iter().map(|value| format!("{before}{value}")).collect()),
        None => Place::Nothing,
    }
}

/// The parameter of a verb that follows these arguments.
fn of_verb(program: Program, verb: &Verb, arguments: &[String]) -> Place {
    let is_repeated = |parameter: &&Parameter| matches!(parameter, Parameter::Any(_) | Parameter::Many(_));
    let at_place = verb.parameters.get(arguments.len());
    let Some(parameter) = at_place.or_else(|| verb.parameters.last().filter(is_repeated)) else {
        return Place::Value(vec!["--".to_owned()]);
    };
    let name = match parameter {
        Parameter::One(name) | Parameter::Maybe(name) | Parameter::Any(name) | Parameter::Many(name) => *name,
    };
    if verb.group == crate::generic::GROUP {
        return generic(program, name, arguments);
    }
    if NEW.contains(&(verb.name, name)) {
        return Place::Nothing;
    }
    if let Some((_, _, words)) = WORDS.iter().find(|(of, known, _)| *of == program && *known == name) {
        return Place::Value(words.iter().map(|word| (*word).to_owned()).collect());
    }
    let rows = ROWS.iter().find(|(of, beginning, known, _)| {
        *of == program && verb.name.starts_with(beginning) && *known == name
    });
    rows.map_or(Place::Nothing, |(_, _, _, table)| Place::Row((*table).to_owned()))
}

/// The parameters of the verbs for any table: tables, rows of the table that stands first, its columns.
fn generic(program: Program, parameter: &str, arguments: &[String]) -> Place {
    let schema = program.schema();
    if parameter == "TABLE" {
        return Place::Value(schema.tables.keys().map(|name| name.to_string()).collect());
    }
    let Some(Ok((name, table))) = arguments.first().map(|name| identify::table(schema, name)) else {
        return Place::Nothing;
    };
    let columns = |end: &str| table.columns.keys().map(|name| format!("{name}{end}")).collect();
    match parameter {
        "RECORD" => Place::Row(name.to_string()),
        "COLUMN" | "COLUMN[:KEY]" => Place::Value(columns("")),
        "COLUMN[:KEY]=VALUE" => Place::Value(columns("=")),
        _ => Place::Nothing,
    }
}
