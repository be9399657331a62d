//! Messages of a request, and texts in a message's place.

use serde::{Deserialize, Deserializer};

use super::json::{List, Text, TextOr};

/// The messages of a conversation. Some apps send a text in a message's place, which some
/// servers take for the user's: it is kept as that.
#[derive(Debug)]
pub(super) struct Turns<T>(pub(super) Vec<T>);

/// A message as a wire format has it.
pub(super) trait Turn<'a>: Default {
    /// A message of the user that says `text`.
    fn of_user(text: Text<'a>) -> Self;
}

/// The role of who says a text that stands alone.
pub(super) const USER: &str = "user";

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Turn<'a> + Deserialize<'a>> Deserialize<'a> for Turns<T> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        let turns = List::<TextOr<'a, T>>::deserialize(from)?.0.into_iter();
        Ok(Self(
            turns
                .map(|turn| match turn {
                    TextOr::Absent => T::default(),
                    TextOr::Text(text) => T::of_user(text),
                    TextOr::Object(turn) => turn,
                })
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::json::record;

    record! {
        /// A message.
        Said {
            role: Text<'a> = "role",
            content: Text<'a> = "content",
        }
        ignores []
    }

    impl<'a> Turn<'a> for Said<'a> {
        fn of_user(text: Text<'a>) -> Self {
            Self { role: Text::of(USER), content: text, ..Self::default() }
        }
    }

    #[test]
    fn a_text_in_a_messages_place_is_the_users() {
        for (rule, json, expected) in [
            ("a message", r#"[{"role":"system","content":"be"}]"#, &[("system", "be")][..]),
            (
                "a text among messages",
                r#"["hi", {"role":"user","content":"ho"}]"#,
                &[("user", "hi"), ("user", "ho")],
            ),
            ("neither keeps its place", r#"[null, "hi"]"#, &[("", ""), ("user", "hi")]),
            ("no list", r#""hi""#, &[]),
        ] {
            let turns: Turns<Said<'_>> = serde_json::from_str(json).unwrap();
            let read: Vec<_> =
                turns.0.iter().map(|said| (said.role.as_str(), said.content.as_str())).collect();
            assert_eq!(read, expected, "{rule}");
        }
    }
}
