//! A difference between two prompts, section by section.

use std::io;

use serde_json::Value;

use super::pieces;
use crate::cli::printer::{Ink, Printer, cut, shown, width};
use crate::model::{Message, Part, Tool};
use crate::query::diff::{
    BlockStep, Change, Difference, MessageStep, MessagesDiff, ModelChange, TextDiff, ToolsDiff,
    ValueChange,
};

/// Columns between a message and what it says.
const INDENT: &str = "  ";

/// Writes all that changed.
pub fn all(diff: &Difference, out: &mut Printer) -> io::Result<()> {
    if let Some(ModelChange { old, new }) = &diff.model {
        heading("model", "", out)?;
        let [old, new] = [old, new].map(|model| model.as_deref().map(shown).unwrap_or_default());
        out.line(&[(Ink::Removed, &*old), (Ink::Dim, " → "), (Ink::Added, &*new)])?;
    }
    if let Some(params) = &diff.params {
        heading("parameters", &facts([(params.len(), "changed")]), out)?;
        values("", params, out)?;
    }
    if let Some(system) = &diff.system {
        heading("system", &bytes_changed(system), out)?;
        pieces::text("", system, out)?;
    }
    if let Some(tools) = &diff.tools {
        self::tools(tools, out)?;
    }
    if let Some(messages) = &diff.messages {
        self::messages(messages, out)?;
    }
    Ok(())
}

/// What changed between sets of tools.
fn tools(diff: &ToolsDiff, out: &mut Printer) -> io::Result<()> {
    heading("tools", &tools_in_words(diff), out)?;
    for (sign, ink, tools) in [("-", Ink::Removed, &diff.removed), ("+", Ink::Added, &diff.added)] {
        for Tool { name, description, .. } in tools {
            let first = description.as_deref().unwrap_or_default().lines();
            let first = first.map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            let name = shown(name);
            let room = out.width().map(|columns| columns.saturating_sub(width(&name) + 4));
            let first = room.map_or(first.to_owned(), |columns| cut(&shown(first), columns));
            out.line(&[
                (Ink::Dim, format!("{sign} ")),
                (ink, name.into_owned()),
                (Ink::Dim, format!("  {}", shown(&first))),
            ])?;
        }
    }
    for change in &diff.changed {
        out.line(&[(Ink::Dim, "~ "), (Ink::Bold, &shown(&change.name))])?;
        if let Some(description) = &change.description {
            pieces::text(INDENT, description, out)?;
        }
        values(INDENT, &change.schema, out)?;
    }
    Ok(())
}

fn messages(diff: &MessagesDiff, out: &mut Printer) -> io::Result<()> {
    heading("messages", &messages_in_words(diff), out)?;
    for step in &diff.steps {
        match step {
            MessageStep::Alike { count, bytes } => alike("", *count, "message", *bytes, out)?,
            MessageStep::Removed { old, message } => {
                who("-", &message.role, &old.to_string(), out)?;
                said(Ink::Removed, message, out)?;
            }
            MessageStep::Added { new, message } => {
                who("+", &message.role, &new.to_string(), out)?;
                said(Ink::Added, message, out)?;
            }
            MessageStep::Changed { old, new, role, blocks } => {
                let index = if old == new { old.to_string() } else { format!("{old} → {new}") };
                who("~", role, &index, out)?;
                blocks.iter().try_for_each(|step| block(step, out))?;
            }
        }
    }
    Ok(())
}

fn block(step: &BlockStep, out: &mut Printer) -> io::Result<()> {
    match step {
        BlockStep::Alike { count, bytes } => alike(INDENT, *count, "part", *bytes, out),
        BlockStep::Removed { label, value } => {
            labelled("-", label, out)?;
            pieces::whole(INDENT, Ink::Removed, &words(value), out)
        }
        BlockStep::Added { label, value } => {
            labelled("+", label, out)?;
            pieces::whole(INDENT, Ink::Added, &words(value), out)
        }
        BlockStep::Text { label, pieces } => {
            labelled("", label, out)?;
            pieces::text(INDENT, pieces, out)
        }
        BlockStep::Value { label, changes } => {
            labelled("", label, out)?;
            values(INDENT, changes, out)
        }
    }
}

/// What changed in a JSON value, a path a line.
fn values(indent: &str, changes: &[ValueChange], out: &mut Printer) -> io::Result<()> {
    for ValueChange { path, change } in changes {
        let mut line = vec![(Ink::Plain, indent.to_owned())];
        if !path.is_empty() {
            line.push((Ink::Dim, format!("{}: ", shown(path))));
        }
        match change {
            Change::Added { new } => line.push((Ink::Added, one_line(new))),
            Change::Removed { old } => line.push((Ink::Removed, one_line(old))),
            Change::Replaced { old, new } => {
                line.push((Ink::Removed, one_line(old)));
                line.push((Ink::Dim, " → ".to_owned()));
                line.push((Ink::Added, one_line(new)));
            }
            Change::Text { pieces } => {
                if let Some(words) = pieces::one_line(pieces) {
                    line.extend(words);
                    out.line(&line)?;
                    continue;
                }
                out.line(&line)?;
                pieces::text(&format!("{indent}{INDENT}"), pieces, out)?;
                continue;
            }
        }
        out.line(&line)?;
    }
    Ok(())
}

/// What a message says that only one side has.
fn said(ink: Ink, message: &Message, out: &mut Printer) -> io::Result<()> {
    for part in &message.parts {
        if let Part::Text { text } = part {
            pieces::whole(INDENT, ink, text, out)?;
            continue;
        }
        let (label, text) = match part {
            Part::Reasoning { text, .. } => ("reasoning".to_owned(), text.clone()),
            Part::ToolCall { name, arguments, .. } => (format!("call {name}"), words(arguments)),
            Part::ToolResult { name, parts, .. } => {
                let label = format!("result {}", name.as_deref().unwrap_or_default());
                (label.trim_end().to_owned(), result(parts))
            }
            part => (String::new(), serde_json::to_string(part).unwrap_or_default()),
        };
        labelled("", &label, out)?;
        pieces::whole(INDENT, ink, &text, out)?;
    }
    Ok(())
}

fn result(parts: &[Part]) -> String {
    let texts = parts.iter().map(|part| match part {
        Part::Text { text } => text.clone(),
        part => serde_json::to_string(part).unwrap_or_default(),
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn heading(name: &str, more: &str, out: &mut Printer) -> io::Result<()> {
    out.line(&[(Ink::Plain, "")])?;
    let more = if more.is_empty() { String::new() } else { format!(" · {more}") };
    out.line(&[(Ink::Dim, "── "), (Ink::Role, name), (Ink::Dim, &more)])
}

fn who(sign: &str, role: &str, index: &str, out: &mut Printer) -> io::Result<()> {
    let (role, index) = (shown(role), format!(" [{index}]"));
    out.line(&[(Ink::Dim, sign), (Ink::Plain, " "), (Ink::Role, &role), (Ink::Dim, &index)])
}

fn labelled(sign: &str, label: &str, out: &mut Printer) -> io::Result<()> {
    if label.is_empty() {
        return Ok(());
    }
    let sign = if sign.is_empty() { String::new() } else { format!("{sign} ") };
    let label = format!("[{}]", shown(label));
    out.line(&[(Ink::Plain, INDENT), (Ink::Dim, &sign), (Ink::Role, &label)])
}

fn alike(
    indent: &str,
    count: usize,
    what: &str,
    bytes: usize,
    out: &mut Printer,
) -> io::Result<()> {
    let plural = if count == 1 { "" } else { "s" };
    let line = format!("{indent}… {count} {what}{plural} alike ({})", size(bytes));
    out.line(&[(Ink::Dim, line)])
}

/// Text as it is, other JSON over several lines.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

fn one_line(value: &Value) -> String {
    shown(&value.to_string()).into_owned()
}

/// How much of a text changed.
pub fn bytes_changed(diff: &TextDiff) -> String {
    let [removed, added] = diff.changed_bytes();
    let told = [(removed, "−"), (added, "+")].into_iter().filter(|&(bytes, _)| bytes > 0);
    told.map(|(bytes, sign)| format!("{sign}{}", size(bytes))).collect::<Vec<_>>().join(" ")
}

/// How many tools changed.
pub fn tools_in_words(diff: &ToolsDiff) -> String {
    let mut words = facts([
        (diff.removed.len(), "removed"),
        (diff.added.len(), "added"),
        (diff.changed.len(), "changed"),
        (diff.alike, "alike"),
    ]);
    if diff.reordered {
        words += " · in another order";
    }
    words
}

/// How many messages changed.
pub fn messages_in_words(diff: &MessagesDiff) -> String {
    let (mut removed, mut added, mut changed, mut alike) = (0, 0, 0, 0);
    for step in &diff.steps {
        match step {
            MessageStep::Alike { count, .. } => alike += count,
            MessageStep::Removed { .. } => removed += 1,
            MessageStep::Added { .. } => added += 1,
            MessageStep::Changed { .. } => changed += 1,
        }
    }
    facts([(removed, "removed"), (added, "added"), (changed, "changed"), (alike, "alike")])
}

/// Those counts that are not zero.
pub fn facts<const N: usize>(counts: [(usize, &str); N]) -> String {
    let told = counts.into_iter().filter(|&(count, _)| count > 0);
    told.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(" · ")
}

/// A size in the unit that people say it in.
pub fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
