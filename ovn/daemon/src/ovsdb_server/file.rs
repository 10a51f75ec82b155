//! The file of one database: upstream's standalone log, locked, appended to, and rewritten when it has grown.
//!
//! A record is written before anybody hears of its transaction, so that a server that is killed has everything it
//! acknowledged; records of `durable` transactions are on disk before their acknowledgement. Records that could not be
//! written whole are cut off again. After a failed sync the system does not know any more what of the file is on disk,
//! and a later success would not make up for it: then the file is replaced by a new one before it takes another record.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use ovsdb::db::{Commit, Database, Snapshot};
use ovsdb::log::{self, LogError, Past};
use ovsdb::server::HISTORY_TXNS_MAX;
use ovsdb::{OvsdbError, Uuid};

use super::compaction::{self, Copy, Plan};

/// A file below this length is never compacted by itself.
const COMPACT_BYTES_MIN: u64 = 10 << 20;
/// A file is compacted by itself when it is this many times as long as after the last compaction.
const COMPACT_GROWTH: u64 = 4;
/// Who may read and write a new file, as with upstream's: not everybody, since there may be secrets in it.
pub(super) const MODE: u32 = 0o660;

/// Why a database cannot be opened or written. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("I/O error: {}: {what} ({})", path.display(), crate::base::os_error(cause))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process has it open.
    #[error("I/O error: {}: failed to lock lockfile (Resource temporarily unavailable)", .0.display())]
    Locked(PathBuf),
    /// Its contents are damaged or not a standalone database.
    #[error("ovsdb error: {}: {cause}{}", path.display(), way_out(.cause))]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its offset.
        cause: LogError,
    },
}

impl FileError {
    /// What clients are told.
    pub fn to_ovsdb(&self) -> OvsdbError {
        match self {
            Self::Io { path, what, cause } => OvsdbError {
                io_error: Some(crate::base::os_error(cause)),
                ..OvsdbError::new(OvsdbError::IO, format!("{}: {what}", path.display()))
            },
            Self::Locked(_) | Self::Log { .. } => OvsdbError::new(OvsdbError::IO, self.to_string()),
        }
    }
}

/// What of a file is not sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// Whether it ends with the last whole record.
    End,
    /// Whether any of it is on disk.
    Whole,
}

fn way_out(error: &LogError) -> &'static str {
    match error {
        LogError::Damaged { .. } | LogError::Record { .. } => {
            "; restore a copy, or give up everything from there on by \"ovsdb-tool recover\", which keeps that in a file"
        }
        LogError::Clustered => "; \"ovsdb-tool cluster-to-standalone\" converts it",
        LogError::Empty | LogError::Standalone | LogError::Inconsistent { .. } => "",
    }
}

/// An open database file.
#[derive(Debug)]
pub struct DbFile {
    path: PathBuf,
    file: File,
    length: u64,
    compacted_length: u64,
    /// The id of the last transaction, records that wait included.
    last: Uuid,
    /// The last records, as many as a server remembers: the id of each, and where it begins.
    records: VecDeque<(Uuid, u64)>,
    /// The id of the state before the first of them.
    base: Uuid,
    /// How often it was replaced by another file.
    generation: u64,
    /// Whether a thread makes a compacted copy of it, and whether it has lost octets meanwhile that the copy may have.
    compacting: bool,
    overtaken: bool,
    /// What has to be mended before more is written.
    doubt: Option<Doubt>,
    /// Why the last records could not be written, until some are.
    failure: Option<String>,
    /// Records that are not written yet.
    waiting: Vec<u8>,
    _lock: File,
}

impl DbFile {
    /// Opens the file at `path` and reads the database in it. The end of a record that was not written whole is cut off and told.
    ///
    /// # Errors
    /// When it is missing, locked, damaged, or not a standalone database.
    pub fn open(path: &Path, seed: u64) -> Result<(Self, Database, Past), FileError> {
        let io = |what| move |cause| FileError::Io { path: path.to_owned(), what, cause };
        let lock = lock(path)?;
        // The file itself, not a link to it, is what a compacted copy is renamed over.
        let path = &*fs::canonicalize(path).map_err(io("open failed"))?;
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(io("open failed"))?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(io("read failed"))?;
        let replayed =
            log::replay(&octets, seed).map_err(|cause| FileError::Log { path: path.to_owned(), cause })?;
        if let Some(tail) = &replayed.tail {
            tracing::warn!(
                target: "ovsdb_file",
                "{}: dropping {} bytes at offset {} that were not written whole: {}",
                path.display(), tail.len, tail.offset, tail.what
            );
        }
        // Of a compaction that a crash ended there may be a copy, which nobody needs.
        let _ = fs::remove_file(compaction::temporary(path));
        let length = replayed.end as u64;
        file.set_len(length).map_err(io("truncate failed"))?;
        file.seek(SeekFrom::End(0)).map_err(io("seek failed"))?;
        let opened = Self {
            path: path.to_owned(),
            file,
            length,
            compacted_length: length,
            last: replayed.past.last(),
            records: replayed.past.transactions.iter().map(|txn| (txn.id, txn.offset as u64)).collect(),
            base: replayed.past.base,
            generation: 0,
            compacting: false,
            overtaken: false,
            doubt: None,
            failure: None,
            waiting: Vec::new(),
            _lock: lock,
        };
        Ok((opened, replayed.database, replayed.past))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a record to those that wait to be written; gives the id of its transaction.
    pub fn add(&mut self, record: &[u8]) -> Uuid {
        let offset = self.length + self.waiting.len() as u64;
        let checksum = log::append_record(&mut self.waiting, record);
        self.last = log::txn_id(self.last, &checksum);
        self.records.push_back((self.last, offset));
        self.last
    }

    /// Writes the records that wait, and to the disk if `durable`. `written` gives the state before them, `wall_ms` is the
    /// wall clock.
    ///
    /// # Errors
    /// When not all of that could be done. The file then has none of these records, or will have none before it takes
    /// others.
    pub fn append(
        &mut self,
        durable: bool,
        written: impl FnOnce() -> Snapshot,
        wall_ms: i64,
    ) -> Result<(), FileError> {
        if self.waiting.is_empty() && !durable {
            return Ok(());
        }
        let appended = self.mend(written, wall_ms).and_then(|()| self.try_append(durable));
        match &appended {
            Ok(()) => {
                if self.failure.take().is_some() {
                    tracing::info!(target: "ovsdb_file", "{}: records are written again", self.path.display());
                }
            }
            Err(error) => {
                if self.failure.is_none() {
                    tracing::error!(target: "ovsdb_file", "{error}; until it can be written its clients get this error");
                }
                self.failure = Some(error.to_string());
                self.forget_waiting();
            }
        }
        appended
    }

    /// Why the last records could not be written, if so.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn try_append(&mut self, durable: bool) -> Result<(), FileError> {
        if let Err(cause) = self.file.write_all(&self.waiting) {
            self.doubt = Some(Doubt::End);
            // A full disk does not hinder this; what does, may not the next time.
            let _ = self.cut();
            return Err(self.failed("write failed", cause));
        }
        if durable && let Err(cause) = self.file.sync_data() {
            // Nobody is to find these records after a crash either.
            let _ = self.cut();
            self.doubt = Some(Doubt::Whole);
            return Err(self.failed("sync failed", cause));
        }
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        while self.records.len() > HISTORY_TXNS_MAX
            && let Some((first, _)) = self.records.pop_front()
        {
            self.base = first;
        }
        Ok(())
    }

    /// Brings the file to where it can take records.
    fn mend(&mut self, written: impl FnOnce() -> Snapshot, wall_ms: i64) -> Result<(), FileError> {
        match self.doubt {
            None => Ok(()),
            Some(Doubt::End) => self.cut(),
            Some(Doubt::Whole) => {
                let last = self.records.iter().rev().find(|(_, offset)| *offset < self.length);
                let id = last.map_or(self.base, |(id, _)| *id);
                self.rewrite(&written(), id, wall_ms)
            }
        }
    }

    /// Cuts off what is behind the last record that was written whole.
    fn cut(&mut self) -> Result<(), FileError> {
        self.overtaken = self.compacting;
        self.file.set_len(self.length).map_err(|cause| self.failed("truncate failed", cause))?;
        self.file.seek(SeekFrom::Start(self.length)).map_err(|cause| self.failed("seek failed", cause))?;
        self.doubt = None;
        Ok(())
    }

    /// Records that wait will not be written.
    fn forget_waiting(&mut self) {
        self.waiting.clear();
        while self.records.pop_back_if(|(_, offset)| *offset >= self.length).is_some() {}
        self.last = self.records.back().map_or(self.base, |(id, _)| *id);
    }

    /// Whether it has grown so much that it should be compacted.
    pub fn is_overgrown(&self) -> bool {
        !self.compacting
            && self.length > COMPACT_BYTES_MIN
            && self.length > self.compacted_length * COMPACT_GROWTH
    }

    /// What a thread needs to know to compact it; nothing if one does that already. `snapshot` and `transactions` are
    /// the state after its last record and what led to it.
    pub(super) fn begin_compaction(
        &mut self,
        snapshot: Snapshot,
        transactions: Vec<(Uuid, Arc<Commit>)>,
        wall_ms: i64,
    ) -> Option<Plan> {
        if self.compacting {
            return None;
        }
        self.compacting = true;
        self.overtaken = false;
        // Should it fail, the next try comes only after the file has grown as much again.
        self.compacted_length = self.length;
        let records = self.records.iter().filter(|(_, offset)| *offset < self.length).copied().collect();
        let (path, base, end) = (self.path.clone(), self.base, self.length);
        Some(Plan { path, snapshot, transactions, records, base, end, wall_ms })
    }

    /// Goes on with the copy that a thread made, if this is still the file it was made from.
    ///
    /// # Errors
    /// When the copy cannot take its place, or may have octets that could not be written whole to the old file; that
    /// stays and is in use.
    pub(super) fn end_compaction(
        &mut self,
        generation: u64,
        copy: Result<Copy, FileError>,
    ) -> Result<(), FileError> {
        self.compacting = false;
        let copy = copy?;
        if generation != self.generation {
            copy.discard();
            return Ok(());
        }
        if self.overtaken {
            copy.discard();
            return Err(
                self.failed("compaction was overtaken by a failed write", io::ErrorKind::Interrupted.into())
            );
        }
        let (kept_from, snapshot_length) = (copy.kept_from, copy.snapshot_length);
        let (file, unsure) = copy.finish(&self.file, self.length)?;
        self.doubt = unsure.map(|_| Doubt::Whole);
        self.file = file;
        self.generation += 1;
        let moved = |offset: u64| offset - kept_from + snapshot_length;
        while let Some((id, _)) = self.records.front().copied().filter(|(_, offset)| *offset < kept_from) {
            self.records.pop_front();
            self.base = id;
        }
        for (_, offset) in &mut self.records {
            *offset = moved(*offset);
        }
        self.length = moved(self.length);
        self.compacted_length = self.length;
        Ok(())
    }

    /// How often it was replaced by another file.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Replaces it by one that holds just `snapshot`, the state that transaction `id` made; records that wait still do. A
    /// crash at any moment leaves the old or the new file whole.
    ///
    /// # Errors
    /// When the new one could not be written: the old one stays and is in use. When it is not sure which of the two is
    /// on disk, a third one follows before the next record.
    pub fn rewrite(&mut self, snapshot: &Snapshot, id: Uuid, wall_ms: i64) -> Result<(), FileError> {
        let octets = log::compacted(snapshot, id, wall_ms, "compacting database online");
        let (file, unsure) = replace_with(&self.path, &octets)?;
        if let Some(unsure) = unsure {
            self.doubt = Some(Doubt::Whole);
            return Err(unsure);
        }
        self.file = file;
        self.doubt = None;
        let old = std::mem::replace(&mut self.length, octets.len() as u64);
        self.compacted_length = self.length;
        self.records.retain(|(_, offset)| *offset >= old);
        for (_, offset) in &mut self.records {
            *offset = *offset - old + self.length;
        }
        self.base = id;
        self.last = self.records.back().map_or(id, |(last, _)| *last);
        self.generation += 1;
        Ok(())
    }

    fn failed(&self, what: &'static str, cause: io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), what, cause }
    }
}

/// All of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let io = |what| move |cause| FileError::Io { path: path.to_owned(), what, cause };
    let mut octets = Vec::new();
    let mut file = File::open(path).map_err(io("open failed"))?;
    file.read_to_end(&mut octets).map_err(io("read failed"))?;
    Ok(octets)
}

/// Makes a new file that holds `octets`, unless one is there.
///
/// # Errors
/// When it exists or cannot be written.
pub fn create(path: &Path, octets: &[u8]) -> Result<(), FileError> {
    let io = |what| move |cause| FileError::Io { path: path.to_owned(), what, cause };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(MODE).open(path).map_err(io("create failed"))?;
    file.write_all(octets).map_err(io("write failed"))?;
    file.sync_all().map_err(io("sync failed"))?;
    sync_parent(path).map_err(io("sync of directory failed"))
}

/// Makes a file hold `octets`, whether one is there or not. A crash at any moment leaves the old or the new one whole.
///
/// # Errors
/// When the new one could not be written; the old one stays.
pub fn replace(path: &Path, octets: &[u8]) -> Result<(), FileError> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match replace_with(&path, octets)? {
        (_, None) => Ok(()),
        (_, Some(unsure)) => Err(unsure),
    }
}

/// As [`replace`], for the path of no link; gives the new file, opened behind its last octet. When only the directory
/// cannot be synced the new file is in place, and nobody knows which of the two a crash of the machine would leave:
/// that is told along with it.
fn replace_with(path: &Path, octets: &[u8]) -> Result<(File, Option<FileError>), FileError> {
    let io = |what| move |cause| FileError::Io { path: path.to_owned(), what, cause };
    let temporary = temporary(path);
    let write = || {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&temporary)
            .map_err(io("create of new copy failed"))?;
        file.write_all(octets).map_err(io("write of new copy failed"))?;
        file.sync_all().map_err(io("sync of new copy failed"))?;
        fs::rename(&temporary, path).map_err(io("rename of new copy failed"))?;
        Ok(file)
    };
    // What there is of a copy takes room that is short.
    let file = write().inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    let unsure = sync_parent(path).map_err(io("sync of directory failed")).err();
    Ok((file, unsure))
}

/// Where the new copy of a file is written: beside it, so that it can be renamed over it.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    name.into()
}

/// Drops everything in a file from `length` on.
///
/// # Errors
/// When the system refuses.
pub fn cut(path: &Path, length: u64) -> Result<(), FileError> {
    let io = |what| move |cause| FileError::Io { path: path.to_owned(), what, cause };
    let file = OpenOptions::new().write(true).open(path).map_err(io("open failed"))?;
    file.set_len(length).map_err(io("truncate failed"))?;
    file.sync_all().map_err(io("sync failed"))
}

/// A renamed or new file is there after a crash only when its directory is on disk too.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Locks `.NAME.~lock~` beside the file, as upstream does, so that no two processes write one file. The lock is held
/// until what is given back is dropped.
///
/// # Errors
/// When another process holds it, or the lock file cannot be made.
pub fn lock(path: &Path) -> Result<File, FileError> {
    let given = path;
    let path = &*fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let lock_path = path.with_file_name(format!(".{name}.~lock~"));
    let io = |cause| FileError::Io { path: lock_path.clone(), what: "failed to lock lockfile", cause };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io)?;
    let whole = libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).expect("F_WRLCK is 1"),
        l_whence: i16::try_from(libc::SEEK_SET).expect("SEEK_SET is 0"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
        Ok(_) => Ok(file),
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => {
            Err(FileError::Locked(given.to_owned()))
        }
        Err(error) => Err(io(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ovsdb::db::{Caller, Outcome};
    use serde_json::json;

    #[test]
    fn an_error_says_its_cause_once() {
        let cause = io::Error::from_raw_os_error(libc::ENOSPC);
        let error = anyhow::Error::from(FileError::Io { path: "x.db".into(), what: "write failed", cause });
        assert_eq!(format!("{error:#}"), "I/O error: x.db: write failed (No space left on device)");
    }

    /// A database and its file, to which numbers are added.
    struct Bench {
        dir: tempfile::TempDir,
        file: DbFile,
        database: Database,
    }

    impl Bench {
        fn new() -> Self {
            let schema = json!({"name": "D", "version": "1.0.0",
                "tables": {"A": {"isRoot": true, "columns": {"n": {"type": "integer"}}}}});
            let schema = ovsdb::DatabaseSchema::from_json(&schema).unwrap();
            let dir = tempfile::tempdir().unwrap();
            create(&dir.path().join("d.db"), &log::created(&schema)).unwrap();
            let (file, database, _) = DbFile::open(&dir.path().join("d.db"), 1).unwrap();
            Self { dir, file, database }
        }

        /// Adds numbers in a round, as the server does.
        fn add(&mut self, numbers: &[i64], durable: bool) -> Result<(), String> {
            let before = self.database.clone();
            for n in numbers {
                let insert = json!({"op": "insert", "table": "A", "row": {"n": n}});
                let Outcome::Done { commit: Some(commit), .. } =
                    self.database.transact(&[insert], Caller::default(), 0)
                else {
                    panic!("nothing changed");
                };
                let record = log::transaction_record(self.database.layout(), &commit, 5);
                self.file.add(&record.unwrap());
            }
            let written = self.file.append(durable, || before.snapshot(), 6);
            if written.is_err() {
                self.database = before;
            }
            written.map_err(|error| error.to_string().replace(&self.dir.path().display().to_string(), "DIR"))
        }

        /// The numbers that a server finds that starts now, and whether the ids of transactions go on.
        fn found(&self) -> (Vec<i64>, bool) {
            let copy = self.dir.path().join("copy.db");
            fs::copy(self.dir.path().join("d.db"), &copy).unwrap();
            let (_, database, past) = DbFile::open(&copy, 2).unwrap();
            let table = database.layout().table_id("A").unwrap();
            let rows = database.now().rows(table).map(|(_, row)| row[0].as_integer().unwrap());
            let mut rows: Vec<i64> = rows.collect();
            rows.sort_unstable();
            (rows, past.last() == self.file.last)
        }
    }

    #[test]
    fn records_that_a_full_disk_does_not_take_leave_no_trace_and_the_next_ones_follow() {
        let mut bench = Bench::new();
        bench.add(&[1], false).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let good = std::mem::replace(&mut bench.file.file, full);
        let refused = Err("I/O error: DIR/d.db: write failed (No space left on device)".to_owned());
        assert_eq!(bench.add(&[2, 3], true), refused);
        assert!(bench.file.failure().is_some());
        // Not even its end can be cut off there.
        assert_eq!(bench.file.doubt, Some(Doubt::End));
        bench.file.file = good;
        // A part of a record, as a disk leaves it that had some room.
        bench.file.file.write_all(b"OVSDB JSON 12").unwrap();
        bench.add(&[4, 5], true).unwrap();
        assert_eq!((bench.file.failure(), bench.file.doubt), (None, None));
        assert_eq!(bench.found(), (vec![1, 4, 5], true));
    }

    #[test]
    fn after_a_failed_sync_a_new_file_takes_the_place_of_the_old_one() {
        let mut bench = Bench::new();
        bench.add(&[1, 2], true).unwrap();
        // A pipe takes what is written, and cannot be synced.
        let (_reader, writer) = io::pipe().unwrap();
        bench.file.file = File::from(std::os::fd::OwnedFd::from(writer));
        assert!(bench.add(&[3], true).unwrap_err().contains("d.db: sync failed"));
        assert_eq!(bench.file.doubt, Some(Doubt::Whole));
        // While the directory takes no new file, nothing is accepted.
        fs::create_dir(temporary(&bench.dir.path().join("d.db"))).unwrap();
        assert!(bench.add(&[4], false).unwrap_err().contains("create of new copy failed"));
        fs::remove_dir(temporary(&bench.dir.path().join("d.db"))).unwrap();
        bench.add(&[5, 6], false).unwrap();
        bench.add(&[7], true).unwrap();
        assert_eq!(bench.found(), (vec![1, 2, 5, 6, 7], true));
        assert_eq!(bench.file.records.len(), 3);
    }

    #[test]
    fn a_compacted_copy_that_may_have_octets_that_were_cut_off_is_not_used() {
        let mut bench = Bench::new();
        bench.add(&[1], false).unwrap();
        let plan = bench.file.begin_compaction(bench.database.snapshot(), Vec::new(), 5).unwrap();
        let copy = compaction::write(plan).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let good = std::mem::replace(&mut bench.file.file, full);
        bench.add(&[2], false).unwrap_err();
        bench.file.file = good;
        assert!(bench.file.end_compaction(0, Ok(copy)).is_err());
        bench.add(&[3], false).unwrap();
        assert_eq!(bench.found(), (vec![1, 3], true));
    }
}
