//! What an exchange goes on from, by what the provider keeps and by the chain of its messages.

use std::collections::HashSet;

use rusqlite::Connection;
use uuid::Uuid;

use super::candidates::{By, Candidate, candidates};
use super::chain::{Chain, Step};
use super::count;
use super::recent::{CALL_NS, Recents};
use super::said::{Voice, voice};
use crate::model::{Exchange, Message, Part, ThreadRule};
use crate::store::StoreError;
use crate::store::contents::Contents;

/// An exchange that asks where it belongs.
pub(super) struct Asker<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) contents: &'a Contents,
    pub(super) app: &'a str,
    pub(super) started_at: i64,
    pub(super) ended_at: i64,
    /// The thread that the app names, if there is one already.
    pub(super) thread: Option<i64>,
    pub(super) recents: &'a Recents,
    /// Ids of the calls whose results are in the request.
    pub(super) results: HashSet<&'a str>,
}

/// What an exchange goes on from.
pub(super) struct Origin {
    pub(super) thread: i64,
    pub(super) rule: ThreadRule,
    pub(super) parent: Option<Uuid>,
    pub(super) inherited: u32,
}

/// How soon a prompt is sent again if it failed, at the latest.
const AGAIN_NS: i64 = 600_000_000_000;

impl<'a> Asker<'a> {
    /// Whether the exchange is of another process, for all that is known.
    pub(super) fn is_foreign(&self, pid: Option<u32>) -> bool {
        matches!((pid, self.exchange.app.pid), (Some(pid), Some(ours)) if pid != ours)
    }

    /// Whether the request has the result of a call that `exchange` made.
    pub(super) fn answers_call_of(&self, exchange: Uuid) -> bool {
        self.recents.made_call(exchange, &self.results)
    }

    /// The exchange that this one goes on from, by what the provider keeps or by the chain.
    pub(super) fn origin(
        &self,
        conn: &Connection,
        chain: &Chain,
    ) -> Result<Option<Origin>, StoreError> {
        let params = &self.exchange.request.params;
        if let Some(id) = params.get("previous_response_id").and_then(|id| id.as_str()) {
            let found = candidates(conn, By::ReplyId(id), self)?;
            if let Some(Candidate { id, thread, .. }) = found.into_iter().next() {
                let rule = ThreadRule::Response;
                return Ok(Some(Origin { thread, rule, parent: Some(id), inherited: 0 }));
            }
        }
        let Some((last, base)) = chain.base() else { return Ok(None) };
        let mut longest = None;
        let mut steps = chain.steps.iter().copied().enumerate().rev();
        let mut before = None;
        for (at, step) in steps.by_ref().filter(|(_, s)| s.last == Some(Voice::Model)) {
            if before.replace(step.hash) == Some(step.hash) {
                continue;
            }
            let found = candidates(conn, By::Answered(step.hash), self)?.into_iter().next();
            if let Some(candidate) = found {
                longest = Some((at, candidate));
                break;
            }
        }
        if let Some((at, candidate)) = &longest
            && *at >= last
        {
            return Ok(Some(self.after(conn, candidate, *at, chain)?));
        }
        if let Some(candidate) = self.by_answer(conn, chain, longest.as_ref().map(|(_, c)| c))? {
            let inherited = count(last + 1);
            let (thread, parent) = (candidate.thread, Some(candidate.id));
            return Ok(Some(Origin { thread, rule: ThreadRule::Answer, parent, inherited }));
        }
        if let Some(origin) = self.answered_otherwise(conn, chain, base, longest.as_ref())? {
            return Ok(Some(origin));
        }
        longest.map(|(at, candidate)| self.after(conn, &candidate, at, chain)).transpose()
    }

    /// Goes on after `candidate`, whose answer is message `at` of the request; or does so again.
    fn after(
        &self,
        conn: &Connection,
        candidate: &Candidate,
        at: usize,
        chain: &Chain,
    ) -> Result<Origin, StoreError> {
        let origin = |rule, inherited| Origin {
            thread: candidate.thread,
            rule,
            parent: Some(candidate.id),
            inherited,
        };
        if let Some(asked) = chain.asked() {
            let said = candidates(conn, By::Asked(asked), self)?;
            if said.iter().any(|other| other.parent == Some(candidate.id)) {
                return Ok(origin(ThreadRule::Again, count(chain.steps.len())));
            }
        }
        Ok(origin(ThreadRule::Chain, count(at + 1)))
    }

    /// The exchange whose answer is the last one in the request, though what stands before
    /// it is not what it was: the app rewrote, cut or dropped some of it.
    fn by_answer(
        &self,
        conn: &Connection,
        chain: &Chain,
        longest: Option<&Candidate>,
    ) -> Result<Option<Candidate>, StoreError> {
        let Some(&last) = chain.answers.last() else { return Ok(None) };
        let before = chain.answers.iter().rev().nth(1);
        for candidate in candidates(conn, By::Answer(last), self)? {
            let is_same_thread = longest.is_some_and(|found| found.thread == candidate.thread);
            if is_same_thread || self.answers_call_of(candidate.id) {
                return Ok(Some(candidate));
            }
            if longest.is_some() {
                continue;
            }
            let parent = match candidate.parent {
                Some(parent) => candidates(conn, By::Id(parent), self)?.into_iter().next(),
                None => None,
            };
            let goes_on = match (before, parent) {
                (Some(before), Some(parent)) => {
                    let answered = candidates(conn, By::Answer(*before), self)?;
                    answered.iter().any(|answered| answered.id == parent.id)
                }
                _ => false,
            };
            let opening = self.recents.opening_of(candidate.id);
            let begins_alike = opening.is_some() && opening == chain.opening;
            let is_likely = !self.is_foreign(candidate.pid) && self.is_telling();
            if goes_on || begins_alike || is_likely {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    /// Whether the last answer is long enough that no other conversation has it by chance.
    fn is_telling(&self) -> bool {
        let messages = self.exchange.request.messages.iter().rev();
        let answer = messages.filter(|m| voice(&m.role) == Some(Voice::Model)).take(1);
        let texts = answer.flat_map(|message| &message.parts).map(|part| match part {
            Part::Text { text } => text.len(),
            Part::ToolCall { arguments, .. } => arguments.to_string().len(),
            _ => 0,
        });
        texts.sum::<usize>() >= TELLING_BYTES_MIN
    }

    /// The exchange that asked what stands in the request before its last answer, or before
    /// its end, and whose own answer is not there: the app changed or dropped it.
    fn answered_otherwise(
        &self,
        conn: &Connection,
        chain: &Chain,
        base: Step,
        longest: Option<&(usize, Candidate)>,
    ) -> Result<Option<Origin>, StoreError> {
        let from = longest.map_or(0, |(at, _)| at + 1);
        let steps = chain.steps.iter().copied().enumerate().skip(from).rev();
        let mut seen = None;
        for (at, step) in steps.filter(|(_, s)| s.last.is_some_and(|v| v != Voice::Model)) {
            if seen.replace(step.hash) == Some(step.hash) {
                continue;
            }
            let is_whole = at + 1 == chain.steps.len();
            for candidate in candidates(conn, By::Asked(step.hash), self)? {
                let is_ours = !self.is_foreign(candidate.pid)
                    && self.started_at.saturating_sub(candidate.started_at) <= CALL_NS;
                // A bare first prompt may be another conversation's.
                if step.answers == 0 && !(is_ours && base.answers > 0) {
                    continue;
                }
                let thread = candidate.thread;
                let inherited = count(at + 1);
                let rule = ThreadRule::Again;
                let parent = if is_whole { candidate.parent } else { Some(candidate.id) };
                return Ok(Some(Origin { thread, rule, parent, inherited }));
            }
        }
        Ok(None)
    }

    /// Whether it is a turn of a WebSocket: those have the status of its handshake.
    fn is_turn(&self) -> bool {
        self.exchange.status == Some(101)
    }

    /// A first prompt that was sent before, and failed, or was sent to be counted. An equal
    /// prompt that was answered is another conversation's: a script asks the same again.
    pub(super) fn first_said_again(
        &self,
        conn: &Connection,
        chain: &Chain,
    ) -> Result<Option<Origin>, StoreError> {
        let Some(asked) = chain.asked() else { return Ok(None) };
        let mut steps = chain.steps.iter().enumerate().rev().skip(1);
        let earlier = steps.find(|(_, s)| s.last.is_some() && s.hash != asked);
        let places = [Some((chain.steps.len() - 1, asked)), earlier.map(|(at, s)| (at, s.hash))];
        for (at, hash) in places.into_iter().flatten() {
            let found = candidates(conn, By::Asked(hash), self)?;
            // A retry is as it was, a count of the tokens in some APIs is not.
            let is_retry = |candidate: &Candidate| match candidate.operation {
                _ if candidate.dialect != self.exchange.dialect => false,
                ref operation if *operation != self.exchange.operation => true,
                _ => !candidate.is_answered() && candidate.tools == self.contents.tools,
            };
            let is_alike = |candidate: &Candidate| {
                candidate.system == self.contents.system && candidate.tools == self.contents.tools
            };
            // Of these the next try was stored already: ours is another conversation's.
            let done = found.iter().filter(|c| !is_retry(c) && is_alike(c)).map(|c| c.thread);
            let done: Vec<i64> = done.collect();
            for candidate in found {
                let is_soon = self.started_at.saturating_sub(candidate.started_at) <= AGAIN_NS;
                let is_open = !done.contains(&candidate.thread) && is_retry(&candidate);
                let (thread, inherited) = (candidate.thread, count(at + 1));
                if is_soon && is_open && !self.is_foreign(candidate.pid) {
                    let (parent, rule) = (candidate.parent, ThreadRule::Again);
                    return Ok(Some(Origin { thread, rule, parent, inherited }));
                }
                // What a socket keeps is not said again, or without the answers.
                if hash != asked && self.is_turn() && candidate.flow == self.exchange.flow {
                    let (parent, rule) = (Some(candidate.id), ThreadRule::Process);
                    return Ok(Some(Origin { thread, rule, parent, inherited }));
                }
            }
        }
        Ok(None)
    }
}

/// Shortest answer, in bytes, of which it is no chance that it stands in a request.
const TELLING_BYTES_MIN: usize = 80;

/// Ids of the calls whose results are among the last messages.
pub(super) fn results(messages: &[Message]) -> HashSet<&str> {
    let parts = messages.iter().rev().take(RESULTS_IN).flat_map(|message| &message.parts);
    let ids = parts.filter_map(|part| match part {
        Part::ToolResult { id, .. } => id.as_deref(),
        _ => None,
    });
    ids.collect()
}

/// Last messages in which results of the last answer's calls stand, one each.
const RESULTS_IN: usize = 64;
