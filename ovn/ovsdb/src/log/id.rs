//! The ids of transactions, which clients name when they return (ovsdb-server(7), `monitor_cond_since`).
//!
//! An id is made of the one before it and of the checksum of the record. So a file gives the same ids whenever it is
//! read, without saying them anywhere, and two files give the same id only if they hold the same transactions. What
//! is compacted away takes its id along: the comment of the record that stands for it says the id of its state.

use super::Checksum;
use crate::Uuid;
use sha1::{Digest, Sha1};

const TRANSACTION: &str = ", transaction ";

/// The id of the state that the record with this checksum makes of the state `before`; of the first record of a file,
/// its schema, when `before` is [`Uuid::ZERO`].
pub fn txn_id(before: Uuid, checksum: &Checksum) -> Uuid {
    let hash = Sha1::new().chain_update(before.as_bytes()).chain_update(checksum).finalize();
    let mut octets = [0; 16];
    octets.copy_from_slice(&hash[..16]);
    // RFC 9562 section 5.8: version 8, made as its maker likes.
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    Uuid::from_bytes(octets)
}

/// The comment of the record that stands for all up to the transaction `id`, written by `who`.
pub(super) fn compaction_comment(who: &str, id: Uuid) -> String {
    format!("{who}{TRANSACTION}{id}")
}

/// The id in such a comment. Only the first record behind the schema is asked for it.
pub(super) fn compacted_id(comment: &str) -> Option<Uuid> {
    let (who, id) = comment.rsplit_once(TRANSACTION)?;
    if who.starts_with("compact") { id.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_all_that_went_before() {
        let first = txn_id(Uuid::ZERO, &[1; 20]);
        assert_eq!(first.to_string().as_bytes()[14], b'8');
        assert_ne!(txn_id(first, &[2; 20]), txn_id(Uuid::ZERO, &[2; 20]));
        assert_eq!(txn_id(first, &[2; 20]), txn_id(first, &[2; 20]));
        assert_eq!(compacted_id(&compaction_comment("compacting database online", first)), Some(first));
        assert_eq!(compacted_id("compacting database online"), None);
    }
}
