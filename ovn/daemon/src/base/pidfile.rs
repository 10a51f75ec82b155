//! Pidfiles as upstream's scripts expect them: the process id and a newline, locked while the daemon lives.
//!
//! The file is made under a temporary name, locked with `F_SETLK`, and renamed into place, so that a reader
//! never sees a half-written one; it is removed at exit. ovs-appctl goes by it to find `NAME.PID.ctl`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::unixctl::file_at;

/// A pidfile that this process owns.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
    /// Kept open because closing it would give up the lock.
    file: File,
}

/// Why a pidfile could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PidfileError {
    /// Another live process holds the lock on it.
    #[error("{}: already running as pid {pid}, aborting", path.display())]
    Running {
        /// The pidfile.
        path: PathBuf,
        /// Process id read from it.
        pid: i32,
    },
    /// The file could not be made.
    #[error("{}: cannot make pidfile: {source}", path.display())]
    Io {
        /// The pidfile.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Pidfile {
    /// Makes the pidfile at `path` for this process.
    ///
    /// # Errors
    /// [`PidfileError::Running`] when a live process holds the one that is there and `overwrite` is false.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, PidfileError> {
        let io = |source| PidfileError::Io { path: path.to_owned(), source };
        if !overwrite && let Some(pid) = locked_by(path) {
            return Err(PidfileError::Running { path: path.to_owned(), pid });
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        let pid = std::process::id();
        let temporary = path.with_file_name(format!(
            "{}.tmp{pid}",
            path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
        ));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).open(&temporary).map_err(io)?;
        let lock = whole_file(libc::F_WRLCK);
        fcntl(&file, FcntlArg::F_SETLK(&lock)).map_err(|error| io(error.into()))?;
        file.write_all(format!("{pid}\n").as_bytes()).map_err(io)?;
        fs::rename(&temporary, path).map_err(io)?;
        Ok(Self { path: path.to_owned(), file })
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        // A process that took this one's place has its own there. Somebody may have removed it; there is nothing left
        // to do then.
        if self.file.metadata().ok().map(|file| (file.dev(), file.ino())) == file_at(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The process named by the pidfile at `path`, whether it lives or not.
///
/// # Errors
/// When the file cannot be read or holds no number.
pub fn read(path: &Path) -> std::io::Result<i32> {
    let text = fs::read_to_string(path)?;
    text.trim()
        .parse()
        .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "no process id in it"))
}

/// The process that holds the lock on the pidfile, if one does.
fn locked_by(path: &Path) -> Option<i32> {
    let file = File::open(path).ok()?;
    let mut lock = whole_file(libc::F_WRLCK);
    fcntl(&file, FcntlArg::F_GETLK(&mut lock)).ok()?;
    (i32::from(lock.l_type) != libc::F_UNLCK).then_some(if lock.l_pid > 0 {
        lock.l_pid
    } else {
        read(path).ok()?
    })
}

fn whole_file(kind: i32) -> libc::flock {
    libc::flock {
        l_type: i16::try_from(kind).expect("lock kinds are 0 to 2"),
        l_whence: i16::try_from(libc::SEEK_SET).expect("SEEK_SET is 0"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_the_process_id_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pid");
        let pidfile = Pidfile::create(&path, false).unwrap();
        assert_eq!(read(&path).unwrap(), i32::try_from(std::process::id()).unwrap());
        drop(pidfile);
        assert!(!path.exists());
    }

    #[test]
    fn a_successors_stays_when_its_owner_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pid");
        let old = Pidfile::create(&path, false).unwrap();
        let _new = Pidfile::create(&path, true).unwrap();
        drop(old);
        assert!(path.exists());
    }

    #[test]
    fn a_stale_one_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pid");
        fs::write(&path, "1\n").unwrap();
        let _pidfile = Pidfile::create(&path, false).unwrap();
        assert_ne!(read(&path).unwrap(), 1);
    }
}
