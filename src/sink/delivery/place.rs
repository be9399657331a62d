//! Where the span of an exchange hangs: its turn, its trace, the span above it, and the tools
//! that ran before it.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Exchange, Message, Part, ThreadRule};
use crate::sink::{Content, Delivery, ToolRun, Trace, span_id, tool_span_id, trace_id};
use crate::store::{Outbox, Placed, StoreError};

/// Exchanges whose place is remembered: those of the conversations that go on.
const REMEMBERED_MAX: usize = 4096;

/// How far back the beginning of a turn is looked for, in exchanges. A turn that is longer goes on
/// in a trace of its own.
const TURN_MAX: usize = 500;

/// Most tool runs of one exchange.
const RUNS_MAX: usize = 256;

/// Finds places, and remembers them.
#[derive(Default)]
pub(super) struct Placer {
    known: HashMap<Uuid, Known>,
    order: VecDeque<Uuid>,
}

#[derive(Clone, Copy)]
struct Known {
    placed: Placed,
    /// Whether the receiver has, or will have, its span.
    is_delivered: bool,
}

impl Placer {
    /// Makes the delivery of an exchange to `sink`.
    pub(super) fn delivery(
        &mut self,
        outbox: &Outbox,
        sink: i64,
        mut exchange: Exchange,
        content: Content,
    ) -> Result<Delivery, StoreError> {
        let said_before = inherited(&exchange).min(exchange.request.messages.len());
        let anew = exchange.request.messages.get(said_before..).unwrap_or_default();
        let above = self.above(outbox, sink, &exchange, anew)?;
        let own = incoming(&exchange);
        let turn = above.map_or(exchange.id, |(_, known)| known.placed.turn);
        let trace = match (&own, above) {
            (Some((trace, _)), _) => *trace,
            (None, Some((_, known))) => known.placed.trace,
            (None, None) => trace_id(turn),
        };
        let parent = match (own, above) {
            (Some((_, span)), _) => Some(span),
            // A span whose parent never comes would hang in the air.
            (None, Some((id, known))) if known.is_delivered => Some(span_id(id)),
            (None, _) => None,
        };
        let mut ran = ran(outbox, &exchange, anew)?;
        if !ran.is_empty() {
            let told = told_before(outbox, sink, &exchange)?;
            ran.retain(|run| !told.contains(&run.span));
        }
        for run in &mut ran {
            content.limit_tool(run);
        }
        self.remember(exchange.id, Known { placed: Placed { turn, trace }, is_delivered: true });
        // An app may write anything into it.
        let state = header(&exchange, "tracestate").filter(|_| content != Content::None);
        let state = state.unwrap_or_default().to_owned();
        content.limit(&mut exchange);
        Ok(Delivery { exchange, turn, trace: Trace { id: trace, parent, state }, ran })
    }

    /// The exchange above this one in its turn, if it begins none.
    fn above(
        &mut self,
        outbox: &Outbox,
        sink: i64,
        exchange: &Exchange,
        anew: &[Message],
    ) -> Result<Option<(Uuid, Known)>, StoreError> {
        let Some(parent) = exchange.parent else { return Ok(None) };
        if let Some(known) = self.known(outbox, sink, parent)? {
            // Whose thread the one above is in is seldom asked: words of a person decide first.
            let goes_on = goes_on(exchange, anew) || is_other_thread(outbox, exchange, parent)?;
            return Ok(goes_on.then_some((parent, known)));
        }
        // Its own place is found from the beginning of its turn on.
        let mut chain = Vec::new();
        let mut next = Some((exchange.clone(), anew.to_vec()));
        let mut base = None;
        while let Some((below, anew)) = next.take() {
            let Some(id) = below.parent.filter(|_| chain.len() < TURN_MAX) else { break };
            if let Some(known) = self.known(outbox, sink, id)? {
                base = (goes_on(&below, &anew) || is_other_thread(outbox, &below, id)?)
                    .then_some(known.placed);
                break;
            }
            let Some((_, above)) = outbox.anew(id)? else { break };
            let is_sub_agent = above.thread != below.thread;
            if !is_sub_agent && !goes_on(&below, &anew) {
                break;
            }
            let said = above.request.messages.clone();
            chain.push(above.clone());
            next = Some((above, said));
        }
        let mut placed = base;
        for above in chain.iter().rev() {
            let trace = incoming(above).map(|(trace, _)| trace);
            let turn = placed.map_or(above.id, |placed| placed.turn);
            let trace = trace.or(placed.map(|placed| placed.trace)).unwrap_or(trace_id(turn));
            placed = Some(Placed { turn, trace });
            self.remember(above.id, Known { placed: Placed { turn, trace }, is_delivered: false });
        }
        let known = placed.map(|placed| Known { placed, is_delivered: false });
        Ok(known.filter(|_| !chain.is_empty()).map(|known| (parent, known)))
    }

    fn known(&mut self, outbox: &Outbox, sink: i64, id: Uuid) -> Result<Option<Known>, StoreError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(Some(*known));
        }
        let placed = outbox.placed(sink, id)?;
        let known = placed.map(|placed| Known { placed, is_delivered: true });
        if let Some(known) = known {
            self.remember(id, known);
        }
        Ok(known)
    }

    fn remember(&mut self, id: Uuid, known: Known) {
        if self.known.insert(id, known).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

fn inherited(exchange: &Exchange) -> usize {
    exchange.inherited.and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

/// Whether an exchange that continues another is of the same turn: it brings results of tools,
/// or nothing that a person said.
fn goes_on(exchange: &Exchange, anew: &[Message]) -> bool {
    if exchange.thread_rule == Some(ThreadRule::Call) {
        return true;
    }
    let mut parts = anew.iter().flat_map(|message| &message.parts);
    if parts.any(|part| matches!(part, Part::ToolResult { .. })) {
        return true;
    }
    !anew.iter().any(|message| {
        let is_asked = message.role.eq_ignore_ascii_case("user");
        is_asked && message.parts.iter().any(|part| !matches!(part, Part::Reasoning { .. }))
    })
}

/// Whether the exchange above is of another thread: it called this one's, a sub-agent's.
fn is_other_thread(outbox: &Outbox, exchange: &Exchange, parent: Uuid) -> Result<bool, StoreError> {
    let thread = outbox.thread(parent)?;
    Ok(thread.is_some() && thread != exchange.thread)
}

/// Trace and span of the app, as it sent them.
fn incoming(exchange: &Exchange) -> Option<([u8; 16], [u8; 8])> {
    traceparent(header(exchange, "traceparent")?)
}

fn header<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    let mut headers = exchange.request.headers.iter();
    headers.find(|(had, _)| had.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Reads a `traceparent` (W3C Trace Context, section 3.2.2).
fn traceparent(text: &str) -> Option<([u8; 16], [u8; 8])> {
    let mut fields = text.split('-');
    let version = fields.next().filter(|v| v.len() == 2 && *v != "ff" && is_hex(v))?;
    let trace = fields.next().and_then(hex::<16>)?;
    let span = fields.next().and_then(hex::<8>)?;
    fields.next().filter(|flags| flags.len() == 2 && is_hex(flags))?;
    // Later versions may say more behind the flags, this one may not.
    (version != "00" || fields.next().is_none()).then_some((trace, span))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An id in lower-case digits that is not all zeros.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !is_hex(text) {
        return None;
    }
    let mut id = [0; N];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (id != [0; N]).then_some(id)
}

/// The tools whose results the exchange brings, of the calls in the answer that it continues.
fn ran(outbox: &Outbox, exchange: &Exchange, anew: &[Message]) -> Result<Vec<ToolRun>, StoreError> {
    let results: Vec<&Part> = anew
        .iter()
        .flat_map(|message| &message.parts)
        .filter(|part| matches!(part, Part::ToolResult { .. }))
        .take(RUNS_MAX)
        .collect();
    let Some(parent) = exchange.parent.filter(|_| !results.is_empty()) else {
        return Ok(Vec::new());
    };
    let Some((seq, caller)) = outbox.anew(parent)? else { return Ok(Vec::new()) };
    let Some(answer) = outbox.answer(seq)? else { return Ok(Vec::new()) };
    let answered = ended(&caller).min(exchange.started_at);
    let mut calls: Vec<Option<Call<'_>>> = calls(&answer).map(Some).collect();
    let mut runs = Vec::new();
    for result in results {
        let Part::ToolResult { id, name, parts, is_error } = result else { continue };
        let fits = |call: &Call<'_>| match (id, call.id) {
            (Some(id), Some(of_call)) => id == of_call,
            _ => name.as_deref() == Some(call.name),
        };
        let found = calls.iter_mut().enumerate().find(|(_, call)| call.as_ref().is_some_and(fits));
        let Some((place, call)) = found else { continue };
        let Some(call) = call.take() else { continue };
        runs.push(ToolRun {
            span: tool_span_id(parent, call.id, place),
            caller: parent,
            call: call.id.map(str::to_owned),
            name: call.name.to_owned(),
            arguments: call.arguments.clone(),
            result: parts.clone(),
            is_error: *is_error == Some(true),
            began: answered,
            ended: exchange.started_at,
        });
    }
    Ok(runs)
}

/// The spans of tools that an earlier exchange has brought: a prompt that is sent again, after an
/// error or for another answer, brings the same results again, and Langfuse would have the run
/// twice.
fn told_before(
    outbox: &Outbox,
    sink: i64,
    exchange: &Exchange,
) -> Result<Vec<[u8; 8]>, StoreError> {
    let mut told = Vec::new();
    for sibling in outbox.earlier_siblings(sink, exchange.id)? {
        if let Some((_, sibling)) = outbox.anew(sibling)? {
            let ran = ran(outbox, &sibling, &sibling.request.messages)?;
            told.extend(ran.iter().map(|run| run.span));
        }
    }
    Ok(told)
}

struct Call<'a> {
    id: Option<&'a str>,
    name: &'a str,
    arguments: &'a Value,
}

fn calls(answer: &Message) -> impl Iterator<Item = Call<'_>> {
    answer.parts.iter().filter_map(|part| match part {
        Part::ToolCall { id, name, arguments } => Some(Call { id: id.as_deref(), name, arguments }),
        _ => None,
    })
}

fn ended(exchange: &Exchange) -> Timestamp {
    let took = SignedDuration::try_from_secs_f64(exchange.duration_ms.unwrap_or_default() / 1e3);
    let end = took.ok().and_then(|took| exchange.started_at.checked_add(took).ok());
    end.unwrap_or(exchange.started_at)
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
