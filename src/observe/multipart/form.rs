//! A whole body as a list of its parts.

use super::{Decoder, Event, Head};

/// Longest content kept as text, in bytes: a prompt, or a session's settings. What is longer is
/// a file, of which only the length is told.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Most fields of one form: the longest of an API, pictures to edit, has some thirty.
pub const FIELDS_MAX: usize = 1000;

/// The parts of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// In the order of the wire.
    pub fields: Vec<Field>,
    /// What could not be read.
    pub notes: Vec<String>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name; empty if it has none.
    pub name: String,
    /// The file's name.
    pub filename: Option<String>,
    /// As sent, such as `audio/mpeg`.
    pub content_type: Option<String>,
    /// Length of the content, in bytes.
    pub length: u64,
    /// The content, if it is text of at most [`TEXT_BYTES_MAX`].
    pub text: Option<String>,
}

impl Form {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The text of the first field of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name)?.text.as_deref()
    }
}

/// The parts of `body`; `None` if `content_type` is not one of several parts or names no
/// boundary.
pub fn read(content_type: &str, body: &[u8]) -> Option<Form> {
    let mut decoder = Decoder::new(content_type)?;
    let mut reading = Reading::default();
    decoder.feed(body, &mut |event| reading.take(event));
    decoder.finish(&mut |event| reading.take(event));
    Some(reading.finish())
}

#[derive(Default)]
struct Reading {
    form: Form,
    part: Head,
    /// The content so far, at most [`TEXT_BYTES_MAX`] of it.
    content: Vec<u8>,
    /// Fields beyond [`FIELDS_MAX`].
    skipped: u64,
}

impl Reading {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::PartBegin(head) => {
                self.part = head;
                self.content.clear();
            }
            Event::PartData(bytes) => {
                let room = TEXT_BYTES_MAX - self.content.len();
                self.content.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            Event::PartEnd { .. } if self.form.fields.len() >= FIELDS_MAX => self.skipped += 1,
            Event::PartEnd { length } => {
                let head = std::mem::take(&mut self.part);
                let is_whole = self.content.len() as u64 == length;
                let text = std::str::from_utf8(&self.content).ok().filter(|text| is_text(text));
                self.form.fields.push(Field {
                    name: head.name.unwrap_or_default(),
                    filename: head.filename,
                    content_type: head.content_type,
                    length,
                    text: text.filter(|_| is_whole).map(str::to_owned),
                });
            }
            Event::Note(note) => self.form.notes.push(note.to_string()),
        }
    }

    fn finish(mut self) -> Form {
        if self.skipped > 0 {
            let skipped = self.skipped;
            let note = format!("{skipped} fields of the form were skipped: it has too many");
            self.form.notes.push(note);
        }
        self.form
    }
}

/// Binary content may be UTF-8 by chance, but not without control characters.
fn is_text(text: &str) -> bool {
    !text.chars().any(|char| char.is_control() && !matches!(char, '\t' | '\r' | '\n'))
}
