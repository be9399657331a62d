//! An exchange as Markdown, to be read or put into an issue.
//!
//! What was said stands in fences that are longer than any inside of it: it cannot end them, and
//! nothing of it is rendered.

use serde_json::Value;

use super::jsonl;
use crate::model::{Choice, Exchange, Message, Part, Tool};

/// The whole exchange.
pub(super) fn text(exchange: &Exchange) -> String {
    let mut out = Out(String::new());
    let request = &exchange.request;
    let reply = exchange.reply.as_ref();
    let model = request.model.as_deref().or(reply.and_then(|reply| reply.model.as_deref()));
    let what = model.or(exchange.operation.as_deref()).unwrap_or("an exchange");
    out.heading(
        1,
        &format!("{} {}", code(what), exchange.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
    );
    facts(exchange, &mut out);
    if let Some(error) = &exchange.error {
        out.heading(2, "Error");
        out.line(&code(&error.kind));
        out.fence("text", &error.message);
    }
    if !request.params.is_empty() {
        out.heading(2, "Parameters");
        out.fence("json", &pretty(&Value::Object(request.params.clone())));
    }
    if let Some(system) = &request.system {
        out.heading(2, "System");
        out.fence("text", system);
    }
    if !request.tools.is_empty() {
        out.heading(2, &format!("Tools ({})", request.tools.len()));
        request.tools.iter().for_each(|tool| tool_of(tool, &mut out));
    }
    let said = |message: &&Message| !is_repeated(message, request.system.as_deref());
    for message in request.messages.iter().filter(said) {
        out.heading(2, &word(&message.role));
        parts(&message.parts, &mut out);
    }
    for choice in reply.iter().flat_map(|reply| &reply.choices) {
        answer(choice, &mut out);
    }
    if !exchange.notes.is_empty() {
        out.heading(2, "Notes");
        exchange.notes.iter().for_each(|note| out.line(&format!("- {}", code(note))));
    }
    out.0
}

fn facts(exchange: &Exchange, out: &mut Out) {
    let app = [exchange.app.user_agent.clone(), exchange.app.process.clone()];
    let app: Vec<String> = app.into_iter().flatten().collect();
    let status = exchange.status.map(|status| format!(", status {status}"));
    let state = format!("{}{}", exchange.state.as_str(), status.unwrap_or_default());
    out.line("| | |");
    out.line("|---|---|");
    for (name, fact) in [
        ("app", code(&app.join(" · "))),
        ("request", code(&format!("{} {}{}", exchange.method, exchange.origin, exchange.path))),
        ("state", state),
        ("time", super::times(exchange)),
        ("tokens", exchange.usage.as_ref().map(super::tokens).unwrap_or_default()),
        ("cost", super::cost(exchange).unwrap_or_default()),
        ("conversation", exchange.thread.as_deref().map(code).unwrap_or_default()),
        ("id", code(&exchange.id.to_string())),
    ] {
        if !fact.is_empty() {
            // A bar would end the cell, inside of code as well.
            out.line(&format!("| {name} | {} |", fact.replace('|', "\\|")));
        }
    }
}

fn tool_of(tool: &Tool, out: &mut Out) {
    out.heading(3, &code(&tool.name));
    if let Some(description) = &tool.description {
        out.fence("text", description);
    }
    if !tool.schema.is_null() {
        out.fence("json", &pretty(&tool.schema));
    }
}

fn answer(choice: &Choice, out: &mut Out) {
    let reason = choice.finish_reason.as_deref().map(|reason| format!(" · {}", word(reason)));
    out.heading(2, &format!("Answer{}", reason.unwrap_or_default()));
    parts(&choice.parts, out);
}

fn parts(parts: &[Part], out: &mut Out) {
    for part in parts {
        match part {
            Part::Text { text } => out.fence("text", text),
            Part::Reasoning { text, .. } if text.is_empty() => {
                out.line("*Reasoning, kept by the provider*");
            }
            Part::Reasoning { text, .. } => {
                out.line("*Reasoning*");
                out.fence("text", text);
            }
            Part::ToolCall { id, name, arguments } => {
                out.line(&labelled("Call", [Some(name), id.as_ref()]));
                match arguments {
                    Value::String(text) => out.fence("text", text),
                    arguments => out.fence("json", &pretty(arguments)),
                }
            }
            Part::ToolResult { id, name, parts: inside, is_error } => {
                let what = if *is_error == Some(true) { "Result, an error" } else { "Result" };
                out.line(&labelled(what, [name.as_ref(), id.as_ref()]));
                self::parts(inside, out);
            }
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } | Part::Other { .. } => {
                let value = serde_json::to_value(part).unwrap_or_default();
                out.fence("json", &pretty(value.get("value").unwrap_or(&value)));
            }
        }
    }
}

fn labelled(what: &str, names: [Option<&String>; 2]) -> String {
    let names: Vec<String> = names.into_iter().flatten().map(|name| code(name)).collect();
    format!("*{what}* {}", names.join(" · ")).trim_end().to_owned()
}

/// A system prompt that stands among the messages as well was written already.
fn is_repeated(message: &Message, system: Option<&str>) -> bool {
    let Some(system) = system else { return false };
    matches!(message.role.as_str(), "system" | "developer")
        && message.parts.iter().all(|part| match part {
            Part::Text { text } => system.contains(text.as_str()),
            _ => false,
        })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A word of the app's or the provider's in a heading, where code would be odd: letters alone.
fn word(text: &str) -> String {
    match text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        true => text.to_owned(),
        false => code(text),
    }
}

/// Text within a line, as code.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if jsonl::steers(c) { ' ' } else { c }).collect();
    let ticks = "`".repeat(longest_run(&text) + 1);
    match text.is_empty() {
        true => String::new(),
        false if text.starts_with('`') || text.ends_with('`') => format!("{ticks} {text} {ticks}"),
        false => format!("{ticks}{text}{ticks}"),
    }
}

/// Back-ticks in a row, at most.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

struct Out(String);

impl Out {
    fn heading(&mut self, level: usize, text: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&format!("{} {text}\n\n", "#".repeat(level)));
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn fence(&mut self, kind: &str, text: &str) {
        let fence = "`".repeat(longest_run(text).max(2) + 1);
        self.0.push_str(&format!("\n{fence}{kind}\n"));
        // What steers a terminal or an eye is written by its code.
        for c in text.chars() {
            match jsonl::steers(c) && !matches!(c, '\n' | '\t') {
                true if c == '\r' => {}
                true => self.0.push_str(&format!("⟦U+{:04X}⟧", u32::from(c))),
                false => self.0.push(c),
            }
        }
        if !text.ends_with('\n') {
            self.0.push('\n');
        }
        self.0.push_str(&format!("{fence}\n\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::sample::turn;

    #[test]
    fn an_exchange_reads_in_order() {
        let text = text(&turn(1));
        let mut rest = text.as_str();
        for piece in [
            "# `",
            "| id | `",
            "## System",
            "be brief",
            "## user",
            "question 1",
            "## Answer",
            "answer 1",
        ] {
            let at = rest.find(piece).unwrap_or_else(|| panic!("no `{piece}` in {text}"));
            rest = &rest[at + piece.len()..];
        }
    }

    #[test]
    fn nothing_ends_its_fence() {
        let mut out = Out(String::new());
        out.fence("text", "a\n`````\nb\u{1b}");
        assert_eq!(out.0, "\n``````text\na\n`````\nb⟦U+001B⟧\n``````\n\n");
        assert_eq!(code("a`b\nc"), "``a`b c``");
        assert_eq!(code("`"), "`` ` ``");
    }
}
