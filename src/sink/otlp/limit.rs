//! Spans that are too large for a receiver are cut: a prompt without its middle is worth more
//! than none. What has too many pieces goes out with the first and the newest of them.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

use super::attributes::json;
use crate::model::{Exchange, Message, Part};

/// What stands in the place of what was cut, with how many characters it was.
fn mark(chars: usize) -> String {
    format!(" … [{chars} characters cut by overhear: too long for the receiver] … ")
}

/// Shortest a text is cut to, in characters: below it, cutting would take more than it gives.
const SHORTEST: usize = 200;

/// Most messages, parts of messages, tools and answers of a span. Receivers make a row or an
/// object of each, in Python, and a page that draws more helps nobody.
const PIECES_MAX: usize = 4000;

/// Most tools of a span.
const TOOLS_MAX: usize = 1000;

/// Most notes, tags and answers of a span.
const FEW_MAX: usize = 200;

/// `exchange` without what is too much for a span: its first message and its newest ones are
/// left, as many as fit. The second is how many messages, parts and so on were left out.
pub(super) fn few(exchange: &Exchange) -> (Cow<'_, Exchange>, u64) {
    if pieces(exchange) <= FEW_MAX {
        return (Cow::Borrowed(exchange), 0);
    }
    let mut few = exchange.clone();
    let before = pieces(&few);
    let (mut room, mut answers) = (PIECES_MAX, FEW_MAX);
    few.request.tools.truncate(TOOLS_MAX);
    let replies = few.reply.iter_mut().flat_map(|reply| &mut reply.choices);
    replies.for_each(|choice| thin(&mut choice.parts, &mut answers));
    if let Some(reply) = &mut few.reply {
        reply.choices.truncate(FEW_MAX);
    }
    few.notes.truncate(FEW_MAX);
    few.annotations.notes.truncate(FEW_MAX);
    few.annotations.tags.truncate(FEW_MAX);
    let mut messages = std::mem::take(&mut few.request.messages).into_iter();
    let first = messages.next().map(|message| thinner(message, &mut room));
    let newest = messages.rev().map_while(|message| {
        room = room.checked_sub(1)?;
        Some(thinner(message, &mut room))
    });
    let mut newest: Vec<Message> = newest.collect();
    newest.reverse();
    few.request.messages = first.into_iter().chain(newest).collect();
    let left_out = before.saturating_sub(pieces(&few));
    (Cow::Owned(few), u64::try_from(left_out).unwrap_or_default())
}

/// How much there is of what a span has one by one.
fn pieces(exchange: &Exchange) -> usize {
    let messages = exchange.request.messages.iter().map(|message| 1 + count(&message.parts));
    let choices = exchange.reply.iter().flat_map(|reply| &reply.choices);
    let choices = choices.map(|choice| 1 + count(&choice.parts));
    let said = &exchange.annotations;
    messages.chain(choices).sum::<usize>()
        + exchange.request.tools.len()
        + exchange.notes.len()
        + said.notes.len()
        + said.tags.len()
}

fn count(parts: &[Part]) -> usize {
    let inside = parts.iter().map(|part| match part {
        Part::ToolResult { parts, .. } => 1 + count(parts),
        _ => 1,
    });
    inside.sum()
}

fn thinner(mut message: Message, room: &mut usize) -> Message {
    thin(&mut message.parts, room);
    message
}

/// Leaves as many parts as there is room for.
pub(super) fn thin(parts: &mut Vec<Part>, room: &mut usize) {
    parts.retain_mut(|part| {
        let Some(left) = room.checked_sub(1) else { return false };
        *room = left;
        if let Part::ToolResult { parts, .. } = part {
            thin(parts, room);
        }
        true
    });
}

/// Cuts the longest texts of `span` until its texts have at most `bytes_max` bytes.
///
/// Each text is parsed and written at most once, however often it is cut: a prompt of a hundred
/// thousand messages must not stop the deliveries of all the others.
pub(super) fn fit(span: &mut Span, bytes_max: usize) {
    let before = size(span);
    if before <= bytes_max {
        return;
    }
    let (mut size, mut longest) = (before, bytes_max / 2);
    let mut texts: Vec<Text<'_>> = texts(span)
        .filter(|text| text.len() > SHORTEST)
        .map(|text| Text { inside: tree_of(text), is_cut: false, text })
        .collect();
    let others = before.saturating_sub(texts.iter().map(|text| text.text.len()).sum());
    while size > bytes_max && longest > SHORTEST {
        longest = (longest / 2).max(SHORTEST);
        for text in texts.iter_mut().filter(|text| text.text.len() > longest) {
            size = size.saturating_sub(text.shorten(longest));
        }
    }
    // Counted anew: what JSON escapes is longer in the text than in the tree.
    texts.iter_mut().for_each(Text::write);
    let mut size = texts.iter().map(|text| text.text.len()).sum::<usize>() + others;
    // A hundred thousand short messages cannot be cut text by text.
    texts.sort_by_key(|text| std::cmp::Reverse(text.text.len()));
    for Text { text, .. } in texts {
        if size <= bytes_max || text.len() <= SHORTEST {
            return;
        }
        let short = mark(text.chars().count());
        size = size.saturating_sub(text.len()) + short.len();
        *text = short;
    }
}

/// A text of a span while it is cut.
struct Text<'a> {
    text: &'a mut String,
    /// What it is, if it is JSON with texts in it.
    inside: Option<Value>,
    /// Whether `inside` is shorter than `text`.
    is_cut: bool,
}

impl Text<'_> {
    /// Cuts it to `longest` bytes, or the texts in it; by how many bytes at least.
    fn shorten(&mut self, longest: usize) -> usize {
        if let Some(value) = &mut self.inside {
            // Its own length stays until it is written.
            let saved = cut_inside(value, longest);
            self.is_cut |= saved > 0;
            return saved;
        }
        let Some(shorter) = cut(self.text, longest) else { return 0 };
        let saved = self.text.len().saturating_sub(shorter.len());
        *self.text = shorter;
        saved
    }

    /// Makes the text of what was cut in it.
    fn write(&mut self) {
        if let Some(value) = self.inside.take().filter(|_| self.is_cut) {
            *self.text = json(&value);
        }
    }
}

fn tree_of(text: &str) -> Option<Value> {
    text.starts_with(['{', '[', '"']).then(|| serde_json::from_str(text).ok()).flatten()
}

/// The texts of a span, those inside of trees too.
fn texts(span: &mut Span) -> impl Iterator<Item = &mut String> {
    let mut texts = Vec::new();
    for one in &mut span.attributes {
        collect(one.value.as_mut(), &mut texts);
    }
    texts.into_iter()
}

fn collect<'a>(value: Option<&'a mut AnyValue>, texts: &mut Vec<&'a mut String>) {
    match value.and_then(|value| value.value.as_mut()) {
        Some(Any::StringValue(text)) => texts.push(text),
        Some(Any::ArrayValue(list)) => {
            list.values.iter_mut().for_each(|value| collect(Some(value), texts));
        }
        Some(Any::KvlistValue(fields)) => {
            fields.values.iter_mut().for_each(|field| collect(field.value.as_mut(), texts));
        }
        _ => {}
    }
}

/// Bytes of the texts of a span: what Langfuse counts.
fn size(span: &Span) -> usize {
    let events = span.events.iter().flat_map(|event| &event.attributes);
    span.attributes.iter().chain(events).map(|one| size_of(one.value.as_ref())).sum()
}

fn size_of(value: Option<&AnyValue>) -> usize {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.len(),
        Some(Any::ArrayValue(list)) => list.values.iter().map(|value| size_of(Some(value))).sum(),
        Some(Any::KvlistValue(fields)) => {
            fields.values.iter().map(|field| size_of(field.value.as_ref())).sum()
        }
        _ => 0,
    }
}

/// Cuts the texts of a value; how many bytes it saved.
fn cut_inside(value: &mut Value, longest: usize) -> usize {
    match value {
        Value::String(text) => {
            let Some(shorter) = cut(text, longest) else { return 0 };
            let saved = text.len().saturating_sub(shorter.len());
            *text = shorter;
            saved
        }
        Value::Array(items) => items.iter_mut().map(|item| cut_inside(item, longest)).sum(),
        Value::Object(fields) => {
            fields.iter_mut().map(|(_, field)| cut_inside(field, longest)).sum()
        }
        _ => 0,
    }
}

/// The beginning and the end of `text`; `None` if it is short enough.
fn cut(text: &str, longest: usize) -> Option<String> {
    // A text was cut before if it is longer by the mark alone.
    if text.len() <= longest.saturating_add(100) {
        return None;
    }
    let start = text.floor_char_boundary(longest / 2);
    let end = text.ceil_char_boundary(text.len().saturating_sub(longest / 2));
    let (beginning, rest) = text.split_at_checked(start)?;
    let (middle, ending) = rest.split_at_checked(end.checked_sub(start)?)?;
    Some(format!("{beginning}{}{ending}", mark(middle.chars().count())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::attributes::Attributes;
    use super::super::{Otlp, OtlpSettings, Profile};
    use super::*;
    use crate::sink::{Delivery, ToolRun, Trace};
    use crate::store::tests::sample::turn;

    fn span(texts: &[(&str, String)]) -> Span {
        let mut attributes = Attributes::default();
        for (key, text) in texts {
            attributes.text(*key, text.clone());
        }
        Span { attributes: attributes.done(), ..Span::default() }
    }

    fn text(span: &Span, key: &str) -> String {
        let one = span.attributes.iter().find(|one| one.key == key).unwrap();
        match one.value.clone().unwrap().value.unwrap() {
            Any::StringValue(text) => text,
            _ => panic!("no text"),
        }
    }

    #[test]
    fn the_longest_texts_are_cut_and_json_stays_json() {
        let long = json!([{"role": "user", "content": "ü\"".repeat(60_000)}, {"content": "short"}]);
        let mut cut = span(&[("long", long.to_string()), ("short", "left alone".into())]);
        fit(&mut cut, 50_000);
        assert!(size(&cut) <= 50_000);
        assert_eq!(text(&cut, "short"), "left alone");
        let read: Value = serde_json::from_str(&text(&cut, "long")).unwrap();
        assert_eq!(read[1]["content"], "short");
        let content = read[0]["content"].as_str().unwrap();
        assert!(content.contains("characters cut by overhear"), "{content}");
        assert!(content.starts_with("ü\"") && content.ends_with("ü\""));
    }

    #[test]
    fn texts_inside_of_trees_are_cut() {
        let mut attributes = Attributes::default();
        let long = "word ".repeat(30_000);
        attributes.tree("tree", &json!({"messages": [{"content": long}, {"content": "short"}]}));
        let mut cut = Span { attributes: attributes.done(), ..Span::default() };
        fit(&mut cut, 50_000);
        assert!(size(&cut) <= 50_000);
        let left: Vec<String> = texts(&mut cut).map(|text| text.clone()).collect();
        assert!(left[0].contains("characters cut by overhear") && left[1] == "short");
    }

    #[test]
    fn a_hundred_thousand_messages_are_sent_as_the_newest_of_them() {
        let message = |n: usize| Message {
            role: "user".into(),
            parts: vec![Part::text(format!("{n} {}", "word ".repeat(50)))],
        };
        let mut exchange = turn(0);
        exchange.request.messages = (0..100_000).map(message).collect();
        let result = vec![Part::text("result"); 100_000];
        let delivery = Delivery {
            turn: exchange.id,
            trace: Trace { id: [1; 16], parent: None, state: String::new() },
            ran: vec![ToolRun {
                span: [2; 8],
                caller: exchange.id,
                call: None,
                name: "t".into(),
                arguments: json!(vec!["word"; 100_000]),
                result,
                is_error: false,
                began: exchange.started_at,
                ended: exchange.started_at,
            }],
            exchange,
        };
        for profile in [Profile::GenAi, Profile::Phoenix, Profile::Mlflow, Profile::Langfuse] {
            let otlp = Otlp::new(profile, OtlpSettings::default());
            let request = otlp.request(std::slice::from_ref(&delivery));
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            assert!(spans.iter().all(|span| span.attributes.len() < 20_000), "{profile:?}");
            assert!(spans.iter().all(|span| values(span) < 50_000), "{profile:?}");
            let has = |text: &str| {
                let bytes = prost::Message::encode_to_vec(&request);
                bytes.windows(text.len()).any(|window| window == text.as_bytes())
            };
            assert!(has("99999 word") && !has("50000 word"), "{profile:?}");
            assert!(has("overhear.left_out"), "{profile:?}");
        }
    }

    /// Values of a span, those inside of trees too.
    fn values(span: &Span) -> usize {
        fn inside(value: Option<&AnyValue>) -> usize {
            1 + match value.and_then(|value| value.value.as_ref()) {
                Some(Any::ArrayValue(list)) => {
                    list.values.iter().map(|value| inside(Some(value))).sum()
                }
                Some(Any::KvlistValue(fields)) => {
                    fields.values.iter().map(|field| inside(field.value.as_ref())).sum()
                }
                _ => 0,
            }
        }
        span.attributes.iter().map(|one| inside(one.value.as_ref())).sum()
    }

    #[test]
    fn many_texts_are_cut_in_one_go() {
        let texts: Vec<(String, String)> =
            (0..90_000).map(|n| (format!("a{n}"), "x".repeat(250))).collect();
        let texts: Vec<(&str, String)> =
            texts.iter().map(|(key, text)| (&**key, text.clone())).collect();
        let mut cut = span(&texts);
        let began = std::time::Instant::now();
        fit(&mut cut, 10_000_000);
        eprintln!("90,000 texts took {:?}", began.elapsed());
        assert!(size(&cut) <= 10_000_000);
    }

    #[test]
    fn a_million_short_messages_are_left_out() {
        let many = json!(vec![json!({"role": "user", "content": "hi"}); 100_000]);
        let mut cut = span(&[("many", many.to_string()), ("short", "left alone".into())]);
        fit(&mut cut, 50_000);
        assert!(size(&cut) <= 50_000);
        assert_eq!(text(&cut, "short"), "left alone");
    }

    proptest! {
        #[test]
        fn what_fits_stays(text in ".{0,300}") {
            let mut cut = span(&[("a", text)]);
            let before = cut.clone();
            fit(&mut cut, 10_000);
            prop_assert_eq!(cut, before);
        }

        #[test]
        fn every_text_is_cut_to_fit(text in "\\PC{1000,4000}") {
            let mut cut = span(&[("a", text.clone()), ("b", text)]);
            fit(&mut cut, 1_500);
            prop_assert!(size(&cut) <= 1_500, "{}", size(&cut));
        }
    }
}
