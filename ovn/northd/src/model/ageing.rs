//! How long something that was learned is kept without being used: `AGE` or `PREFIX:AGE`, several with `;` between them.

use std::net::IpAddr;

use crate::model::prefix::Prefix;

/// Ages by what they are for, in seconds. Zero is for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ages {
    /// From the longest prefix to the shortest.
    prefixes: Vec<(Prefix, u32)>,
    /// For everything else.
    other: u32,
}

impl Ages {
    /// Reads the option. If anything in it is wrong, nothing of it counts, and the error says what: half of a list could
    /// expire what was meant to be kept.
    pub fn parse(text: &str) -> (Self, Option<String>) {
        let mut ages = Self::default();
        for word in text.split(';').filter(|word| !word.is_empty()) {
            let (prefix, age) =
                word.rsplit_once(':').map_or((None, word), |(prefix, age)| (Some(prefix), age));
            let prefix = prefix.map(Prefix::parse);
            let (Ok(age), false) = (age.trim().parse(), prefix == Some(None)) else {
                let error = format!("\"{word}\" is not SECONDS or PREFIX:SECONDS; nothing expires");
                return (Self::default(), Some(error));
            };
            match prefix.flatten().filter(|prefix| prefix.length() > 0) {
                Some(prefix) => ages.prefixes.push((prefix, age)),
                None => ages.other = age,
            }
        }
        ages.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.length()));
        (ages, None)
    }

    /// The age that counts for an address, in seconds; none if it is kept for ever.
    pub fn of(&self, ip: IpAddr) -> Option<u32> {
        let found = self.prefixes.iter().find(|(prefix, _)| prefix.contains(ip));
        Some(found.map_or(self.other, |(_, age)| *age)).filter(|age| *age > 0)
    }

    /// The shortest of the ages, in seconds; none if nothing expires.
    pub fn shortest(&self) -> Option<u32> {
        self.prefixes.iter().map(|(_, age)| *age).chain([self.other]).filter(|age| *age > 0).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let (ages, error) = Ages::parse("300;10.0.0.0/8:60;10.1.0.0/16:0;fd00::/64:5");
        assert_eq!(error, None);
        let age = |ip: &str| ages.of(ip.parse().expect("an address"));
        assert_eq!([age("10.0.0.1"), age("10.1.0.1"), age("192.0.2.1")], [Some(60), None, Some(300)]);
        assert_eq!([age("fd00::1"), age("fd00:0:0:1::1")], [Some(5), Some(300)]);
        assert_eq!(ages.shortest(), Some(5));
        assert_eq!(Ages::parse("0").0.shortest(), None);
    }

    #[test]
    fn nothing_expires_by_a_list_that_is_not_understood() {
        for text in ["60;x", "10.0.0.0/8", "10.0.0.0/40:60", "-1", "fd00::1:60x"] {
            let (ages, error) = Ages::parse(text);
            assert_eq!(ages, Ages::default(), "{text}");
            assert!(error.is_some_and(|error| error.contains("is not SECONDS or PREFIX:SECONDS")), "{text}");
        }
    }
}
