//! The schema language, against upstream's schemas where they are at hand and upstream's errors.

use ovsdb::DatabaseSchema;
use serde_json::Value;
use std::path::Path;

fn read(text: &str) -> Result<DatabaseSchema, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    DatabaseSchema::from_json(&json).map_err(|error| error.to_string())
}

/// Wraps a column type into a schema.
fn with_type(ty: &str) -> String {
    format!(r#"{{"name":"A","tables":{{"t":{{"columns":{{"a":{{"type":{ty}}}}}}}}}}}"#)
}

/// Wraps a table's members, with a string column `a`, into a schema.
fn with_table(members: &str) -> String {
    format!(r#"{{"name":"A","tables":{{"t":{{"columns":{{"a":{{"type":"string"}}}}{members}}}}}}}"#)
}

#[test]
fn what_is_default_is_left_out() {
    let cases = [
        (r#""string""#, r#""string""#),
        (r#"{"key":"integer","min":1,"max":1}"#, r#""integer""#),
        (r#"{"key":{"type":"integer"},"max":5}"#, r#"{"key":"integer","max":5}"#),
        (r#"{"key":"integer","min":0,"max":"unlimited"}"#, r#"{"key":"integer","max":"unlimited","min":0}"#),
        (
            r#"{"key":"integer","value":{"type":"real","minReal":0},"min":0}"#,
            r#"{"key":"integer","min":0,"value":{"minReal":0,"type":"real"}}"#,
        ),
        (
            r#"{"key":{"type":"string","maxLength":5,"minLength":0}}"#,
            r#"{"key":{"maxLength":5,"type":"string"}}"#,
        ),
        (r#"{"key":{"type":"string","enum":"x"}}"#, r#"{"key":{"enum":"x","type":"string"}}"#),
        (
            r#"{"key":{"type":"uuid","refTable":"t","refType":"strong"}}"#,
            r#"{"key":{"refTable":"t","type":"uuid"}}"#,
        ),
    ];
    for (written, wanted) in cases {
        let schema = read(&with_type(written)).unwrap();
        let printed = schema.to_json();
        assert_eq!(printed["tables"]["t"]["columns"]["a"]["type"].to_string(), wanted);
        assert_eq!(DatabaseSchema::from_json(&printed), Ok(schema));
    }
}

#[test]
fn roots_are_said_only_if_some_tables_are_none() {
    let table = r#""columns":{"a":{"type":"string"}}"#;
    let all = read(&format!(r#"{{"name":"A","tables":{{"t":{{{table}}},"u":{{{table}}}}}}}"#)).unwrap();
    assert!(all.tables.values().all(|table| table.is_root));
    assert!(!all.to_json().to_string().contains("isRoot"));
    let one = read(&format!(r#"{{"name":"A","tables":{{"t":{{{table},"isRoot":true}},"u":{{{table}}}}}}}"#))
        .unwrap();
    assert!(one.tables["t"].is_root && !one.tables["u"].is_root);
    assert_eq!(one.to_json()["tables"]["t"]["isRoot"], true);
    assert_eq!(DatabaseSchema::from_json(&one.to_json()), Ok(one));
}

#[test]
fn what_keeps_a_row_alive_is_never_ephemeral() {
    let column =
        |table| format!(r#"{{"ephemeral":true,"type":{{"key":{{"type":"uuid","refTable":"{table}"}}}}}}"#);
    let schema = read(&format!(
        r#"{{"name":"A","tables":{{"t":{{"columns":{{"a":{},"b":{}}},"isRoot":true}},"q":{{"columns":{{"x":{{"type":"string"}}}}}}}}}}"#,
        column("q"),
        column("t")
    ))
    .unwrap();
    assert!(!schema.column("t", "a").unwrap().ephemeral && schema.column("t", "b").unwrap().ephemeral);
}

#[test]
fn wrong_schemas_are_refused_in_upstreams_words() {
    let column = |name: &str| {
        format!(r#"{{"name":"A","tables":{{"t":{{"columns":{{"{name}":{{"type":"string"}}}}}}}}}}"#)
    };
    let cases = [
        ("[]".to_owned(), "Parsing database schema failed: Object expected."),
        (r#"{"name":"5","tables":{}}"#.to_owned(), "Parsing database schema failed: Type mismatch for member 'name'."),
        (r#"{"name":"A"}"#.to_owned(), "Parsing database schema failed: Required 'tables' member is missing."),
        (r#"{"name":"A","version":"1.0","tables":{}}"#.to_owned(), "schema version \"1.0\" not in format x.y.z"),
        (
            r#"{"name":"A","tables":{},"zz":1}"#.to_owned(),
            "Parsing database schema failed: Member 'zz' is present but not allowed here.",
        ),
        (r#"{"name":"A","tables":{"_t":{}}}"#.to_owned(), "names beginning with \"_\" are reserved"),
        (r#"{"name":"A","tables":{"5t":{}}}"#.to_owned(), "name must be a valid id"),
        (r#"{"name":"A","tables":{"t":{"columns":{}}}}"#.to_owned(), "table must have at least one column"),
        (column("_a"), "names beginning with \"_\" are reserved"),
        (column("5a"), "name must be a valid id"),
        (with_type(r#""strin""#), "\"strin\" is not an atomic-type"),
        (with_type("5"), "Parsing schema for column a failed: Type mismatch for member 'type'."),
        (with_type(r#"{"key":"integer","min":2}"#), "ovsdb type fails constraint checks"),
        (with_type(r#"{"key":"integer","max":0}"#), "ovsdb type fails constraint checks"),
        (with_type(r#"{"key":"integer","max":"x"}"#), "bad min or max value"),
        (with_type(r#"{"key":{"type":"integer","minInteger":5,"maxInteger":3}}"#), "minInteger exceeds maxInteger"),
        (
            with_type(r#"{"key":{"type":"integer","minReal":5}}"#),
            "Parsing ovsdb type failed: Member 'minReal' is present but not allowed here.",
        ),
        (with_type(r#"{"key":{"type":"real","minReal":5,"maxReal":3}}"#), "minReal exceeds maxReal"),
        (with_type(r#"{"key":{"type":"string","minLength":5,"maxLength":3}}"#), "minLength exceeds maxLength"),
        (with_type(r#"{"key":{"type":"uuid","refTable":"q"}}"#), "column a key refers to undefined table q"),
        (
            with_type(r#"{"key":{"type":"uuid","refTable":"t","refType":"q"}}"#),
            "refType must be \"strong\" or \"weak\" (not \"q\")",
        ),
        (
            with_type(r#"{"key":{"type":"uuid","refType":"weak"}}"#),
            "Parsing ovsdb type failed: Member 'refType' is present but not allowed here.",
        ),
        (
            with_type(r#"{"key":{"type":"string","enum":["set",[]]}}"#),
            "set must have 1 to 4294967295 members but 0 are present",
        ),
        (
            with_type(r#"{"key":{"type":"integer","enum":["set",[3,1]],"minInteger":1}}"#),
            "Parsing ovsdb type failed: Member 'minInteger' is present but not allowed here.",
        ),
        (with_table(r#","indexes":[[]]"#), "index must have at least one column"),
        (with_table(r#","indexes":[["b"]]"#), "b is not a valid column name"),
        (with_table(r#","indexes":[["a","a"]]"#), "array of distinct column names expected"),
        (with_table(r#","maxRows":0"#), "maxRows must be at least 1"),
        (
            with_table(r#","maxRows":"x""#),
            "Parsing table schema for table t failed: Type mismatch for member 'maxRows'.",
        ),
        (
            r#"{"name":"A","tables":{"t":{"columns":{"a":{"type":"string","ephemeral":true}},"indexes":[["a"]]}}}"#
                .to_owned(),
            "ephemeral columns (such as a) may not be indexed",
        ),
    ];
    for (text, wanted) in cases {
        let error = read(&text).expect_err(&text);
        assert!(error.ends_with(&format!("syntax error: {wanted}")), "{text}\n  {error}");
    }
}

/// Schemas of the packages openvswitch-common and ovn-common.
#[test]
fn installed_schemas_are_printed_as_they_were_read() {
    let folders = ["/usr/share/openvswitch", "/usr/share/ovn"].map(Path::new);
    let files = folders.into_iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let files: Vec<_> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == "ovsschema"))
        .collect();
    if files.is_empty() {
        println!("skipped: no schema of openvswitch-common or ovn-common is installed");
    }
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let schema = read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let printed = schema.to_json();
        assert_eq!(DatabaseSchema::from_json(&printed), Ok(schema), "{}", path.display());
    }
}
