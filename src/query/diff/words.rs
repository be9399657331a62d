//! Words, as a difference is shown in them.

use unicode_segmentation::UnicodeSegmentation;

/// The words of a text and what is between them, nothing left out: as Unicode cuts words
/// (UAX #29), so that Chinese and Japanese are compared character by character, and no
/// emoji or accent is torn apart.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_word_bounds()
}
