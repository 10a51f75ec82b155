//! `--config-file`: remotes and databases as a JSON file says, read again by `ovsdb-server/reload`.
//!
//! ```json
//! { "remotes": { "punix:db.sock": {}, "ptcp:6640": { "inactivity-probe": 10000, "read-only": true } },
//!   "databases": { "conf.db": { "service-model": "standalone" },
//!                  "Copy": { "service-model": "relay", "source": { "tcp:10.0.0.1:6641": {} } } } }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::remotes::RemoteOptions;

/// How a database is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// From a file.
    File,
    /// From a file, as a copy of what the server at `source` has; as the active one if it has none.
    ActiveBackup {
        /// Where the active server is, if this one is a backup.
        source: Option<String>,
        /// Tables that are not copied.
        exclude: Vec<String>,
    },
    /// From another server.
    Relay(String),
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) remotes: BTreeMap<String, RemoteOptions>,
    /// By file, or by name for relays.
    pub(super) databases: BTreeMap<String, Model>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, with its path.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(shown)?;
        Self::parse(&text).with_context(shown)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let members = json.as_object().context("config: an object is expected")?;
        only(members, &["remotes", "databases"])?;
        let mut config = Self::default();
        for (target, options) in object(members, "remotes")? {
            let options = remote(options).with_context(|| format!("remote {target}"))?;
            config.remotes.insert(target, options);
        }
        for (name, database) in object(members, "databases")? {
            let model = model(database).with_context(|| format!("database {name}"))?;
            config.databases.insert(name, model);
        }
        Ok(config)
    }
}

/// The member called `name`, empty where it is missing or null.
fn object(members: &Map<String, Value>, name: &str) -> anyhow::Result<Map<String, Value>> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => bail!("'{name}' is not a JSON object"),
    }
}

fn only(members: &Map<String, Value>, known: &[&str]) -> anyhow::Result<()> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => bail!("member '{name}' is not known here"),
        None => Ok(()),
    }
}

fn remote(json: Value) -> anyhow::Result<RemoteOptions> {
    let members = match json {
        Value::Null => return Ok(RemoteOptions::default()),
        Value::Object(members) => members,
        _ => bail!("options are not a JSON object or null"),
    };
    only(&members, &["inactivity-probe", "max-backoff", "dscp", "read-only", "role"])?;
    let number = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).with_context(|| format!("'{name}' is not a number of milliseconds"))
        }
    };
    let read_only = match members.get("read-only") {
        None => false,
        Some(value) => value.as_bool().context("'read-only' is not true or false")?,
    };
    let role = match members.get("role") {
        None => "",
        Some(value) => value.as_str().context("'role' is not a string")?,
    };
    Ok(RemoteOptions {
        inactivity_probe: number("inactivity-probe")?,
        max_backoff: number("max-backoff")?,
        read_only,
        role: role.into(),
    })
}

fn model(json: Value) -> anyhow::Result<Model> {
    let members = match json {
        Value::Null => return Ok(Model::File),
        Value::Object(members) => members,
        _ => bail!("a JSON object or null is expected"),
    };
    only(&members, &["service-model", "source", "backup", "exclude-tables"])?;
    let sources = object(&members, "source")?;
    let source = match sources.keys().collect::<Vec<_>>()[..] {
        [] => None,
        [one] => Some(one.clone()),
        _ => bail!("'source' should be an object with exactly one element"),
    };
    match members.get("service-model").map(|model| model.as_str().unwrap_or_default()) {
        None | Some("standalone") => Ok(Model::File),
        Some("relay") => Ok(Model::Relay(source.context("a relay needs a 'source'")?)),
        Some("active-backup") => {
            let is_backup = members.get("backup").and_then(Value::as_bool).unwrap_or(false);
            let source = source.filter(|_| is_backup);
            if is_backup && source.is_none() {
                bail!("a backup needs a 'source'");
            }
            let excluded = members.get("exclude-tables").and_then(Value::as_array);
            let exclude =
                excluded.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            Ok(Model::ActiveBackup { source, exclude })
        }
        Some("clustered") => bail!("clustered databases are not supported by this version"),
        Some(other) => bail!("'{other}' is not a valid service model"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match Config::parse(text) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error:#}"),
        };
        assert!(got.contains(expected), "{text}: {got}");
    }

    #[test]
    fn what_a_file_says_and_what_is_wrong_with_it() {
        check("{}", "Config { remotes: {}, databases: {} }");
        check(
            r#"{"remotes": {"punix:a": null, "ptcp:1": {"inactivity-probe": 7, "read-only": true, "role": "r"}}}"#,
            r#""ptcp:1": RemoteOptions { inactivity_probe: Some(7), max_backoff: None, read_only: true, role: "r" }"#,
        );
        check(r#"{"databases": {"a.db": null, "b.db": {"service-model": "standalone"}}}"#, r#""b.db": File"#);
        check(
            r#"{"databases": {"R": {"service-model": "relay", "source": {"tcp:1.2.3.4:5": {}}}}}"#,
            r#""R": Relay("tcp:1.2.3.4:5")"#,
        );
        check(
            r#"{"databases": {"a": {"service-model": "active-backup", "backup": true, "source": {"tcp:1": null},
                "exclude-tables": ["T"]}}}"#,
            r#""a": ActiveBackup { source: Some("tcp:1"), exclude: ["T"] }"#,
        );
        check(r#"{"databases": {"R": {"service-model": "relay"}}}"#, "database R: a relay needs a 'source'");
        check(r#"{"databases": {"a": {"service-model": "x"}}}"#, "'x' is not a valid service model");
        check(r#"{"remotes": []}"#, "'remotes' is not a JSON object");
        check(r#"{"remotes": {"ptcp:1": {"probe": 1}}}"#, "remote ptcp:1: member 'probe' is not known here");
        check("[]", "an object is expected");
    }
}
