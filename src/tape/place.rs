//! Where tapes are: in RAM, for their owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, MemfdFlags, flock, memfd_create, statfs};
use uuid::Uuid;

use crate::flow::FlowId;

/// `f_type` of tmpfs and of ramfs, from `linux/magic.h`.
const RAM_FILE_SYSTEMS: [i64; 2] = [0x0102_1994, 0x8584_58f6];
/// Name of the file that the living proxy holds locked.
const LOCK: &str = "lock";
/// Ending of a tape's name.
const TAPE: &str = "tape";

/// A folder of one running proxy's tapes.
#[derive(Debug)]
pub struct Place {
    kind: PlaceKind,
    /// Held as long as the proxy lives: a folder whose lock is free was left behind.
    _lock: Option<File>,
}

/// What the system has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// A folder in RAM.
    Ram(PathBuf),
    /// No RAM-backed folder: nameless memory that ends with the process. Credentials must
    /// not reach a disk, so a disk is no place for tapes.
    Nameless,
}

/// A folder of tapes whose proxy is gone; locked for us while this lives.
#[derive(Debug)]
pub struct LeftBehind {
    dir: PathBuf,
    lock: File,
}

impl Place {
    /// Makes the folder for this process's tapes below `runtime_dir`, if that is in RAM.
    pub fn make(runtime_dir: Option<&Path>) -> io::Result<Self> {
        let Some(runtime_dir) = runtime_dir else { return Ok(Self::nameless()) };
        private_dir(runtime_dir)?;
        if !is_ram(runtime_dir) {
            return Ok(Self::nameless());
        }
        let dir = runtime_dir.join(Uuid::now_v7().to_string());
        private_dir(&dir)?;
        let lock = open_lock(&dir)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { kind: PlaceKind::Ram(dir), _lock: Some(lock) })
    }

    /// Memory without a name.
    pub fn nameless() -> Self {
        Self { kind: PlaceKind::Nameless, _lock: None }
    }

    /// What the system has.
    pub fn kind(&self) -> &PlaceKind {
        &self.kind
    }

    /// Bytes that the file system of the tapes can hold in all, where it says.
    pub fn capacity(&self) -> Option<u64> {
        let PlaceKind::Ram(dir) = &self.kind else { return None };
        let stat = statfs(dir).ok()?;
        let block = u64::try_from(stat.f_bsize).ok()?;
        Some(stat.f_blocks * block)
    }

    /// Takes the folder away if nothing is left in it.
    pub fn remove_if_empty(&self) {
        if let PlaceKind::Ram(dir) = &self.kind
            && tapes_in(dir).is_empty()
        {
            let _ = fs::remove_file(dir.join(LOCK));
            let _ = fs::remove_dir(dir);
        }
    }

    pub(super) fn is_named(&self) -> bool {
        matches!(self.kind, PlaceKind::Ram(_))
    }

    pub(super) fn tape_path(&self, flow: FlowId) -> PathBuf {
        match &self.kind {
            PlaceKind::Ram(dir) => dir.join(format!("{flow}.{TAPE}")),
            PlaceKind::Nameless => PathBuf::from(format!("memfd:{flow}")),
        }
    }

    pub(super) fn anonymous_file(&self) -> io::Result<File> {
        Ok(File::from(memfd_create("overhear-tape", MemfdFlags::CLOEXEC)?))
    }
}

impl LeftBehind {
    /// Every folder below `runtime_dir` whose proxy is gone.
    pub fn find(runtime_dir: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(runtime_dir) else { return Vec::new() };
        let dirs = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        dirs.filter_map(|dir| {
            let lock = OpenOptions::new().read(true).write(true).open(dir.join(LOCK)).ok()?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
            Some(Self { dir, lock })
        })
        .collect()
    }

    /// Its tapes, oldest first.
    pub fn tapes(&self) -> Vec<PathBuf> {
        tapes_in(&self.dir)
    }

    /// Takes the folder away, if all of its tapes are.
    pub fn remove(self) -> io::Result<()> {
        if !self.tapes().is_empty() {
            return Ok(());
        }
        // With the lock, and with what was remembered beside tapes.
        fs::remove_dir_all(&self.dir)?;
        drop(self.lock);
        Ok(())
    }
}

impl Place {
    /// Every tape below `runtime_dir`, of whichever living or dead proxy, oldest first.
    pub fn all_tapes(runtime_dir: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(runtime_dir) else { return Vec::new() };
        let mut tapes: Vec<_> =
            entries.flatten().flat_map(|entry| tapes_in(&entry.path())).collect();
        tapes.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        tapes
    }
}

fn tapes_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut tapes: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == TAPE))
        .collect();
    // Names are UUIDv7: their order is that of time.
    tapes.sort();
    tapes
}

fn open_lock(dir: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(LOCK))
}

/// Makes `dir` for its owner alone; refuses one that somebody else owns or may enter.
fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let found = fs::symlink_metadata(dir)?;
    let ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if !ours || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("`{}` is not a folder that only its owner may enter", dir.display()),
        ));
    }
    Ok(())
}

/// Whether `dir` is on a file system that lives in memory.
pub fn is_ram(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|stat| RAM_FILE_SYSTEMS.contains(&stat.f_type))
}
