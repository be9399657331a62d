//! Trust stores of a made-up system, and the plans for others.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::Scope;
use super::*;

/// A system below a temporary folder whose commands note that they ran.
struct Made {
    folder: tempfile::TempDir,
    system: System,
    authority: Authority,
}

fn made(os: &str, folders: &[&str], programs: &[&str], privilege: Privilege) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    for path in folders.iter().chain(&["usr/bin", "home"]) {
        fs::create_dir_all(at(path)).unwrap();
    }
    let log = at("log");
    for program in programs {
        let path = at("usr/bin").join(program);
        let script = format!("#!/bin/sh\necho \"${{0##*/}} $*\" >> '{}'\n", log.display());
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let scope = Scope::only(["api.example.com"]).unwrap();
    let (authority, _) = Authority::load_or_create(&at("ca"), &scope).unwrap();
    let path = format!("{}:/usr/bin:/bin", at("usr/bin").display());
    let system = System {
        prefix: folder.path().to_path_buf(),
        os: os.to_owned(),
        home: Some(at("home")),
        path: path.into(),
        privilege,
    };
    Made { folder, system, authority }
}

fn shown(made: &Made, commands: &[Command]) -> String {
    let lines: Vec<_> = commands.iter().map(ToString::to_string).collect();
    lines.join("\n").replace(&made.folder.path().display().to_string(), "")
}

#[test]
fn each_system_has_its_commands() {
    let debian = "usr/local/share/ca-certificates";
    let fedora = "etc/pki/ca-trust/source/anchors";
    for (rule, os, folder, program, privilege, make, undo) in [
        (
            "Debian",
            "linux",
            debian,
            "update-ca-certificates",
            Privilege::Held,
            "install -m 0644 /ca/root.pem /usr/local/share/ca-certificates/overhear-MARK.crt\n\
          update-ca-certificates",
            "rm -f /usr/local/share/ca-certificates/overhear-MARK.crt\nupdate-ca-certificates --fresh",
        ),
        (
            "Fedora, not root",
            "linux",
            fedora,
            "update-ca-trust",
            Privilege::Sudo,
            "sudo install -m 0644 /ca/root.pem /etc/pki/ca-trust/source/anchors/overhear-MARK.crt\n\
          sudo update-ca-trust extract",
            "sudo rm -f /etc/pki/ca-trust/source/anchors/overhear-MARK.crt\n\
          sudo update-ca-trust extract",
        ),
        (
            "macOS",
            "macos",
            "x",
            "security",
            Privilege::Sudo,
            "security add-trusted-cert -r trustRoot -p ssl -k \
          /home/Library/Keychains/login.keychain-db /ca/root.pem",
            "security delete-certificate -t -Z HASH /home/Library/Keychains/login.keychain-db",
        ),
        (
            "Windows",
            "windows",
            "x",
            "certutil",
            Privilege::Held,
            "certutil -user -addstore Root /ca/root.pem",
            "certutil -user -delstore Root SERIAL",
        ),
    ] {
        let made = made(os, &[folder], &[program], privilege);
        let steps = made.system.steps(&made.authority).unwrap();
        let hash = made.authority.fingerprint().replace(':', "");
        let mark = hash[..8].to_ascii_lowercase();
        let serial = made.authority.root_serial();
        let told = |commands| {
            shown(&made, commands)
                .replace(&hash, "HASH")
                .replace(&format!("overhear-{mark}"), "overhear-MARK")
                .replace(&serial, "SERIAL")
        };
        assert_eq!(steps.len(), 1, "{rule}");
        assert_eq!(told(&steps[0].make), make, "{rule}");
        assert_eq!(told(&steps[0].undo), undo, "{rule}");
    }
}

#[test]
fn an_unknown_system_is_told_where_to_read_on() {
    let made = made("linux", &[], &[], Privilege::Held);
    let mut system = made.system.clone();
    system.path = made.folder.path().join("usr/bin").into();
    let error = system.steps(&made.authority).unwrap_err().to_string();
    assert!(error.contains("certs/README.md"), "{error}");
}

#[test]
fn trust_is_undone_to_the_last_file() {
    let anchors = "usr/local/share/ca-certificates";
    let profile = "home/.mozilla/firefox/abc.default";
    let made = made(
        "linux",
        &[anchors, profile],
        &["update-ca-certificates", "certutil"],
        Privilege::Held,
    );
    let at = |path: &str| made.folder.path().join(path);
    fs::write(at(profile).join("cert9.db"), "").unwrap();
    let mut said = Vec::new();
    let mut say = |line: &str| said.push(line.to_owned());

    trust(&made.authority, &made.system, &mut say).unwrap();
    assert_eq!(fs::read_dir(at(anchors)).unwrap().count(), 1);
    // A second time undoes the first, and one file is there still.
    trust(&made.authority, &made.system, &mut say).unwrap();
    assert_eq!(fs::read_dir(at(anchors)).unwrap().count(), 1);
    fs::write(at("ca/authority.pem.123.new"), "half a key").unwrap();
    remove(&at("ca"), &made.system, &mut say).unwrap();
    assert_eq!(fs::read_dir(at(anchors)).unwrap().count(), 0);
    assert!(!at("ca").exists(), "nothing of ours is left");

    let log = fs::read_to_string(at("log")).unwrap();
    assert_eq!(log.matches("certutil -A").count(), 2, "{log}");
    assert_eq!(log.matches("certutil -D").count(), 2, "{log}");
    assert_eq!(log.matches("update-ca-certificates").count(), 4, "{log}");
    assert!(said.iter().any(|line| line.starts_with("undo: ")), "{said:?}");
}

#[test]
fn what_cannot_be_undone_is_kept_for_the_next_try() {
    let anchors = "usr/local/share/ca-certificates";
    let update = ["update-ca-certificates"];
    let made = made("linux", &[anchors], &update, Privilege::Held);
    let folder = made.authority.folder().unwrap();
    trust(&made.authority, &made.system, &mut |_| ()).unwrap();
    let program = made.folder.path().join("usr/bin/update-ca-certificates");
    let works = fs::read(&program).unwrap();
    fs::write(&program, "#!/bin/sh\necho no >&2; exit 1\n").unwrap();
    let error = remove(folder, &made.system, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("no (exit status: 1)"), "{error}");
    assert!(folder.join(manifest::NAME).exists() && folder.join(OWN).exists());
    fs::write(&program, works).unwrap();
    remove(folder, &made.system, &mut |_| ()).unwrap();
    assert!(!folder.exists());
}
