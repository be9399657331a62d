//! What an exchange costs: the provider's word, else the user's prices, else a table of list
//! prices at the date of the request. Right or unknown: where a rule of a provider's bill cannot
//! be told from what went over the wire, there is no cost.
//!
//! Three books are asked in this order, and the first that has the model answers: the user's
//! own [`Sheet`] (`prices.toml`), the table of the `genai-prices` crate ([`Table`]), and a small
//! sheet of ours for providers that it lacks (`own.toml`). What a list price cannot know, and so
//! a cost here does not either: discounts, subscriptions, credits, free quotas.

mod bill;
mod error;
mod names;
mod sheet;
mod table;
#[cfg(test)]
mod tests;

pub use bill::Bill;
pub use error::{PriceError, Unknown};
pub use sheet::{Price, Sheet};
pub use table::{Rates, Table, UPDATE_URL};

use std::sync::LazyLock;

use jiff::Timestamp;

use crate::model::{Cost, Exchange};

/// List prices of providers that the table lacks. The file says where they are from.
static OWN: LazyLock<Sheet> = LazyLock::new(|| {
    // A test reads it: were it broken, those providers would have no price.
    Sheet::parse(include_str!("own.toml")).unwrap_or_default()
});

/// All prices.
#[derive(Debug, Default)]
pub struct Prices {
    /// The user's.
    user: Sheet,
    table: Table,
}

/// What an exchange costs, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priced {
    /// US dollars.
    pub usd: f64,
    /// Who says so.
    pub source: Cost,
}

impl Prices {
    /// The user's prices, then a table.
    pub fn new(user: Sheet, table: Table) -> Self {
        Self { user, table }
    }

    /// What `exchange` costs. What was reported stays.
    pub fn price(&self, exchange: &Exchange) -> Result<Priced, Unknown> {
        if let (Some(usd), Some(Cost::Reported)) = (exchange.cost_usd, exchange.cost_source) {
            return Ok(Priced { usd, source: Cost::Reported });
        }
        let bill = Bill::of(exchange)?;
        if let Some(usd) = bill.reported {
            return Ok(Priced { usd, source: Cost::Reported });
        }
        let (usd, source) = self.charge(&bill)?;
        let source = if bill.usage.is_estimated() { Cost::Estimated } else { source };
        Ok(Priced { usd, source })
    }

    fn charge(&self, bill: &Bill<'_>) -> Result<(f64, Cost), Unknown> {
        if let Some(price) = self.user.find(bill) {
            return Ok((price.charge(bill)?, Cost::Override));
        }
        let listed = self.table.charge(bill);
        if let Some(price) = OWN.find(bill)
            && listed.is_err()
        {
            bill.plain()?;
            // The user knows what a price left out means; of a list we do not.
            if price.cache_read.is_none() && bill.usage.buckets().cache_read > Some(0) {
                return Err(Unknown::NoPriceOf("cache"));
            }
            return Ok((price.charge(bill)?, Cost::Table));
        }
        Ok((listed?, Cost::Table))
    }

    /// What `provider` asks for `model` at `at`, and which book says so.
    pub fn rates(
        &self,
        provider: &str,
        model: &str,
        at: Timestamp,
    ) -> Result<(Rates, Cost), Unknown> {
        let of_sheet = |sheet: &Sheet| sheet.named(Some(provider), model, at).map(Price::rates);
        if let Some(rates) = of_sheet(&self.user) {
            return Ok((rates, Cost::Override));
        }
        let listed = self.table.rates(provider, model, at);
        match of_sheet(&OWN) {
            Some(rates) if listed.is_err() => Ok((rates, Cost::Table)),
            _ => Ok((listed?, Cost::Table)),
        }
    }

    /// Providers and their models in all books; a model may be in several.
    pub fn models(&self) -> Vec<(String, String)> {
        let of_sheet = |sheet: &Sheet| {
            let named = sheet.prices().map(|price| {
                (price.provider.clone().unwrap_or_else(|| "*".to_owned()), price.model.clone())
            });
            named.collect::<Vec<_>>()
        };
        let mut models = of_sheet(&self.user);
        models.extend(self.table.models());
        models.extend(of_sheet(&OWN));
        models.sort_unstable();
        models.dedup();
        models
    }
}
