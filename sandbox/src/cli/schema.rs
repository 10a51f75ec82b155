//! `schema topology|scenario`: prints the JSON schema by which editors check and complete the files.

use super::PASS;
use crate::scenario::Scenario;
use crate::topology::Topology;

/// Print the JSON schema of a kind of file.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Which kind of file.
    kind: Kind,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Kind {
    Topology,
    Scenario,
}

pub(super) fn run(args: &Args) -> u8 {
    print!("{}", text(args.kind));
    PASS
}

fn text(kind: Kind) -> String {
    let schema = match kind {
        Kind::Topology => schemars::schema_for!(Topology),
        Kind::Scenario => schemars::schema_for!(Scenario),
    };
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const PUBLISHED: &[(Kind, &str)] = &[
        (Kind::Topology, "topologies/topology.schema.json"),
        (Kind::Scenario, "scenarios/scenario.schema.json"),
    ];

    /// `topologies/topology.schema.json` is what `ovn sandbox schema topology` prints; with INSTA_UPDATE=always
    /// it is written anew.
    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        for (kind, file) in PUBLISHED {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
            if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
                std::fs::write(&path, text(*kind)).unwrap();
            }
            let published = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(published == text(*kind), "{file} is out of date: run `ovn sandbox schema` into it");
        }
    }
}
