//! Folders of one capture, and the built binary that works in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The folders: nothing outside of them is read or written.
pub struct Home {
    dir: TempDir,
    /// In RAM where the system has such a place: credentials may stand on tapes.
    runtime: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let ram = Path::new("/dev/shm");
        let ram = if ram.is_dir() { ram.to_owned() } else { std::env::temp_dir() };
        let dir = tempfile::tempdir().unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self { dir, runtime: tempfile::tempdir_in(ram).unwrap() }
    }

    /// Where anything may be put.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `--data-dir`.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `XDG_RUNTIME_DIR`.
    pub fn runtime(&self) -> &Path {
        self.runtime.path()
    }

    /// `overhear ARGS… --data-dir …`, not yet started.
    pub fn overhear<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overhear"));
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_uppercase();
            if upper.starts_with("OVERHEAR_") || upper.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        let home = self.path().join("home");
        command
            .args(args.into_iter().map(|arg| arg.as_ref().to_owned()))
            .arg("--data-dir")
            .arg(self.data())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("TMPDIR", self.path().join("tmp"))
            .env("HOME", home)
            .env("NO_COLOR", "1");
        command
    }

    /// Runs `overhear ARGS…` to its end.
    pub fn output<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.overhear(args).output().unwrap()
    }

    /// Every exchange that `overhear export` writes, the oldest first.
    pub fn exported(&self) -> Vec<Value> {
        let output = self.output(["export"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        // 1 is "nothing found".
        assert!(matches!(output.status.code(), Some(0 | 1)), "`overhear export`: {stderr}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The bytes that `overhear show ID --raw SIDE` writes; none if there are none.
    pub fn raw(&self, id: &str, side: &str) -> Vec<u8> {
        let output = self.output(["show", id, "--raw", side]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let status = output.status.code();
        assert!(matches!(status, Some(0 | 1)), "`overhear show {id} --raw {side}`: {stderr}");
        assert_eq!(stderr, "", "`overhear show {id} --raw {side}` is silent");
        output.stdout
    }
}
