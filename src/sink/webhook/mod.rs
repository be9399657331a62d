//! Webhooks: lines of JSON to any address, signed as <https://www.standardwebhooks.com> has it.

#[cfg(test)]
mod tests;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::wire::{verdict_of_status, words};
use super::{Answer, Delivery, Parcel, Verdict, Wire};
use crate::export::jsonl;
use crate::model::{Exchange, Secret};

/// Writes exchanges as lines of JSON, and signs them.
#[derive(Clone, Debug, Default)]
pub struct Webhook {
    key: Option<hmac::Key>,
}

/// What is wrong with a secret. The secret itself is never in the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is no text of base64.
    #[error("the webhook's secret is not `whsec_` and base64")]
    NotBase64,
    /// It is too short to be one, or too long.
    #[error("the webhook's secret has {0} bytes; it must have from 24 to 64")]
    Length(usize),
}

/// What stands before a secret, so that scanners of source code know it.
const PREFIX: &str = "whsec_";

/// One line. `id` is what a receiver knows a repeated one by.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Uuid,
    turn: Uuid,
    exchange: &'a Exchange,
}

impl Webhook {
    /// Signs with `secret`: `whsec_` and base64.
    pub fn signed(secret: &Secret) -> Result<Self, SecretError> {
        let text = secret.expose().trim();
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(text).map_err(|_| SecretError::NotBase64)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Self { key: Some(hmac::Key::new(hmac::HMAC_SHA256, &bytes)) })
    }
}

impl Wire for Webhook {
    fn path(&self) -> &'static str {
        ""
    }

    fn parcel(&self, deliveries: &[Delivery]) -> Parcel {
        let mut body = Vec::new();
        let mut hasher = blake3::Hasher::new();
        for delivery in deliveries {
            let Delivery { exchange, turn, .. } = delivery;
            let line = Line { kind: "exchange", id: exchange.id, turn: *turn, exchange };
            // Writing to memory cannot fail.
            let _ = jsonl::line(&mut body, &line);
            hasher.update(exchange.id.as_bytes());
        }
        let id: String = hasher.finalize().to_hex().chars().take(32).collect();
        Parcel {
            content_type: "application/x-ndjson",
            headers: vec![(ID.to_owned(), format!("msg_{id}"))],
            body,
        }
    }

    fn sign(&self, now: Timestamp, parcel: &Parcel) -> Vec<(String, String)> {
        let at = now.as_second();
        let mut headers = vec![("webhook-timestamp".to_owned(), at.to_string())];
        if let Some(key) = &self.key {
            let id = parcel.headers.iter().find(|(name, _)| name == ID);
            let id = id.map(|(_, id)| &**id).unwrap_or_default();
            let mut context = hmac::Context::with_key(key);
            context.update(format!("{id}.{at}.").as_bytes());
            context.update(&parcel.body);
            let signature = STANDARD.encode(context.sign());
            headers.push(("webhook-signature".to_owned(), format!("v1,{signature}")));
        }
        headers
    }

    /// What is signed are the bytes on the wire, and few receivers of webhooks undo a coding.
    fn gzip(&self) -> bool {
        false
    }

    /// A repeated batch has the id that it had, so whatever failed may come again.
    fn answers_no_pages(&self) -> bool {
        false
    }

    fn verdict(&self, answer: Answer<'_>) -> Verdict {
        match answer.status {
            410 => Verdict::Stop { why: format!("{}: it wants no more", words(answer)) },
            409 | 500..=599 => Verdict::Later { why: words(answer) },
            _ => verdict_of_status(answer),
        }
    }
}

/// The header of the batch's id.
const ID: &str = "webhook-id";
