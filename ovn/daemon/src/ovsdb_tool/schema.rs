//! `schema-name`, `schema-version`, `schema-cksum`, `compare-versions`.

use std::cmp::Ordering;
use std::path::Path;

use anyhow::{anyhow, bail};
use ovsdb::DatabaseSchema;

use super::{Args, Done};
use crate::base::os_error;

pub(super) fn name(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", read(args.get(0))?.name).into())
}

pub(super) fn version(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", read(args.get(0))?.version).into())
}

pub(super) fn cksum(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", read(args.get(0))?.cksum.unwrap_or_default()).into())
}

/// The schema in a file, or one of ours by the name of its file where there is no such file, so that scripts need no
/// schema files; without a name that of Open_vSwitch.
pub(super) fn read(path: Option<&str>) -> anyhow::Result<DatabaseSchema> {
    let path = Path::new(path.unwrap_or("vswitch.ovsschema"));
    if !path.exists()
        && let Some(known) = path.file_name().and_then(|name| known(&name.to_string_lossy()))
    {
        return Ok(known.clone());
    }
    let name = path.display();
    let unread = |why: String| anyhow!("failed to read schema: \"{name}\" could not be read as JSON ({why})");
    let text = std::fs::read_to_string(path)
        .map_err(|error| unread(format!("error opening \"{name}\": {}", os_error(&error))))?;
    let json = serde_json::from_str(&text).map_err(|error| unread(error.to_string()))?;
    DatabaseSchema::from_json(&json).map_err(|mut error| {
        let why = error.details.unwrap_or_default();
        error.details = Some(format!("failed to parse \"{name}\" as ovsdb schema: {why}"));
        error.into()
    })
}

fn known(file: &str) -> Option<&'static DatabaseSchema> {
    match file {
        "ovn-nb.ovsschema" => Some(schema::nb::schema()),
        "ovn-sb.ovsschema" => Some(schema::sb::schema()),
        "vswitch.ovsschema" => Some(schema::vswitch::schema()),
        _ => None,
    }
}

/// Whether two versions stand in a relation: exit code 0, or 2.
pub(super) fn compare_versions(args: &Args<'_>) -> anyhow::Result<Done> {
    let [a, op, b] = args.operands else { bail!("three arguments are expected") };
    let (a, b) = (parts(a)?, parts(b)?);
    let order = a.cmp(&b);
    let holds = match op.as_str() {
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        "==" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        ">=" => order != Ordering::Less,
        ">" => order == Ordering::Greater,
        other => bail!("{other}: not a relational operator"),
    };
    Ok(Done { text: String::new(), code: if holds { 0 } else { 2 } })
}

fn parts(version: &str) -> anyhow::Result<[u32; 3]> {
    let numbers: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    let numbers = numbers.and_then(|numbers| <[u32; 3]>::try_from(numbers).ok());
    numbers.ok_or_else(|| anyhow!("{version}: not an OVSDB version number in format x.y.z"))
}
