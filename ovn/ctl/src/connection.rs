//! `get-connection`, `del-connection`, `set-connection TARGET...`: the remotes of an OVN database server.

use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::targets::{Targets, remote, with_global};
use crate::verb::{Parameter, Verb};
use crate::{Failure, Program};
use ovsdb::Datum;

const GROUP: &str = "Connection commands";
const TABLE: &str = "Connection";
const COLUMN: &str = "connections";

pub(crate) const GET: Verb = Verb {
    name: "get-connection",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print the remotes of the database server",
    prepare,
    run: get,
};

pub(crate) const DEL: Verb = Verb {
    name: "del-connection",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "delete the remotes of the database server",
    prepare,
    run: del,
};

pub(crate) const SET: Verb = Verb {
    name: "set-connection",
    options: &[("--inactivity-probe", Argument::Required)],
    parameters: &[Parameter::Many("TARGET")],
    group: GROUP,
    help: "set the remotes of the database server, with probes every so many milliseconds",
    prepare,
    run: set,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(needs.program.global_table(), &[COLUMN]);
    needs.columns(TABLE, &["target"]);
    if needs.program == Program::Sbctl {
        needs.columns(TABLE, &["read_only", "role"]);
    }
    Ok(())
}

fn get(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, targets| {
        if context.program == Program::Sbctl {
            print_with_roles(context, &targets);
        } else {
            targets.print(context);
        }
        Ok(())
    })
}

/// `read-only role="ROLE" TARGET` for each, sorted.
fn print_with_roles(context: &mut Context<'_>, targets: &Targets<'_>) {
    let line = |row| {
        let is_read_only = context.view.value(TABLE, row, "read_only").as_boolean() == Some(true);
        let access = if is_read_only { "read-only" } else { "read-write" };
        let role = context.view.value(TABLE, row, "role");
        format!("{access} role=\"{}\" {}", role.as_str().unwrap_or_default(), targets.target(context, row))
    };
    let mut lines: Vec<String> = targets.rows(context).into_iter().map(line).collect();
    lines.sort();
    for line in lines {
        context.print(line);
    }
}

fn del(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, targets| {
        targets.clear(context);
        Ok(())
    })
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let has_roles = context.program == Program::Sbctl;
    let (mut is_read_only, mut role) = (false, "");
    let mut rows = Vec::new();
    for word in command.rest(0) {
        match word.strip_prefix("role=") {
            Some(name) if has_roles => role = name,
            None if has_roles && word == "read-only" => is_read_only = true,
            None if has_roles && word == "read-write" => is_read_only = false,
            Some(_) | None => {
                let mut row = remote(context, command, word);
                if has_roles {
                    row.insert("read_only".into(), Datum::scalar(is_read_only));
                    row.insert("role".into(), Datum::scalar(role));
                }
                rows.push(row);
            }
        }
    }
    with_global(context, COLUMN, TABLE, |context, targets| {
        targets.replace(context, rows);
        Ok(())
    })
}
