//! The verbs: one file each, and here the list of all.

mod add_guest;
mod arp_entry;
mod broadcast;
mod capture;
mod clock;
mod command;
pub mod convert;
mod crowd;
mod dhcp;
mod dhcp6;
mod dns;
mod expect_capture;
mod expect_row;
mod flood_ping;
mod kill;
mod link;
mod malformed;
mod ping;
mod ra;
mod send;
mod talk;
mod trace;
mod traffic;
mod upgrade;
mod wait;

use super::check::Checker;
use super::report::Failure;
use super::run::Run;
use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What every verb can do.
pub trait Action {
    /// How it is called in reports.
    fn title(&self) -> String;

    /// Says what is wrong with it, given the topology and the steps before it.
    fn check(&self, checker: &mut Checker<'_>);

    /// Why it can only be done in real namespaces, if it can only be done there.
    fn not_simulated(&self) -> Option<&'static str> {
        None
    }

    /// Does it; what it has to say when it went well, or how it failed.
    fn run(&self, run: &mut Run) -> impl Future<Output = Result<String, Failure>>;
}

/// One step of a scenario: a verb, and perhaps a name for reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: Option<String>,
    pub verb: Verb,
}

impl Step {
    /// The step's own name, or the verb's title.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.verb.title())
    }
}

macro_rules! verbs {
    ($($key:literal => $variant:ident($type:ty),)*) => {
        /// A verb with its arguments.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Verb {
            $($variant(Box<$type>),)*
        }

        impl Verb {
            /// The keys of all verbs.
            pub const KEYS: &'static [&'static str] = &[$($key),*];

            /// The key under which the verb stands.
            pub fn key(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $key,)*
                }
            }

            pub fn title(&self) -> String {
                match self {
                    $(Self::$variant(verb) => verb.title(),)*
                }
            }

            pub fn check(&self, checker: &mut Checker<'_>) {
                match self {
                    $(Self::$variant(verb) => verb.check(checker),)*
                }
            }

            pub fn not_simulated(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(verb) => verb.not_simulated(),)*
                }
            }

            /// Does it.
            ///
            /// # Errors
            /// How it failed.
            pub async fn run(&self, run: &mut Run) -> Result<String, Failure> {
                match self {
                    $(Self::$variant(verb) => Box::pin(verb.run(run)).await,)*
                }
            }
        }

        /// Reads the verb under this key; None when there is no such verb.
        fn read_verb<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Option<Verb>, A::Error> {
            Ok(match key {
                $($key => Some(Verb::$variant(Box::new(map.next_value::<$type>()?))),)*
                _ => None,
            })
        }

        impl Serialize for Step {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                if let Some(name) = &self.name {
                    map.serialize_entry("name", name)?;
                }
                match &self.verb {
                    $(Verb::$variant(verb) => map.serialize_entry($key, verb)?,)*
                }
                map.end()
            }
        }

        impl JsonSchema for Step {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                "Step".into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                properties.insert("name".into(), serde_json::json!({
                    "type": "string", "description": "What the step is called in reports.",
                }));
                $(properties.insert($key.into(), generator.subschema_for::<$type>().into());)*
                let one_of: Vec<serde_json::Value> =
                    Verb::KEYS.iter().map(|key| serde_json::json!({ "required": [key] })).collect();
                schemars::json_schema!({
                    "description": "One step: a verb, and perhaps a name.",
                    "type": "object",
                    "properties": properties,
                    "additionalProperties": false,
                    "oneOf": one_of,
                })
            }
        }
    };
}

verbs! {
    "ping" => Ping(ping::Ping),
    "no-ping" => NoPing(ping::NoPing),
    "flood-ping" => FloodPing(flood_ping::FloodPing),
    "broadcast" => Broadcast(broadcast::Broadcast),
    "send" => Send(send::Send),
    "nbctl" => Nbctl(command::Nbctl),
    "sbctl" => Sbctl(command::Sbctl),
    "vsctl" => Vsctl(command::Vsctl),
    "exec" => Exec(command::Exec),
    "trace" => Trace(trace::Trace),
    "expect-row" => ExpectRow(expect_row::ExpectRow),
    "capture" => Capture(capture::Capture),
    "expect-capture" => ExpectCapture(expect_capture::ExpectCapture),
    "link" => Link(link::Link),
    "kill" => Kill(kill::Kill),
    "restart" => Restart(kill::Restart),
    "add-guest" => AddGuest(add_guest::AddGuest),
    "wait" => Wait(wait::Wait),
    "clock" => Clock(clock::Clock),
    "arp-entry" => ArpEntry(arp_entry::ArpEntry),
    "traffic" => Traffic(traffic::Traffic),
    "upgrade" => Upgrade(upgrade::Upgrade),
    "dhcp" => Dhcp(dhcp::Dhcp),
    "dhcp6" => Dhcp6(dhcp6::Dhcp6),
    "dns" => Dns(dns::Dns),
    "ra" => Ra(ra::Ra),
    "malformed" => Malformed(malformed::Malformed),
    "crowd" => Crowd(crowd::Crowd),
    "convert" => Convert(convert::Convert),
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor)
    }
}

struct StepVisitor;

impl<'de> Visitor<'de> for StepVisitor {
    type Value = Step;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step: a verb with its arguments, such as `ping: {from: vm1, to: vm2}`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
        let (mut name, mut verb) = (None, None);
        while let Some(Key(key)) = map.next_key()? {
            if key == "name" {
                name = Some(map.next_value()?);
                continue;
            }
            let found = read_verb(&key, &mut map)?;
            if let Some(first) = verb.replace(found) {
                let first: Option<Verb> = first;
                let first = first.map_or("", |v| v.key());
                return Err(A::Error::custom(format_args!(
                    "a step with two verbs, {first} and {key}: expected two steps"
                )));
            }
        }
        match verb.flatten() {
            Some(verb) => Ok(Step { name, verb }),
            None => Err(A::Error::custom(format_args!(
                "a step without a verb: expected one of {}",
                Verb::KEYS.join(", ")
            ))),
        }
    }
}

/// A key of a step; an unknown one is refused where it stands.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;
        impl Visitor<'_> for Known {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("name, or a verb")
            }
            fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
                if key == "name" || Verb::KEYS.contains(&key) {
                    return Ok(Key(key.to_owned()));
                }
                Err(E::unknown_field(key, Verb::KEYS))
            }
        }
        deserializer.deserialize_str(Known)
    }
}
