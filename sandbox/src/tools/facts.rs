//! What a client was told, by name, in the words in which scenarios expect it. Pure.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// Names and values. What was not told has no name here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<&'static str, String>);

impl Facts {
    /// Adds a fact.
    pub fn set(&mut self, name: &'static str, value: impl Display) {
        self.0.insert(name, value.to_string());
    }

    /// Adds a fact of several values, in their order.
    pub fn list<T: Display>(&mut self, name: &'static str, values: impl IntoIterator<Item = T>) {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.set(name, values.join(", "));
    }

    /// The value under a name; nothing under one that is not there.
    fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Where these are not what is expected, a line each. Nothing is expected of names that are not in `expected`;
    /// an empty value means that there must be none.
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let words = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
        let other = expected.0.iter().filter(|(name, wanted)| self.value(name) != wanted.as_str());
        other
            .map(|(name, wanted)| {
                format!("{name}: expected {}, told {}", words(wanted), words(self.value(name)))
            })
            .collect()
    }
}

impl Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            let between = if i == 0 { "" } else { "; " };
            write!(f, "{between}{name} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said_and_what_is_not_expected_does_not_count() {
        let (mut told, mut expected) = (Facts::default(), Facts::default());
        told.set("mtu", 1400);
        told.set("address", "10.0.0.1");
        told.list("dns", [1, 2]);
        expected.set("mtu", 1400);
        assert_eq!(told.differences(&expected), [""; 0]);
        expected.set("mtu", 9000);
        expected.list("dns", [""; 0]);
        expected.set("domain", "ovn.org");
        insta::assert_snapshot!(told.differences(&expected).join("\n"), @"
        dns: expected none, told 1, 2
        domain: expected ovn.org, told none
        mtu: expected 9000, told 1400
        ");
        insta::assert_snapshot!(told, @"address 10.0.0.1; dns 1, 2; mtu 1400");
    }
}
