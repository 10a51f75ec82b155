//! `ovsdb-tool`: database files without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ovsdb::DatabaseSchema;
use ovsdb::log;

use crate::base::getopt::{self, Opt};
use crate::base::options::{self, Program};
use crate::base::paths::Family;
use crate::base::shell;
use crate::ovsdb_server::file::{self, DbFile};

const PROGRAM: Program = Program { name: "ovsdb-tool", family: Family::Ovs };

/// Runs the tool.
pub fn run(args: &[String]) -> ExitCode {
    match command(args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ovsdb-tool: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> anyhow::Result<String> {
    let known: Vec<Opt> = options::COMMON.to_vec();
    let parsed = getopt::parse(&known, args)?;
    for (option, _) in &parsed.options {
        match *option {
            "help" => return Ok(HELP.to_owned()),
            "version" => return Ok(format!("{}\n", shell::version(PROGRAM.name))),
            _ => {}
        }
    }
    let words: Vec<&str> = parsed.operands.iter().map(String::as_str).collect();
    let db = |given: Option<&&str>| {
        given.map_or_else(|| PROGRAM.family.db_dir().join("conf.db"), |path| PathBuf::from(*path))
    };
    match words.as_slice() {
        ["create", rest @ ..] if rest.len() <= 2 => {
            create(&db(rest.first()), rest.get(1).map(|path| Path::new(*path)))?;
            Ok(String::new())
        }
        ["db-name", rest @ ..] if rest.len() <= 1 => Ok(format!("{}\n", open(&db(rest.first()))?.name)),
        ["db-version", rest @ ..] if rest.len() <= 1 => Ok(format!("{}\n", open(&db(rest.first()))?.version)),
        ["schema-name", schema] => Ok(format!("{}\n", read_schema(Path::new(schema))?.name)),
        ["schema-version", schema] => Ok(format!("{}\n", read_schema(Path::new(schema))?.version)),
        [] => bail!("missing command name; use --help for help"),
        ["create" | "db-name" | "db-version" | "schema-name" | "schema-version", ..] => {
            bail!("'{}' command does not take these arguments; use --help for help", words[0])
        }
        [other, ..] => bail!("unknown command '{other}'; use --help for help"),
    }
}

/// Makes an empty database; its schema is that of the file `schema`, or of the vswitch database.
fn create(db: &Path, schema: Option<&Path>) -> anyhow::Result<()> {
    let octets = match schema {
        Some(path) => log::created(&read_schema(path)?),
        None => log::created(schema::vswitch::schema()),
    };
    Ok(file::create(db, &octets)?)
}

fn open(path: &Path) -> anyhow::Result<std::sync::Arc<DatabaseSchema>> {
    let (_, database, _) = DbFile::open(path, crate::base::random_seed())?;
    Ok(std::sync::Arc::clone(database.schema()))
}

/// The schema in a file, or one of ours by the name of its file where there is no such file, so that scripts
/// need no schema files: `ovn-nb.ovsschema`.
fn read_schema(path: &Path) -> anyhow::Result<DatabaseSchema> {
    if !path.exists()
        && let Some(known) = path.file_name().and_then(|name| known_schema(&name.to_string_lossy()))
    {
        return Ok(known.clone());
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("failed to read schema {}", path.display()))?;
    let json = serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.display()))?;
    DatabaseSchema::from_json(&json).with_context(|| format!("{}", path.display()))
}

fn known_schema(file: &str) -> Option<&'static DatabaseSchema> {
    match file {
        "ovn-nb.ovsschema" => Some(schema::nb::schema()),
        "ovn-sb.ovsschema" => Some(schema::sb::schema()),
        "vswitch.ovsschema" => Some(schema::vswitch::schema()),
        _ => None,
    }
}

const HELP: &str = "\
ovsdb-tool: works on database files without a server
usage: ovsdb-tool [OPTION...] COMMAND [ARG...]
  create [DB [SCHEMA]]    makes an empty database; SCHEMA is a file, or
                          ovn-nb.ovsschema, ovn-sb.ovsschema or
                          vswitch.ovsschema, which are built in
  db-name [DB]            the name of the schema in DB
  db-version [DB]         the version of the schema in DB
  schema-name SCHEMA      the name of a schema
  schema-version SCHEMA   the version of a schema
  -h, --help              this help
  -V, --version           version information
";
