//! The system prompts and tool sets of apps: which there are, and when they changed.

mod edition;
mod family;
mod units;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::Product;
use crate::model::Request;
use crate::store::{Content, Kind, Reader, Selection, StoreError};
use units::Unit;

/// A prompt of an app as it was from one change to the next, its variants together.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// [`Kind::System`] or [`Kind::Tools`].
    pub kind: Kind,
    /// The app's name.
    pub app: String,
    /// The app's versions that sent it, the first one first; none if it tells none.
    pub versions: Vec<String>,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// In how many exchanges.
    pub exchanges: u64,
    /// Its texts, the one first seen first; never empty.
    pub variants: Vec<Text>,
    /// Id of the first text of all: prompts of an app with the same one follow each other.
    pub family: i64,
    /// Id of the last text of the prompt that this one took the place of.
    pub follows: Option<i64>,
    /// Lines that last.
    lasting: HashSet<u64>,
}

/// One text of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its row of `message`.
    pub id: i64,
    /// Its size; of tools, that of their JSON.
    pub bytes: usize,
    /// Its first words that last; of tools their names.
    pub begins: String,
    /// When it was first seen.
    pub first: Timestamp,
    /// When it was last seen.
    pub last: Timestamp,
    /// In how many exchanges.
    pub exchanges: u64,
}

impl Prompt {
    /// The text seen last.
    pub fn newest(&self) -> Option<&Text> {
        self.variants.iter().max_by_key(|text| (text.last, text.id))
    }

    /// A text of it in pieces, each with whether it lasts; of what is no text nothing.
    pub fn pieces(&self, content: &Content) -> Vec<(bool, String)> {
        units::marked(content, |hash| self.lasting.contains(&hash))
    }

    /// What of the newest text lasts: the whole of it, if there is no other.
    pub fn lasting(&self, reader: &Reader) -> Result<Request, StoreError> {
        let newest = self.newest().map(|text| reader.message(text.id)).transpose()?.flatten();
        let Some(message) = newest else { return Ok(Request::default()) };
        Ok(units::lasting(&message.content, |hash| self.lasting.contains(&hash)))
    }
}

/// Which prompt took which one's place, the earliest first.
pub fn changes(found: &[Prompt]) -> Vec<(&Prompt, &Prompt)> {
    let mut pairs: Vec<(&Prompt, &Prompt)> = Vec::new();
    for new in found {
        let Some(follows) = new.follows else { continue };
        // A text that several versions sent is in the edition of each: the last before counts.
        let before = found.iter().filter(|old| old.kind == new.kind && old.app == new.app);
        let mut before = before.filter(|old| old.newest().is_some_and(|text| text.id == follows));
        pairs.extend(before.next_back().map(|old| (old, new)));
    }
    pairs.sort_by_key(|(_, new)| new.first);
    pairs
}

/// A text and who sent it when; the uses of one app.
struct Variant {
    id: i64,
    units: Vec<Unit>,
    bytes: usize,
    begins: Vec<(u64, String)>,
    versions: BTreeMap<String, Span>,
    exchanges: u64,
    first: Timestamp,
    last: Timestamp,
}

/// When a version sent a text.
struct Span {
    first: Timestamp,
}

impl Variant {
    /// Distinct hashes.
    fn hashes(&self) -> HashSet<u64> {
        self.units.iter().map(|unit| unit.hash).collect()
    }
}

/// The prompts of the exchanges that `selection` means, the one first seen first.
pub fn prompts(
    reader: &Reader,
    kind: Kind,
    selection: &Selection,
) -> Result<Vec<Prompt>, StoreError> {
    let mut rewritten: HashMap<i64, Vec<i64>> = HashMap::new();
    for (before, this) in reader.prompts_rewritten(kind)? {
        rewritten.entry(this).or_default().push(before);
        rewritten.entry(before).or_default().push(this);
    }
    let mut prompts = Vec::new();
    for (app, variants) in by_app(reader, kind, selection)? {
        for family in family::families(&variants, &rewritten) {
            let first = family.first().and_then(|&at| variants.get(at)).map(|first| first.id);
            let (family_id, mut follows) = (first.unwrap_or_default(), None);
            for run in edition::editions(&family, &variants) {
                let Some(prompt) = prompt(kind, &app, &run, &variants) else { continue };
                let newest = prompt.newest().map(|text| text.id);
                prompts.push(Prompt { family: family_id, follows, ..prompt });
                follows = newest;
            }
        }
    }
    prompts.sort_by_key(|prompt| (prompt.first, prompt.variants.first().map(|text| text.id)));
    Ok(prompts)
}

fn by_app(
    reader: &Reader,
    kind: Kind,
    selection: &Selection,
) -> Result<BTreeMap<String, Vec<Variant>>, StoreError> {
    let mut apps: BTreeMap<String, Vec<Variant>> = BTreeMap::new();
    let mut places: HashMap<(String, i64), usize> = HashMap::new();
    for found in reader.prompt_uses(kind, selection)? {
        let Product { name, version } = Product::of(&found.app);
        let variants = apps.entry(name.clone()).or_default();
        let place = *places.entry((name, found.message)).or_insert(variants.len());
        if variants.len() == place {
            // Deleted between two reads: its uses are gone as well.
            let Some(message) = reader.message(found.message)? else { continue };
            variants.push(Variant {
                id: found.message,
                units: units::units(&message.content),
                bytes: bytes(&message.content),
                begins: units::beginning(&message.content),
                versions: BTreeMap::new(),
                exchanges: 0,
                first: found.first,
                last: found.last,
            });
        }
        if let Some(variant) = variants.get_mut(place) {
            variant.exchanges += found.exchanges;
            variant.first = variant.first.min(found.first);
            variant.last = variant.last.max(found.last);
            let span = variant.versions.entry(version).or_insert(Span { first: found.first });
            span.first = span.first.min(found.first);
        }
    }
    Ok(apps)
}

fn prompt(kind: Kind, app: &str, run: &edition::Run, variants: &[Variant]) -> Option<Prompt> {
    let own: Vec<&Variant> = run.variants.iter().filter_map(|&at| variants.get(at)).collect();
    let mut versions: Vec<(Timestamp, &String)> = own
        .iter()
        .flat_map(|variant| variant.versions.iter().map(|(version, span)| (span.first, version)))
        .filter(|(_, version)| !version.is_empty())
        .collect();
    versions.sort_unstable();
    let mut seen = HashSet::new();
    let versions = versions.into_iter().filter(|(_, version)| seen.insert(*version));
    Some(Prompt {
        kind,
        app: app.to_owned(),
        versions: versions.map(|(_, version)| version.clone()).collect(),
        first: own.iter().map(|variant| variant.first).min()?,
        last: own.iter().map(|variant| variant.last).max()?,
        exchanges: own.iter().map(|variant| variant.exchanges).sum(),
        family: 0,
        follows: None,
        lasting: run.lasting.clone(),
        variants: own
            .iter()
            .map(|variant| Text {
                id: variant.id,
                bytes: variant.bytes,
                begins: begins(variant, &run.lasting),
                first: variant.first,
                last: variant.last,
                exchanges: variant.exchanges,
            })
            .collect(),
    })
}

fn bytes(content: &Content) -> usize {
    match content {
        Content::System(text) => text.len(),
        Content::Tools(tools) => serde_json::to_string(tools).map_or(0, |json| json.len()),
        _ => 0,
    }
}

/// A text's first words: of its first line that lasts, since many begin with what moves.
fn begins(variant: &Variant, lasting: &HashSet<u64>) -> String {
    let lasts = variant.begins.iter().find(|(hash, _)| lasting.contains(hash));
    lasts.or(variant.begins.first()).map(|(_, words)| words.clone()).unwrap_or_default()
}
