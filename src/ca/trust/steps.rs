//! What has to be done on which system, as data.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process;

use serde::{Deserialize, Serialize};

use super::{Authority, Error, nss};

/// The system to change: this one, or in a test one below another folder.
#[derive(Clone, Debug)]
pub struct System {
    /// What paths such as `/usr/local/share/ca-certificates` begin with.
    pub prefix: PathBuf,
    /// `linux`, `macos` or `windows`, as `std::env::consts::OS` says.
    pub os: String,
    /// Where the user's browsers keep theirs; `None` leaves them alone.
    pub home: Option<PathBuf>,
    /// `PATH`: where programs are looked for.
    pub path: OsString,
    /// How to get the right to change the system's store.
    pub privilege: Privilege,
}

/// How to get the right to change the system's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// We have it: we are root.
    Held,
    /// Ask `sudo` for each command.
    Sudo,
}

/// One change and its undoing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// In words.
    pub say: String,
    /// What makes it.
    pub make: Vec<Command>,
    /// What undoes it.
    pub undo: Vec<Command>,
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Looked up in `PATH`.
    pub program: String,
    /// As the program gets them.
    pub args: Vec<String>,
}

impl Command {
    /// A program and its arguments.
    pub fn new<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Self {
        Self { program: program.to_owned(), args: args.into_iter().map(str::to_owned).collect() }
    }

    /// With a path as one more argument.
    pub(super) fn arg(mut self, path: &Path) -> Self {
        self.args.push(path.display().to_string());
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

impl System {
    /// The one we run on.
    pub fn this() -> Self {
        Self {
            prefix: PathBuf::from("/"),
            os: env::consts::OS.to_owned(),
            home: env::home_dir(),
            path: env::var_os("PATH").unwrap_or_default(),
            privilege: match rustix::process::geteuid().is_root() {
                true => Privilege::Held,
                false => Privilege::Sudo,
            },
        }
    }

    /// What makes this system trust the authority.
    pub fn steps(&self, authority: &Authority) -> Result<Vec<Step>, Error> {
        let root = authority.root_path().ok_or(Error::Ephemeral)?;
        // Of the fingerprint: two users' roots must not overwrite each other.
        let mark: String = authority.fingerprint().to_ascii_lowercase();
        let mark: String = mark.chars().filter(|c| *c != ':').take(8).collect();
        let mut steps = Vec::new();
        match self.os.as_str() {
            "macos" => steps.push(self.macos(&root, &authority.fingerprint())),
            "windows" => steps.push(windows(&root, &authority.root_serial())),
            _ => steps.extend(self.anchors(&root, &mark)),
        }
        if self.has("certutil") && self.os != "windows" {
            let nickname = format!("Overhear {mark}");
            let databases = self.home.iter().flat_map(|home| nss::databases(home));
            steps.extend(databases.map(|database| nss::step(&database, &root, &nickname)));
        }
        match steps.is_empty() {
            true => Err(Error::NoTrustStore(root)),
            false => Ok(steps),
        }
    }

    /// Runs one command and waits for it; its own words are told only if it fails.
    pub(super) fn run(&self, command: &Command) -> Result<(), Error> {
        let failed = |reason: String| Error::Command { command: command.to_string(), reason };
        let output = process::Command::new(&command.program)
            .args(&command.args)
            .env("PATH", env::join_paths(self.folders()).unwrap_or_default())
            .stdin(process::Stdio::inherit())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(failed(format!("{} ({})", said.trim(), output.status)))
            }
        }
    }

    /// Linux: a file in a folder, and a command that reads the folder.
    fn anchors(&self, root: &Path, mark: &str) -> Option<Step> {
        let found = ANCHORS
            .iter()
            .find(|store| self.at(store.folder).is_dir() && self.has(store.program))?;
        let file = self.at(found.folder).join(format!("overhear-{mark}.crt"));
        let install = Command::new("install", ["-m", "0644"]).arg(root).arg(&file);
        let mut undo = vec![
            Command::new("rm", ["-f"]).arg(&file),
            Command::new(found.program, found.forget.iter().copied()),
        ];
        let java = self.at(DEBIAN_JAVA_HOOK);
        if java.is_file() {
            // `update-ca-certificates` tells this hook what is new, never what is gone.
            let gone = format!("echo -/etc/ssl/certs/overhear-{mark}.pem");
            let tell = format!("{gone} | {}", java.display());
            undo.push(Command::new("sh", ["-c", &tell]));
        }
        let read = Command::new(found.program, found.read.iter().copied());
        let privileged = |commands: Vec<Command>| -> Vec<Command> {
            commands.into_iter().map(|c| self.privileged(c)).collect()
        };
        Some(Step {
            say: format!("add the root to the system's store: {}", file.display()),
            make: privileged(vec![install, read]),
            undo: privileged(undo),
        })
    }

    /// macOS: the login keychain, which needs the user's consent and no root.
    fn macos(&self, root: &Path, fingerprint: &str) -> Step {
        let home = self.home.clone().unwrap_or_default();
        let keychain = home.join("Library/Keychains/login.keychain-db");
        let hash = fingerprint.replace(':', "");
        let add = ["add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-k"];
        // By its hash, with its trust settings: the file may be another root's by then.
        let delete = Command::new("security", ["delete-certificate", "-t", "-Z", &hash]);
        Step {
            say: format!("add the root to the keychain {}", keychain.display()),
            make: vec![Command::new("security", add).arg(&keychain).arg(root)],
            undo: vec![delete.arg(&keychain)],
        }
    }

    fn privileged(&self, command: Command) -> Command {
        match self.privilege {
            Privilege::Held => command,
            Privilege::Sudo => Command {
                args: [vec![command.program], command.args].concat(),
                program: "sudo".to_owned(),
            },
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.prefix.join(path)
    }

    fn has(&self, program: &str) -> bool {
        self.folders().any(|folder| folder.join(program).is_file())
    }

    /// Where programs are. Those of the administrator are often not in a user's `PATH`.
    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let beside = ["usr/sbin", "sbin"].map(|folder| self.at(folder));
        env::split_paths(&self.path).chain(beside)
    }
}

/// A store that is made of the files in a folder.
struct Anchors {
    /// Below the root of the file system.
    folder: &'static str,
    /// What reads the folder.
    program: &'static str,
    /// Its arguments when there is a new file.
    read: &'static [&'static str],
    /// Its arguments when a file is gone.
    forget: &'static [&'static str],
}

const ANCHORS: [Anchors; 4] = [
    // Fedora, RHEL, Amazon Linux.
    Anchors {
        folder: "etc/pki/ca-trust/source/anchors",
        program: "update-ca-trust",
        read: &["extract"],
        forget: &["extract"],
    },
    // Arch.
    Anchors {
        folder: "etc/ca-certificates/trust-source/anchors",
        program: "update-ca-trust",
        read: &[],
        forget: &[],
    },
    // openSUSE.
    Anchors {
        folder: "etc/pki/trust/anchors",
        program: "update-ca-certificates",
        read: &[],
        forget: &["--fresh"],
    },
    // Debian, Ubuntu, Alpine. Without `--fresh` the links to a file that is gone stay.
    Anchors {
        folder: "usr/local/share/ca-certificates",
        program: "update-ca-certificates",
        read: &[],
        forget: &["--fresh"],
    },
];

/// Where Debian's Java hears of new roots.
const DEBIAN_JAVA_HOOK: &str = "etc/ca-certificates/update.d/jks-keystore";

/// Windows: the user's own store, which asks for consent and needs no administrator.
fn windows(root: &Path, serial: &str) -> Step {
    let add = Command::new("certutil", ["-user", "-addstore", "Root"]).arg(root);
    Step {
        say: "add the root to the user's store `Root`".to_owned(),
        make: vec![add],
        undo: vec![Command::new("certutil", ["-user", "-delstore", "Root", serial])],
    }
}
