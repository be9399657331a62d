//! The head of a part.

use super::HEAD_BYTES_MAX;
use super::parameters::parameter;
use crate::observe::http1::Headers;

/// What a part says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The field's name; `None` outside forms.
    pub name: Option<String>,
    /// The file's name, by RFC 5987 if there are two.
    pub filename: Option<String>,
    /// As sent, such as `audio/mpeg`.
    pub content_type: Option<String>,
    /// The header lines. Bytes that are not UTF-8 are replaced; folded lines are joined with
    /// one space.
    pub headers: Headers,
}

impl Head {
    /// The value of the header line named `name`, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether its content is not sent as it is.
    pub(super) fn is_encoded(&self) -> bool {
        let encoding = self.header("content-transfer-encoding").unwrap_or_default();
        ["base64", "quoted-printable"].iter().any(|one| encoding.eq_ignore_ascii_case(one))
    }
}

/// A head that is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    headers: Headers,
    bytes: usize,
    pub(super) is_cut: bool,
    /// Within a line that is skipped.
    pub(super) skipping: bool,
}

impl Draft {
    /// Whether a line of so many bytes, its end included, still fits.
    pub(super) fn fits(&self, line_bytes: usize) -> bool {
        self.bytes.saturating_add(line_bytes) <= HEAD_BYTES_MAX
    }

    /// Adds a line, its end taken off.
    pub(super) fn add(&mut self, line: &[u8], line_bytes: usize) {
        self.bytes += line_bytes;
        let line = String::from_utf8_lossy(line);
        match (line.strip_prefix([' ', '\t']), self.headers.last_mut()) {
            (Some(folded), Some((_, value))) => {
                value.push(' ');
                value.push_str(folded.trim());
            }
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    pub(super) fn finish(self) -> Head {
        let mut head = Head { headers: self.headers, ..Head::default() };
        let disposition = head.header("content-disposition").unwrap_or_default();
        let (name, filename) = (parameter(disposition, "name"), parameter(disposition, "filename"));
        head.content_type = head.header("content-type").map(str::to_owned);
        head.name = name.map(unescaped);
        head.filename = filename.map(unescaped);
        head
    }
}

/// Browsers write quotes and line ends in names as `%22`, `%0D` and `%0A`, and no other
/// character so (HTML, § 4.10.21.8 "Multipart form data").
fn unescaped(text: String) -> String {
    if !text.contains('%') {
        return text;
    }
    text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}
