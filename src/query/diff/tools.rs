//! What changed between two sets of tools.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;

use super::text::TextDiff;
use super::value::{self, ValueChange};
use crate::model::Tool;

/// What changed between two sets of tools, name by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ToolsDiff {
    /// Tools of the old set.
    pub old_count: usize,
    /// Tools of the new set.
    pub new_count: usize,
    /// Tools that are the same in both.
    pub alike: usize,
    /// Whether those of both sets stand in another order.
    pub reordered: bool,
    /// Tools of the old set only.
    pub removed: Vec<Tool>,
    /// Tools of the new set only.
    pub added: Vec<Tool>,
    /// Tools that changed.
    pub changed: Vec<ToolChange>,
}

/// What changed in a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolChange {
    /// Its name.
    pub name: String,
    /// `null` if it is the same.
    pub description: Option<TextDiff>,
    /// By path.
    pub schema: Vec<ValueChange>,
}

impl ToolsDiff {
    /// Compares two sets.
    pub fn new(old: &[Tool], new: &[Tool], deadline: Instant) -> Self {
        let (olds, news) = (named(old), named(new));
        let places: HashMap<_, _> =
            olds.iter().enumerate().map(|(at, (key, tool))| (*key, (at, *tool))).collect();
        let mut diff = Self { old_count: old.len(), new_count: new.len(), ..Self::default() };
        let mut last = None;
        for (key, tool) in &news {
            let Some(&(at, before)) = places.get(key) else {
                diff.added.push((*tool).clone());
                continue;
            };
            diff.reordered |= last > Some(at);
            last = Some(at);
            if before == *tool {
                diff.alike += 1;
            } else {
                diff.changed.push(change(before, tool, deadline));
            }
        }
        let kept: HashMap<_, _> = news.iter().copied().collect();
        let gone = olds.iter().filter(|(key, _)| !kept.contains_key(key));
        diff.removed.extend(gone.map(|(_, tool)| (*tool).clone()));
        diff
    }

    /// Whether nothing changed.
    pub fn is_alike(&self) -> bool {
        self.removed.is_empty()
            && self.added.is_empty()
            && self.changed.is_empty()
            && !self.reordered
    }
}

/// Tools by name; of several with the same name, each is the how-manieth.
fn named(tools: &[Tool]) -> Vec<((&str, usize), &Tool)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let named = tools.iter().map(|tool| {
        let count = seen.entry(&tool.name).or_default();
        *count += 1;
        ((tool.name.as_str(), *count), tool)
    });
    named.collect()
}

fn change(old: &Tool, new: &Tool, deadline: Instant) -> ToolChange {
    let words = |tool: &Tool| tool.description.clone().unwrap_or_default();
    let description = (old.description != new.description)
        .then(|| TextDiff::new(&words(old), &words(new), deadline));
    let schema = value::changes(&old.schema, &new.schema, deadline);
    ToolChange { name: new.name.clone(), description, schema }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str) -> Tool {
        let schema = json!({"type": "object"});
        Tool { name: name.into(), description: Some(description.into()), schema }
    }

    #[test]
    fn tools_are_compared_by_name() {
        let [a, b, c] = ["a", "b", "c"].map(|name| tool(name, "does"));
        for (rule, old, new, expected) in [
            ("alike", vec![a.clone(), b.clone()], vec![a.clone(), b.clone()], "2 alike"),
            (
                "another order",
                vec![a.clone(), b.clone()],
                vec![b.clone(), a.clone()],
                "2 alike, reordered",
            ),
            (
                "more and less",
                vec![a.clone(), b.clone()],
                vec![a.clone(), c.clone()],
                "1 alike, -b, +c",
            ),
            ("none before", vec![], vec![a.clone()], "0 alike, +a"),
            ("changed", vec![a.clone()], vec![tool("a", "does more")], "0 alike, ~a"),
            ("twice the same name", vec![a.clone()], vec![a.clone(), a], "1 alike, +a"),
        ] {
            let deadline = Instant::now() + Duration::from_secs(5);
            let diff = ToolsDiff::new(&old, &new, deadline);
            let mut told = format!("{} alike", diff.alike);
            told += if diff.reordered { ", reordered" } else { "" };
            for (sign, tools) in [('-', &diff.removed), ('+', &diff.added)] {
                tools.iter().for_each(|tool| told += &format!(", {sign}{}", tool.name));
            }
            diff.changed.iter().for_each(|tool| told += &format!(", ~{}", tool.name));
            assert_eq!(told, expected, "{rule}");
            assert_eq!(diff.is_alike(), rule == "alike", "{rule}");
        }
    }
}
