//! New database files.

use ovsdb::DatabaseSchema;
use sha1::{Digest, Sha1};

/// The contents of a database file without rows: one record, the schema, in the standalone format of ovsdb(5).
pub fn empty(schema: &DatabaseSchema) -> Vec<u8> {
    let mut body = schema.to_json().to_string().into_bytes();
    body.push(b'\n');
    let mut hash = String::new();
    for octet in Sha1::digest(&body) {
        hash.push_str(&format!("{octet:02x}"));
    }
    let mut out = format!("OVSDB JSON {} {hash}\n", body.len()).into_bytes();
    out.extend(body);
    out
}
