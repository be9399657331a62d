//! Exchanges that come from elsewhere as they are: secrets are replaced in them all the same.

use super::Lexicon;
use super::secrets::{Found, Place};
use crate::model::Exchange;

/// Replaces the secrets of an exchange that another capture had. Its own are marks already and
/// stay as they are; whoever wrote the file by hand, or by an older version, may have left some.
pub fn redact(exchange: &mut Exchange, lexicon: &Lexicon) -> Result<(), serde_json::Error> {
    let mut found = Found::default();
    let redactor = &lexicon.redactor;
    redactor.headers(&mut exchange.request.headers, &mut found);
    if let Some(reply) = &mut exchange.reply {
        redactor.headers(&mut reply.headers, &mut found);
    }
    exchange.path = redactor.target(&exchange.path, &mut found);
    // As JSON the names of fields tell what is a secret, as they do on the wire.
    let mut json = serde_json::to_vec(&exchange)?;
    if redactor.body(&mut json, &mut found) > 0 {
        *exchange = serde_json::from_slice(&json)?;
    }
    let places = [Place::Target, Place::Head, Place::Body];
    exchange.notes.extend(places.into_iter().filter_map(|place| found.note(place)));
    Ok(())
}
