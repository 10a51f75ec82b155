//! The standalone file format: a log of transactions behind a schema. Octets in, octets out; the
//! file itself is the daemon's.
//!
//! A record is a header line, `OVSDB JSON <length> <sha1>`, and one line of JSON whose octets,
//! newline included, the header counts and hashes. The first record is the schema, each later one
//! a transaction. (Upstream: ovsdb(5), "Standalone Format".)
//!
//! What a crash can do to such a file is cut its last record short, or leave part of it
//! unwritten. So a last record without its end is dropped and reported. Any other bad record is damage, and refused: to
//! go on there would silently lose that transaction and those behind it.

mod cluster;
mod framing;
mod id;
mod parse;
mod quick;
mod record;
mod replay;
mod rows;
mod show;

pub use cluster::{
    ClusterData, ClusterEvent, ClusterFile, ClusterRecord, ClusterSnapshot, Header, check_cluster,
};
pub use framing::{Checksum, Format, Frame, Frames, LogError, Tail, append_record, encode, encode_text};
pub use id::txn_id;
pub use record::{compacted, created, snapshot_record, transaction_record};
pub use replay::{Past, PastTransaction, Replayed, replay};
pub use show::{Detail, show_log};
