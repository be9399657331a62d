//! Documents that an app found and put into a text of the prompt.
//!
//! Nothing on the wire says so, so this goes by how the common frameworks write it: tags,
//! brackets and rules around what was found. What is marked otherwise is not found, and counts
//! as the words of whoever said it. Without an end there is no document: a tag that is only
//! talked about is none.

use std::cmp::Reverse;
use std::ops::Range;

/// Shortest document, in bytes: what is shorter is an example, or an empty place.
const BYTES_MIN: usize = 40;

/// How documents begin and end.
const MARKS: [(&str, &str); 14] = [
    // Open WebUI, Dify, LangChain's newer prompts, Anthropic's advice for long documents.
    ("<context>", "</context>"),
    ("<documents>", "</documents>"),
    ("<document ", "</document>"),
    ("<document>", "</document>"),
    ("<sources>", "</sources>"),
    ("<source ", "</source>"),
    ("<source>", "</source>"),
    ("<search_results>", "</search_results>"),
    ("<search_result>", "</search_result>"),
    ("<retrieved_context>", "</retrieved_context>"),
    ("<knowledge>", "</knowledge>"),
    // AnythingLLM: `[CONTEXT 0]:` … `[END CONTEXT 0]`.
    ("[CONTEXT ", "[END CONTEXT "),
    // LlamaIndex: two rules.
    ("Context information is below.\n---------------------\n", "\n---------------------\n"),
    // LangChain's hub prompt for retrieval.
    ("\nContext: ", "\nAnswer:"),
];

/// Where documents are in `text`, in order; none is in another.
pub(super) fn spans(text: &str) -> Vec<Range<usize>> {
    // The next document of each kind; a kind that has none any more is looked for no longer.
    let mut next: Vec<(&(&str, &str), Range<usize>)> =
        MARKS.iter().filter_map(|marks| Some((marks, find(text, 0, marks)?))).collect();
    let mut spans: Vec<Range<usize>> = Vec::new();
    loop {
        // Of two that begin at one place, the longer.
        let first =
            next.iter().map(|(_, span)| span).min_by_key(|span| (span.start, Reverse(span.end)));
        let Some(span) = first.cloned() else { return spans };
        let end = span.end;
        if span.len() >= BYTES_MIN {
            spans.push(span);
        }
        next.retain_mut(|(marks, span)| {
            if span.start >= end {
                return true;
            }
            let again = find(text, end, marks);
            again.is_some_and(|again| {
                *span = again;
                true
            })
        });
    }
}

fn find(text: &str, from: usize, (open, close): &(&str, &str)) -> Option<Range<usize>> {
    let begin = from + text.get(from..)?.find(open)?;
    let inside = begin + open.len();
    let end = inside + text.get(inside..)?.find(close)? + close.len();
    Some(begin..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_their_marks() {
        let long = "A city in Belgium, on the Scheldt and the Leie.";
        for (rule, text, expected) in [
            ("no document", "What is Ghent?".to_owned(), 0),
            (
                "Open WebUI",
                format!("<context>\n<source id=\"1\">{long}</source>\n</context>\nAsk"),
                1,
            ),
            (
                "AnythingLLM",
                format!(
                    "Context:\n[CONTEXT 0]:\n{long}\n[END CONTEXT 0]\n\n[CONTEXT 1]:\n{long}\n[END CONTEXT 1]\n"
                ),
                2,
            ),
            (
                "LlamaIndex",
                format!(
                    "Context information is below.\n---------------------\n{long}\n---------------------\nQuery: a"
                ),
                1,
            ),
            ("LangChain", format!("Question: what? \nContext: {long} \nAnswer:"), 1),
            ("a tag that is talked about", format!("Put it into <context> and so on. {long}"), 0),
            ("an empty place", "<context></context>".to_owned(), 0),
        ] {
            assert_eq!(spans(&text).len(), expected, "{rule}");
        }
    }

    #[test]
    fn spans_are_in_order_and_apart() {
        let text = "<document>ä".repeat(30) + &"</document>".repeat(30);
        let spans = spans(&text);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert!(spans.iter().all(|span| text.get(span.clone()).is_some()));
    }
}
