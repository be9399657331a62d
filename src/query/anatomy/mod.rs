//! What a prompt is made of, in tokens: the system text, each tool, each kind of message, what
//! was retrieved, the history that was sent before.
//!
//! Words are counted by us ([`Counter`]); where the provider counted the whole, each part is
//! scaled so that their sum is what it says. The parts are an estimate then as well, and a good
//! one: tokenizers differ more in how many tokens they make than in where.

mod growth;
mod retrieved;

use serde::Serialize;

pub use growth::{GrownTurn, Growth, growth};

use crate::model::{Exchange, Message, Part, Usage};
use crate::tokens::{Counter, Measured, Tokenizer, Unseen, system_apart};

/// What a picture comes to if nobody counted it: 1 megapixel costs about that with Anthropic and
/// OpenAI.
const IMAGE_TOKENS: u64 = 1_000;

/// What a part of a prompt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The system prompt.
    System,
    /// Definitions of tools.
    Tools,
    /// What the user said, and all that apps put beside it.
    User,
    /// What the model said before.
    Assistant,
    /// What the model thought before.
    Reasoning,
    /// Calls of tools.
    ToolCalls,
    /// What tools gave.
    ToolResults,
    /// Documents that the app found and put into the prompt.
    Retrieved,
    /// Pictures.
    Images,
    /// What the provider keeps and puts before the words that were sent.
    Kept,
}

/// Tokens of one section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Which.
    pub section: Section,
    /// Tokens.
    pub tokens: u64,
    /// Of the whole prompt, from 0 to 1.
    pub share: f64,
    /// Messages, parts, tools or pictures, as the section has them.
    pub count: u64,
}

/// Tokens of one tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolShare {
    /// Its name.
    pub name: String,
    /// Tokens of its definition.
    pub tokens: u64,
    /// Of the whole prompt, from 0 to 1.
    pub share: f64,
}

/// A prompt taken apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anatomy {
    /// Tokens of the prompt: the provider's count, else our estimate.
    pub total: u64,
    /// Whether the provider counted the whole.
    pub counted: bool,
    /// What the words were counted with.
    pub tokenizer: &'static str,
    /// What our counts were multiplied by to come to `total`; 1 where the provider sent none.
    pub scale: f64,
    /// Sections in the order of a prompt; those that are there.
    pub sections: Vec<Share>,
    /// Tools, the largest first.
    pub tools: Vec<ToolShare>,
    /// Tokens of messages that the turn before had already; `None` if it is not known which.
    pub history: Option<u64>,
    /// Tokens of messages that are new in this turn.
    pub new: Option<u64>,
    /// Of `total`, read from a cache.
    pub cached: Option<u64>,
    /// Sounds, and files that were not sent as text: they are in no section.
    pub uncounted_files: u64,
}

/// Takes the prompt of `exchange` apart.
pub fn anatomy(exchange: &Exchange, counter: &Counter) -> Anatomy {
    let request = &exchange.request;
    let reply = exchange.reply.as_ref();
    let model = reply.and_then(|reply| reply.model.as_deref()).or(request.model.as_deref());
    let mut counting = Counting::new(counter, Tokenizer::of(model));
    if let Some(system) = system_apart(request) {
        counting.words(Section::System, system);
        counting.count(Section::System);
    }
    let tools: Vec<(String, u64)> = request
        .tools
        .iter()
        .map(|tool| (tool.name.clone(), counter.tool(tool, counting.tokenizer)))
        .collect();
    for (_, tokens) in &tools {
        counting.add(Section::Tools, *tokens);
        counting.count(Section::Tools);
    }
    let before = counting.sum();
    let inherited = exchange.inherited.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let mut history = 0;
    for (place, message) in request.messages.iter().enumerate() {
        if Some(place) == inherited {
            history = counting.sum() - before;
        }
        counting.message(message);
    }
    let messages = counting.sum() - before;
    let history = inherited.map(|count| match count < request.messages.len() {
        true => history,
        false => messages,
    });
    let usage = exchange.usage.as_ref().filter(|usage| !usage.is_estimated());
    let keeps =
        ["previous_response_id", "conversation", "cachedContent", "previous_interaction_id"];
    let keeps = keeps.iter().any(|name| request.params.get(*name).is_some_and(|v| !v.is_null()));
    counting.finish(usage, tools, history.map(|history| (history, messages - history)), keeps)
}

/// A prompt being counted.
struct Counting<'a> {
    counter: &'a Counter,
    tokenizer: Tokenizer,
    sections: Vec<(Section, u64, u64)>,
    files: u64,
}

impl<'a> Counting<'a> {
    fn new(counter: &'a Counter, tokenizer: Tokenizer) -> Self {
        Self { counter, tokenizer, sections: Vec::new(), files: 0 }
    }

    fn of(&mut self, section: Section) -> &mut (Section, u64, u64) {
        let place = self.sections.iter().position(|(had, ..)| *had == section);
        let place = place.unwrap_or_else(|| {
            self.sections.push((section, 0, 0));
            self.sections.len() - 1
        });
        // It was found or pushed just now.
        #[expect(clippy::indexing_slicing, reason = "`place` is that of an item of this list")]
        &mut self.sections[place]
    }

    fn add(&mut self, section: Section, tokens: u64) {
        self.of(section).1 += tokens;
    }

    fn count(&mut self, section: Section) {
        self.of(section).2 += 1;
    }

    fn sum(&self) -> u64 {
        self.sections.iter().map(|(_, tokens, _)| tokens).sum()
    }

    /// Words of `section`; documents in it stand for themselves.
    fn words(&mut self, section: Section, text: &str) {
        let spans = retrieved::spans(text);
        let inside: u64 = spans
            .iter()
            .filter_map(|span| text.get(span.clone()))
            .map(|document| self.counter.text(document, self.tokenizer))
            .sum();
        let whole = self.counter.text(text, self.tokenizer);
        if !spans.is_empty() {
            self.add(Section::Retrieved, inside);
            self.of(Section::Retrieved).2 += spans.len() as u64;
        }
        self.add(section, whole.saturating_sub(inside));
    }

    fn message(&mut self, message: &Message) {
        let section = match message.role.to_ascii_lowercase().as_str() {
            "system" | "developer" => Section::System,
            "assistant" | "model" | "chatbot" => Section::Assistant,
            "tool" | "function" => Section::ToolResults,
            _ => Section::User,
        };
        let framing = self
            .counter
            .message(&Message { role: String::new(), parts: Vec::new() }, self.tokenizer);
        // An agent's results come in messages of the user: the frame is of what is inside.
        let first = message.parts.first().map_or(section, |part| self.section(section, part));
        self.add(first, framing.tokens);
        for part in &message.parts {
            let section = self.section(section, part);
            self.part(section, part);
            self.count(section);
        }
    }

    fn section(&self, section: Section, part: &Part) -> Section {
        match part {
            Part::ToolCall { .. } => Section::ToolCalls,
            Part::ToolResult { .. } => Section::ToolResults,
            Part::Reasoning { .. } => Section::Reasoning,
            Part::Image { .. } => Section::Images,
            Part::File { text: Some(_), .. } => Section::Retrieved,
            _ => section,
        }
    }

    fn part(&mut self, section: Section, part: &Part) {
        match part {
            Part::Text { text } => self.words(section, text),
            Part::ToolResult { parts, .. } => {
                let empty =
                    Part::ToolResult { id: None, name: None, parts: Vec::new(), is_error: None };
                let frame = self.counter.part(&empty, self.tokenizer);
                self.add(section, frame.tokens);
                for part in parts {
                    match part {
                        Part::Image { .. } => {
                            self.part(Section::Images, part);
                            self.count(Section::Images);
                        }
                        part => {
                            let measured = self.counter.part(part, self.tokenizer);
                            self.measured(section, measured);
                        }
                    }
                }
            }
            part => {
                let measured = self.counter.part(part, self.tokenizer);
                self.measured(section, measured);
            }
        }
    }

    fn measured(&mut self, section: Section, Measured { tokens, unseen }: Measured) {
        let Unseen { images, files } = unseen;
        self.add(section, tokens);
        if images > 0 {
            self.add(Section::Images, images * IMAGE_TOKENS);
        }
        self.files += files;
    }

    fn finish(
        mut self,
        usage: Option<&Usage>,
        tools: Vec<(String, u64)>,
        turn: Option<(u64, u64)>,
        keeps: bool,
    ) -> Anatomy {
        let ours = self.sum();
        let counted = usage.and_then(|usage| usage.input);
        let total = counted.unwrap_or(ours);
        // Of what the provider keeps we have no words: the difference is all that is known.
        if keeps && total > ours {
            self.add(Section::Kept, total - ours);
        }
        let sum = self.sum();
        let scale = if sum == 0 { 1.0 } else { total as f64 / sum as f64 };
        let scaled = |tokens: u64| (tokens as f64 * scale).round() as u64;
        let share = |tokens: u64| if sum == 0 { 0.0 } else { tokens as f64 / sum as f64 };
        self.sections.sort_unstable_by_key(|(section, ..)| *section);
        let sections = self.sections.iter().map(|&(section, tokens, count)| Share {
            section,
            tokens: scaled(tokens),
            share: share(tokens),
            count,
        });
        let mut tools: Vec<ToolShare> = tools
            .into_iter()
            .map(|(name, tokens)| ToolShare { name, tokens: scaled(tokens), share: share(tokens) })
            .collect();
        tools.sort_by(|a, b| b.tokens.cmp(&a.tokens).then_with(|| a.name.cmp(&b.name)));
        Anatomy {
            total,
            counted: counted.is_some(),
            tokenizer: self.tokenizer.name(),
            scale,
            sections: sections.collect(),
            tools,
            history: turn.map(|(history, _)| scaled(history)),
            new: turn.map(|(_, new)| scaled(new)),
            cached: usage.and_then(|usage| usage.buckets().cache_read),
            uncounted_files: self.files,
        }
    }
}
