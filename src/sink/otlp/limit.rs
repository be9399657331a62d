//! Spans that are too large for a receiver are cut: a prompt without its middle is worth more
//! than none.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

use super::attributes::json;

/// What stands in the place of what was cut, with how many characters it was.
fn mark(chars: usize) -> String {
    format!(" … [{chars} characters cut by overhear: too long for the receiver] … ")
}

/// Shortest a text is cut to, in characters: below it, cutting would take more than it gives.
const SHORTEST: usize = 200;

/// Cuts the longest texts of `span` until its texts have at most `bytes_max` bytes.
pub(super) fn fit(span: &mut Span, bytes_max: usize) {
    let mut longest = bytes_max / 2;
    while size(span) > bytes_max && longest > SHORTEST {
        longest = (longest / 2).max(SHORTEST);
        for text in texts(span).filter(|text| text.len() > longest) {
            *text = shorter(text, longest);
        }
    }
    // A hundred thousand short messages cannot be cut text by text.
    while size(span) > bytes_max {
        let Some(text) = texts(span).max_by_key(|text| text.len()) else { return };
        if text.len() <= SHORTEST {
            return;
        }
        *text = mark(text.chars().count());
    }
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

/// `text` with its texts cut to `longest` characters if it is JSON, or itself cut.
fn shorter(text: &str, longest: usize) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value @ (Value::Array(_) | Value::Object(_) | Value::String(_))) => {
            cut_inside(&mut value, longest);
            json(&value)
        }
        _ => cut(text, longest).unwrap_or_else(|| text.to_owned()),
    }
}

fn cut_inside(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) => {
            if let Some(shorter) = cut(text, longest) {
                *text = shorter;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut_inside(item, longest)),
        Value::Object(fields) => {
            fields.iter_mut().for_each(|(_, field)| cut_inside(field, longest));
        }
        _ => {}
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
    use super::*;

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
