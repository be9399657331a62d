//! When a prompt changed for good.
//!
//! A version of an app has one prompt; what differs between variants of the same version is a
//! moving part, and so is what stands in its place in another version. What is left lasts: if it
//! differs between two versions, the prompt was changed. Where an app tells no version, or
//! changed its prompt without a new one, a line shows it that stood in every variant and from
//! then on in none, or in none and from then on in every one.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Variant;

/// Share of a version's variants that have a lasting line: some say less now and then.
const LASTING_SHARE: f64 = 0.8;

/// Variants on both sides of a change within a version, at least. Retrieved context often
/// stands in two or three turns that follow each other.
const GONE_AFTER_MIN: usize = 3;

/// Variants that have a new line, at least, if no line is gone.
const COME_FOR_MIN: usize = 5;

/// Uses from which on two variants that follow each other are two prompts: moving parts would
/// have moved.
const SETTLED_USES_MIN: u64 = 3;

/// Variants with the same lasting lines, one version or several.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// Places of the variants, in order.
    pub(super) variants: Vec<usize>,
    /// What lasts in it.
    pub(super) lasting: HashSet<u64>,
}

/// The editions of a family, the first one first.
pub(super) fn editions(family: &[usize], variants: &[Variant]) -> Vec<Run> {
    let of = |at: usize| variants.get(at);
    let mut versions: Vec<(&str, Vec<usize>)> = Vec::new();
    for &at in family {
        let Some(variant) = of(at) else { continue };
        for version in variant.versions.keys() {
            match versions.iter_mut().find(|(known, _)| known == version) {
                Some((_, places)) => places.push(at),
                None => versions.push((version, vec![at])),
            }
        }
    }
    versions.sort_by_key(|(version, places)| {
        let first = places.iter().filter_map(|&at| of(at)?.versions.get(*version)).map(|v| v.first);
        first.min()
    });
    let mut runs: Vec<Run> = versions
        .into_iter()
        .flat_map(|(_, places)| stretches(places, variants))
        .map(|places| Run { lasting: lasting(&places, variants), variants: places })
        .collect();
    let slots = slots(&runs, variants);
    let known: Vec<HashSet<u64>> = runs.iter().map(|run| run.lasting.clone()).collect();
    for (at, run) in runs.iter_mut().enumerate() {
        if let [only] = run.variants.as_slice()
            && let Some(only) = of(*only)
        {
            let elsewhere = |hash: u64| {
                known.iter().enumerate().any(|(other, k)| other != at && k.contains(&hash))
            };
            run.lasting = outside_slots(only, &slots, elsewhere);
        }
    }
    joined(runs, variants)
}

/// Joins neighbours between which nothing that lasts has changed.
fn joined(runs: Vec<Run>, variants: &[Variant]) -> Vec<Run> {
    let any = |run: &Run| -> HashSet<u64> {
        run.variants.iter().filter_map(|&at| variants.get(at)).flat_map(Variant::hashes).collect()
    };
    let mut joined: Vec<Run> = Vec::new();
    for run in runs {
        if let Some(last) = joined.last_mut()
            && run.lasting.is_subset(&any(last))
            && last.lasting.is_subset(&any(&run))
        {
            last.variants.extend(
                run.variants
                    .iter()
                    .filter(|at| !last.variants.contains(at))
                    .copied()
                    .collect::<Vec<_>>(),
            );
            last.lasting.retain(|hash| run.lasting.contains(hash));
        } else {
            joined.push(run);
        }
    }
    joined
}

/// The lines that nearly all of the variants have.
fn lasting(places: &[usize], variants: &[Variant]) -> HashSet<u64> {
    let mut spread: HashMap<u64, u32> = HashMap::new();
    for variant in places.iter().filter_map(|&at| variants.get(at)) {
        for hash in variant.hashes() {
            *spread.entry(hash).or_default() += 1;
        }
    }
    let all = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let enough = f64::from(all) * LASTING_SHARE;
    spread
        .into_iter()
        .filter(|&(_, count)| f64::from(count) >= enough)
        .map(|(hash, _)| hash)
        .collect()
}

/// The lines behind which something moves; 0 is the beginning.
fn slots(runs: &[Run], variants: &[Variant]) -> HashSet<u64> {
    let mut slots = HashSet::new();
    for run in runs.iter().filter(|run| run.variants.len() > 1) {
        for variant in run.variants.iter().filter_map(|&at| variants.get(at)) {
            let mut before = 0;
            for unit in &variant.units {
                if run.lasting.contains(&unit.hash) {
                    before = unit.hash;
                } else {
                    slots.insert(before);
                }
            }
        }
    }
    slots
}

/// The lines of a version's only variant, without those where something moves in others.
fn outside_slots(
    variant: &Variant,
    slots: &HashSet<u64>,
    elsewhere: impl Fn(u64) -> bool,
) -> HashSet<u64> {
    let mut lasting = HashSet::new();
    let mut is_inside = slots.contains(&0);
    for unit in &variant.units {
        if is_inside && !elsewhere(unit.hash) {
            continue;
        }
        lasting.insert(unit.hash);
        is_inside = slots.contains(&unit.hash);
    }
    lasting
}

/// The variants of a version, cut where a line went or came for good.
fn stretches(places: Vec<usize>, variants: &[Variant]) -> Vec<Vec<usize>> {
    let Some(cut) = cut(&places, variants) else { return vec![places] };
    let (before, after) = places.split_at(cut);
    let mut stretches = stretches(before.to_vec(), variants);
    stretches.extend(self::stretches(after.to_vec(), variants));
    stretches
}

fn cut(places: &[usize], variants: &[Variant]) -> Option<usize> {
    let all: Vec<&Variant> = places.iter().filter_map(|&at| variants.get(at)).collect();
    if let [one, other] = all.as_slice() {
        let settled = [one, other].iter().all(|variant| variant.exchanges >= SETTLED_USES_MIN);
        return (settled && one.last < other.first).then_some(1);
    }
    // Of each line: in how many variants it is, in which first and in which last.
    let mut seen: BTreeMap<u64, (usize, usize, usize)> = BTreeMap::new();
    for (place, variant) in all.iter().enumerate() {
        for hash in variant.hashes() {
            let (count, _, last) = seen.entry(hash).or_insert((0, place, place));
            *count += 1;
            *last = place;
        }
    }
    let long = COME_FOR_MIN.max(all.len() / 5);
    let cuts = seen.into_values().filter_map(|(count, first, last)| {
        let after = all.len() - 1 - last;
        let is_gone = first == 0 && count == last + 1 && count >= GONE_AFTER_MIN;
        let has_come = last + 1 == all.len() && count == all.len() - first && count >= long;
        if is_gone && after >= GONE_AFTER_MIN {
            Some(last + 1)
        } else {
            (has_come && first >= GONE_AFTER_MIN).then_some(first)
        }
    });
    cuts.min()
}
