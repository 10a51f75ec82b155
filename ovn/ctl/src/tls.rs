//! `get-ssl`, `del-ssl`, `set-ssl KEY CERTIFICATE CA-CERTIFICATE ...`: the keys of a database server.

use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::targets::with_global;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Str};
use std::collections::BTreeMap;

const GROUP: &str = "SSL commands";
const TABLE: &str = "SSL";
const COLUMN: &str = "ssl";

pub(crate) const GET: Verb = Verb {
    name: "get-ssl",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print the keys of the database server",
    prepare,
    run: get,
};

pub(crate) const DEL: Verb = Verb {
    name: "del-ssl",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "delete the keys of the database server",
    prepare,
    run: del,
};

pub(crate) const SET: Verb = Verb {
    name: "set-ssl",
    options: &[("--bootstrap", Argument::None)],
    parameters: &[
        Parameter::One("PRIVATE-KEY"),
        Parameter::One("CERTIFICATE"),
        Parameter::One("CA-CERT"),
        Parameter::Maybe("SSL-PROTOCOLS"),
        Parameter::Maybe("SSL-CIPHERS"),
        Parameter::Maybe("SSL-CIPHERSUITES"),
    ],
    group: GROUP,
    help: "set the keys of the database server, given as files",
    prepare,
    run: set,
};

/// For ovs-vsctl, whose database has no columns for protocols and ciphers.
pub(crate) const SET_FILES: Verb = Verb {
    name: "set-ssl",
    options: &[("--bootstrap", Argument::None)],
    parameters: &[Parameter::One("PRIVATE-KEY"), Parameter::One("CERTIFICATE"), Parameter::One("CA-CERT")],
    group: GROUP,
    help: "set the keys of the database server, given as files",
    prepare,
    run: set,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(needs.program.global_table(), &[COLUMN]);
    needs.columns(TABLE, &["private_key", "certificate", "ca_cert", "bootstrap_ca_cert"]);
    Ok(())
}

fn get(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, keys| {
        for row in keys.rows(context) {
            let text =
                |column| context.view.value(TABLE, row, column).as_str().unwrap_or_default().to_owned();
            let bootstrap = context.view.value(TABLE, row, "bootstrap_ca_cert").as_boolean() == Some(true);
            let lines = [
                format!("Private key: {}", text("private_key")),
                format!("Certificate: {}", text("certificate")),
                format!("CA Certificate: {}", text("ca_cert")),
                format!("Bootstrap: {bootstrap}"),
            ];
            for line in lines {
                context.print(line);
            }
        }
        Ok(())
    })
}

fn del(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, keys| {
        keys.clear(context);
        Ok(())
    })
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let columns =
        ["private_key", "certificate", "ca_cert", "ssl_protocols", "ssl_ciphers", "ssl_ciphersuites"];
    let values = columns.into_iter().zip(command.rest(0));
    let mut row: BTreeMap<Str, Datum> =
        values.map(|(column, value)| (column.into(), Datum::scalar(value.as_str()))).collect();
    row.insert("bootstrap_ca_cert".into(), Datum::scalar(command.has("--bootstrap")));
    with_global(context, COLUMN, TABLE, |context, keys| {
        keys.replace(context, vec![row]);
        Ok(())
    })
}
