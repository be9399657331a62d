//! A folder that gets a file for each exchange.

use std::ffi::CString;
use std::fs::{DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, linkat, open, openat, renameat, unlinkat};

/// Whether a path means a folder: by a slash at its end, or because there is one.
pub(super) fn is_meant(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// What to do where a file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Refuse,
    Replace,
}

/// A folder that is open: whatever becomes of its name, files go into it, and a link inside of it
/// leads nowhere else.
pub(super) struct Folder {
    folder: OwnedFd,
    taken: Taken,
}

/// A file that has not its name yet; without one it goes.
pub(super) struct Beside<'a> {
    folder: &'a Folder,
    file: BufWriter<File>,
    own: CString,
    name: CString,
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // Gone already after a rename.
        let _ = unlinkat(&self.folder.folder, &self.own, AtFlags::empty());
    }
}

impl Write for Beside<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Beside<'_> {
    /// Gives the file its name.
    pub(super) fn keep(mut self) -> io::Result<()> {
        self.file.flush()?;
        let folder = &self.folder.folder;
        match self.folder.taken {
            // A link at that name is replaced itself.
            Taken::Replace => Ok(renameat(folder, &self.own, folder, &self.name)?),
            // Fails where the name was taken meanwhile; a rename would replace it.
            Taken::Refuse => {
                let kept = linkat(folder, &self.own, folder, &self.name, AtFlags::empty());
                kept.map_err(|error| match error {
                    rustix::io::Errno::EXIST => is_taken(&self.name),
                    error => error.into(),
                })
            }
        }
    }
}

impl Folder {
    /// Opens it, or makes it, for its owner alone. A link is refused: who may write it says
    /// where it leads.
    pub(super) fn open(path: &Path, taken: Taken) -> io::Result<Self> {
        // A slash at the end would have the system follow a link.
        let path = path.components().as_path();
        if path.is_symlink() {
            return Err(io::Error::other(
                "it is a link to a folder, and none is followed\nhint: name the folder itself",
            ));
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self { folder: open(path, flags, Mode::empty())?, taken })
    }

    /// A new file that will be called `name`.
    pub(super) fn file(&self, name: &str) -> io::Result<Beside<'_>> {
        let own = CString::new(format!(".{name}.{}.part", std::process::id()))?;
        let name = CString::new(name)?;
        if self.taken == Taken::Refuse && self.has(&name) {
            return Err(is_taken(&name));
        }
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(&self.folder, &own, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Beside { folder: self, file: BufWriter::new(File::from(file)), own, name })
    }

    fn has(&self, name: &CString) -> bool {
        rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

fn is_taken(name: &CString) -> io::Error {
    let name = name.to_string_lossy();
    let words = format!("`{name}` is there already\nhint: `--force` replaces it");
    io::Error::new(io::ErrorKind::AlreadyExists, words)
}
