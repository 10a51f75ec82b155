//! Values that have a name in a scenario, each backend its own: what is an age of 300 s in virtual time may be one of
//! 6 s where time has to be waited for.
//!
//! A name is put in by the text, before it is read: `$age`, as a word of its own, becomes what the backend has for `age`. A
//! line stays the same line. What `values` does not name stays as it is, such as a variable of a shell.

use super::backend::BackendKind;
use crate::text::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Values by name, for each backend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Values {
    /// In network namespaces.
    pub netns: BTreeMap<String, Value>,
    /// In virtual time.
    pub sim: BTreeMap<String, Value>,
}

/// A value, as it stands in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    Number(i64),
    Text(String),
}

/// What is read of a scenario before the rest.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    values: Values,
}

impl Values {
    /// Whether nothing has a name.
    pub fn is_empty(&self) -> bool {
        self.netns.is_empty() && self.sim.is_empty()
    }

    fn of(&self, backend: BackendKind) -> &BTreeMap<String, Value> {
        match backend {
            BackendKind::Netns => &self.netns,
            BackendKind::Sim => &self.sim,
        }
    }

    /// Backends and names that they have no value of, though the other has.
    pub(super) fn missing(&self) -> Vec<(&'static str, &str)> {
        let names: BTreeSet<&String> = self.netns.keys().chain(self.sim.keys()).collect();
        let all = [("netns", &self.netns), ("sim", &self.sim)];
        let lacks = |(backend, values): (&'static str, &BTreeMap<String, Value>)| {
            let lacking: Vec<_> = names.iter().filter(|name| !values.contains_key(**name)).collect();
            lacking.into_iter().map(move |name| (backend, name.as_str())).collect::<Vec<_>>()
        };
        all.into_iter().flat_map(lacks).collect()
    }
}

/// The text with the values of a backend in place of their names. A text that cannot be read stays as it is: reading it
/// says why.
pub(super) fn put(source: &Source, backend: BackendKind) -> Source {
    let Ok(head) = serde_yaml::from_str::<Head>(&source.text) else { return source.clone() };
    let values = head.values.of(backend);
    let mut parts = source.text.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        match values.get(name) {
            Some(Value::Number(number)) => text += &format!("{number}{rest}"),
            Some(Value::Text(value)) => text += &format!("{value}{rest}"),
            None => text += &format!("${part}"),
        }
    }
    Source::new(source.name.clone(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
values:
  netns: {age: 6, long: 8s}
  sim: {age: 300, long: 400s}
steps:
  - nbctl: set x y=\"$age;$agent$\"
  - clock: {advance: $long}
";

    #[test]
    fn each_backend_has_its_own_values() {
        let steps = |backend| {
            let text = put(&Source::new("s", TEXT), backend).text;
            text[text.find("steps").unwrap()..].to_owned()
        };
        assert_eq!(
            steps(BackendKind::Sim),
            "steps:\n  - nbctl: set x y=\"300;$agent$\"\n  - clock: {advance: 400s}\n"
        );
        assert_eq!(
            steps(BackendKind::Netns),
            "steps:\n  - nbctl: set x y=\"6;$agent$\"\n  - clock: {advance: 8s}\n"
        );
    }

    #[test]
    fn a_text_that_makes_no_sense_stays_as_it_is() {
        for text in ["values: 7\n$age", "{", "values: {netns: {}, sim: {}}\na: $age"] {
            assert_eq!(put(&Source::new("s", text), BackendKind::Sim).text, text);
        }
    }

    #[test]
    fn a_value_of_one_backend_only_is_missing() {
        let values: Values = serde_yaml::from_str("{netns: {a: 1, b: 2}, sim: {b: x, c: 3}}").unwrap();
        assert_eq!(values.missing(), [("netns", "c"), ("sim", "a")]);
    }
}
