//! `overhear prices`: what models cost, a newer table, costs computed again.

mod apply;
mod fetch;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::filters::FilterArgs;
use super::places::Places;
use super::printer::{ExitStatus, Ink, Printer, shown};
use super::settings::ConfigFile;
use super::table::{Cell, Column, Side, table};
use crate::model::Cost;
use crate::price::{PriceError, Prices, Rates, Sheet, Table, UPDATE_URL, Unknown};
use crate::store::{Calls, Reader, Selection, StoreError};

/// Show what models cost: those of the capture, or those whose name has MODEL in it
///
/// US dollars for a million tokens. The user's own prices go before the table, and what a
/// provider reports in its reply goes before both.
#[derive(Args, Clone, Debug)]
pub struct PricesArgs {
    #[command(subcommand)]
    command: Option<PricesCommand>,
    /// Models with MODEL in their name, in upper or lower case
    #[arg(value_name = "MODEL")]
    model: Option<String>,
    /// Only of PROVIDER, such as `openai` or `anthropic`
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum PricesCommand {
    /// Fetch the newest table of list prices; nothing else ever does
    Update(UpdateArgs),
    /// Compute the costs of recorded exchanges again, by today's tables; what a provider
    /// reported stays
    Apply(Box<ApplyArgs>),
}

/// `overhear prices update`.
#[derive(Args, Clone, Debug)]
struct UpdateArgs {
    /// From there instead: a URL, or a file
    #[arg(long, value_name = "URL|FILE", default_value = UPDATE_URL)]
    from: String,
}

/// `overhear prices apply`.
#[derive(Args, Clone, Debug)]
struct ApplyArgs {
    #[command(flatten)]
    filters: FilterArgs,
}

/// Runs the command.
pub fn prices(
    args: &PricesArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    match &args.command {
        Some(PricesCommand::Update(update)) => fetch::update(&update.from, &places.prices(), out),
        Some(PricesCommand::Apply(apply)) => {
            let prices = open(&config.prices(), places)?;
            apply::apply(&apply.filters, &places.capture(), &prices, out)
        }
        None => show(args, places, config, out),
    }
}

/// The user's prices and the newest table there is.
pub(super) fn open(user: &Path, places: &Places) -> Result<Prices, PriceError> {
    Ok(Prices::new(Sheet::read(user)?, Table::read(&places.prices())?))
}

fn show(
    args: &PricesArgs,
    places: &Places,
    config: &ConfigFile,
    out: &mut Printer,
) -> Result<ExitStatus> {
    let user = config.prices();
    let prices = open(&user, places)?;
    let named = match &args.model {
        Some(model) => with_name(&prices, &model.to_lowercase()),
        None => of_capture(&places.capture(), out)?,
    };
    let is_wanted = |provider: &str| args.provider.as_deref().is_none_or(|named| named == provider);
    let now = Timestamp::now();
    let found: Vec<Quote> = named
        .into_iter()
        .filter(|(provider, _)| is_wanted(provider))
        .map(|(provider, model)| Quote::of(&prices, provider, model, now))
        .collect();
    if found.is_empty() {
        return Ok(ExitStatus::NothingFound);
    }
    if args.json {
        for quote in &found {
            out.json(quote)?;
        }
        return Ok(ExitStatus::Found);
    }
    table(&COLUMNS, found.iter().flat_map(Quote::lines).collect(), out)?;
    let updated = places.prices();
    let whose = match updated.exists() {
        true => format!("the table of `{}`", updated.display()),
        false => "the built-in table; `overhear prices update` fetches the newest".to_owned(),
    };
    out.line(&[(Ink::Dim, format!("US dollars for a million tokens, from {whose}"))])?;
    if user.exists() {
        out.line(&[(Ink::Dim, format!("yours: `{}`", user.display()))])?;
    }
    Ok(ExitStatus::Found)
}

fn with_name(prices: &Prices, part: &str) -> BTreeSet<(String, String)> {
    let all = prices.models().into_iter();
    all.filter(|(_, model)| model.to_lowercase().contains(part)).collect()
}

/// Providers and models of the capture; none if there is no capture yet.
fn of_capture(capture: &Path, out: &mut Printer) -> Result<BTreeSet<(String, String)>> {
    let reader = match Reader::open(capture) {
        Err(StoreError::Missing { .. }) => {
            out.talk("nothing is recorded yet\nhint: overhear prices MODEL");
            return Ok(BTreeSet::new());
        }
        reader => reader.context("cannot look which models were recorded")?,
    };
    let mut named = BTreeSet::new();
    let worked = Selection { calls: Calls::Worked, ..Selection::default() };
    reader.tally(&worked, |tally| {
        if let (Some(provider), Some(model)) = (tally.provider, tally.model) {
            named.insert((provider.to_owned(), model.to_owned()));
        }
    })?;
    Ok(named)
}

/// What a model costs, or that nobody knows.
#[derive(serde::Serialize)]
struct Quote {
    provider: String,
    model: String,
    /// Which book says so; `None` if none does.
    source: Option<Cost>,
    /// US dollars for a million tokens.
    rates: Option<Rates>,
}

impl Quote {
    fn of(prices: &Prices, provider: String, model: String, at: Timestamp) -> Self {
        let found: Result<_, Unknown> = prices.rates(&provider, &model, at);
        let (rates, source) = found.ok().unzip();
        Self { provider, model, source, rates }
    }

    fn lines(&self) -> Vec<Vec<Cell>> {
        let mut lines = Vec::new();
        let model = shown(&self.model).into_owned();
        match &self.rates {
            None => lines.push(vec![
                (Ink::Dim, shown(&self.provider).into_owned()),
                (Ink::Plain, model),
                (Ink::Dim, "unknown".to_owned()),
            ]),
            Some(rates) => {
                lines.push(line(&self.provider, model, rates));
                if let Some((from, long)) = rates.long.as_deref() {
                    let above = format!("  above {} tokens", super::stats::grouped(*from));
                    lines.push(line("", above, long));
                }
            }
        }
        lines
    }
}

const fn column(heading: &'static str, side: Side, gives_way: Option<u8>) -> Column {
    Column { heading, side, gives_way }
}

const COLUMNS: [Column; 10] = [
    column("PROVIDER", Side::Left, None),
    column("MODEL", Side::Left, None),
    column("INPUT", Side::Right, None),
    column("CACHED", Side::Right, None),
    column("WRITE 5M", Side::Right, Some(3)),
    column("WRITE 1H", Side::Right, Some(2)),
    column("OUTPUT", Side::Right, None),
    column("SOUND IN", Side::Right, Some(1)),
    column("SOUND OUT", Side::Right, Some(1)),
    column("IMAGE OUT", Side::Right, Some(0)),
];

fn line(provider: &str, model: String, rates: &Rates) -> Vec<Cell> {
    let usd = |price: Option<f64>| (Ink::Plain, price.map(dollars).unwrap_or_default());
    vec![
        (Ink::Dim, shown(provider).into_owned()),
        (Ink::Plain, model),
        usd(rates.input),
        usd(rates.cache_read),
        usd(rates.cache_write_5m),
        usd(rates.cache_write_1h),
        usd(rates.output),
        usd(rates.input_audio),
        usd(rates.output_audio),
        usd(rates.output_image),
    ]
}

/// A price with two decimals, and with more where it has more.
fn dollars(price: f64) -> String {
    let exact = format!("{price:.4}");
    let short = exact.trim_end_matches('0');
    match short.split_once('.') {
        Some((_, decimals)) if decimals.len() > 2 => short.to_owned(),
        _ => format!("{price:.2}"),
    }
}

/// Says of an unreadable file of prices what is done without it.
pub(super) fn or_default(prices: Result<Prices, PriceError>, say: impl FnOnce(&str)) -> Prices {
    prices.unwrap_or_else(|why| {
        say(&format!("warning: {why}; costs are by the built-in list prices"));
        Prices::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_the_decimals_they_need() {
        for (price, expected) in [(5.0, "5.00"), (0.3, "0.30"), (0.0375, "0.0375"), (6.25, "6.25")]
        {
            assert_eq!(dollars(price), expected);
        }
    }
}
