//! Captured text as text of a page.

use std::io::{self, Write};

use serde_json::Value;

use crate::export::visible::pieces;

/// The text between two tags. What would turn it around or hide in it is shown by its code.
pub(super) fn escaped(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for (shown, hidden) in pieces(text) {
        let mut rest = shown;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, behind) = rest.split_at(at);
            out.write_all(before.as_bytes())?;
            let mut chars = behind.chars();
            out.write_all(match chars.next() {
                Some('&') => b"&amp;",
                Some('<') => b"&lt;",
                Some('>') => b"&gt;",
                Some('"') => b"&quot;",
                _ => b"&#39;",
            })?;
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())?;
        if let Some(hidden) = hidden {
            write!(out, "<span class=\"hidden\">U+{:04X}</span>", u32::from(hidden))?;
        }
    }
    Ok(())
}

/// The text as it stands, over its lines.
pub(super) fn block(class: &'static str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    // The first line end behind the tag is no part of the text.
    writeln!(out, "<pre class=\"{class}\" dir=\"auto\">")?;
    escaped(text, out)?;
    out.write_all(b"</pre>\n")
}

/// Something under a title, folded.
pub(super) fn folded(
    title: &str,
    more: Option<&str>,
    out: &mut dyn Write,
    inside: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, "<details><summary>{title} ")?;
    if let Some(more) = more {
        out.write_all(b"<bdi class=\"soft\">")?;
        escaped(more, out)?;
        out.write_all(b"</bdi>")?;
    }
    out.write_all(b"</summary>\n")?;
    inside(out)?;
    out.write_all(b"</details>\n")
}

/// JSON over many lines; a text as it is.
pub(super) fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}
