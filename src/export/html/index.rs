//! The index: a line for each exchange, those of a conversation told together.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};

use super::text::escaped;
use super::{Line, line, time};
use crate::export::{ExportError, pages};
use crate::store::{Listed, Reader, Selection};

/// Conversations whose beginnings are remembered: calls of some are in turn with those of others,
/// and memory stays flat however many there were.
const CONVERSATIONS_MAX: usize = 1024;

/// Characters of a conversation's first words where its name is told again.
const NAME_CHARS: usize = 60;

/// A conversation that is on the page.
struct Conversation {
    /// Exchanges so far.
    turns: u64,
    /// Its first words.
    name: Option<String>,
    /// The words of its last exchange.
    words: Option<String>,
}

#[derive(Default)]
struct Conversations {
    known: HashMap<String, Conversation>,
    order: VecDeque<String>,
    /// That of the line before.
    last: Option<String>,
}

/// A line for each exchange, in the order of time.
pub(in crate::export) fn index(
    reader: &Reader,
    selection: &Selection,
    limit: Option<usize>,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut conversations = Conversations::default();
    out.write_all(b"<nav aria-label=\"Exchanges\">\n<ol>\n")?;
    pages::listed(reader, selection, limit, &mut |listed| conversations.line(reader, listed, out))?;
    out.write_all(b"</ol>\n</nav>\n")?;
    Ok(())
}

impl Conversations {
    fn line(
        &mut self,
        reader: &Reader,
        listed: &Listed,
        out: &mut dyn Write,
    ) -> Result<(), ExportError> {
        let last = std::mem::replace(&mut self.last, listed.thread.clone());
        let known = listed.thread.as_ref().and_then(|thread| self.known.get_mut(thread));
        let mut shown = Line::of_listed(listed);
        let anew;
        match known {
            Some(conversation) => {
                conversation.turns += 1;
                out.write_all(b"<li class=\"on\">")?;
                link(listed, out)?;
                write!(out, "<span class=\"soft\">turn {}</span> ", conversation.turns)?;
                if last != listed.thread {
                    again(listed.app.name(), conversation.name.as_deref(), out)?;
                }
                // While tools answer, the user's last words stay the same.
                if conversation.words == listed.first_words {
                    anew = reader.words_anew(listed.seq)?;
                    shown.first_words = anew.as_deref().or(shown.first_words);
                } else {
                    conversation.words.clone_from(&listed.first_words);
                }
                shown.app = "";
            }
            None => {
                out.write_all(b"<li>")?;
                link(listed, out)?;
                self.begin(listed);
            }
        }
        line(&shown, out)?;
        out.write_all(b"</li>\n")?;
        Ok(())
    }

    fn begin(&mut self, listed: &Listed) {
        let Some(thread) = listed.thread.clone() else { return };
        let words = listed.first_words.clone();
        let name = words.as_deref().map(short);
        self.order.push_back(thread.clone());
        self.known.insert(thread, Conversation { turns: 1, name, words });
        if self.order.len() > CONVERSATIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

fn link(listed: &Listed, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<a href=\"#x-{}\">{}</a> ", listed.id, time(listed.started_at))
}

/// Which conversation goes on here, as another one's line stands before it.
fn again(app: &str, name: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<span class=\"soft\">of <bdi>")?;
    escaped(app, out)?;
    out.write_all(b"</bdi>")?;
    if let Some(name) = name {
        out.write_all(" <bdi>“".as_bytes())?;
        escaped(name, out)?;
        out.write_all("”</bdi>".as_bytes())?;
    }
    out.write_all(b":</span> ")
}

fn short(words: &str) -> String {
    match words.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}
