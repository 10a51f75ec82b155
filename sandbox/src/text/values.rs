//! Values with units and shapes as people write them: `20ms`, `1%`, `10mbit`, `10.0.0.1/24`, `0a:00:00:00:00:01`.
//!
//! Each reads from a YAML scalar with an error that says what was expected, prints back as it is written, and
//! gives its own JSON schema. The error is raised inside the visitor, so that it has the scalar's position.

use packet::MacAddr;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is not such a value. Shown as `bad KIND "TEXT": expected EXPECTED`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad {kind} {text:?}: expected {expected}")]
pub struct BadValue {
    pub kind: &'static str,
    pub text: String,
    pub expected: &'static str,
}

/// One value or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: serde::Serialize> serde::Serialize for List<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: serde::Deserialize<'de> + FromStr<Err: fmt::Display>> serde::Deserialize<'de> for List<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(std::marker::PhantomData<T>);
        impl<'de, T: serde::Deserialize<'de> + FromStr<Err: fmt::Display>> serde::de::Visitor<'de> for OneOrMany<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of values")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<List<T>, E> {
                text.parse().map(|value| List(vec![value])).map_err(E::custom)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(List(values))
            }
        }
        deserializer.deserialize_any(OneOrMany(std::marker::PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for List<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let one = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Gives a type that reads from text its serde and schema implementations.
#[macro_export]
macro_rules! text_value {
    ($type:ty, $kind:literal, $expected:literal, $pattern:literal) => {
        impl $type {
            #[allow(dead_code, reason = "a part of what every such value offers")]
            pub const EXPECTED: &'static str = $expected;

            fn bad(text: &str) -> $crate::text::values::BadValue {
                $crate::text::values::BadValue { kind: $kind, text: text.chars().take(80).collect(), expected: $expected }
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": ["string", "number"],
                    "pattern": $pattern,
                    "description": $expected,
                })
            }
        }
    };
}

/// The name of a chassis, a guest or another node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let good = text.len() <= 15
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if good { Ok(Self(text.to_owned())) } else { Err(Self::bad(text)) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_value!(
    Name,
    "name",
    "a name of at most 15 characters, a lower case letter first, then lower case letters, digits, - or _",
    "^[a-z][a-z0-9_-]{0,14}$"
);

/// The name of a lab.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabName(String);

impl LabName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabName {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let good = text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if good { Ok(Self(text.to_owned())) } else { Err(Self::bad(text)) }
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

text_value!(
    LabName,
    "name",
    "a name of at most 40 lower case letters, digits, - or _, a letter or digit first",
    "^[a-z0-9][a-z0-9_-]{0,39}$"
);

/// An Ethernet address of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub MacAddr);

impl FromStr for Mac {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        text.parse().map(Self).map_err(|_| Self::bad(text))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(
    Mac,
    "MAC address",
    "six pairs of hexadecimal digits, such as 0a:00:00:00:00:01",
    "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$"
);

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    pub addr: IpAddr,
    pub prefix_len: u8,
}

impl Cidr {
    /// Whether `other` is in this address's network.
    pub fn contains(&self, other: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
            IpAddr::V6(v6) => (u128::from(v6), false),
        };
        let ((mine, mine_v4), (theirs, theirs_v4)) = (bits(self.addr), bits(other));
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_len)).unwrap_or(0);
        mine_v4 == theirs_v4 && (mine ^ theirs) & mask == 0
    }
}

impl FromStr for Cidr {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let parts = text.split_once('/').and_then(|(addr, len)| {
            let (addr, prefix_len) = (addr.parse::<IpAddr>().ok()?, len.parse::<u8>().ok()?);
            let max = if addr.is_ipv4() { 32 } else { 128 };
            (prefix_len <= max).then_some(Self { addr, prefix_len })
        });
        parts.ok_or_else(|| Self::bad(text))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix_len)
    }
}

text_value!(
    Cidr,
    "address",
    "an address with its prefix length, such as 10.0.0.1/24",
    "^[0-9a-fA-F.:]+/[0-9]{1,3}$"
);

/// A time, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
}

impl FromStr for Span {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (number, unit) = number_and_unit(text).ok_or_else(|| Self::bad(text))?;
        let nanos = match unit {
            "ns" => 1.0,
            "us" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            _ if number == 0.0 && unit.is_empty() => 0.0,
            _ => return Err(Self::bad(text)),
        };
        let nanos = number * nanos;
        // A day is more than any lab lasts; it also keeps every sum of an instant and a span in range.
        if nanos > 86_400e9 {
            Err(Self::bad(text))
        } else {
            Ok(Self(Duration::from_nanos(nanos.round() as u64)))
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        match nanos {
            0 => f.write_str("0"),
            n if n % 1_000_000_000 == 0 => write!(f, "{}s", n / 1_000_000_000),
            n if n % 1_000_000 == 0 => write!(f, "{}ms", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, "{}us", n / 1_000),
            n => write!(f, "{n}ns"),
        }
    }
}

text_value!(
    Span,
    "time",
    "a number with a unit, such as 20ms, 1.5s or 300us, at most a day",
    "^([0-9.]+(ns|us|ms|s|m|min)|0)$"
);

/// A probability, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

impl FromStr for Ratio {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (number, unit) = number_and_unit(text).ok_or_else(|| Self::bad(text))?;
        let ratio = match unit {
            "%" => number / 100.0,
            "" => number,
            _ => return Err(Self::bad(text)),
        };
        if ratio <= 1.0 { Ok(Self(ratio)) } else { Err(Self::bad(text)) }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

text_value!(Ratio, "share", "a share, such as 2% or 0.02, from 0 to 100%", "^[0-9.]+%?$");

/// Bits a second; more than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

impl FromStr for Rate {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (number, unit) = number_and_unit(text).ok_or_else(|| Self::bad(text))?;
        let bits = match unit {
            "bit" => number,
            "kbit" => number * 1e3,
            "mbit" => number * 1e6,
            "gbit" => number * 1e9,
            _ => return Err(Self::bad(text)),
        };
        if (1.0..=1e12).contains(&bits) { Ok(Self(bits as u64)) } else { Err(Self::bad(text)) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n % 1_000_000_000 == 0 => write!(f, "{}gbit", n / 1_000_000_000),
            n if n % 1_000_000 == 0 => write!(f, "{}mbit", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, "{}kbit", n / 1_000),
            n => write!(f, "{n}bit"),
        }
    }
}

text_value!(Rate, "rate", "bits a second with a unit, such as 10mbit or 1gbit", "^[0-9.]+[kmg]?bit$");

/// `20ms` as 20 and `ms`; None when there is no number, or not an ordinary one.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().ok()?;
    Some((number, text[at..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: FromStr<Err = BadValue> + fmt::Display>(text: &str) -> String {
        text.parse::<T>().map_or_else(|e| e.to_string(), |v| v.to_string())
    }

    #[test]
    fn values_are_read_and_printed_as_they_are_written() {
        let good = [
            (round::<Span>("20ms"), "20ms"),
            (round::<Span>("1.5s"), "1500ms"),
            (round::<Span>("0"), "0"),
            (round::<Span>("2m"), "120s"),
            (round::<Span>("300us"), "300us"),
            (round::<Ratio>("2%"), "2%"),
            (round::<Ratio>("0.5"), "50%"),
            (round::<Rate>("10mbit"), "10mbit"),
            (round::<Rate>("1.5kbit"), "1500bit"),
            (round::<Cidr>("10.0.0.1/24"), "10.0.0.1/24"),
            (round::<Cidr>("fd00::1/64"), "fd00::1/64"),
            (round::<Mac>("0A:00:00:00:00:01"), "0a:00:00:00:00:01"),
            (round::<Name>("hv1"), "hv1"),
        ];
        for (got, want) in good {
            assert_eq!(got, want);
        }
    }

    #[test]
    fn bad_values_say_what_was_expected() {
        let bad = [
            round::<Span>("20"),
            round::<Span>("-1s"),
            round::<Span>("99999999999s"),
            round::<Span>("1..2s"),
            round::<Ratio>("101%"),
            round::<Rate>("0bit"),
            round::<Cidr>("10.0.0.1"),
            round::<Cidr>("10.0.0.1/33"),
            round::<Mac>("0a:00:00:00:00"),
            round::<Name>("Hv1"),
            round::<Name>("a-name-that-is-too-long"),
        ];
        for text in &bad {
            assert!(text.starts_with("bad ") && text.contains(": expected "), "{text}");
        }
        assert_eq!(
            bad[0],
            "bad time \"20\": expected a number with a unit, such as 20ms, 1.5s or 300us, at most a day"
        );
    }

    #[test]
    fn a_network_contains_its_addresses() {
        let net: Cidr = "10.0.0.1/24".parse().unwrap();
        assert!(net.contains("10.0.0.200".parse().unwrap()));
        assert!(!net.contains("10.0.1.1".parse().unwrap()));
        assert!(!net.contains("::1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains("9.9.9.9".parse().unwrap()));
    }
}
