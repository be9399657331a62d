//! What the bytes of a field look like.

use super::wire::{Value, fields, is_message};

/// What the bytes of a field look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess<'a> {
    /// A message.
    Message,
    /// A text.
    Text(&'a str),
    /// Something else, such as a picture, a hash or several numbers.
    Bytes,
}

/// Says what `bytes` look like.
///
/// Short texts may be read as messages (`hi` as the field 13 of value 105), and messages as
/// texts: one that holds nothing but a text of 32 to 126 letters begins with a line end and a
/// letter that is its length. So printable bytes are a message only if texts are all that the
/// message would hold and their lengths fit to the byte, which in a text is a rare chance, and
/// then costs its first two letters.
pub fn guess(bytes: &[u8]) -> Guess<'_> {
    let text = std::str::from_utf8(bytes).ok();
    let controls = |text: &str| text.chars().filter(|char| is_control(*char)).count();
    match text.map(|text| (text, controls(text))) {
        Some((text, 0)) if bytes.is_empty() || !holds_texts_alone(bytes) => Guess::Text(text),
        _ if is_message(bytes) => Guess::Message,
        // What a terminal shows has control characters.
        Some((text, controls)) if controls <= text.len() / CONTROLS_ONE_IN => Guess::Text(text),
        _ => Guess::Bytes,
    }
}

/// Of so many bytes of a text one may be a control character.
const CONTROLS_ONE_IN: usize = 8;

fn is_control(char: char) -> bool {
    char.is_control() && !matches!(char, '\t' | '\n' | '\r')
}

/// Whether `bytes`, all printable, are a message of texts or messages and nothing else, its
/// fields in the order of their numbers, as every serializer writes them.
fn holds_texts_alone(bytes: &[u8]) -> bool {
    // The second byte is the length. What reads as a word or as the item of a list is text,
    // unless the first field is number 1, whose key is a line end.
    match bytes {
        [b'\n', ..] => {}
        [_, b' ', ..] => return false,
        [_, second, third, ..] if second.is_ascii_lowercase() && third.is_ascii_lowercase() => {
            return false;
        }
        _ => {}
    }
    let mut last = 0;
    let mut fields = fields(bytes);
    let in_order = fields.by_ref().all(|field| {
        let in_order = field.number >= last && matches!(field.value, Value::Bytes(_));
        last = field.number;
        in_order
    });
    in_order && fields.rest.is_empty()
}
