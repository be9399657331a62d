//! Real children.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use rustix::process::{Signal, getpid, kill_process};

use super::*;
use crate::ca::Scope;

/// A signal sent to this process goes to every child that waits here.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn start(program: &str, args: &[&str]) -> Result<Child, NotStarted> {
    let args: Vec<_> = args.iter().map(OsString::from).collect();
    Child::start(program.as_ref(), &args, &[])
}

#[test]
fn the_ending_is_the_childs() {
    let _alone = ONE_AT_A_TIME.lock();
    for (script, ending, code) in [
        ("exit 0", Ending::Code(0), 0),
        ("exit 7", Ending::Code(7), 7),
        ("exit 255", Ending::Code(255), 255),
        ("kill -TERM $$", Ending::Signal(15), 143),
        ("kill -KILL $$", Ending::Signal(9), 137),
    ] {
        let ended = start("sh", &["-c", script]).unwrap().wait().unwrap();
        assert_eq!((ended, ended.code()), (ending, code), "{script}");
    }
}

#[test]
fn what_cannot_be_started_ends_as_in_a_shell() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    for (program, code) in [
        ("overhear-no-such-program".to_owned(), 127),
        ("/no/such/program".to_owned(), 127),
        (file("plain", "text", 0o600), 126),
        (folder.path().display().to_string(), 126),
        (file("bad", "#!/no/such/interpreter\n", 0o700), 126),
    ] {
        let error = start(&program, &[]).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.to_string().contains(&program), "{error}");
    }
    let script = file("script", "exit $1\n", 0o700);
    let ended = start(&script, &["9"]).unwrap().wait().unwrap();
    assert_eq!(ended, Ending::Code(9), "a script without `#!`");
}

#[test]
fn a_signal_sent_to_us_reaches_the_child() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = tempfile::tempdir().unwrap();
    for (name, signal) in [
        ("TERM", Signal::TERM),
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("WINCH", Signal::WINCH),
    ] {
        let ready = folder.path().join(name);
        let script = format!(
            "trap 'exit 42' {name}; : > '{}'; while :; do sleep 0.05; done",
            ready.display()
        );
        let child = start("sh", &["-c", &script]).unwrap();
        while !ready.exists() {
            std::thread::yield_now();
        }
        kill_process(getpid(), signal).unwrap();
        assert_eq!(child.wait().unwrap(), Ending::Code(42), "{name}");
    }
}

#[test]
fn the_child_gets_the_variables_and_files_that_are_there() {
    let _alone = ONE_AT_A_TIME.lock();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::ephemeral(&Scope::Everything).unwrap();
    let proxy = "127.0.0.1:8484".parse().unwrap();
    let (files, variables) = outfit(&authority, proxy, folder.path()).unwrap();
    assert!(files.told.others > 0 || !Path::new("/etc/ssl/certs").exists());
    let script = r#"
        test "$HTTPS_PROXY" = http://127.0.0.1:8484 || exit 1
        for file in "$NODE_EXTRA_CA_CERTS" "$SSL_CERT_FILE" "${NODE_OPTIONS#--require }"; do
            test -s "$file" || exit 2
        done"#;
    let args = [OsString::from("-c"), OsString::from(script)];
    let child = Child::start("sh".as_ref(), &args, &variables).unwrap();
    assert_eq!(child.wait().unwrap(), Ending::Code(0));
}
