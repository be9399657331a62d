//! Which exchanges, in one line: the language of `--where` and of the page's address bar.
//!
//! `app:claude model:opus since:2h tokens:10k` are filters, as the options of the same names;
//! texts must have all other words, upper and lower case alike; `/…/` is a regular expression.
//! Quotes hold words together: `app:"my agent" "a phrase"`.

use std::str::FromStr;

use jiff::{Span, SpanRelativeTo, Zoned};

use super::{Case, Filter, Pattern, PatternError, Role, Syntax, WhenError, when};
use crate::model::State;
use crate::store::{Calls, Measure, Order};

/// A line of the language, read.
#[derive(Clone, Debug)]
pub struct Query {
    /// The exchanges that are meant.
    pub filter: Filter,
    /// What is looked for in their texts: any of the words.
    pub pattern: Option<Pattern>,
    /// A text counts only if it has each of these.
    pub also: Vec<Pattern>,
    /// In which order.
    pub order: Order,
    /// Which exchanges count.
    pub calls: Calls,
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// No such filter.
    #[error("there is no filter `{0}:`\nhint: one of {NAMES}; quote words with a colon")]
    Filter(String),
    /// A filter's value means nothing.
    #[error("`{filter}:{value}` says nothing\nhint: {hint}")]
    Value {
        /// The filter.
        filter: String,
        /// Its value.
        value: String,
        /// What it takes.
        hint: &'static str,
    },
    /// A quote or an expression without its end.
    #[error("`{0}` has no end")]
    Open(String),
    /// A time that is none.
    #[error(transparent)]
    When(#[from] WhenError),
    /// An expression that is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// The filters, for people.
const NAMES: &str = "app, host, model, provider, dialect, operation, thread, prompt, state, \
                     status, tag, is, role, id, since, until, duration, first-token, cost, \
                     tokens, sort";

impl Query {
    /// Reads a line, its times as of `now`.
    pub fn read(line: &str, now: &Zoned) -> Result<Self, QueryError> {
        let mut query = Self {
            filter: Filter::default(),
            pattern: None,
            also: Vec::new(),
            order: Order::NewestFirst,
            calls: Calls::OfModels,
        };
        let mut words = Vec::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, after) = Word::take(rest)?;
            rest = after.trim_start();
            match word {
                Word::Filter(name, value) if !value.is_empty() => query.set(name, &value, now)?,
                // It is being typed.
                Word::Filter(..) => {}
                Word::Text(text) => words.push(text),
                Word::Expression(text) => {
                    let (syntax, case) = (Syntax::Regex, Case::Sensitive);
                    query.pattern = Some(Pattern::new(text, syntax, case)?);
                }
            }
        }
        let literal = |text: &String| Pattern::new(text, Syntax::Literal, Case::Insensitive);
        words.retain(|text| !text.is_empty());
        match (words.as_slice(), &query.pattern) {
            ([], _) => {}
            ([word], None) => query.pattern = Some(literal(word)?),
            (several, None) => {
                let any: Vec<String> = several.iter().map(|word| regex::escape(word)).collect();
                query.pattern =
                    Some(Pattern::new(&any.join("|"), Syntax::Regex, Case::Insensitive)?);
                query.also = several.iter().map(literal).collect::<Result<_, _>>()?;
            }
            // Lines that have the expression, in texts that have the words.
            (words, Some(_)) => query.also = words.iter().map(literal).collect::<Result<_, _>>()?,
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str, now: &Zoned) -> Result<(), QueryError> {
        let filter = &mut self.filter;
        let text = || Some(value.to_owned());
        let wrong = |hint| QueryError::Value { filter: name.into(), value: value.into(), hint };
        match name {
            "app" => filter.app = text(),
            "host" => filter.host = text(),
            "model" => filter.model = text(),
            "provider" => filter.provider = text(),
            "dialect" => filter.dialect = text(),
            "operation" => filter.operation = text(),
            "thread" => filter.thread = text(),
            "tag" => filter.tag = text(),
            "id" => filter.id = text(),
            "prompt" => {
                let id = value.strip_prefix('@').unwrap_or(value).parse();
                let hint = "the id of one that `prompts` lists, such as @12";
                filter.prompt = Some(id.map_err(|_| wrong(hint))?);
            }
            "since" => filter.since = Some(when::parse(value, now)?),
            "until" => filter.until = Some(when::parse(value, now)?),
            "role" => {
                let role = Role::from_str(value);
                let hint = "one of system, user, assistant, reasoning, call, tool, tools, \
                            request, reply";
                filter.role.push(role.map_err(|_| wrong(hint))?);
            }
            "state" => {
                let state = State::ALL.into_iter().find(|state| state.as_str() == value);
                let hint = "one of complete, interrupted, failed, truncated";
                filter.state = Some(state.ok_or_else(|| wrong(hint))?);
            }
            "status" => {
                let status = value.parse();
                filter.status = Some(status.map_err(|_| wrong("a number such as 429"))?);
            }
            "is" => match value {
                "pinned" => filter.pinned = Some(true),
                "failed" => filter.state = Some(State::Failed),
                "any" => self.calls = Calls::All,
                _ => return Err(wrong("one of pinned, failed, any (no call of a model either)")),
            },
            "duration" | "first-token" => {
                let measure =
                    if name == "duration" { Measure::Duration } else { Measure::FirstToken };
                let least = milliseconds(value).ok_or_else(|| wrong("a time such as `5s`"))?;
                filter.at_least.push((measure, least));
            }
            "cost" | "tokens" => {
                let measure = if name == "cost" { Measure::Cost } else { Measure::Tokens };
                let least = number(value).ok_or_else(|| wrong("a number such as 0.5 or 10k"))?;
                filter.at_least.push((measure, least));
            }
            "sort" => {
                self.order = match value {
                    "newest" => Order::NewestFirst,
                    "oldest" => Order::OldestFirst,
                    "duration" => Order::MostOf(Measure::Duration),
                    "first-token" => Order::MostOf(Measure::FirstToken),
                    "cost" => Order::MostOf(Measure::Cost),
                    "tokens" => Order::MostOf(Measure::Tokens),
                    _ => {
                        return Err(wrong(
                            "one of newest, oldest, duration, first-token, cost, tokens",
                        ));
                    }
                };
            }
            _ => return Err(QueryError::Filter(name.to_owned())),
        }
        Ok(())
    }
}

/// A word of the language.
#[derive(Debug, PartialEq, Eq)]
enum Word<'a> {
    Filter(&'a str, String),
    Text(String),
    Expression(&'a str),
}

impl<'a> Word<'a> {
    /// The first word, and what follows it.
    fn take(line: &'a str) -> Result<(Self, &'a str), QueryError> {
        let open = || QueryError::Open(line.to_owned());
        if let Some(expression) = line.strip_prefix('/') {
            let end = expression_end(expression).ok_or_else(open)?;
            let (expression, rest) = expression.split_at(end);
            return Ok((Self::Expression(expression), rest.get(1..).unwrap_or_default()));
        }
        let name_end = line.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        if let Some((name, value)) = name_end.and_then(|end| line.split_at_checked(end))
            && let Some(value) = value.strip_prefix(':')
            && !name.is_empty()
            // A URL is text.
            && !value.starts_with("//")
        {
            let value = value.strip_prefix(">=").or(value.strip_prefix('>')).unwrap_or(value);
            let (value, rest) = quoted_or_bare(value).ok_or_else(open)?;
            return Ok((Self::Filter(name, value), rest));
        }
        let (text, rest) = quoted_or_bare(line).ok_or_else(open)?;
        Ok((Self::Text(text), rest))
    }
}

/// Where the slash stands that ends an expression; `\/` is a slash in it.
fn expression_end(expression: &str) -> Option<usize> {
    let mut escaped = false;
    expression.char_indices().find_map(|(at, c)| {
        let ends = c == '/' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// A text in quotes, in which `\"` is a quote, or one up to the next space.
fn quoted_or_bare(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (bare, rest) = text.split_at(end);
        return Some((bare.to_owned(), rest));
    };
    let (mut found, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((found, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => found.extend(chars.next().map(|(_, c)| c)),
            c => found.push(c),
        }
    }
    None
}

/// `250ms`, `5s`, `2m`; a number alone is of seconds.
fn milliseconds(value: &str) -> Option<f64> {
    if let Ok(seconds) = value.parse::<f64>() {
        return seconds.is_finite().then_some(seconds * 1000.0);
    }
    let span: Span = value.parse().ok()?;
    span.total((jiff::Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok()
}

/// A number, of which `k` and `m` make thousands and millions.
fn number(value: &str) -> Option<f64> {
    let lower = value.trim_start_matches('$').to_ascii_lowercase();
    let (digits, factor) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(digits), _) => (digits, 1e3),
        (_, Some(digits)) => (digits, 1e6),
        _ => (lower.as_str(), 1.0),
    };
    digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Query, QueryError> {
        Query::read(line, &"2026-11-23T10:00:00Z[UTC]".parse().unwrap())
    }

    #[test]
    fn a_line_is_filters_and_words() {
        let query = read(r#"app:"my agent" since:2h tokens:>10k cost:0.5 is:pinned role:user"#);
        let filter = query.unwrap().filter;
        assert_eq!(filter.app.as_deref(), Some("my agent"));
        assert_eq!(filter.since, Some("2026-11-23T08:00:00Z".parse().unwrap()));
        assert_eq!(filter.at_least, [(Measure::Tokens, 10_000.0), (Measure::Cost, 0.5)]);
        assert_eq!((filter.pinned, filter.role), (Some(true), vec![Role::User]));
    }

    #[test]
    fn what_is_no_filter_is_looked_for() {
        for (line, text, found) in [
            ("\"weather Ghent\"", "the Weather ghent has", true),
            ("\"weather Ghent\"", "weather in Ghent", false),
            ("weather Ghent", "in Ghent", true),
            ("model:gpt \"a: b\"", "x A: B", true),
            ("https://example.com/x", "see https://example.com/x", true),
            ("天气", "今天天气好", true),
            ("/w.t\\/er/", "wet/er", true),
            ("/W.t/", "wet", false),
            ("10:30", "at 10:30", true),
        ] {
            let pattern = read(line).unwrap().pattern.unwrap();
            assert_eq!(!pattern.lines(text, 0).is_empty(), found, "{line}");
        }
        let query = read("weather Ghent").unwrap();
        let all = |text: &str| query.also.iter().all(|pattern| pattern.is_in(text));
        assert!(all("in GHENT:\nthe weather") && !all("in Ghent"));
        assert!(read("  model:gpt ").unwrap().pattern.is_none());
        assert!(read("").unwrap().pattern.is_none());
        assert!(read("model:").unwrap().filter.model.is_none());
    }

    #[test]
    fn a_line_that_means_nothing_says_what_would() {
        for line in [
            "colour:red",
            "state:odd",
            "status:x",
            "since:never",
            "\"open",
            "/open",
            "/(/",
            "duration:long",
            "cost:dear",
            "sort:x",
            "is:odd",
            "role:nobody",
            "prompt:one",
            "cost:nan",
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(!error.is_empty(), "{line}");
        }
    }

    #[test]
    fn times_and_amounts() {
        for (value, expected) in [
            ("250ms", Some(250.0)),
            ("5s", Some(5000.0)),
            ("2m", Some(120_000.0)),
            ("3", Some(3000.0)),
            ("x", None),
        ] {
            assert_eq!(milliseconds(value), expected, "{value}");
        }
        for (value, expected) in
            [("10k", Some(1e4)), ("$0.5", Some(0.5)), ("1.5M", Some(1.5e6)), ("inf", None)]
        {
            assert_eq!(number(value), expected, "{value}");
        }
    }
}
