//! Which prompts are variants of one.
//!
//! A prompt with moving parts (a date, a folder, the state of a repository, retrieved context)
//! is another text each time. Two texts are variants of one prompt if what they share is most of
//! the smaller one; a line weighs by its length and by the square of how many texts of the app
//! have it, so that a short template outweighs long contexts that were retrieved twice. One that took another's
//! place while a conversation went on needs to share less.

use std::collections::{HashMap, HashSet};

use super::Variant;

/// Share of the smaller text that two variants have in common.
const SHARE_MIN: f64 = 0.6;

/// Share of the larger text. An app may begin all its prompts with the same sentence.
const SHARE_OF_LARGER_MIN: f64 = 0.15;

/// Share of the smaller text, where one took the other's place in a conversation.
const SHARE_REWRITTEN_MIN: f64 = 0.1;

/// What a line weighs that only one text has, against one that two have.
const WEIGHT_ALONE: f64 = 0.25;

/// Families of an app that a variant is compared with, the newest of them: bounds the time.
const FAMILIES_MAX: usize = 200;

/// Families as lists of places in `variants`, each in order; `variants` are those of one app,
/// the one first seen first.
pub(super) fn families(
    variants: &[Variant],
    rewritten: &HashMap<i64, Vec<i64>>,
) -> Vec<Vec<usize>> {
    let mut spread: HashMap<u64, u32> = HashMap::new();
    for variant in variants {
        for hash in variant.hashes() {
            *spread.entry(hash).or_default() += 1;
        }
    }
    let weigh = |hash: u64, bytes: u32| match spread.get(&hash) {
        Some(&count) if count > 1 => f64::from(bytes) * f64::from(count).powi(2),
        _ => f64::from(bytes) * WEIGHT_ALONE,
    };
    let weights: Vec<Weights> =
        variants.iter().map(|variant| Weights::of(variant, weigh)).collect();
    let mut families: Vec<Vec<usize>> = Vec::new();
    for (at, variant) in variants.iter().enumerate() {
        let Some(this) = weights.get(at) else { continue };
        let before = rewritten.get(&variant.id);
        let newest = families.len().saturating_sub(FAMILIES_MAX);
        let kin = families.iter().enumerate().skip(newest).filter_map(|(place, family)| {
            // Moving parts may grow all the time: the first and the last speak for all.
            let ends = [family.first(), family.last()].into_iter().flatten();
            let shares = ends.filter_map(|&at| weights.get(at)).map(|other| this.shares(other));
            let (share, of_larger) = shares.max_by(|a, b| a.0.total_cmp(&b.0))?;
            let is_rewritten = before.is_some_and(|before| {
                family.iter().filter_map(|&at| variants.get(at)).any(|v| before.contains(&v.id))
            });
            let is_kin = match is_rewritten {
                true => share >= SHARE_REWRITTEN_MIN,
                false => share >= SHARE_MIN && of_larger >= SHARE_OF_LARGER_MIN,
            };
            is_kin.then_some((share, place))
        });
        let closest = kin.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, place)| place);
        match closest.and_then(|place| families.get_mut(place)) {
            Some(family) => family.push(at),
            None => families.push(vec![at]),
        }
    }
    families
}

/// The distinct lines of a text and what they weigh.
struct Weights {
    lines: HashMap<u64, f64>,
    all: f64,
}

impl Weights {
    fn of(variant: &Variant, weigh: impl Fn(u64, u32) -> f64) -> Self {
        let mut lines = HashMap::new();
        for unit in &variant.units {
            lines.insert(unit.hash, weigh(unit.hash, unit.bytes));
        }
        let all = lines.values().sum();
        Self { lines, all }
    }

    /// What both share of the smaller, and of the larger.
    fn shares(&self, other: &Self) -> (f64, f64) {
        let here: HashSet<&u64> = self.lines.keys().collect();
        let shared: f64 =
            other.lines.iter().filter(|(hash, _)| here.contains(hash)).map(|(_, w)| w).sum();
        let (smaller, larger) = (self.all.min(other.all), self.all.max(other.all));
        if larger <= 0.0 {
            return (1.0, 1.0);
        }
        (shared / smaller.max(1.0), shared / larger)
    }
}
