//! The definition files agree with upstream's schemas, where those are at hand: names, types, constraints, flags,
//! limits and indexes.

use ovsdb::DatabaseSchema;
use std::path::Path;

const UPSTREAM: &[(&str, &str)] = &[
    ("ic_nb", "ovn-ic-nb"),
    ("ic_sb", "ovn-ic-sb"),
    ("nb", "ovn-nb"),
    ("sb", "ovn-sb"),
    ("vswitch", "vswitch"),
    ("vtep", "vtep"),
];

#[test]
fn definitions_agree_with_upstream() {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/facts");
    if !facts.is_dir() {
        let required = std::env::var_os("OVN_PEERS").is_some_and(|value| value == "required");
        assert!(!required, "OVN_PEERS=required, and upstream's schemas are not in {}", facts.display());
        println!("skipped: upstream's schemas are not in {}", facts.display());
        return;
    }
    for (module, file) in UPSTREAM {
        let text = std::fs::read_to_string(facts.join(file).with_extension("ovsschema")).unwrap();
        let mut theirs = DatabaseSchema::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        theirs.cksum = None;
        let (_, definition) = schema::DATABASES.iter().find(|(name, _)| name == module).unwrap();
        let ours = definition().to_schema().unwrap();
        assert_eq!((&ours.name, &ours.version), (&theirs.name, &theirs.version));
        for (name, table) in &theirs.tables {
            let mine = ours.tables.get(name).unwrap_or_else(|| panic!("{module}: no table {name}"));
            for (column, schema) in &table.columns {
                assert_eq!(mine.columns.get(column), Some(schema), "{module}: {name}.{column}");
            }
            assert_eq!(mine, table, "{module}: {name}");
        }
        assert_eq!(ours, theirs, "{module}");
    }
}
