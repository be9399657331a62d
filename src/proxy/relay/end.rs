//! One end of a flow: a TCP connection, and TLS on it or none.

use std::io::{self, BufRead, IoSlice, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::Connection;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection of the relay.
pub struct End {
    tcp: TcpStream,
    speaks: Speaks,
    /// A write failed: the peer is gone, and the system has told so once.
    gone: bool,
}

enum Speaks {
    /// The bytes are what they are; `out` holds those that the connection did not take yet.
    Plain {
        out: Vec<u8>,
        taken: usize,
    },
    Tls(Box<Connection>),
}

/// What a piece read from a connection holds.
pub(super) enum Opened {
    /// More may come.
    Goes,
    /// The peer said `close_notify`: no more bytes will come.
    CloseNotify,
    /// The TLS is broken.
    Broken,
}

impl End {
    /// A connection without TLS, or whose TLS we do not open.
    pub fn plain(tcp: TcpStream) -> Self {
        Self { tcp, speaks: Speaks::Plain { out: Vec::new(), taken: 0 }, gone: false }
    }

    /// A connection whose TLS handshake is done.
    pub fn tls(tcp: TcpStream, connection: impl Into<Connection>) -> Self {
        let mut connection = connection.into();
        // The relay reads from one end only when the other has taken everything: what waits
        // here is one read's worth, and a limit could only cut it.
        connection.set_buffer_limit(None);
        Self { tcp, speaks: Speaks::Tls(Box::new(connection)), gone: false }
    }

    /// Gives bytes to be sent; they go out with the next flush.
    pub fn put(&mut self, bytes: &[u8]) {
        match &mut self.speaks {
            Speaks::Plain { out, .. } => out.extend_from_slice(bytes),
            Speaks::Tls(tls) => {
                // Writes into memory without a limit: it takes everything.
                let _ = tls.writer().write_all(bytes);
            }
        }
    }

    /// Sends what waits; ready once nothing waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.poll_send(cx);
        self.gone |= matches!(flushed, Poll::Ready(Err(_)));
        flushed
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.speaks {
            Speaks::Plain { out, taken } => {
                while let Some(rest) = out.get(*taken..).filter(|rest| !rest.is_empty()) {
                    *taken += ready!(Pin::new(&mut self.tcp).poll_write(cx, rest))?;
                }
                out.clear();
                *taken = 0;
            }
            Speaks::Tls(tls) => {
                let mut socket = Socket { tcp: &mut self.tcp, cx };
                while tls.wants_write() {
                    match tls.write_tls(&mut socket) {
                        Ok(_) => {}
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                        Err(e) => return Poll::Ready(Err(e)),
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what the connection has, still encrypted where there is TLS.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Opens what was read and hands the app's or origin's own bytes to `pass`.
    pub(super) fn open(&mut self, mut read: &[u8], mut pass: impl FnMut(&[u8])) -> Opened {
        let tls = match &mut self.speaks {
            Speaks::Plain { .. } => {
                if !read.is_empty() {
                    pass(read);
                }
                return Opened::Goes;
            }
            Speaks::Tls(tls) => tls,
        };
        let mut closed = drain(tls, &mut pass);
        while !read.is_empty() && !closed {
            match tls.read_tls(&mut read) {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return Opened::Broken,
            }
            let opened = tls.process_new_packets();
            closed = drain(tls, &mut pass);
            if opened.is_err() {
                return Opened::Broken;
            }
        }
        if closed { Opened::CloseNotify } else { Opened::Goes }
    }

    /// Whether the peer is known to be gone: a reset is told to one system call only, and if
    /// that was a write, a read finds an orderly end that there was not.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether the end speaks TLS with us.
    pub(super) fn is_tls(&self) -> bool {
        matches!(self.speaks, Speaks::Tls(_))
    }

    /// Says `close_notify`, where there is TLS; goes out with the next flush.
    pub(super) fn close_notify(&mut self) {
        if let Speaks::Tls(tls) = &mut self.speaks {
            tls.send_close_notify();
        }
    }

    /// Sends FIN.
    pub(super) fn fin(&mut self) {
        // An error means that the connection is gone: then there is nothing to end.
        let _ = SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }

    /// Says goodbye where nothing more is expected.
    pub(super) fn end_orderly(&mut self, cx: &mut Context<'_>) {
        self.close_notify();
        let _ = self.poll_flush(cx);
        self.fin();
    }

    /// The connection itself. Only for an end without TLS, all of whose bytes were sent.
    pub(super) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    /// Makes the coming close an RST.
    pub fn reset(&mut self) {
        let _ = SockRef::from(&self.tcp).set_linger(Some(std::time::Duration::ZERO));
    }
}

/// Takes the plaintext out; says whether the peer has closed.
fn drain(tls: &mut Connection, pass: &mut impl FnMut(&[u8])) -> bool {
    let mut reader = tls.reader();
    loop {
        let taken = match reader.fill_buf() {
            // Empty is `close_notify`; nothing yet is `WouldBlock`.
            Ok([]) => return true,
            Ok(bytes) => {
                pass(bytes);
                bytes.len()
            }
            Err(_) => return false,
        };
        reader.consume(taken);
    }
}

/// The connection as rustls wants to write to it.
struct Socket<'a, 'b> {
    tcp: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.tcp).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.tcp).poll_write_vectored(self.cx, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn or_would_block(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(written) => written,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
