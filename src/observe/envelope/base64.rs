//! Base64 that comes in pieces, each of them padded or not (`application/grpc-web-text`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Undoes base64. What is no letter of it is ignored, line ends above all.
#[derive(Debug, Default)]
pub(super) struct Quads {
    /// Letters that are no quad yet.
    held: Vec<u8>,
}

impl Quads {
    /// The bytes that the next letters make known.
    pub(super) fn decode(&mut self, text: &[u8]) -> Vec<u8> {
        let letters = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
        self.held.extend(text.iter().filter(letters));
        let mut bytes = Vec::with_capacity(self.held.len() / 4 * 3);
        let mut quads = self.held.chunks_exact(4);
        for quad in &mut quads {
            // A quad with padding inside makes no bytes; the frames after it then make no
            // sense, which their decoder says.
            bytes.extend(STANDARD.decode(quad).unwrap_or_default());
        }
        self.held = quads.remainder().to_vec();
        bytes
    }

    /// Whether the text may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.held.is_empty()
    }
}
