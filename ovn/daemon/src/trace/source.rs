//! Where the rows come from.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ovsdb::db::{Database, Snapshot};
use ovsdb::log::{self, ClusterFile, Format};
use ovsdb::{Datum, Uuid};
use schema::{nb, sb};

use super::plan::Plan;
use super::{PROGRAM, ReadTopology};
use crate::base::options::Own;
use crate::base::target::Active;

/// How remotes begin.
const METHODS: [&str; 6] = ["unix:", "tcp:", "ssl:", "punix:", "ptcp:", "pssl:"];

/// Where the rows come from.
pub(super) enum Source {
    /// The servers to try, and how the user named them.
    Live(Vec<Active>, String),
    /// A database file.
    File(PathBuf),
    /// A network that was never made.
    Topology(Box<Plan>),
}

impl Source {
    pub(super) fn new(own: &Own, read_topology: ReadTopology) -> anyhow::Result<Self> {
        if let Some(file) = own.last("topology") {
            return Ok(Self::Topology(Box::new(read_topology(Path::new(file))?)));
        }
        let run_dir = PROGRAM.family.run_dir();
        let default = || format!("unix:{}", run_dir.join("ovnsb_db.sock").display());
        let db = own.last("db").map(str::to_owned);
        let db = db.or_else(|| std::env::var("OVN_SB_DB").ok()).unwrap_or_else(default);
        if let Some(path) = db.strip_prefix("file:") {
            return Ok(Self::File(path.into()));
        }
        if !METHODS.iter().any(|method| db.starts_with(method)) && Path::new(&db).is_file() {
            return Ok(Self::File(db.into()));
        }
        Ok(Self::Live(Active::parse_list(&db, &run_dir)?, db))
    }
}

/// The rows of a southbound database file, clustered or not.
pub(super) fn read_file(path: &Path) -> anyhow::Result<sb::Tables> {
    let read = || -> anyhow::Result<Database> {
        let octets = std::fs::read(path)?;
        let octets = match Format::of(&octets) {
            Some(Format::Clustered) => ClusterFile::parse(&octets)?.to_standalone(crate::base::wall_ms())?,
            Some(Format::Standalone) | None => octets,
        };
        Ok(log::replay(&octets, 0)?.database)
    };
    let database = read().with_context(|| path.display().to_string())?;
    let name = &database.schema().name;
    anyhow::ensure!(
        **name == *sb::schema().name,
        "{}: it is {name}, not a southbound database",
        path.display()
    );
    Ok(southbound(database.now()))
}

/// The rows of a southbound database.
pub(super) fn southbound(snapshot: &Snapshot) -> sb::Tables {
    let mut tables = sb::Tables::default();
    each(snapshot, |table, uuid, row| {
        let Some(id) = sb::TableId::from_name(table) else { return };
        if let Err(error) = tables.replace(table, uuid, Some(&row(id.columns(), sb::schema()))) {
            tracing::warn!(target: "ovntrace", "row ignored: {error}");
        }
    });
    tables
}

/// The rows of a northbound database.
pub(super) fn northbound(snapshot: &Snapshot) -> nb::Tables {
    let mut tables = nb::Tables::default();
    each(snapshot, |table, uuid, row| {
        let Some(id) = nb::TableId::from_name(table) else { return };
        if let Err(error) = tables.replace(table, uuid, Some(&row(id.columns(), nb::schema()))) {
            tracing::warn!(target: "ovntrace", "row ignored: {error}");
        }
    });
    tables
}

/// The values of some columns, of the schema that they are for.
type Values<'a> = &'a dyn Fn(&[&str], &ovsdb::DatabaseSchema) -> Vec<Datum>;

/// Gives each row. Columns that a file of an older schema lacks have their defaults.
fn each(snapshot: &Snapshot, mut take: impl FnMut(&str, Uuid, Values<'_>)) {
    for table in &snapshot.layout().tables {
        let Some(id) = snapshot.layout().table_id(&table.name) else { continue };
        for (uuid, row) in snapshot.rows(id) {
            take(&table.name, uuid, &|columns, schema| {
                let value = |name: &&str| match table.column_index(name) {
                    Some(place) => row[place].clone(),
                    None => schema
                        .column(&table.name, name)
                        .map_or_else(Datum::empty_set, |column| Datum::default_for(&column.ty)),
                };
                columns.iter().map(value).collect()
            });
        }
    }
}
