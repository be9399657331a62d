//! Tokens and money of an exchange, as far as its provider did not say.

use super::Lexicon;
use crate::model::Exchange;
use crate::tokens;

/// Estimates the tokens of an exchange whose provider sent no count, and prices it.
pub(super) fn count(exchange: &mut Exchange, lexicon: &Lexicon) {
    if let Some(estimate) = tokens::estimate(exchange, &lexicon.counter) {
        exchange.usage = Some(estimate.usage);
        exchange.notes.push(estimate.note);
    }
    if let Ok(priced) = lexicon.prices.price(exchange) {
        exchange.cost_usd = Some(priced.usd);
        exchange.cost_source = Some(priced.source);
    }
}
