//! Fields of a reply that stand nowhere else, as they came last.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::dialect::json::{self, Rest};
use crate::dialect::media;
use crate::dialect::notes::Notes;

/// Most unknown fields of a reply that are kept: each chunk may bring new ones.
const FIELDS_MAX: usize = 64;

/// Fields, parsed only at the end: some come with every chunk.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// Keeps the fields of `rest`.
    pub(super) fn keep_all(&mut self, rest: &Rest<'_>, notes: &mut Notes) {
        for (name, raw) in rest {
            self.keep(name.as_str(), raw, notes);
        }
    }

    /// Keeps a field; `null` says nothing.
    pub(super) fn keep(&mut self, name: &str, raw: &RawValue, notes: &mut Notes) {
        if raw.get() == "null" {
            return;
        }
        let is_full = self.0.len() >= FIELDS_MAX;
        match self.0.iter_mut().find(|(had, _)| had == name) {
            Some((_, had)) if had.get() == raw.get() => {}
            Some((_, had)) => *had = raw.to_owned(),
            None if is_full => notes.add("some unknown fields of the reply are left out"),
            None => self.0.push((name.to_owned(), raw.to_owned())),
        }
    }

    /// The fields that say something, long base64 and vectors replaced by their size.
    pub(super) fn finish(self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, raw) in self.0 {
            let mut value = json::value(&raw);
            if !json::is_empty(&value) {
                shorten(&mut value);
                fields.insert(name, value);
            }
        }
        fields
    }
}

/// Longest list of numbers that is kept: longer ones are vectors.
const NUMBERS_KEPT_MAX: usize = 16;

/// Replaces vectors and long base64 anywhere in `value` by their size.
pub(super) fn shorten(value: &mut Value) {
    media::shorten(value);
    vectors(value);
}

fn vectors(value: &mut Value) {
    match value {
        Value::Array(items)
            if items.len() > NUMBERS_KEPT_MAX && items.iter().all(Value::is_number) =>
        {
            *value = Value::String(format!("({} numbers)", items.len()));
        }
        Value::Array(items) => items.iter_mut().for_each(vectors),
        Value::Object(fields) => fields.values_mut().for_each(vectors),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_vector_is_its_length() {
        let mut value = json!({"values": vec![0.5; 768], "some": [1, 2, 3]});
        shorten(&mut value);
        assert_eq!(value, json!({"values": "(768 numbers)", "some": [1, 2, 3]}));
    }
}
