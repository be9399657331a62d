//! Which process opened a connection, where the system tells (Linux: `/proc`).

use std::net::SocketAddr;

use tokio::sync::oneshot;

use crate::flow::Process;

/// Looks the process up, off the relay's thread.
pub fn look_up(app: SocketAddr, listener: SocketAddr) -> oneshot::Receiver<Process> {
    let (found, receiver) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        if let Some(process) = owner(app, listener) {
            // Nobody waits any more if the flow is over already.
            let _ = found.send(process);
        }
    });
    receiver
}

#[cfg(target_os = "linux")]
fn owner(app: SocketAddr, listener: SocketAddr) -> Option<Process> {
    linux::owner(app, listener)
}

#[cfg(not(target_os = "linux"))]
fn owner(_: SocketAddr, _: SocketAddr) -> Option<Process> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::VecDeque;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use procfs::process::{FDTarget, Process as Entry, all_processes};

    use super::Process;

    /// Processes that opened connections lately: they are asked before all others.
    static RECENT: Mutex<VecDeque<i32>> = Mutex::new(VecDeque::new());
    const RECENT_MAX: usize = 16;
    /// One walk over all processes at a time: under load most connections come from the same
    /// few, which the walk before has found.
    static WALK: Mutex<()> = Mutex::new(());

    pub(super) fn owner(app: SocketAddr, listener: SocketAddr) -> Option<Process> {
        let inode = inode_of(app, listener)?;
        let found = among_recent(inode).or_else(|| {
            let _one_at_a_time = lock(&WALK);
            among_recent(inode)
                .or_else(|| all_processes().ok()?.flatten().find(|entry| holds(entry, inode)))
        })?;
        remember(found.pid);
        let words = found.cmdline().unwrap_or_default();
        let name = name_of(found.stat().ok()?.comm, &words);
        Some(Process { name, pid: u32::try_from(found.pid).ok()? })
    }

    /// What the process is called: `comm`, unless its main thread was given another name, as
    /// Node's is (`MainThread`); then the program's, of an interpreter the script's.
    fn name_of(comm: String, words: &[String]) -> String {
        let base = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
        let [program, script] = [words.first().map(base), words.get(1).map(base)];
        // The kernel cuts `comm` at 15 bytes.
        let is_of = |name: &Option<String>| name.as_ref().is_some_and(|n| n.starts_with(&comm));
        if is_of(&program) || is_of(&script) {
            return comm;
        }
        let script = script.filter(|name| !name.is_empty() && !name.starts_with('-'));
        script.or(program).filter(|name| !name.is_empty()).unwrap_or(comm)
    }

    fn inode_of(app: SocketAddr, listener: SocketAddr) -> Option<u64> {
        let table = if app.is_ipv4() { procfs::net::tcp() } else { procfs::net::tcp6() };
        let row = table
            .ok()?
            .into_iter()
            .find(|row| row.local_address == app && row.remote_address.port() == listener.port())?;
        (row.inode != 0).then_some(row.inode)
    }

    fn holds(entry: &Entry, inode: u64) -> bool {
        let Ok(fds) = entry.fd() else { return false };
        fds.flatten().any(|fd| matches!(fd.target, FDTarget::Socket(found) if found == inode))
    }

    fn among_recent(inode: u64) -> Option<Entry> {
        let recent: Vec<i32> = lock(&RECENT).iter().copied().collect();
        let known = recent.into_iter().filter_map(|pid| Entry::new(pid).ok());
        known.into_iter().find(|entry| holds(entry, inode))
    }

    fn remember(pid: i32) {
        let mut recent = lock(&RECENT);
        recent.retain(|known| *known != pid);
        recent.push_front(pid);
        recent.truncate(RECENT_MAX);
    }

    fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(test)]
    mod tests {
        use std::net::{TcpListener, TcpStream};

        #[test]
        fn a_renamed_main_thread_does_not_name_the_process() {
            for (rule, comm, words, expected) in [
                ("a program", "codex", &["/opt/bin/codex", "exec"][..], "codex"),
                ("cut", "a-program-with-", &["/bin/a-program-with-a-name"], "a-program-with-"),
                ("a script by its own name", "llm", &["/usr/bin/python3", "/bin/llm"], "llm"),
                ("an interpreter", "python3", &["python3", "x.py"], "python3"),
                ("Node", "MainThread", &["node", "/opt/lib/gemini.js"], "gemini.js"),
                ("Node with an option", "MainThread", &["/bin/node", "--x", "y.js"], "node"),
                ("nothing known", "MainThread", &[], "MainThread"),
            ] {
                let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
                assert_eq!(super::name_of(comm.to_owned(), &words), expected, "{rule}");
            }
        }

        #[test]
        fn our_own_connection_is_ours() {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let app = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let found =
                super::owner(app.local_addr().unwrap(), listener.local_addr().unwrap()).unwrap();
            assert_eq!(found.pid, std::process::id());
        }
    }
}
