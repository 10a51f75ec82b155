//! `query` and `transact`: one transaction on a file, its results as JSON.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use ovsdb::OvsdbError;
use ovsdb::db::{Caller, Commit, Database, Guard, Outcome};
use ovsdb::log;
use ovsdb::server::Rbac;
use serde_json::{Value, json};

use super::{Args, Done, load};
use crate::ovsdb_server::file::DbFile;

pub(super) fn query(args: &Args<'_>) -> anyhow::Result<Done> {
    let (path, request) = request(args)?;
    let mut database = load(&path)?.database;
    let (reply, _) = run(&mut database, &request, args.rbac_role, true);
    Ok(format!("{reply}\n").into())
}

pub(super) fn transact(args: &Args<'_>) -> anyhow::Result<Done> {
    let (path, request) = request(args)?;
    load(&path)?;
    let (mut file, mut database, _) = DbFile::open(&path, crate::base::random_seed())?;
    let before = database.snapshot();
    let (reply, commit) = run(&mut database, &request, args.rbac_role, false);
    let record =
        commit.and_then(|commit| log::transaction_record(database.layout(), &commit, crate::base::wall_ms()));
    if let Some(record) = record {
        file.add(&record);
        file.append(true, || before, crate::base::wall_ms())?;
    }
    Ok(format!("{reply}\n").into())
}

/// The database and the parameters of the request.
fn request(args: &Args<'_>) -> anyhow::Result<(PathBuf, Value)> {
    let (path, text) = match args.operands {
        [path, text] => (Path::new(path).to_owned(), text),
        _ => (Args { operands: &[], ..*args }.db(0), &args.operands[0]),
    };
    let json: Value = serde_json::from_str(text).map_err(|error| anyhow!("\"{text}\": {error}"))?;
    if !json.is_array() && !json.is_object() {
        bail!("\"{text}\": an array or an object is expected");
    }
    Ok((path, json))
}

fn run(
    database: &mut Database,
    request: &Value,
    role: Option<&str>,
    read_only: bool,
) -> (Value, Option<Commit>) {
    let name = &database.schema().name;
    let operations = match request.as_array().map(Vec::as_slice) {
        Some([Value::String(given), operations @ ..]) if **given == **name => operations,
        Some(_) => {
            let words = "database name expected as first parameter";
            return (OvsdbError::syntax(request, words).to_json(), None);
        }
        None => return (OvsdbError::syntax(request, "array expected").to_json(), None),
    };
    // Nobody has shown a certificate: in a role, nothing is permitted.
    let rbac = role.and_then(|role| Rbac::new(role, None, database.now()));
    let guard = rbac.as_ref().map(|rbac| rbac as &dyn Guard);
    match database.transact(operations, Caller { read_only, locks: None, guard }, 0) {
        Outcome::Done { results, commit } => (Value::Array(results), commit),
        Outcome::Blocked { .. } => {
            (json!([{"details": "triggers not supported", "error": "not supported"}]), None)
        }
    }
}
