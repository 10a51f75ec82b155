//! The checked-in Rust source is what the definition files say.

use std::path::Path;

#[test]
fn generated_rows_are_what_the_definition_files_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    for (module, definition) in schema::DATABASES {
        let path = folder.join(module).with_extension("rs");
        let fresh = schema::generate::rust(module, definition());
        if std::env::var_os("SCHEMA_UPDATE").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap();
        assert!(stored == fresh, "{} is stale: run this test with SCHEMA_UPDATE=1", path.display());
    }
}
