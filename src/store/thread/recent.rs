//! What was said of late: sub-agents, summaries and titles are told by it.
//!
//! Kept in memory only. What an app sends beside a conversation it sends within minutes, and
//! then this process records both.

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

use super::chain::Chain;
use super::origin::Asker;
use super::said::{Voice, voice, words};
use super::sum::{Point, Sum, squeeze};
use crate::model::{Exchange, Message, Part, ThreadRule};

/// Exchanges that are remembered: the last minutes of a busy machine.
const RECENT_MAX: usize = 256;

/// Most bytes kept of a text: enough to tell it from every other.
const TEXT_BYTES_MAX: usize = 2048;

/// Most strings kept of the calls in an answer.
const CALLS_MAX: usize = 32;

/// Shortest string of a call that a sub-agent may begin with, and shortest text of which it
/// means something that another one quotes it; in bytes without white space.
const QUOTE_BYTES_MIN: usize = 12;

/// Shortest line of a summary that is compared, in bytes without white space.
const LINE_BYTES_MIN: usize = 24;

/// Shortest summary, and most of it that is compared.
const SUMMARY_BYTES_MIN: usize = 200;
const SUMMARY_BYTES_MAX: usize = 64 << 10;

/// How long after a call a sub-agent begins, after a summary the next request.
pub(super) const CALL_NS: i64 = 3_600_000_000_000;

/// How long before or after a conversation's own request its title is asked for.
pub(super) const ASIDE_NS: i64 = 120_000_000_000;

/// The exchanges of late, the newest last.
#[derive(Default)]
pub(super) struct Recents {
    recents: VecDeque<Recent>,
}

/// An exchange of late.
pub(super) struct Recent {
    pub(super) id: Uuid,
    pub(super) thread: i64,
    pub(super) rule: ThreadRule,
    pub(super) app: String,
    pub(super) pid: Option<u32>,
    pub(super) flow: Uuid,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
    /// Whether no answer stands in its request.
    pub(super) is_opening: bool,
    pub(super) opening: Option<i64>,
    pub(super) system: Option<i64>,
    pub(super) tools: Option<i64>,
    /// The user's last text, without white space.
    pub(super) said: Vec<u8>,
    /// The answer's text, without white space.
    replied: Vec<u8>,
    /// Strings in the arguments of its calls.
    calls: Vec<(Sum, Vec<u8>)>,
    call_ids: Vec<String>,
    /// Lines of the answer, where it may be a summary of what was said before it.
    summary: Vec<Sum>,
    /// The trace or the cache key that it was sent with.
    pub(super) weak_name: Option<String>,
}

impl Recent {
    pub(super) fn of(asker: &Asker<'_>, chain: &Chain, point: &Point) -> Self {
        let exchange = asker.exchange;
        let mut recent = Self {
            id: exchange.id,
            thread: 0,
            rule: ThreadRule::First,
            app: asker.app.to_owned(),
            pid: exchange.app.pid,
            flow: exchange.flow,
            started_at: asker.started_at,
            ended_at: asker.ended_at,
            is_opening: chain.is_opening(),
            opening: chain.opening,
            system: asker.contents.system,
            tools: asker.contents.tools,
            said: last_said(&exchange.request.messages),
            replied: Vec::new(),
            calls: Vec::new(),
            call_ids: Vec::new(),
            summary: Vec::new(),
            weak_name: None,
        };
        recent.hear(exchange, point);
        recent
    }

    /// Takes what is needed of the answer.
    fn hear(&mut self, exchange: &Exchange, point: &Point) {
        let choice = exchange.reply.iter().flat_map(|reply| reply.choices.first()).next();
        for part in choice.map(|choice| choice.parts.as_slice()).unwrap_or_default() {
            match part {
                Part::Text { text } => {
                    words(Voice::Model, cut(text, TEXT_BYTES_MAX), &mut self.replied);
                    if !self.is_opening && text.len() <= SUMMARY_BYTES_MAX {
                        self.summary.extend(lines(text, point));
                    }
                }
                Part::ToolCall { id, arguments, .. } if self.calls.len() < CALLS_MAX => {
                    self.call_ids.extend(id.clone());
                    let mut left = CALLS_MAX - self.calls.len();
                    strings(arguments, &mut |text| {
                        let mut squeezed = Vec::new();
                        squeeze(text, &mut squeezed);
                        if squeezed.len() >= QUOTE_BYTES_MIN && left > 0 {
                            left -= 1;
                            let sum = point.sum(&squeezed);
                            squeezed.truncate(TEXT_BYTES_MAX);
                            self.calls.push((sum, squeezed));
                        }
                    });
                }
                _ => {}
            }
        }
        if self.replied.len() < SUMMARY_BYTES_MIN {
            self.summary.clear();
        }
    }

    /// Whether the system and the tools are those of `other`.
    fn is_alike(&self, other: &Self) -> bool {
        self.system == other.system && self.tools == other.tools
    }

    /// Whether this request is about what is said in `other`: it quotes the user's words there,
    /// or a call, and is of another kind.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        match (&self.tools, &other.tools) {
            (None, Some(_)) => {
                let is_same = !self.said.is_empty() && self.said == other.said;
                is_same
                    || quotes(&self.said, &other.said)
                    || other.calls.iter().any(|(_, call)| quotes(&self.said, call))
            }
            (Some(_), None) => false,
            // Of one kind, such as a chat without tools: only what quotes both sides.
            _ => quotes(&self.said, &other.said) && quotes(&self.said, &other.replied),
        }
    }

    fn is_near(&self, other: &Self) -> bool {
        self.started_at.saturating_sub(other.ended_at) <= ASIDE_NS
            && other.started_at.saturating_sub(self.ended_at) <= ASIDE_NS
    }

    fn is_of_same_process(&self, other: &Self) -> bool {
        self.app == other.app
            && match (self.pid, other.pid) {
                (Some(pid), Some(other)) => pid == other,
                _ => true,
            }
    }
}

impl Recents {
    pub(super) fn forget(&mut self) {
        self.recents.clear();
    }

    /// Remembers an exchange, in place of what was remembered of it.
    pub(super) fn push(&mut self, recent: Recent) {
        self.recents.retain(|had| had.id != recent.id);
        if self.recents.len() >= RECENT_MAX {
            self.recents.pop_front();
        }
        self.recents.push_back(recent);
    }

    /// What was thread `from` is `to` now.
    pub(super) fn merge(&mut self, from: i64, to: i64) {
        for recent in self.recents.iter_mut().filter(|recent| recent.thread == from) {
            recent.thread = to;
        }
    }

    /// Whether `exchange` made one of the calls with these ids.
    pub(super) fn made_call(&self, exchange: Uuid, ids: &HashSet<&str>) -> bool {
        let mut recents = self.recents.iter().filter(|recent| recent.id == exchange);
        recents.any(|recent| recent.call_ids.iter().any(|id| ids.contains(id.as_str())))
    }

    /// What the user said first in the conversation of `exchange`.
    pub(super) fn opening_of(&self, exchange: Uuid) -> Option<i64> {
        self.recents.iter().find(|recent| recent.id == exchange)?.opening
    }

    fn of_process<'a>(&'a self, ours: &'a Recent) -> impl Iterator<Item = &'a Recent> {
        let others = self.recents.iter().rev().filter(|recent| recent.id != ours.id);
        others.filter(|recent| ours.is_of_same_process(recent))
    }

    /// The exchange with a call of which an argument is the whole of what is said here first.
    pub(super) fn caller<'a>(&'a self, ours: &'a Recent, openings: &[Sum]) -> Option<&'a Recent> {
        let mut others = self.of_process(ours).filter(|recent| {
            let after = ours.started_at.saturating_sub(recent.started_at);
            (0..=CALL_NS).contains(&after)
        });
        others.find(|recent| recent.calls.iter().any(|(sum, _)| openings.contains(sum)))
    }

    /// The exchange whose answer, a summary, most of which stands in the user's words here.
    pub(super) fn summarised<'a>(
        &'a self,
        ours: &'a Recent,
        messages: &[Message],
        point: &Point,
    ) -> Option<&'a Recent> {
        let mut heard: Option<HashSet<(u64, u64)>> = None;
        self.of_process(ours).find(|recent| {
            let after = ours.started_at.saturating_sub(recent.started_at);
            if recent.summary.is_empty() || !(0..=CALL_NS).contains(&after) {
                return false;
            }
            let goes_on = ours.system == recent.system
                || ours.tools == recent.tools
                || self.recents.iter().any(|r| r.thread == recent.thread && r.is_alike(ours));
            if !goes_on {
                return false;
            }
            let heard = heard.get_or_insert_with(|| {
                user_texts(messages)
                    .flat_map(|text| lines(text, point))
                    .map(|sum| (sum.value, sum.length))
                    .collect()
            });
            let said = recent.summary.iter().filter(|sum| heard.contains(&(sum.value, sum.length)));
            said.count() * 5 >= recent.summary.len() * 3
        })
    }

    /// The exchange that this one is about, or that is about this one.
    pub(super) fn beside<'a>(&'a self, ours: &'a Recent) -> Option<&'a Recent> {
        self.of_process(ours).find(|recent| {
            recent.is_near(ours)
                && (recent.is_about(ours) || ours.is_about(recent))
                && !self.has_like(ours, recent.thread)
        })
    }

    /// Whether a conversation begins in `thread` with the very prompt of `ours`.
    fn has_like(&self, ours: &Recent, thread: i64) -> bool {
        let others = self.recents.iter().filter(|had| had.id != ours.id && had.thread == thread);
        let mut openings = others.filter(|had| had.is_opening);
        openings.any(|had| had.is_alike(ours) && had.said == ours.said)
    }

    /// Exchanges that began the thread of `ours`, and are about it.
    pub(super) fn asides(&self, ours: &Recent) -> Vec<Uuid> {
        let began = self.of_process(ours).filter(|recent| {
            recent.thread == ours.thread && recent.rule == ThreadRule::First && recent.is_opening
        });
        began.filter(|recent| recent.is_about(ours)).map(|recent| recent.id).collect()
    }

    /// What put `exchange` into its thread is `rule`.
    pub(super) fn set_rule(&mut self, exchange: Uuid, rule: ThreadRule) {
        for recent in self.recents.iter_mut().filter(|recent| recent.id == exchange) {
            recent.rule = rule;
        }
    }

    /// Threads of one exchange that is about `ours`, and was stored before it.
    pub(super) fn orphans(&self, ours: &Recent) -> Vec<i64> {
        let orphans = self.of_process(ours).filter(|recent| {
            recent.rule == ThreadRule::First
                && recent.is_opening
                && recent.thread != ours.thread
                && recent.is_near(ours)
                && recent.tools.is_none()
                && recent.is_about(ours)
                && self.recents.iter().filter(|had| had.thread == recent.thread).count() == 1
        });
        orphans.map(|recent| recent.thread).collect()
    }

    /// An exchange that was sent with this trace or cache key.
    pub(super) fn named<'a>(&'a self, ours: &'a Recent, name: &str) -> Option<&'a Recent> {
        self.of_process(ours).find(|recent| recent.weak_name.as_deref() == Some(name))
    }

    /// An exchange of the same process whose history begins as this one's.
    pub(super) fn alongside<'a>(&'a self, ours: &'a Recent) -> Option<&'a Recent> {
        self.of_process(ours).find(|recent| {
            let after = ours.started_at.saturating_sub(recent.started_at);
            let is_same = !ours.is_opening
                && ours.opening.is_some()
                && ours.opening == recent.opening
                && ours.is_alike(recent)
                && (ours.flow == recent.flow || ours.pid.is_some() && ours.pid == recent.pid);
            (0..=CALL_NS).contains(&after) && is_same
        })
    }
}

/// Sums of the user's texts of a request, one each.
pub(super) fn openings(messages: &[Message], point: &Point) -> Vec<Sum> {
    let squeezed = user_texts(messages).map(|text| {
        let mut squeezed = Vec::new();
        words(Voice::User, text, &mut squeezed);
        squeezed
    });
    squeezed.filter(|s| s.len() >= QUOTE_BYTES_MIN).map(|s| point.sum(&s)).collect()
}

fn last_said(messages: &[Message]) -> Vec<u8> {
    let mut squeezed = Vec::new();
    for text in user_texts(messages).rev() {
        words(Voice::User, cut(text, TEXT_BYTES_MAX * 8), &mut squeezed);
        if !squeezed.is_empty() {
            break;
        }
    }
    squeezed
}

fn user_texts(messages: &[Message]) -> impl DoubleEndedIterator<Item = &str> {
    let users = messages.iter().filter(|message| voice(&message.role) == Some(Voice::User));
    users.flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    })
}

fn lines(text: &str, point: &Point) -> Vec<Sum> {
    let mut squeezed = Vec::new();
    let lines = text.lines().filter_map(|line| {
        squeezed.clear();
        squeeze(line, &mut squeezed);
        (squeezed.len() >= LINE_BYTES_MIN).then(|| point.sum(&squeezed))
    });
    lines.collect()
}

fn quotes(whole: &[u8], piece: &[u8]) -> bool {
    let piece = piece.get(..TEXT_BYTES_MAX / 4).unwrap_or(piece);
    piece.len() >= QUOTE_BYTES_MIN
        && whole.len() > piece.len()
        && memchr::memmem::find(whole, piece).is_some()
}

fn strings(value: &serde_json::Value, each: &mut dyn FnMut(&str)) {
    match value {
        serde_json::Value::String(text) => each(text),
        serde_json::Value::Array(values) => values.iter().for_each(|value| strings(value, each)),
        serde_json::Value::Object(fields) => fields.values().for_each(|value| strings(value, each)),
        _ => {}
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
