//! Answers that stand elsewhere than in `choices`: in an envelope, or as a bare text.

use serde_json::value::RawValue;

use super::answer::{Tell, Whole};
use super::reply::ChatReading;
use super::wire::{Chosen, Output, Told};
use crate::dialect::json::{self, Text};

impl Told<'_> {
    /// Whether there is an answer elsewhere than in `choices`.
    pub(super) fn has_envelope(&self) -> bool {
        let places = [self.content, self.value, self.response, self.output, self.result];
        self.choices.is_none() && places.iter().any(Option::is_some)
    }
}

impl ChatReading {
    /// Takes the answer out of its envelope:
    ///
    /// - `content`: llama.cpp's own format; `value`: Writer's streamed completions;
    /// - `response`: Cloudflare's models, in a whole reply inside `result`;
    /// - `output`: Alibaba's DashScope, which repeats all that came before unless it is asked
    ///   for increments.
    pub(super) fn open(&mut self, told: &mut Told<'_>, whole: Whole, tell: &mut Tell<'_>) {
        if !told.has_envelope() {
            for (name, raw) in told.envelopes() {
                self.keep(name, raw);
            }
            return;
        }
        for (name, raw) in told.envelopes() {
            let is_taken = match (name, raw.get().as_bytes().first()) {
                ("output", Some(b'{')) => {
                    self.named(told.request_id.own());
                    self.output(raw, whole, tell)
                }
                ("result", Some(b'{')) => {
                    let (taken, _) = json::read::<Told<'static>, _>(raw.get(), |mut inner| {
                        // An envelope in the envelope is none.
                        inner.result = None;
                        self.take(inner, whole, tell);
                    });
                    taken.is_some()
                }
                ("content" | "value" | "response", Some(b'"')) => {
                    let text = serde_json::from_str::<Text<'_>>(raw.get()).unwrap_or_default();
                    self.choice(Chosen { text, ..Chosen::default() }, whole, tell);
                    true
                }
                _ => false,
            };
            if !is_taken {
                self.keep(name, raw);
            }
        }
    }

    fn output(&mut self, raw: &RawValue, whole: Whole, tell: &mut Tell<'_>) -> bool {
        let (taken, _) = json::read::<Output<'static>, _>(raw.get(), |output| {
            let mut choices = output.choices.0;
            if choices.is_empty() {
                let (text, finish_reason) = (output.text, output.finish_reason);
                choices.push(Chosen { text, finish_reason, ..Chosen::default() });
            }
            for mut choice in choices {
                // A text until the answer is over.
                if choice.finish_reason.as_str() == "null" {
                    choice.finish_reason = Text::default();
                }
                self.answered(choice, whole, tell);
            }
            for (name, raw) in output.rest {
                self.keep(name.as_str(), raw);
            }
        });
        taken.is_some()
    }
}

impl<'a> Told<'a> {
    /// The fields that may be an envelope, which are taken out.
    fn envelopes(&mut self) -> impl Iterator<Item = (&'static str, &'a RawValue)> + use<'a> {
        let places = [
            ("content", self.content.take()),
            ("value", self.value.take()),
            ("response", self.response.take()),
            ("output", self.output.take()),
            ("result", self.result.take()),
        ];
        places.into_iter().filter_map(|(name, raw)| Some((name, raw?)))
    }
}
