//! Where labs are known on this machine: one directory for each, which says that it lives and how to reach it.
//!
//! `/run/ovn-sandbox/NAME` for root, `$XDG_RUNTIME_DIR/ovn-sandbox/NAME` for others. A lab is alive exactly as long
//! as its processes hold the lock on `lock`; the kernel lets go of it when they die, however they die. Everything
//! else of a lab is inside its own namespaces.

use crate::text::values::LabName;
use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The home of a lab, claimed by its keeper.
pub struct Home {
    pub dir: PathBuf,
    pub lock: Flock<File>,
}

/// What `card.json` in a lab's home says about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    pub name: LabName,
    pub topology: String,
    /// Process ids on the host.
    pub keeper: u32,
    pub supervisor: u32,
    /// Milliseconds since 1970.
    pub started_ms: u64,
}

/// The directory of all labs of this user.
pub fn base() -> PathBuf {
    if let Some(dir) = std::env::var_os("OVN_SANDBOX_DIR") {
        return dir.into();
    }
    let uid = nix::unistd::geteuid();
    if uid.is_root() {
        return "/run/ovn-sandbox".into();
    }
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_dir()) {
        Some(dir) => Path::new(&dir).join("ovn-sandbox"),
        None => format!("/tmp/ovn-sandbox-{uid}").into(),
    }
}

/// Makes [`base`] if need be; only its owner may look inside.
fn make_base() -> Result<PathBuf> {
    let base = base();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&base)
        .with_context(|| format!("making {}", base.display()))?;
    let owner = fs::metadata(&base).with_context(|| format!("looking at {}", base.display()))?.uid();
    if owner != nix::unistd::geteuid().as_raw() {
        bail!("{} belongs to another user ({owner})", base.display());
    }
    Ok(base)
}

impl Home {
    /// Claims a name for a new lab. What a dead lab of that name left is removed.
    ///
    /// # Errors
    /// When a lab of that name is alive, or the system refuses.
    pub fn claim(name: &LabName) -> Result<Self> {
        let dir = make_base()?.join(name.as_str());
        // Another command may remove the directory between our making and our locking it: then try again.
        for _ in 0..100 {
            match fs::DirBuilder::new().mode(0o700).create(&dir) {
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(e).with_context(|| format!("making {}", dir.display()));
                }
                Ok(()) | Err(_) => {}
            }
            match lock(&dir) {
                Locked::Mine(lock) => {
                    clear(&dir);
                    return Ok(Self { dir, lock });
                }
                Locked::Alive => bail!("a lab called {name} is running (ovn sandbox down {name} ends it)"),
                Locked::Gone => {}
            }
        }
        bail!("{} is removed again and again by others", dir.display())
    }

    /// Removes the home; the name is free again.
    pub fn remove(self) {
        clear(&self.dir);
        // The lock goes last, with the directory: who finds it afterwards finds nothing.
        let _ = fs::remove_file(self.dir.join("lock"));
        let _ = fs::remove_dir(&self.dir);
    }
}

enum Locked {
    Mine(Flock<File>),
    Alive,
    Gone,
}

/// Takes the lock of the home at `dir`.
fn lock(dir: &Path) -> Locked {
    let path = dir.join("lock");
    let Ok(file) = OpenOptions::new().create(true).truncate(false).write(true).open(&path) else {
        return Locked::Gone;
    };
    let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { return Locked::Alive };
    // It must still be the file of that name, not one that was removed while we waited for it.
    let same = fs::metadata(&path).ok().zip(lock.metadata().ok()).is_some_and(|(a, b)| a.ino() == b.ino());
    if same { Locked::Mine(lock) } else { Locked::Gone }
}

/// Removes everything in a home but the lock.
fn clear(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name() != "lock" {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A home as found.
#[derive(Clone, Debug)]
pub struct Found {
    pub name: String,
    pub dir: PathBuf,
    pub alive: bool,
    /// What it says about itself; None when its lab died young.
    pub card: Option<Card>,
}

/// All homes of this user's labs, by name.
pub fn list() -> Vec<Found> {
    let mut found: Vec<Found> = fs::read_dir(base())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| {
            let dir = entry.path();
            let alive = matches!(probe(&dir), Probe::Alive);
            let card =
                fs::read(dir.join("card.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
            Found { name: entry.file_name().to_string_lossy().into_owned(), dir, alive, card }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

enum Probe {
    Alive,
    Dead,
}

/// Whether somebody holds the lock. Does not create it.
fn probe(dir: &Path) -> Probe {
    let Ok(file) = OpenOptions::new().write(true).open(dir.join("lock")) else { return Probe::Dead };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Probe::Dead,
        Err(_) => Probe::Alive,
    }
}

/// Removes the home of a dead lab; false when the lab is alive or there is none.
pub fn remove_dead(dir: &Path) -> bool {
    if !dir.is_dir() {
        return false;
    }
    match lock(dir) {
        Locked::Mine(lock) => {
            Home { dir: dir.to_owned(), lock }.remove();
            true
        }
        Locked::Alive | Locked::Gone => false,
    }
}

/// Waits until the lab at `dir` is dead and its home is gone.
pub fn wait_gone(dir: &Path) {
    if let Ok(file) = File::open(dir.join("lock")) {
        // Held by the lab's processes until the last of them has ended.
        let _ = Flock::lock(file, FlockArg::LockShared);
    }
    remove_dead(dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_in(dir: &Path) -> Home {
        fs::create_dir_all(dir).unwrap();
        match lock(dir) {
            Locked::Mine(lock) => Home { dir: dir.to_owned(), lock },
            Locked::Alive => panic!("alive"),
            Locked::Gone => panic!("gone"),
        }
    }

    #[test]
    fn a_lab_is_alive_while_its_lock_is_held_and_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("lab");
        let home = home_in(&dir);
        fs::write(dir.join("control"), "x").unwrap();
        assert!(matches!(probe(&dir), Probe::Alive));
        assert!(matches!(lock(&dir), Locked::Alive));
        assert!(!remove_dead(&dir));
        home.remove();
        assert!(!dir.exists());
    }

    #[test]
    fn what_a_killed_lab_left_is_found_dead_and_removed() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("lab");
        let home = home_in(&dir);
        fs::write(dir.join("control"), "x").unwrap();
        drop(home);
        assert!(matches!(probe(&dir), Probe::Dead));
        assert!(remove_dead(&dir));
        assert!(!dir.exists());
    }
}
