//! Prices in a file of TOML: the user's own, and those that we keep beside the table.

use std::path::Path;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Bill, PriceError, Rates, Unknown};

/// Tokens that a price is of.
const MILLION: f64 = 1e6;

/// Prices, each for the models that it names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    #[serde(default)]
    price: Vec<Price>,
}

/// The price of a model, or of several: US dollars for a million tokens.
///
/// A kind of input that has no price costs what `input` costs, reasoning what `output` costs;
/// sound and pictures in an answer have to be named, and sound in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Price {
    /// Our name of the provider, or a host; `None` is any.
    pub provider: Option<String>,
    /// The model, as it was asked for or as it answered; a `*` stands for anything.
    pub model: String,
    /// From this day on, UTC; `None` is since ever.
    #[serde(default, deserialize_with = "day")]
    pub since: Option<Date>,
    /// Up to the day before this one, UTC.
    #[serde(default, deserialize_with = "day")]
    pub until: Option<Date>,
    /// Input that is nothing else.
    pub input: f64,
    /// Read from a cache.
    pub cache_read: Option<f64>,
    /// Written to a cache for five minutes.
    #[serde(rename = "cache-write-5m")]
    pub cache_write_5m: Option<f64>,
    /// Written to a cache for an hour.
    #[serde(rename = "cache-write-1h")]
    pub cache_write_1h: Option<f64>,
    /// Sound.
    pub input_audio: Option<f64>,
    /// Pictures.
    pub input_image: Option<f64>,
    /// The answer.
    pub output: f64,
    /// Reasoning.
    pub reasoning: Option<f64>,
    /// Spoken answer.
    pub output_audio: Option<f64>,
    /// Pictures of the answer.
    pub output_image: Option<f64>,
    /// US dollars for each request, whatever is in it.
    #[serde(default)]
    pub request: f64,
}

impl Sheet {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let sheet: Self = toml::from_str(text).map_err(|e| PriceError::Sheet(e.to_string()))?;
        let wrong = sheet.price.iter().find(|price| !price.is_sound());
        match wrong {
            Some(price) => Err(PriceError::Sheet(format!(
                "the prices of `{}` must be numbers from 0 up",
                price.model
            ))),
            None => Ok(sheet),
        }
    }

    /// Reads the file at `path`; without one there are no prices.
    pub fn read(path: &Path) -> Result<Self, PriceError> {
        let unreadable = |why: String| PriceError::Unreadable { path: path.to_owned(), why };
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|e| unreadable(e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(unreadable(e.to_string())),
        }
    }

    /// All prices, in the order of the file.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.price.iter()
    }

    /// The price that holds for `bill`: the last one in the file, so that a new price is
    /// added below the old one.
    pub fn find(&self, bill: &Bill<'_>) -> Option<&Price> {
        let host = bill.host();
        bill.models.iter().find_map(|model| {
            self.price.iter().rev().find(|price| {
                let named = price.provider.as_deref();
                let is_theirs = named.is_none() || named == bill.provider || named == Some(&host);
                is_theirs && price.is_of(model, bill.at)
            })
        })
    }

    /// The price of `model` at `at`; `None` for `provider` is any.
    pub fn named(&self, provider: Option<&str>, model: &str, at: Timestamp) -> Option<&Price> {
        self.price.iter().rev().find(|price| {
            (price.provider.is_none() || price.provider.as_deref() == provider)
                && price.is_of(model, at)
        })
    }
}

impl Price {
    fn is_of(&self, model: &str, at: Timestamp) -> bool {
        let day = at.to_zoned(TimeZone::UTC).date();
        self.since.is_none_or(|since| since <= day)
            && self.until.is_none_or(|until| day < until)
            && is_like(&self.model, model)
    }

    fn is_sound(&self) -> bool {
        let optional = [
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.input_audio,
            self.input_image,
            self.reasoning,
            self.output_audio,
            self.output_image,
        ];
        let mut all = optional.into_iter().flatten().chain([self.input, self.output, self.request]);
        all.all(|price| price.is_finite() && price >= 0.0)
    }

    /// What `bill` comes to.
    pub fn charge(&self, bill: &Bill<'_>) -> Result<f64, Unknown> {
        let had = bill.usage.buckets();
        let needed = [
            ("sound", had.input_audio, self.input_audio),
            ("spoken answers", had.output_audio, self.output_audio),
            ("pictures", had.output_image, self.output_image),
        ];
        if let Some((kind, ..)) =
            needed.iter().find(|(_, count, price)| count.is_some_and(|n| n > 0) && price.is_none())
        {
            return Err(Unknown::NoPriceOf(kind));
        }
        let lines = [
            (had.input_uncached, Some(self.input)),
            (had.cache_read, self.cache_read.or(Some(self.input))),
            (had.cache_write_5m, self.cache_write_5m.or(Some(self.input))),
            (had.cache_write_1h, self.cache_write_1h.or(self.cache_write_5m).or(Some(self.input))),
            (had.input_audio, self.input_audio),
            (had.input_image, self.input_image.or(Some(self.input))),
            (had.output_visible, Some(self.output)),
            (had.reasoning, self.reasoning.or(Some(self.output))),
            (had.output_audio, self.output_audio),
            (had.output_image, self.output_image),
        ];
        let tokens = lines.iter().filter_map(|(count, price)| Some((*count)? as f64 * (*price)?));
        Ok(tokens.sum::<f64>() / MILLION + self.request)
    }

    /// The prices as the table gives them.
    pub fn rates(&self) -> Rates {
        Rates {
            model: self.model.clone(),
            input: Some(self.input),
            cache_read: self.cache_read,
            cache_write_5m: self.cache_write_5m,
            cache_write_1h: self.cache_write_1h,
            input_audio: self.input_audio,
            input_image: self.input_image,
            output: Some(self.output),
            output_audio: self.output_audio,
            output_image: self.output_image,
            reasoning: self.reasoning,
            long: None,
        }
    }
}

/// A day, with or without quotes around it.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Day {
        Toml(toml::value::Datetime),
        Text(String),
    }
    let text = match Day::deserialize(deserializer)? {
        Day::Toml(day) => day.to_string(),
        Day::Text(text) => text,
    };
    text.parse().map(Some).map_err(|e| D::Error::custom(format!("`{text}` is no day: {e}")))
}

/// Whether `name` is what `pattern` says, upper and lower case alike; `*` is any text.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, name, expected) in [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "GPT-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-5*", "gpt-5-mini", true),
            ("*", "anything", true),
            ("*llama*70b*", "meta-llama/Llama-3.3-70B-Instruct", true),
            ("*llama*70b", "meta-llama/Llama-3.3-70B-Instruct", false),
            ("a*a", "a", false),
            ("", "", true),
        ] {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_file_says_what_is_wrong_in_it() {
        for (rule, text) in [
            ("no such field", "[[price]]\nmodel = \"a\"\ninput = 1\noutput = 1\nprompt = 3"),
            ("no output", "[[price]]\nmodel = \"a\"\ninput = 1.0"),
            ("negative", "[[price]]\nmodel = \"a\"\ninput = -1.0\noutput = 0.0"),
            ("no TOML", "]"),
        ] {
            assert!(Sheet::parse(text).is_err(), "{rule}");
        }
        assert_eq!(Sheet::parse("").unwrap(), Sheet::default());
        let whole = "price = [{ model = \"a\", input = 1, output = 2, since = 2026-01-31 }]";
        assert_eq!(Sheet::parse(whole).unwrap().prices().count(), 1);
    }
}
