//! One page of HTML that needs nothing else: no script, no request, readable from a disk.
//!
//! All that was captured is text between tags, escaped; nothing of it becomes a tag, an address
//! or a style.

mod index;
mod said;
mod text;

use std::collections::{HashSet, VecDeque};
use std::io::{self, Write};

use serde_json::Value;
use uuid::Uuid;

use self::text::{block, escaped, folded, pretty};
use super::{ExportError, Item, cost, dollars, times, tokens};
use crate::model::{App, Exchange, State};
use crate::store::{Listed, first_words};
pub(super) use index::index;

/// Before all exchanges. What the page may do is nothing but to look like something.
pub(super) const BEFORE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    "<meta http-equiv=\"Content-Security-Policy\" ",
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<meta name=\"referrer\" content=\"no-referrer\">\n",
    "<title>Exchanges recorded by Overhear</title>\n<style>\n",
    include_str!("style.css"),
    "</style>\n</head>\n<body>\n<h1>Exchanges recorded by Overhear</h1>\n",
);
/// Behind them.
pub(super) const BEHIND: &str = "</body>\n</html>\n";

/// Exchanges on the page that later ones may refer to: a conversation goes on soon.
const REMEMBERED_MAX: usize = 4096;

/// What is on the page.
#[derive(Default)]
pub(super) struct Shown {
    /// Whether it is a page of one exchange.
    pub(super) is_alone: bool,
    ids: HashSet<Uuid>,
    order: VecDeque<Uuid>,
}

impl Shown {
    fn note(&mut self, id: Uuid) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

/// An exchange, folded.
pub(super) fn exchange(
    item: &Item<'_>,
    shown: &mut Shown,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let exchange = item.exchange;
    let listed = item.reader.listed(item.seq)?;
    let inherited = exchange.inherited.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let anew = exchange.request.messages.get(inherited..).and_then(first_words);
    let first = listed.as_ref().and_then(|listed| listed.first_words.as_deref());
    let first = anew.as_deref().or(first);
    let open = if shown.is_alone { " open" } else { "" };
    write!(out, "<article><details{open}><summary>{} ", time(exchange.started_at))?;
    line(&Line::of(exchange, first), out)?;
    // A link to what is inside unfolds it; the style puts that beside the title.
    writeln!(out, "</summary>\n<div><span class=\"anchor\" id=\"x-{}\"></span>", exchange.id)?;
    facts(exchange, out)?;
    asked(exchange, out)?;
    let before = exchange.parent.filter(|parent| shown.ids.contains(parent));
    said::messages(&exchange.request, exchange.inherited, before, out)?;
    for choice in exchange.reply.iter().flat_map(|reply| &reply.choices) {
        said::answer(choice, out)?;
    }
    out.write_all(b"</div></details></article>\n")?;
    shown.note(exchange.id);
    Ok(())
}

/// What a line says of an exchange.
struct Line<'a> {
    app: &'a str,
    model: Option<&'a str>,
    first_words: Option<&'a str>,
    input: Option<u64>,
    output: Option<u64>,
    cost: Option<f64>,
    state: State,
}

impl<'a> Line<'a> {
    fn of_listed(listed: &'a Listed) -> Self {
        Self {
            app: listed.app.name(),
            model: listed.request_model.as_deref().or(listed.reply_model.as_deref()),
            first_words: listed.first_words.as_deref(),
            input: listed.usage.input,
            output: listed.usage.output,
            cost: listed.cost_usd,
            state: listed.state,
        }
    }

    fn of(exchange: &'a Exchange, first_words: Option<&'a str>) -> Self {
        let reply = exchange.reply.as_ref();
        let App { user_agent, process, .. } = &exchange.app;
        let usage = exchange.usage.as_ref();
        Self {
            app: App::name_of(user_agent.as_deref(), process.as_deref()),
            model: exchange.request.model.as_deref().or(reply.and_then(|r| r.model.as_deref())),
            first_words,
            input: usage.and_then(|usage| usage.input),
            output: usage.and_then(|usage| usage.output),
            cost: exchange.cost_usd,
            state: exchange.state,
        }
    }
}

fn line(line: &Line<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (class, text) in [("app", Some(line.app)), ("soft", line.model)] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            write!(out, "<bdi class=\"{class}\">")?;
            escaped(text, out)?;
            out.write_all(b"</bdi> ")?;
        }
    }
    if let Some(words) = line.first_words {
        out.write_all("<bdi>“".as_bytes())?;
        escaped(words, out)?;
        out.write_all("”</bdi> ".as_bytes())?;
    }
    let tokens = match (line.input, line.output) {
        (None, None) => None,
        (input, output) => {
            let count = |count: Option<u64>| count.map_or("?".to_owned(), |n| n.to_string());
            Some(format!("{} → {} tokens", count(input), count(output)))
        }
    };
    let cost = line.cost.map(dollars);
    for text in [tokens, cost].into_iter().flatten() {
        write!(out, "<span class=\"soft\">· {text}</span> ")?;
    }
    if line.state != State::Complete {
        write!(out, "<span class=\"bad\">· {}</span>", line.state.as_str())?;
    }
    Ok(())
}

fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn facts(exchange: &Exchange, out: &mut dyn Write) -> io::Result<()> {
    let app = [exchange.app.user_agent.as_deref(), exchange.app.process.as_deref()];
    let app: Vec<&str> = app.into_iter().flatten().collect();
    let models = [
        exchange.request.model.as_deref(),
        exchange.reply.as_ref().and_then(|reply| reply.model.as_deref()),
    ];
    let mut models: Vec<&str> = models.into_iter().flatten().collect();
    models.dedup();
    let status = exchange.status.map(|status| format!(", status {status}"));
    let annotations = &exchange.annotations;
    out.write_all(b"<dl>\n")?;
    for (name, fact) in [
        ("app", app.join(" · ")),
        ("model", models.join(" → ")),
        ("request", format!("{} {}{}", exchange.method, exchange.origin, exchange.path)),
        ("state", format!("{}{}", exchange.state.as_str(), status.unwrap_or_default())),
        ("time", times(exchange)),
        ("tokens", exchange.usage.as_ref().map(tokens).unwrap_or_default()),
        ("cost", cost(exchange).unwrap_or_default()),
        ("conversation", exchange.thread.clone().unwrap_or_default()),
        ("tags", annotations.tags.join(", ")),
        ("remarks", annotations.notes.join(" · ")),
        ("notes", exchange.notes.join(" · ")),
        ("id", exchange.id.to_string()),
    ] {
        if !fact.is_empty() {
            write!(out, "<dt>{name}</dt><dd><bdi>")?;
            escaped(&fact, out)?;
            out.write_all(b"</bdi></dd>\n")?;
        }
    }
    out.write_all(b"</dl>\n")?;
    if let Some(error) = &exchange.error {
        out.write_all(b"<h2 class=\"bad\">Error: <bdi>")?;
        escaped(&error.kind, out)?;
        out.write_all(b"</bdi></h2>\n")?;
        block("words", &error.message, out)?;
    }
    Ok(())
}

/// What stands beside the messages.
fn asked(exchange: &Exchange, out: &mut dyn Write) -> io::Result<()> {
    let request = &exchange.request;
    if !request.params.is_empty() {
        let params = pretty(&Value::Object(request.params.clone()));
        folded("Parameters", None, out, &mut |out| block("", &params, out))?;
    }
    if let Some(system) = &request.system {
        let size = format!("{} characters", system.chars().count());
        folded("System prompt", Some(&size), out, &mut |out| block("words", system, out))?;
    }
    if !request.tools.is_empty() {
        let count = request.tools.len().to_string();
        folded("Tools", Some(&count), out, &mut |out| {
            for tool in &request.tools {
                folded("Tool", Some(&tool.name), out, &mut |out| {
                    if let Some(description) = &tool.description {
                        block("words", description, out)?;
                    }
                    block("", &pretty(&tool.schema), out)
                })?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, write};
    use crate::model::{Message, Part};
    use crate::store::Selection;
    use crate::store::tests::sample::{Capture, turn};

    const HOSTILE: &str =
        "</pre></details><script>alert(1)</script><img src=x onerror='a'>&amp;\u{202e}\0\u{1b}\"";

    fn page(exchanges: &[Exchange]) -> String {
        let mut capture = Capture::new();
        capture.write(exchanges);
        let mut out = Vec::new();
        let all = Selection::default();
        write(Format::Html, &capture.reader(), &all, None, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_that_was_captured_becomes_a_tag() {
        let mut exchange = turn(0);
        let say = |part: Part| Message { role: HOSTILE.into(), parts: vec![part] };
        let call = Part::ToolCall {
            id: Some(HOSTILE.into()),
            name: HOSTILE.into(),
            arguments: HOSTILE.into(),
        };
        let result = Part::ToolResult {
            id: Some(HOSTILE.into()),
            name: Some(HOSTILE.into()),
            parts: vec![Part::text(HOSTILE)],
            is_error: Some(true),
        };
        let url = Some(format!("javascript:{HOSTILE}"));
        let image =
            Part::Image { mime_type: Some(HOSTILE.into()), url, file_id: None, bytes: None };
        let reasoning = Part::Reasoning { text: HOSTILE.into(), signature: None };
        let other = Part::Other { value: HOSTILE.into() };
        exchange.request.messages = [call, result, image, reasoning, other].map(say).to_vec();
        exchange.request.system = Some(HOSTILE.into());
        exchange.request.model = Some(HOSTILE.into());
        exchange.request.tools[0].name = HOSTILE.into();
        exchange.request.params.insert(HOSTILE.into(), HOSTILE.into());
        exchange.app.user_agent = Some(HOSTILE.into());
        exchange.path = HOSTILE.into();
        exchange.notes = vec![HOSTILE.into()];
        exchange.error =
            Some(crate::model::ExchangeError { kind: HOSTILE.into(), message: HOSTILE.into() });
        let reply = exchange.reply.as_mut().unwrap();
        reply.choices[0].finish_reason = Some(HOSTILE.into());
        reply.choices[0].parts = vec![Part::text(HOSTILE)];
        let page = page(&[exchange]);
        for never in ["<script", "<img", "\u{202e}", "\0", "\u{1b}", "href=\"j"] {
            assert!(!page.contains(never), "{never:?}");
        }
        for often in ["&lt;script&gt;", "&amp;amp;", "<span class=\"hidden\">U+202E</span>"] {
            assert!(page.matches(often).count() > 15, "{often}");
        }
        let (opened, closed) =
            (page.matches("<details").count(), page.matches("</details>").count());
        assert_eq!(opened, closed);
    }

    #[test]
    fn a_conversation_is_told_together_in_the_index() {
        let of = |n: u32, thread: &str, messages: &[Message]| {
            let mut exchange = turn(n);
            exchange.thread = Some(thread.into());
            exchange.thread_rule = Some(crate::model::ThreadRule::Header);
            exchange.request.messages = messages.to_vec();
            exchange
        };
        let user = |words: &str| Message { role: "user".into(), parts: vec![Part::text(words)] };
        let result = |words: &str| Message {
            role: "tool".into(),
            parts: vec![Part::ToolResult {
                id: None,
                name: None,
                parts: vec![Part::text(words)],
                is_error: None,
            }],
        };
        let answered = |n: u32| {
            let parts = turn(n).reply.unwrap().choices.remove(0).parts;
            Message { role: "assistant".into(), parts }
        };
        let page = page(&[
            of(0, "one", &[user("first words")]),
            of(1, "one", &[user("first words"), answered(0), result("tool words")]),
            of(2, "two", &[user("other words")]),
            of(3, "one", &[user("first words"), answered(0), user("later words")]),
        ]);
        let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("<li")).collect();
        assert_eq!(lines.len(), 4, "{page}");
        for (at, expected) in [
            (0, &["<li><a", "“first words”"][..]),
            (1, &["<li class=\"on\">", "turn 2<", "“→ tool words”"]),
            (2, &["<li><a", "“other words”"]),
            (3, &["<li class=\"on\">", "turn 3<", "of <bdi>", "“first words”", "“later words”"]),
        ] {
            for words in expected {
                assert!(lines[at].contains(words), "{words}: {}", lines[at]);
            }
        }
        assert!(!lines[1].contains("of <bdi>"), "{}", lines[1]);
    }

    #[test]
    fn what_was_said_before_is_said_once() {
        let turns: Vec<Exchange> = (0..3).map(turn).collect();
        let page = page(&turns);
        // In the index, the line and the message.
        assert_eq!(page.matches("question 0").count(), 3);
        assert_eq!(page.matches("said before").count(), 2);
        for turn in &turns {
            assert_eq!(page.matches(&format!("id=\"x-{}\"", turn.id)).count(), 1);
        }
        // Alone, it has all of it.
        let mut capture = Capture::new();
        capture.write(&turns);
        let mut out = Vec::new();
        let last = Selection { id: Some(turns[2].id), ..Selection::default() };
        write(Format::Html, &capture.reader(), &last, None, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("question 0"));
    }
}
