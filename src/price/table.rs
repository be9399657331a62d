//! The table of list prices of the `genai-prices` crate: the one that is built in, or a newer
//! one that the user fetched.
//!
//! Of the crate we take prices only, never its reading of usage. It charges what it has no
//! price of at the price of something else, and a tier that it does not know at the usual one;
//! so whatever decides a price is asked for twice, with and without, and where both cost the
//! same the price is not known.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use genai_prices::{Calculator, PriceRequest, Usage as Counts, UsageKey};
use jiff::Timestamp;

use super::{Bill, PriceError, Unknown, names};

/// Where the newest table is.
pub const UPDATE_URL: &str = genai_prices::REMOTE_DATA_URL;

/// Tokens that prices are said of.
const MILLION: f64 = 1e6;

/// Longest prompt that a price is looked for, in tokens: no model takes more.
const CONTEXT_MAX: u64 = 1 << 24;

/// A table of list prices.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// `None` is the one that is built in; it is decoded when it is first needed.
    newer: Option<Arc<Calculator>>,
}

/// What a model costs: US dollars for a million tokens. `None` has no price of its own: input
/// then costs what `input` costs, reasoning what `output` costs.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Rates {
    /// The model, as the book names it.
    pub model: String,
    /// Input that is nothing else.
    pub input: Option<f64>,
    /// Read from a cache.
    pub cache_read: Option<f64>,
    /// Written to a cache for five minutes.
    pub cache_write_5m: Option<f64>,
    /// Written to a cache for an hour.
    pub cache_write_1h: Option<f64>,
    /// Sound.
    pub input_audio: Option<f64>,
    /// Pictures.
    pub input_image: Option<f64>,
    /// The answer.
    pub output: Option<f64>,
    /// Reasoning.
    pub reasoning: Option<f64>,
    /// Spoken answer.
    pub output_audio: Option<f64>,
    /// Pictures of the answer.
    pub output_image: Option<f64>,
    /// From how many tokens of the prompt on everything has another price, and which.
    pub long: Option<Box<(u64, Rates)>>,
}

impl Table {
    /// Reads a table.
    pub fn parse(json: &[u8]) -> Result<Self, PriceError> {
        let newer = Calculator::from_json(json).map_err(|e| PriceError::Table(e.to_string()))?;
        if newer.providers().next().is_none() {
            return Err(PriceError::Table("it names no provider".to_owned()));
        }
        Ok(Self { newer: Some(Arc::new(newer)) })
    }

    /// Reads the table at `path`; without a file it is the built-in one.
    pub fn read(path: &Path) -> Result<Self, PriceError> {
        let unreadable = |why: String| PriceError::Unreadable { path: path.to_owned(), why };
        match std::fs::read(path) {
            Ok(json) => Self::parse(&json).map_err(|e| unreadable(e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(unreadable(e.to_string())),
        }
    }

    /// What `bill` comes to.
    pub fn charge(&self, bill: &Bill<'_>) -> Result<f64, Unknown> {
        let provider = names::provider(bill)?;
        if let Some(beside) = bill.beside {
            return Err(Unknown::Beside(beside));
        }
        let mut why = Unknown::NoModel;
        for named in &bill.models {
            let found = names::model(bill, named)
                .and_then(|model| self.of(&provider, model, bill.at).charge(bill));
            match found {
                // The reply may bear a name that only its provider knows.
                Err(Unknown::NoPrice) => why = Unknown::NoPrice,
                found => return found,
            }
        }
        Err(why)
    }

    /// What `provider`, by our name or the table's, asks for `model` at `at`.
    pub fn rates(&self, provider: &str, model: &str, at: Timestamp) -> Result<Rates, Unknown> {
        let provider = names::named(provider).unwrap_or(provider);
        match self.of(provider, model, at).rates() {
            // What the table calls so is on the wire the name of some region's profile.
            Err(Unknown::NoPrice) if model.starts_with("regional.") => {
                self.of(provider, &model.replacen("regional.", "us.", 1), at).rates()
            }
            rates => rates,
        }
    }

    /// Providers, by our name where we have one, and their models.
    pub fn models(&self) -> impl Iterator<Item = (String, String)> {
        self.calculator().providers().flat_map(|provider| {
            let models = provider.models();
            models.map(move |model| (names::ours(provider.id()).to_owned(), model.id().to_owned()))
        })
    }

    fn of<'a>(&'a self, provider: &'a str, model: &'a str, at: Timestamp) -> Listed<'a> {
        Listed { calculator: self.calculator(), provider, model, at: at.into() }
    }

    fn calculator(&self) -> &Calculator {
        self.newer.as_deref().unwrap_or_else(|| Calculator::bundled())
    }
}

/// One model of the table at one time.
struct Listed<'a> {
    calculator: &'a Calculator,
    provider: &'a str,
    model: &'a str,
    at: SystemTime,
}

impl Listed<'_> {
    fn charge(&self, bill: &Bill<'_>) -> Result<f64, Unknown> {
        let counts = counts(bill);
        let terms: Vec<_> =
            bill.terms.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (total, model) = self.total(&counts, &terms)?;
        for term in &terms {
            let others: Vec<_> = terms.iter().copied().filter(|other| other != term).collect();
            if self.total(&counts, &others)?.0 == total {
                return Err(Unknown::Terms(format!("{} `{}`", term.0, term.1)));
            }
        }
        // A model without any price has no line in the table for its name's sake.
        if total == 0.0 && counts.iter().any(|(_, count)| count > 0.0) {
            return if model.ends_with(":free") { Ok(0.0) } else { Err(Unknown::NoPrice) };
        }
        self.knows_all_kinds(&counts, &terms, total)?;
        Ok(total)
    }

    /// Whether what is seldom and never costs as much as words has a price of its own.
    fn knows_all_kinds(
        &self,
        counts: &Counts,
        terms: &[(&str, &str)],
        total: f64,
    ) -> Result<(), Unknown> {
        for (kind, key, rest) in [
            ("answers", UsageKey::OUTPUT_TOKENS, &OF_OUTPUT[..]),
            ("cache that is kept for an hour", UsageKey::CACHE_WRITE_1H_TOKENS, &[]),
            ("sound", UsageKey::INPUT_AUDIO_TOKENS, &[UsageKey::CACHE_AUDIO_READ_TOKENS]),
            ("spoken answers", UsageKey::OUTPUT_AUDIO_TOKENS, &[]),
            ("pictures in an answer", UsageKey::OUTPUT_IMAGE_TOKENS, &[]),
            ("searches in the web", UsageKey::WEB_SEARCHES, &[]),
            ("searches in files", UsageKey::STORAGE_SEARCHES, &[]),
        ] {
            if counts.get(&key).unwrap_or_default() == 0.0 {
                continue;
            }
            // Google has models that take sound at the price of words, and says so; models that
            // do nothing but draw have one price for their answers.
            let is_told = key == UsageKey::INPUT_AUDIO_TOKENS && self.provider == "google"
                || key == UsageKey::OUTPUT_IMAGE_TOKENS && self.model.starts_with("gpt-image");
            if is_told {
                continue;
            }
            let mut without = counts.clone();
            without.remove(&key);
            rest.iter().for_each(|key| _ = without.remove(key));
            if self.total(&without, terms)?.0 == total {
                return Err(Unknown::NoPriceOf(kind));
            }
        }
        Ok(())
    }

    /// The price of `counts`, and the model as the table names it.
    fn total(&self, counts: &Counts, terms: &[(&str, &str)]) -> Result<(f64, String), Unknown> {
        let mut request = PriceRequest::new(self.model, counts)
            .with_provider_id(self.provider)
            .with_timestamp(self.at);
        for (name, value) in terms {
            request = request.with_price_context(name, value);
        }
        let found = self.calculator.calculate(&request).map_err(|e| match e.kind() {
            genai_prices::ErrorKind::InvalidUsage => Unknown::NoPriceOf("kinds of tokens together"),
            _ => Unknown::NoPrice,
        })?;
        match found.warnings.is_empty() {
            true => Ok((found.total_price, found.model_id)),
            // A price that this version of the crate cannot add up.
            false => Err(Unknown::NoPrice),
        }
    }

    fn rates(&self) -> Result<Rates, Unknown> {
        let mut rates = self.rates_at(1_000)?;
        let input = |prompt: u64| Some(self.rates_at(prompt).ok()?.input? * MILLION);
        let base = input(1_000);
        if input(CONTEXT_MAX).map(f64::round) != base.map(f64::round) {
            let (mut low, mut high) = (1_000, CONTEXT_MAX);
            while high - low > 1 {
                let middle = low.midpoint(high);
                match input(middle).map(f64::round) == base.map(f64::round) {
                    true => low = middle,
                    false => high = middle,
                }
            }
            rates.long = Some(Box::new((low, self.rates_at(high)?)));
        }
        Ok(rates)
    }

    /// The prices of a prompt of so many tokens, found by asking for each.
    fn rates_at(&self, prompt: u64) -> Result<Rates, Unknown> {
        let count = prompt as f64;
        let words = [(UsageKey::INPUT_TOKENS, count)];
        let (input, model) = self.total(&Counts::from(words.clone()), &[])?;
        let more = |keys: &[UsageKey]| {
            let mut counts = Counts::from(words.clone());
            keys.iter().for_each(|key| _ = counts.insert(key.clone(), count));
            self.total(&counts, &[]).ok().map(|(total, _)| total)
        };
        let per_million = |price: f64| (price / count * MILLION * 1e9).round() / 1e9;
        let own = |keys: &[UsageKey]| more(keys).filter(|total| *total != input).map(per_million);
        let beside = |key: UsageKey| {
            let total = more(&[UsageKey::OUTPUT_TOKENS])?;
            let with = match key == UsageKey::OUTPUT_TOKENS {
                true => total - input,
                false => more(&[UsageKey::OUTPUT_TOKENS, key]).filter(|had| *had != total)? - input,
            };
            Some(per_million(with)).filter(|price| *price > 0.0)
        };
        let write_5m = own(&[UsageKey::CACHE_WRITE_TOKENS]);
        let write_1h = [UsageKey::CACHE_WRITE_TOKENS, UsageKey::CACHE_WRITE_1H_TOKENS];
        Ok(Rates {
            model,
            input: Some(per_million(input)).filter(|price| *price > 0.0),
            cache_read: own(&[UsageKey::CACHE_READ_TOKENS]),
            cache_write_5m: write_5m,
            cache_write_1h: own(&write_1h).filter(|price| Some(*price) != write_5m),
            input_audio: own(&[UsageKey::INPUT_AUDIO_TOKENS]),
            input_image: own(&[UsageKey::INPUT_IMAGE_TOKENS]),
            output: beside(UsageKey::OUTPUT_TOKENS),
            reasoning: beside(UsageKey::OUTPUT_REASONING_TOKENS),
            output_audio: beside(UsageKey::OUTPUT_AUDIO_TOKENS),
            output_image: beside(UsageKey::OUTPUT_IMAGE_TOKENS),
            long: None,
        })
    }
}

/// What is counted of the output apart.
const OF_OUTPUT: [UsageKey; 3] = [
    UsageKey::OUTPUT_REASONING_TOKENS,
    UsageKey::OUTPUT_AUDIO_TOKENS,
    UsageKey::OUTPUT_IMAGE_TOKENS,
];

/// The counts of `bill` by the table's names, where totals include what is counted apart.
fn counts(bill: &Bill<'_>) -> Counts {
    let usage = bill.usage;
    let had = usage.buckets();
    let written = had.cache_write_5m.unwrap_or_default() + had.cache_write_1h.unwrap_or_default();
    // What is cached of sound and pictures is left out of the buckets; the table wants it in.
    let of_cache = |cached: Option<u64>| cached.map(|n| n.min(had.cache_read.unwrap_or_default()));
    let (audio, image) = (of_cache(usage.input_audio_cached), of_cache(usage.input_image_cached));
    let whole = |apart: Option<u64>, cached: Option<u64>| {
        apart.map(|apart| apart + cached.unwrap_or_default())
    };
    let all = [
        (UsageKey::INPUT_TOKENS, usage.input),
        (UsageKey::CACHE_READ_TOKENS, had.cache_read),
        (UsageKey::CACHE_WRITE_TOKENS, Some(written)),
        (UsageKey::CACHE_WRITE_1H_TOKENS, had.cache_write_1h),
        (UsageKey::INPUT_AUDIO_TOKENS, whole(had.input_audio, audio)),
        (UsageKey::CACHE_AUDIO_READ_TOKENS, audio),
        (UsageKey::INPUT_IMAGE_TOKENS, whole(had.input_image, image)),
        (UsageKey::CACHE_IMAGE_READ_TOKENS, image),
        (UsageKey::OUTPUT_TOKENS, usage.output),
        (UsageKey::OUTPUT_REASONING_TOKENS, had.reasoning),
        (UsageKey::OUTPUT_AUDIO_TOKENS, had.output_audio),
        (UsageKey::OUTPUT_IMAGE_TOKENS, had.output_image),
        (UsageKey::WEB_SEARCHES, Some(bill.web_searches)),
        (UsageKey::STORAGE_SEARCHES, Some(bill.file_searches)),
    ];
    // A kind that was counted and is 0 is still said: cached sound without a count is unknown.
    let said = all.into_iter().filter_map(|(key, count)| Some((key, count? as f64)));
    said.filter(|(key, count)| *count > 0.0 || *key == UsageKey::CACHE_AUDIO_READ_TOKENS).collect()
}
