//! What a handshake agreed on: RFC 6455, section 9.1, and RFC 7692, section 7.1.

/// The extensions of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    deflate: Option<Agreed>,
    /// The first one that is not ours to read.
    unknown: Option<String>,
}

/// What `permessage-deflate` was agreed with. Window bits are not among it: a window of 15
/// bits reads all smaller ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Agreed {
    client: Takeover,
    server: Takeover,
}

/// What becomes of one side's compression window between messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Takeover {
    /// A message may refer to the ones before it.
    #[default]
    Kept,
    /// Each message begins anew.
    Reset,
}

/// What the first reserved bit of a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Deflate(Takeover),
    /// The bit is another extension's.
    Unknown,
    /// It should not be set.
    None,
}

const DEFLATE: &str = "permessage-deflate";

impl Extensions {
    /// Whether messages may be compressed.
    pub fn compresses(&self) -> bool {
        self.deflate.is_some() || self.unknown.is_some()
    }

    /// Reads the values of the reply's `Sec-WebSocket-Extensions` lines; none is no extension.
    pub fn agreed(sec_websocket_extensions: &[&str]) -> Self {
        let mut extensions = Self::default();
        for extension in sec_websocket_extensions.iter().flat_map(|line| split(line, ',')) {
            let mut parts = split(extension, ';');
            let name = parts.next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            if !name.eq_ignore_ascii_case(DEFLATE) {
                extensions.unknown.get_or_insert_with(|| name.to_owned());
                continue;
            }
            let agreed = extensions.deflate.get_or_insert_default();
            for parameter in parts {
                let name = parameter.split('=').next().unwrap_or_default().trim();
                if name.eq_ignore_ascii_case("client_no_context_takeover") {
                    agreed.client = Takeover::Reset;
                } else if name.eq_ignore_ascii_case("server_no_context_takeover") {
                    agreed.server = Takeover::Reset;
                }
            }
        }
        extensions
    }

    pub(super) fn of_client(&self) -> Compression {
        self.compression(|agreed| agreed.client)
    }

    pub(super) fn of_server(&self) -> Compression {
        self.compression(|agreed| agreed.server)
    }

    fn compression(&self, side: impl Fn(&Agreed) -> Takeover) -> Compression {
        match (&self.deflate, &self.unknown) {
            (Some(agreed), _) => Compression::Deflate(side(agreed)),
            (None, Some(_)) => Compression::Unknown,
            (None, None) => Compression::None,
        }
    }

    /// The extension that other reserved bits may belong to.
    pub(super) fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }
}

/// Splits at `separator` where it is not in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    text.split(move |char| {
        let was_escaped = std::mem::replace(&mut is_escaped, in_quotes && char == '\\');
        if char == '"' && !was_escaped {
            in_quotes = !in_quotes;
        }
        char == separator && !in_quotes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Compression = Compression::Deflate(Takeover::Kept);
    const RESET: Compression = Compression::Deflate(Takeover::Reset);

    #[test]
    fn what_was_agreed() {
        for (rule, lines, client, server) in [
            ("nothing", &[][..], Compression::None, Compression::None),
            ("an empty line", &[" "], Compression::None, Compression::None),
            ("compression", &["permessage-deflate"], KEPT, KEPT),
            (
                "the client forgets",
                &["permessage-deflate; client_no_context_takeover"],
                RESET,
                KEPT,
            ),
            (
                "the server forgets",
                &["permessage-deflate;server_no_context_takeover;client_max_window_bits=12"],
                KEPT,
                RESET,
            ),
            (
                "both, in odd case and order",
                &["Permessage-Deflate ; Server_No_Context_Takeover ;client_no_context_takeover "],
                RESET,
                RESET,
            ),
            (
                "quoted values",
                &[
                    "permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits=\"8\"",
                ],
                KEPT,
                KEPT,
            ),
            (
                "what is in quotes is no parameter",
                &[
                    "permessage-deflate; x=\"a, b; \\\"server_no_context_takeover\"; client_no_context_takeover",
                ],
                RESET,
                KEPT,
            ),
            (
                "window bits that are none",
                &["permessage-deflate; server_max_window_bits=99"],
                KEPT,
                KEPT,
            ),
            ("an unknown one", &["x-rot13; by=13"], Compression::Unknown, Compression::Unknown),
            ("the known one counts", &["x-rot13", "permessage-deflate"], KEPT, KEPT),
            ("on one line too", &["x-rot13,permessage-deflate"], KEPT, KEPT),
        ] {
            let extensions = Extensions::agreed(lines);
            assert_eq!(
                (extensions.of_client(), extensions.of_server()),
                (client, server),
                "{rule}"
            );
        }
    }
}
