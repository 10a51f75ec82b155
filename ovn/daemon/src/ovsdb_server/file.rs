//! The file of one database: upstream's standalone log, locked, appended to, and rewritten when it has grown.
//!
//! A record is written before anybody hears of its transaction, so that a server that is killed has everything it
//! acknowledged; records of `durable` transactions are on disk before their acknowledgement. After a failed write or sync nothing more is
//! written: what the disk holds is then unknown, and a later success would not make up for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use ovsdb::Uuid;
use ovsdb::db::{Database, Snapshot};
use ovsdb::log::{self, LogError, Past};
use serde_json::Value;

/// A file below this length is never compacted by itself.
const COMPACT_BYTES_MIN: u64 = 10 << 20;
/// A file is compacted by itself when it is this many times as long as after the last compaction.
const COMPACT_GROWTH: u64 = 4;

/// Why a database cannot be opened or written. Each names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("I/O error: {}: {what} ({})", path.display(), crate::base::os_error(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("I/O error: {}: failed to lock lockfile (Resource temporarily unavailable)", .0.display())]
    Locked(PathBuf),
    /// Its contents are damaged or not a standalone database.
    #[error("ovsdb error: {}: {source}{}", path.display(), way_out(.source))]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its offset.
        source: LogError,
    },
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
        let io = |what| move |source| FileError::Io { path: path.to_owned(), what, source };
        let lock = lock(path)?;
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(io("open failed"))?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(io("read failed"))?;
        let replayed =
            log::replay(&octets, seed).map_err(|source| FileError::Log { path: path.to_owned(), source })?;
        if let Some(tail) = &replayed.tail {
            tracing::warn!(
                target: "ovsdb_file",
                "{}: dropping {} bytes at offset {} that were not written whole: {}",
                path.display(), tail.len, tail.offset, tail.what
            );
        }
        let length = replayed.end as u64;
        file.set_len(length).map_err(io("truncate failed"))?;
        file.seek(SeekFrom::End(0)).map_err(io("seek failed"))?;
        let opened = Self {
            path: path.to_owned(),
            file,
            length,
            compacted_length: length,
            last: replayed.past.last(),
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
    pub fn add(&mut self, record: &Value) -> Uuid {
        let (octets, checksum) = log::encode_with_checksum(record);
        self.waiting.extend(octets);
        self.last = log::txn_id(self.last, &checksum);
        self.last
    }

    /// Writes the records that wait.
    ///
    /// # Errors
    /// When not all of it could be written.
    pub fn append(&mut self) -> Result<(), FileError> {
        self.file.write_all(&self.waiting).map_err(|source| self.failed("write failed", source))?;
        self.length += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// The id of the last transaction.
    pub fn last(&self) -> Uuid {
        self.last
    }

    /// Waits until everything appended is on disk.
    ///
    /// # Errors
    /// When the system cannot promise it.
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.file.sync_data().map_err(|source| self.failed("sync failed", source))
    }

    /// Whether it has grown so much that it should be compacted.
    pub fn is_overgrown(&self) -> bool {
        self.length > COMPACT_BYTES_MIN && self.length > self.compacted_length * COMPACT_GROWTH
    }

    /// Replaces it by one that holds just `snapshot`, the state that transaction `id` made. A crash at any moment leaves the old or the new file whole.
    ///
    /// # Errors
    /// When the new one could not be written; the old one stays and is in use.
    pub fn compact(&mut self, snapshot: &Snapshot, id: Uuid, wall_ms: i64) -> Result<(), FileError> {
        let path = self.path.clone();
        let io = |what| {
            let path = path.clone();
            move |source| FileError::Io { path, what, source }
        };
        // Should it fail, the next try comes only after the file has grown as much again.
        self.compacted_length = self.length;
        let octets = log::compacted(snapshot, id, wall_ms);
        let temporary = self.path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)
            .map_err(io("create of compacted copy failed"))?;
        file.write_all(&octets).map_err(io("write of compacted copy failed"))?;
        file.sync_all().map_err(io("sync of compacted copy failed"))?;
        fs::rename(&temporary, &self.path).map_err(io("rename of compacted copy failed"))?;
        sync_parent(&self.path).map_err(io("sync of directory failed"))?;
        (self.file, self.length, self.compacted_length) = (file, octets.len() as u64, octets.len() as u64);
        self.last = id;
        Ok(())
    }

    fn failed(&self, what: &'static str, source: io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), what, source }
    }
}

/// Makes a new file that holds `octets`, unless one is there.
///
/// # Errors
/// When it exists or cannot be written.
pub fn create(path: &Path, octets: &[u8]) -> Result<(), FileError> {
    let io = |what| move |source| FileError::Io { path: path.to_owned(), what, source };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(io("create failed"))?;
    file.write_all(octets).map_err(io("write failed"))?;
    file.sync_all().map_err(io("sync failed"))?;
    sync_parent(path).map_err(io("sync of directory failed"))
}

/// A renamed or new file is there after a crash only when its directory is on disk too.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Locks `.NAME.~lock~` beside the file, as upstream does, so that no two servers write one file.
fn lock(path: &Path) -> Result<File, FileError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let lock_path = path.with_file_name(format!(".{name}.~lock~"));
    let io = |source| FileError::Io { path: lock_path.clone(), what: "failed to lock lockfile", source };
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
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Err(FileError::Locked(path.to_owned())),
        Err(error) => Err(io(error.into())),
    }
}
