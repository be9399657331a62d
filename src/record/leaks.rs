//! The secrets that an app sent to a model: which, and in whose words.

use serde::Serialize;

use super::Lexicon;
use super::secrets::{Found, Place, Sighting};
use crate::model::{Message, Part, Request, Tool};
use crate::store::Leak;

/// The secrets in the texts of `request`; what stands in none of them, but stood in the body,
/// is told of the request as a whole. The header lines with which the app authenticates are no
/// part of a prompt.
///
/// A history that is sent again is told again: an exchange tells what it carried.
pub(super) fn leaks(request: &Request, lexicon: &Lexicon, found: &Found) -> Vec<Leak> {
    if found.met().next().is_none() {
        return Vec::new();
    }
    let mut search = Search { lexicon, found, leaks: Vec::new() };
    if let Some(system) = &request.system {
        search.text("system", system);
    }
    request.tools.iter().for_each(|tool| search.tool(tool));
    for message in &request.messages {
        if !is_repeated(message, request.system.as_deref()) {
            search.message(message);
        }
    }
    search.json("params", &request.params);
    search.leaks.extend(elsewhere(&search.leaks, found));
    search.leaks
}

/// Whether a message says what the system prompt says: dialects that carry it among the
/// messages tell it twice.
fn is_repeated(message: &Message, system: Option<&str>) -> bool {
    let says = |part: &Part| match (part, system) {
        (Part::Text { text }, Some(system)) => system.contains(text.as_str()),
        _ => false,
    };
    place_of(&message.role) == "system" && message.parts.iter().all(says)
}

/// A role as `grep --role` has it, or the app's own.
fn place_of(role: &str) -> String {
    let role = role.to_ascii_lowercase();
    match role.as_str() {
        "developer" => "system".to_owned(),
        "model" | "chatbot" => "assistant".to_owned(),
        "function" => "tool".to_owned(),
        _ => role,
    }
}

struct Search<'a> {
    lexicon: &'a Lexicon,
    found: &'a Found,
    leaks: Vec<Leak>,
}

impl Search<'_> {
    fn message(&mut self, message: &Message) {
        let place = place_of(&message.role);
        message.parts.iter().for_each(|part| self.part(&place, part));
    }

    fn part(&mut self, place: &str, part: &Part) {
        match part {
            Part::Text { text } => self.text(place, text),
            Part::Reasoning { text, .. } => self.text("reasoning", text),
            Part::ToolCall { arguments, .. } => self.json("call", arguments),
            Part::ToolResult { parts, .. } => {
                parts.iter().for_each(|part| self.part("tool", part));
            }
            Part::Other { value } => self.json(place, value),
            Part::Image { .. } | Part::Audio { .. } | Part::File { .. } => self.json(place, part),
        }
    }

    fn tool(&mut self, tool: &Tool) {
        self.text("tools", tool.description.as_deref().unwrap_or_default());
        self.json("tools", &tool.schema);
    }

    /// With the names, which may be what gives a secret away.
    fn json(&mut self, place: &str, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.text(place, &text);
        }
    }

    fn text(&mut self, place: &str, text: &str) {
        for sighting in self.lexicon.redactor.sightings(text, self.found) {
            let leak = leak(&sighting, place);
            let is_same =
                |had: &&mut Leak| had.place == place && had.fingerprint == leak.fingerprint;
            match self.leaks.iter_mut().find(is_same) {
                Some(had) => had.count += leak.count,
                None => self.leaks.push(leak),
            }
        }
    }
}

/// What was met in the body and in none of its texts: in a file, in base64, in a body that no
/// dialect reads.
fn elsewhere(leaks: &[Leak], found: &Found) -> Vec<Leak> {
    found
        .sightings()
        .filter(|sighting| matches!(sighting.place, Place::Prompt | Place::Kept))
        .map(|sighting| leak(sighting, "request"))
        .filter(|leak| !leaks.iter().any(|had| had.fingerprint == leak.fingerprint))
        .collect()
}

fn leak(sighting: &Sighting, place: &str) -> Leak {
    Leak {
        fingerprint: sighting.fingerprint.to_string(),
        kind: sighting.kind.clone(),
        place: place.to_owned(),
        count: sighting.count as u64,
    }
}
