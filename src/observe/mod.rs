//! Sans-IO decoders: bytes in, frames out.
//!
//! They take bytes cut anywhere, never panic and bound their memory; none knows a socket, a
//! clock or a provider. What one gives out the next takes in:
//!
//! ```
//! use overhear::observe::{coding, http1, sse};
//!
//! let mut reply = http1::Decoder::replies();
//! let mut body = coding::Decoder::new("identity")?;
//! let mut stream = sse::Decoder::new();
//! let mut seen = String::new();
//!
//! reply.asked("POST");
//! reply.feed(b"HTTP/1.1 200 OK\r\n\r\ndata: Hel\n\ndata: lo\n\n", &mut |event| {
//!     if let http1::Event::Body(bytes) = event {
//!         let decoded = body.feed(bytes, &mut |text| {
//!             stream.feed(text, &mut |dispatch| seen.push_str(dispatch.event.data));
//!         });
//!         assert_eq!(decoded, Ok(()));
//!     }
//! });
//! assert_eq!(seen, "Hello");
//! # Ok::<(), coding::CodingError>(())
//! ```

pub mod coding;
pub mod documents;
pub mod envelope;
pub mod eventstream;
pub mod http1;
pub mod http2;
pub mod multipart;
pub mod protobuf;
pub mod sse;
pub mod stream;
pub mod websocket;
