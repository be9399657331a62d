//! Values without what only a machine reads.

use serde_json::Value;

use crate::dialect::media;

/// Longest list of nothing but numbers that is kept: longer ones are vectors and token ids.
const NUMBERS_KEPT_MAX: usize = 128;

/// Replaces long base64 and long lists of numbers anywhere in `value` by their size.
pub(super) fn lean(value: &mut Value) {
    media::shorten(value);
    shorten_numbers(value);
}

/// How many elements `value` has, if it is a list of numbers.
pub(super) fn numbers(value: &Value) -> Option<usize> {
    let items = value.as_array()?;
    (!items.is_empty() && items.iter().all(Value::is_number)).then_some(items.len())
}

fn shorten_numbers(value: &mut Value) {
    match value {
        Value::Array(items) if items.len() > NUMBERS_KEPT_MAX && numbers(value).is_some() => {
            let length = value.as_array().map_or(0, Vec::len);
            *value = Value::String(format!("({length} numbers)"));
        }
        Value::Array(items) => items.iter_mut().for_each(shorten_numbers),
        Value::Object(fields) => fields.values_mut().for_each(shorten_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_vectors_are_shortened() {
        let mut value =
            json!({"a": vec![0.5; 200], "b": [1, 2], "c": [vec![1; 200]], "d": vec!["x"; 200]});
        lean(&mut value);
        assert_eq!(value["a"], "(200 numbers)");
        assert_eq!(value["b"], json!([1, 2]));
        assert_eq!(value["c"], json!(["(200 numbers)"]));
        assert_eq!(value["d"].as_array().unwrap().len(), 200);
    }
}
