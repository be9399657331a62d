//! PEM text of certificates.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// One certificate as PEM text.
pub(super) fn certificate(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut pem = String::with_capacity(text.len() + text.len() / LINE_CHARS + 60);
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at_checked(LINE_CHARS).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = behind;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// RFC 7468, 2.
const LINE_CHARS: usize = 64;
