//! Where things are: XDG directories, and what lies in them.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folders of one capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    data: PathBuf,
    runtime: Option<PathBuf>,
    is_usual: bool,
}

impl Places {
    /// Those of `data_dir`, or of the user.
    pub fn new(data_dir: Option<&Path>) -> Self {
        let data = match data_dir {
            Some(dir) => std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()),
            None => xdg("XDG_DATA_HOME", ".local/share").join("overhear"),
        };
        // Captures have folders of their own, so that none recovers the tapes of another.
        let hash = blake3::hash(canonical(&data).as_os_str().as_encoded_bytes()).to_hex();
        let runtime = runtime_dir().map(|dir| dir.join(hash.get(..16).unwrap_or_default()));
        let is_usual = data_dir.is_none();
        Self { data, runtime, is_usual }
    }

    /// `overhear`, with what leads it to this capture if another one is the user's usual one: how
    /// a command begins that somebody is to type.
    pub fn command(&self) -> String {
        let path = self.data.to_string_lossy();
        match shlex::try_quote(&path) {
            Ok(path) if !self.is_usual => format!("overhear --data-dir {path}"),
            _ => "overhear".to_owned(),
        }
    }

    /// The capture.
    pub fn capture(&self) -> PathBuf {
        self.data.join("capture.db")
    }

    /// The token of the base URL.
    pub fn token(&self) -> PathBuf {
        self.data.join("token")
    }

    /// The token of the page.
    pub fn page_token(&self) -> PathBuf {
        self.data.join("page-token")
    }

    /// The table of prices that `overhear prices update` fetched.
    pub fn prices(&self) -> PathBuf {
        self.data.join("prices.json")
    }

    /// The certificate authority.
    pub fn ca(&self) -> PathBuf {
        self.data.join("ca")
    }

    /// The folder of tapes, in RAM; `None` where the system has no such place.
    pub fn tapes(&self) -> Option<PathBuf> {
        self.runtime.as_ref().map(|dir| dir.join("tapes"))
    }

    /// What the running proxy tells others of itself.
    pub fn running(&self) -> PathBuf {
        match &self.runtime {
            Some(dir) => dir.join("proxy.json"),
            None => self.data.join("proxy.json"),
        }
    }
}

/// The path without links, as far as it exists: the same before and after the folder is made.
fn canonical(path: &Path) -> PathBuf {
    let real = path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        // Joining nothing would add a slash at the end.
        Some(fs::canonicalize(there).ok()?.join(rest).components().collect())
    });
    real.unwrap_or_else(|| path.to_owned())
}

/// The user's configuration file.
pub fn config_file() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config").join("overhear").join("config.toml")
}

fn xdg(variable: &str, below_home: &str) -> PathBuf {
    // The specification: a relative path in the variable is to be ignored.
    match env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(path) => path,
        None => env::home_dir().unwrap_or_else(|| PathBuf::from("/")).join(below_home),
    }
}

/// `XDG_RUNTIME_DIR`, or where systems without a session keep such things in RAM.
fn runtime_dir() -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let named = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let session = PathBuf::from(format!("/run/user/{user}"));
    let candidates = [
        named.map(|dir| dir.join("overhear")),
        Some(session.join("overhear")),
        Some(PathBuf::from(format!("/dev/shm/overhear-{user}"))),
    ];
    candidates.into_iter().flatten().find(|dir| {
        let parent = dir.parent().filter(|parent| parent.is_dir());
        parent.is_some_and(crate::tape::is_ram)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_folder_is_the_same_before_and_after_the_data_folder_is_made() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("a/b");
        let before = Places::new(Some(&data));
        fs::create_dir_all(&data).unwrap();
        assert_eq!(Places::new(Some(&data)), before);
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        assert_eq!(Places::new(Some(&link)).tapes(), before.tapes());
    }
}
