//! One side of a connection, on blocking sockets: it sends what it is told in the pieces it is
//! told, notes every byte that comes and how the other side ended, and ends in any way.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustls::Connection;
use socket2::SockRef;

use super::DEADLINE;

/// How a side saw the other one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// FIN; with TLS, after `close_notify` or not.
    Fin(Notified),
    /// RST.
    Reset(Notified),
    /// TLS that cannot be read, or a fatal alert.
    Broken(String),
    /// Nothing within the deadline.
    Never,
}

/// Whether `close_notify` came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    Yes,
    No,
}

/// A connection, handshake done if there is one.
pub struct Wire {
    socket: TcpStream,
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

/// What both threads of a wire know, and whoever waits for it.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Held while records are taken out of TLS and written: their order is fixed.
    writing: Mutex<()>,
}

#[derive(Default)]
struct State {
    tls: Option<Connection>,
    got: Vec<u8>,
    notified: bool,
    ended: Option<Ended>,
    reads: Reads,
}

/// When a side reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// Not before it is told to.
    Late,
    #[default]
    Now,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until `done` holds; says whether it came to that.
    fn wait(&self, done: impl Fn(&State) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), DEADLINE, |s| !done(s));
        !waited.unwrap().1.timed_out()
    }

    /// Waits until so many bytes have come in all.
    pub fn wait_for_bytes(&self, bytes: usize) -> bool {
        self.wait(|state| state.got.len() >= bytes || state.ended.is_some())
            && self.state().got.len() >= bytes
    }

    /// Waits until the other side has ended.
    pub fn wait_for_end(&self) -> bool {
        self.wait(|state| state.ended.is_some())
    }

    /// Waits until the other side has said `close_notify`.
    pub fn wait_for_close_notify(&self) -> bool {
        self.wait(|state| state.notified || state.ended.is_some()) && self.state().notified
    }

    /// Everything that came, and how it ended, if it did.
    pub fn seen(&self) -> (Vec<u8>, Option<Ended>) {
        let state = self.state();
        (state.got.clone(), state.ended.clone())
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

impl Wire {
    /// Takes over a connection; what comes is noted in `shared`.
    pub fn new(
        socket: TcpStream,
        mut tls: Option<Connection>,
        reads: Reads,
        shared: Arc<Shared>,
    ) -> Self {
        prepare(&socket);
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(None);
        }
        shared.change(|state| (state.tls, state.reads) = (tls, reads));
        let reader = {
            let (socket, shared) = (socket.try_clone().unwrap(), Arc::clone(&shared));
            thread::spawn(move || note_what_comes(socket, &shared))
        };
        Self { socket, shared, reader: Some(reader) }
    }

    /// Sends `bytes` in pieces, each in a record and a packet of its own.
    pub fn send(&self, bytes: &[u8], piece: usize) -> io::Result<()> {
        for piece in bytes.chunks(piece.max(1)) {
            let _in_order = self.shared.writing.lock().unwrap();
            let mut records = Vec::new();
            match &mut self.shared.state().tls {
                Some(tls) => {
                    tls.writer().write_all(piece)?;
                    take_records(tls, &mut records);
                }
                None => records.extend_from_slice(piece),
            }
            (&self.socket).write_all(&records)?;
        }
        Ok(())
    }

    /// Begins to read, if it did not before.
    pub fn read(&self) {
        self.shared.change(|state| state.reads = Reads::Now);
    }

    /// Says `close_notify`, where there is TLS.
    pub fn close_notify(&self) {
        self.tell_tls(|tls| tls.send_close_notify());
    }

    /// Changes the keys under which it sends, where TLS 1.3 is spoken, and asks the other side
    /// for the same.
    pub fn refresh_keys(&self) {
        self.tell_tls(|tls| tls.refresh_traffic_keys().unwrap());
    }

    /// Sends FIN.
    pub fn fin(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Sends RST; nothing is read any more.
    pub fn reset(mut self) {
        self.stop_reading();
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }

    /// How long a write may take, before [`Wire::send`] gives up.
    pub fn give_up_writing_after(&self, time: Duration) {
        self.socket.set_write_timeout(Some(time)).unwrap();
    }

    fn tell_tls(&self, tell: impl FnOnce(&mut Connection)) {
        let _in_order = self.shared.writing.lock().unwrap();
        let mut records = Vec::new();
        if let Some(tls) = &mut self.shared.state().tls {
            tell(tls);
            take_records(tls, &mut records);
        }
        // The other side may be gone: then nobody misses it.
        let _ = (&self.socket).write_all(&records);
    }

    /// Two descriptors are open for one socket: only when the reader's is closed does closing
    /// ours end the connection.
    fn stop_reading(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Read);
        self.read();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop_reading();
    }
}

/// The next connection; `None` if none comes within the deadline.
pub fn accept(listener: &TcpListener) -> Option<TcpStream> {
    SockRef::from(listener).set_read_timeout(Some(DEADLINE)).unwrap();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                prepare(&socket);
                return Some(socket);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// No byte waits for another, and nothing hangs for ever.
pub fn prepare(socket: &TcpStream) {
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
}

fn take_records(tls: &mut Connection, records: &mut Vec<u8>) {
    while tls.wants_write() {
        tls.write_tls(records).unwrap();
    }
}

fn note_what_comes(mut socket: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 << 10];
    let mut notified = Notified::No;
    let mut read: io::Result<usize> = Err(io::ErrorKind::Interrupted.into());
    // What came with the handshake is opened first: then `read` holds no bytes yet.
    loop {
        let bytes = match &read {
            Ok(0) => break end(shared, Ended::Fin(notified)),
            Ok(read) => &buffer[..*read],
            Err(e) if e.kind() == io::ErrorKind::Interrupted => &[],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break end(shared, Ended::Never),
            Err(_) => break end(shared, Ended::Reset(notified)),
        };
        match open(shared, bytes) {
            Ok((closed, answer)) => {
                notified = closed;
                if answer == Answer::Due {
                    let _in_order = shared.writing.lock().unwrap();
                    let mut records = Vec::new();
                    take_records(shared.state().tls.as_mut().unwrap(), &mut records);
                    let _ = socket.write_all(&records);
                }
            }
            Err(words) => break end(shared, Ended::Broken(words)),
        }
        let late = |state: &mut State| state.reads == Reads::Late;
        drop(shared.changed.wait_while(shared.state(), late).unwrap());
        read = socket.read(&mut buffer);
    }
}

/// Whether TLS itself has something to say to what came.
#[derive(PartialEq, Eq)]
enum Answer {
    Due,
    None,
}

fn open(shared: &Shared, mut bytes: &[u8]) -> Result<(Notified, Answer), String> {
    let mut state = shared.state();
    let State { tls, got, .. } = &mut *state;
    let Some(tls) = tls else {
        got.extend_from_slice(bytes);
        shared.changed.notify_all();
        return Ok((Notified::No, Answer::None));
    };
    let mut opened = tls.process_new_packets();
    loop {
        // An error of the reader is "nothing yet", or an end that shows below.
        let _ = tls.reader().read_to_end(got);
        if bytes.is_empty() || opened.is_err() {
            break;
        }
        tls.read_tls(&mut bytes).unwrap();
        opened = tls.process_new_packets();
    }
    let answer = if tls.wants_write() { Answer::Due } else { Answer::None };
    let opened = opened.map_err(|e| e.to_string());
    state.notified = opened.as_ref().is_ok_and(|opened| opened.peer_has_closed());
    shared.changed.notify_all();
    opened
        .map(|opened| (if opened.peer_has_closed() { Notified::Yes } else { Notified::No }, answer))
}

fn end(shared: &Shared, ended: Ended) {
    shared.change(|state| state.ended = Some(ended));
}

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shaken {
    /// The other side's alert, or what we have against it, in words; without digits, which
    /// are those of the clock.
    Tls(String),
    /// The other side hung up.
    HungUp,
}

/// What a side says when the handshake fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// An alert.
    #[default]
    Alert,
    /// Nothing: it closes.
    Silence,
}

/// Shakes hands; what is sent goes out in pieces of `piece` bytes.
pub fn shake(
    socket: &mut TcpStream,
    tls: &mut Connection,
    piece: usize,
    on_failure: OnFailure,
) -> Result<(), Shaken> {
    let until = Instant::now() + DEADLINE;
    loop {
        let mut records = Vec::new();
        take_records(tls, &mut records);
        for piece in records.chunks(piece.max(1)) {
            socket.write_all(piece).map_err(|_| Shaken::HungUp)?;
        }
        if !tls.is_handshaking() {
            return Ok(());
        }
        match tls.read_tls(socket) {
            Ok(1..) if Instant::now() < until => {}
            // A socket with a time limit is interrupted when the process is frozen for a while.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            _ => return Err(Shaken::HungUp),
        }
        if let Err(e) = tls.process_new_packets() {
            if on_failure == OnFailure::Alert {
                let mut alert = Vec::new();
                take_records(tls, &mut alert);
                let _ = socket.write_all(&alert);
            }
            let words = e.to_string();
            return Err(Shaken::Tls(words.chars().filter(|c| !c.is_ascii_digit()).collect()));
        }
    }
}
