//! Compaction beside the server: a thread writes the new copy of a file while the loop goes on appending to the old one.
//!
//! ```text
//!   loop    begin ─── append ─ append ─ append ─── finish: last octets, sync, rename
//!             │                                      ▲
//!   thread    └─ snapshot ─ kept records ─ what was appended meanwhile ─ sync
//! ```
//! The copy begins not with the newest state but with that before the last transactions, whose records follow as they
//! were: so that a client which returns after the next restart still gets only what it missed. Until the rename the
//! old file has everything; the copy has everything before the rename. A crash at any moment leaves one of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ovsdb::Uuid;
use ovsdb::db::{Commit, Snapshot};
use ovsdb::log;

use super::file::{FileError, MODE, sync_parent};

/// Most octets of records that are kept behind the snapshot.
const KEPT_BYTES_MAX: u64 = 4 << 20;
/// The thread goes on copying what is appended meanwhile until so little is left that the loop may do it.
const REST_BYTES_MAX: u64 = 64 << 10;
/// It gives up catching up after this many rounds: the loop then copies what is left, however much.
const ROUNDS_MAX: usize = 16;

/// Everything that the thread needs to know.
pub(super) struct Plan {
    /// The file.
    pub(super) path: PathBuf,
    /// The state after its last record.
    pub(super) snapshot: Snapshot,
    /// The last transactions, in order, of which the last led to that state.
    pub(super) transactions: Vec<(Uuid, Arc<Commit>)>,
    /// The last records: the id of each, and where it begins.
    pub(super) records: Vec<(Uuid, u64)>,
    /// The id of the state before the first of them.
    pub(super) base: Uuid,
    /// Where the last record ends.
    pub(super) end: u64,
    /// The wall clock.
    pub(super) wall_ms: i64,
}

/// A copy that is complete up to some octet of the old file.
#[derive(Debug)]
pub(super) struct Copy {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    /// How long the snapshot is.
    pub(super) snapshot_length: u64,
    /// Where in the old file the first kept record begins, which here begins behind the snapshot.
    pub(super) kept_from: u64,
    /// Up to where the old file is in it.
    copied: u64,
}

/// Writes the copy, as far as the old file goes.
///
/// # Errors
/// When the old file cannot be read or the new one not be written; the old one is as it was.
pub(super) fn write(plan: Plan) -> Result<Copy, FileError> {
    let temporary = temporary(&plan.path);
    let made = encode(plan).and_then(|(path, octets, kept_from)| {
        let io = |what| {
            let path = path.clone();
            move |cause| FileError::Io { path, what, cause }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&temporary)
            .map_err(io("create of compacted copy failed"))?;
        file.write_all(&octets).map_err(io("write of compacted copy failed"))?;
        let snapshot_length = octets.len() as u64;
        let temporary = temporary.clone();
        let mut copy =
            Copy { path: path.clone(), temporary, file, snapshot_length, kept_from, copied: kept_from };
        let old = File::open(&path).map_err(io("open failed"))?;
        for _ in 0..ROUNDS_MAX {
            let end = old.metadata().map_err(io("stat failed"))?.len();
            copy.follow(&old, end)?;
            copy.file.sync_data().map_err(io("sync of compacted copy failed"))?;
            if old.metadata().map_err(io("stat failed"))?.len() - end <= REST_BYTES_MAX {
                break;
            }
        }
        Ok(copy)
    });
    if made.is_err() {
        // A copy that is not to be used; the next one would overwrite it.
        let _ = fs::remove_file(&temporary);
    }
    made
}

/// The beginning of the copy, and where in the old file the records begin that are to follow.
fn encode(plan: Plan) -> Result<(PathBuf, Vec<u8>, u64), FileError> {
    let Plan { path, mut snapshot, transactions, records, base, end, wall_ms } = plan;
    // The records that are kept are the last ones whose transactions are known, as many as there is room for.
    let mut kept = records.len();
    let mut known = transactions.len();
    while let Some((id, offset)) = kept.checked_sub(1).and_then(|at| records.get(at))
        && end - offset <= KEPT_BYTES_MAX
        && let Some(at) = transactions[..known].iter().rposition(|(known, _)| known == id)
    {
        kept -= 1;
        known = at;
    }
    // Those without a record, which changed only columns that are not kept, are undone with what they follow.
    if kept < records.len() {
        for (_, commit) in transactions[known..].iter().rev() {
            snapshot.undo(commit);
        }
    }
    let id = kept.checked_sub(1).map_or(base, |at| records[at].0);
    let octets = log::compacted(&snapshot, id, wall_ms, "compacting database online");
    let kept_from = records.get(kept).map_or(end, |(_, offset)| *offset);
    Ok((path, octets, kept_from))
}

/// Where the copy is written: beside the file, so that it can be renamed over it.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".compacting");
    name.into()
}

impl Copy {
    /// Appends what the old file has up to `end`.
    fn follow(&mut self, old: &File, end: u64) -> Result<(), FileError> {
        let io = |what| {
            let path = self.path.clone();
            move |cause| FileError::Io { path, what, cause }
        };
        let mut old = old;
        old.seek(SeekFrom::Start(self.copied)).map_err(io("seek failed"))?;
        let count = io::copy(&mut old.take(end - self.copied), &mut self.file)
            .map_err(io("copy to compacted copy failed"))?;
        if self.copied + count != end {
            return Err(io("read failed")(io::ErrorKind::UnexpectedEof.into()));
        }
        self.copied = end;
        Ok(())
    }

    /// Puts the copy in the place of the old file, of which it lacks what follows up to `end`. Gives the file to go on
    /// with, opened behind its last octet.
    ///
    /// # Errors
    /// When that fails; the old file is as it was. But when only the directory cannot be synced, the new file is in
    /// place, and nobody knows which of the two a crash of the machine would leave: that is told along with it.
    pub(super) fn finish(mut self, old: &File, end: u64) -> Result<(File, Option<FileError>), FileError> {
        let rest = end - self.copied;
        let io = |what| {
            let path = self.path.clone();
            move |cause| FileError::Io { path, what, cause }
        };
        let (read, write, sync, rename) = (
            io("read failed"),
            io("write of compacted copy failed"),
            io("sync of compacted copy failed"),
            io("rename of compacted copy failed"),
        );
        if rest > 0 {
            // Not by the old file's own position, at which the loop writes.
            let mut octets = vec![0; usize::try_from(rest).unwrap_or(usize::MAX)];
            old.read_exact_at(&mut octets, self.copied).map_err(read)?;
            self.file.write_all(&octets).map_err(write)?;
            self.file.sync_data().map_err(sync)?;
        }
        fs::rename(&self.temporary, &self.path).map_err(rename)?;
        let unsure = sync_parent(&self.path).map_err(io("sync of directory failed")).err();
        Ok((self.file, unsure))
    }

    /// Forgets the copy.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ovsdb_server::file::{self, DbFile};
    use ovsdb::db::{Caller, Database, Outcome};
    use ovsdb::{DatabaseSchema, TableId};
    use serde_json::{Value, json};
    use tempfile::TempDir;

    /// A database, its file, and the transactions so far.
    struct Bench {
        dir: TempDir,
        file: DbFile,
        database: Database,
        transactions: Vec<(Uuid, Arc<Commit>)>,
    }

    impl Bench {
        fn new() -> Self {
            let columns = json!({"n": {"type": "integer"}, "text": {"type": "string"},
                "e": {"type": "integer", "ephemeral": true}});
            let schema = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
            let schema = DatabaseSchema::from_json(&schema).unwrap();
            let dir = TempDir::with_prefix("compaction-").unwrap();
            file::create(&dir.path().join("d.db"), &log::created(&schema)).unwrap();
            let (file, database, past) = DbFile::open(&dir.path().join("d.db"), 1).unwrap();
            assert!(past.transactions.is_empty());
            Self { dir, file, database, transactions: Vec::new() }
        }

        fn transact(&mut self, operation: Value) {
            let before = self.database.snapshot();
            let Outcome::Done { commit: Some(commit), results } =
                self.database.transact(&[operation], Caller::default(), 0)
            else {
                panic!("nothing changed");
            };
            let record = log::transaction_record(self.database.layout(), &commit, 5);
            assert!(results.iter().all(|result| result.get("error").is_none()));
            // What has no record has an id that the file does not know.
            let id = record.map_or(Uuid::ZERO, |record| self.file.add(&record));
            self.file.append(false, || before, 5).unwrap();
            self.transactions.push((id, Arc::new(commit)));
        }

        fn insert(&mut self, n: i64, text: &str) {
            self.transact(json!({"op": "insert", "table": "A", "row": {"n": n, "text": text}}));
        }

        fn plan(&mut self) -> Plan {
            self.file.begin_compaction(self.database.snapshot(), self.transactions.clone(), 6).unwrap()
        }

        /// What the server would find, were it killed now: the rows, and the ids that it would remember.
        fn after_crash(&self) -> (Vec<i64>, Vec<Uuid>) {
            let crashed = TempDir::with_prefix("crashed-").unwrap();
            for entry in fs::read_dir(self.dir.path()).unwrap().flatten() {
                fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
            }
            let (_, database, past) = DbFile::open(&crashed.path().join("d.db"), 2).unwrap();
            assert!(!temporary(&crashed.path().join("d.db")).exists());
            let rows = database.now().rows(TableId(0)).map(|(_, row)| row[1].as_integer().unwrap());
            let mut rows: Vec<i64> = rows.collect();
            rows.sort_unstable();
            let ids = std::iter::once(past.base).chain(past.transactions.iter().map(|txn| txn.id));
            (rows, ids.collect())
        }
    }

    #[test]
    fn a_crash_at_any_step_loses_nothing_and_the_last_transactions_keep_their_ids() {
        let mut bench = Bench::new();
        for n in 0..4 {
            bench.insert(n, "x");
            bench.transact(json!({"op": "update", "table": "A", "where": [], "row": {"e": n + 1}}));
        }
        bench.transact(json!({"op": "delete", "table": "A", "where": [["n", "==", 1]]}));
        let before = bench.after_crash();
        assert_eq!((&before.0[..], before.1.len()), (&[0, 2, 3][..], 6));
        let plan = bench.plan();
        assert!(bench.file.begin_compaction(bench.database.snapshot(), Vec::new(), 6).is_none());
        bench.insert(5, "while the thread works");
        let with_five = bench.after_crash();
        let copy = write(plan).unwrap();
        assert_eq!(bench.after_crash(), with_five);
        bench.insert(6, "after it was done");
        let with_six = bench.after_crash();
        assert_eq!((&with_six.0[..], &with_six.1[..7]), (&[0, 2, 3, 5, 6][..], &with_five.1[..]));
        bench.file.end_compaction(0, Ok(copy)).unwrap();
        assert_eq!(bench.after_crash(), with_six);
        bench.insert(7, "into the new file");
        let with_seven = bench.after_crash();
        assert_eq!((with_seven.0.len(), &with_seven.1[..8]), (6, &with_six.1[..]));
        // Once more, on the compacted one.
        let copy = write(bench.plan());
        bench.file.end_compaction(1, copy).unwrap();
        assert_eq!(bench.after_crash(), with_seven);
    }

    #[test]
    fn records_for_which_there_is_no_room_are_compacted_away() {
        let mut bench = Bench::new();
        let large = "x".repeat(usize::try_from(KEPT_BYTES_MAX / 3).unwrap());
        for n in 0..5 {
            bench.insert(n, &large);
            bench.transact(json!({"op": "update", "table": "A", "where": [], "row": {"text": ""}}));
        }
        let before = bench.after_crash();
        let length = fs::metadata(bench.dir.path().join("d.db")).unwrap().len();
        let copy = write(bench.plan());
        bench.file.end_compaction(0, copy).unwrap();
        let after = bench.after_crash();
        assert_eq!(after.0, before.0);
        assert_eq!(after.1[..], before.1[before.1.len() - after.1.len()..]);
        // Two of the large ones, what is between and behind them, and the id of the state before.
        assert_eq!(after.1.len(), 6);
        assert!(fs::metadata(bench.dir.path().join("d.db")).unwrap().len() < length);
    }

    #[test]
    fn a_copy_of_a_file_that_was_replaced_meanwhile_is_dropped() {
        let mut bench = Bench::new();
        bench.insert(1, "x");
        let copy = write(bench.plan());
        let id = Uuid::from_u128(9);
        bench.file.rewrite(&bench.database.snapshot(), id, 7).unwrap();
        bench.file.end_compaction(0, copy).unwrap();
        assert_eq!(bench.after_crash(), (vec![1], vec![id]));
    }

    #[test]
    fn a_copy_that_cannot_be_written_leaves_the_file_as_it_was() {
        let mut bench = Bench::new();
        bench.insert(1, "x");
        let before = bench.after_crash();
        fs::create_dir(temporary(&bench.dir.path().join("d.db"))).unwrap();
        let copy = write(bench.plan());
        assert!(bench.file.end_compaction(0, copy).is_err());
        fs::remove_dir(temporary(&bench.dir.path().join("d.db"))).unwrap();
        bench.insert(2, "y");
        assert_eq!(bench.after_crash().0, [1, 2]);
        assert_eq!(bench.after_crash().1[..2], before.1);
    }
}
