//! Reads a message by its schema.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::{Kind, Schema, UNKNOWN};
use crate::observe::protobuf::{self, Guess, guess};

/// Most values of one message: a prompt with a long history has some ten thousand. What comes
/// behind them is left out.
const VALUES_MAX: usize = 1 << 18;

/// `message` as JSON; what could not be read is left out, and `None` if that is all of it.
pub(in crate::dialect) fn json(message: &[u8], schema: &Schema) -> Option<Value> {
    let mut budget = VALUES_MAX;
    let read = object(message, schema, 0, &mut budget);
    (!read.is_empty() || message.is_empty()).then_some(Value::Object(read))
}

fn object(message: &[u8], schema: &Schema, depth: usize, budget: &mut usize) -> Map<String, Value> {
    let mut read = Map::new();
    for field in protobuf::fields(message) {
        if *budget == 0 {
            break;
        }
        let row = schema.0.iter().find(|(number, ..)| *number == field.number);
        let kind = row.map_or(Kind::Guess, |(_, _, kind)| *kind);
        let name = match row {
            Some((_, name, _)) => (*name).to_owned(),
            None => field.number.to_string(),
        };
        match kind {
            Kind::Many(inner) => {
                let list = read.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(items) = list {
                    many(*inner, field.value, depth, budget, items);
                }
            }
            Kind::Map(inner) => {
                let map = read.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if let (Value::Object(entries), Some(entry)) = (map, field.value.bytes()) {
                    let key = protobuf::text(entry, &[1]).unwrap_or_default().to_owned();
                    let value = protobuf::field(entry, &[2]);
                    let value = value.map(|value| one(*inner, value, depth + 1, budget));
                    entries.insert(key, value.unwrap_or(Value::Null));
                }
            }
            Kind::Guess => again(&mut read, name, one(kind, field.value, depth, budget)),
            kind => {
                let value = one(kind, field.value, depth, budget);
                read.insert(name, value);
            }
        }
    }
    read
}

/// Adds a field of an unknown kind: if it comes again it is a list.
fn again(read: &mut Map<String, Value>, name: String, value: Value) {
    match read.get_mut(&name) {
        None => _ = read.insert(name, value),
        Some(Value::Array(items)) => items.push(value),
        Some(had) => *had = Value::Array(vec![had.take(), value]),
    }
}

/// Adds the items of a repeated field; numbers may be packed.
fn many(
    kind: Kind,
    value: protobuf::Value<'_>,
    depth: usize,
    budget: &mut usize,
    items: &mut Vec<Value>,
) {
    let protobuf::Value::Bytes(packed) = value else {
        items.push(one(kind, value, depth, budget));
        return;
    };
    let width = match kind {
        Kind::Float => 4,
        Kind::Double => 8,
        Kind::Whole | Kind::Flag | Kind::Name(_) => {
            for number in varints(packed).take(*budget) {
                items.push(one(kind, protobuf::Value::Varint(number), depth, budget));
            }
            return;
        }
        _ => {
            items.push(one(kind, value, depth, budget));
            return;
        }
    };
    for bytes in packed.chunks_exact(width).take(*budget) {
        let value = match bytes.try_into() {
            Ok(four) => protobuf::Value::Fixed32(u32::from_le_bytes(four)),
            Err(_) => {
                let eight = bytes.try_into().unwrap_or_default();
                protobuf::Value::Fixed64(u64::from_le_bytes(eight))
            }
        };
        items.push(one(kind, value, depth, budget));
    }
}

/// The numbers of a packed field, up to where they make no sense.
fn varints(packed: &[u8]) -> impl Iterator<Item = u64> {
    packed.split_inclusive(|byte| byte & 0x80 == 0).map(|bytes| {
        let bits = bytes.iter().take(10).enumerate();
        bits.fold(0, |value, (at, byte)| value | u64::from(byte & 0x7f).wrapping_shl(7 * at as u32))
    })
}

fn one(kind: Kind, value: protobuf::Value<'_>, depth: usize, budget: &mut usize) -> Value {
    *budget = budget.saturating_sub(1);
    match (kind, value) {
        _ if depth >= protobuf::DEPTH_MAX => Value::Null,
        (Kind::Text, protobuf::Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into(),
        (Kind::Bytes, protobuf::Value::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        (Kind::Of(schema), protobuf::Value::Bytes(bytes)) => {
            Value::Object(object(bytes, schema, depth + 1, budget))
        }
        (Kind::Struct, protobuf::Value::Bytes(bytes)) => fields_of(bytes, depth + 1, budget),
        (Kind::Json, protobuf::Value::Bytes(bytes)) => value_of(bytes, depth + 1, budget),
        (Kind::Many(inner) | Kind::Map(inner), value) => one(*inner, value, depth + 1, budget),
        (Kind::Float, protobuf::Value::Fixed32(bits)) => shortest(f32::from_bits(bits)),
        (Kind::Double, protobuf::Value::Fixed64(bits)) => f64::from_bits(bits).into(),
        (kind, value) => match (kind, value.number()) {
            // A negative number has all 64 bits, also one of 32.
            (Kind::Whole, Some(number)) => number.cast_signed().into(),
            (Kind::Flag, Some(number)) => (number != 0).into(),
            (Kind::Name(names), Some(number)) => {
                let known = names.iter().find(|(had, _)| *had == number);
                known.map_or(number.into(), |(_, name)| (*name).into())
            }
            _ => guessed(value, depth, budget),
        },
    }
}

/// A `float` in the fewest digits that tell it: 0.7, not 0.699999988.
fn shortest(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn guessed(value: protobuf::Value<'_>, depth: usize, budget: &mut usize) -> Value {
    match value {
        protobuf::Value::Bytes(bytes) => match guess(bytes) {
            Guess::Message => Value::Object(object(bytes, &UNKNOWN, depth + 1, budget)),
            Guess::Text(text) => text.into(),
            Guess::Bytes => format!("({} bytes)", bytes.len()).into(),
        },
        value => value.number().into(),
    }
}

/// `google.protobuf.Struct`: its field 1 is a map to values.
fn fields_of(message: &[u8], depth: usize, budget: &mut usize) -> Value {
    let mut fields = Map::new();
    for entry in protobuf::all(message, &[1]).filter_map(protobuf::Value::bytes) {
        let key = protobuf::text(entry, &[1]).unwrap_or_default().to_owned();
        let value = protobuf::field(entry, &[2]).unwrap_or(protobuf::Value::Bytes(&[]));
        fields.insert(key, one(Kind::Json, value, depth, budget));
    }
    Value::Object(fields)
}

/// `google.protobuf.Value`: one of six fields.
fn value_of(message: &[u8], depth: usize, budget: &mut usize) -> Value {
    let Some(field) = protobuf::fields(message).last() else {
        return Value::Null;
    };
    match (field.number, field.value) {
        (2, value) => one(Kind::Double, value, depth, budget),
        (3, value) => one(Kind::Text, value, depth, budget),
        (4, value) => one(Kind::Flag, value, depth, budget),
        (5, value) => one(Kind::Struct, value, depth, budget),
        (6, protobuf::Value::Bytes(list)) => {
            protobuf::all(list, &[1]).map(|item| one(Kind::Json, item, depth, budget)).collect()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dialect::schema::Names;

    const COLOURS: Names = &[(1, "RED")];

    static INNER: Schema = Schema(&[(1, "word", Kind::Text)]);

    static SCHEMA: Schema = Schema(&[
        (1, "text", Kind::Text),
        (2, "whole", Kind::Whole),
        (3, "flag", Kind::Flag),
        (4, "float", Kind::Float),
        (5, "colour", Kind::Name(COLOURS)),
        (6, "inner", Kind::Of(&INNER)),
        (7, "many", Kind::Many(&Kind::Whole)),
        (8, "map", Kind::Map(&Kind::Text)),
        (9, "json", Kind::Json),
        (10, "bytes", Kind::Bytes),
        (11, "double", Kind::Double),
        (12, "inners", Kind::Many(&Kind::Of(&INNER))),
        (13, "floats", Kind::Many(&Kind::Float)),
    ]);

    #[test]
    fn every_kind_is_read() {
        for (rule, bytes, expected) in [
            ("a text", &b"\x0a\x02hi"[..], json!({"text": "hi"})),
            ("a whole number", b"\x10\x96\x01", json!({"whole": 150})),
            (
                "a negative one",
                b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                json!({"whole": -1}),
            ),
            ("a flag", b"\x18\x01", json!({"flag": true})),
            ("a float", b"\x25\x33\x33\x33\x3f", json!({"float": 0.7})),
            ("a name", b"\x28\x01", json!({"colour": "RED"})),
            ("a number without a name", b"\x28\x07", json!({"colour": 7})),
            ("a message", b"\x32\x04\x0a\x02hi", json!({"inner": {"word": "hi"}})),
            ("one by one", b"\x38\x01\x38\x02", json!({"many": [1, 2]})),
            ("packed", b"\x3a\x03\x01\x96\x01", json!({"many": [1, 150]})),
            ("a map", b"\x42\x06\x0a\x01k\x12\x01v", json!({"map": {"k": "v"}})),
            (
                "JSON in protobuf",
                b"\x4a\x0b\x2a\x09\x0a\x07\x0a\x01k\x12\x02\x20\x01",
                json!({"json": {"k": true}}),
            ),
            ("bytes", b"\x52\x02\x00\xff", json!({"bytes": "AP8="})),
            ("a double", b"\x59\0\0\0\0\0\0\xf0\x3f", json!({"double": 1.0})),
            ("messages", b"\x62\x02\x0a\x00\x62\x00", json!({"inners": [{"word": ""}, {}]})),
            ("packed floats", b"\x6a\x04\0\0\0\x3f", json!({"floats": [0.5]})),
            ("the last one counts", b"\x10\x01\x10\x02", json!({"whole": 2})),
            ("what no row names", b"\xa2\x01\x02hi\xa8\x01\x05", json!({"20": "hi", "21": 5})),
            ("and that again", b"\xa8\x01\x05\xa8\x01\x06", json!({"21": [5, 6]})),
            ("a text where a number should be", b"\x12\x02hi", json!({"whole": "hi"})),
            ("up to where it makes no sense", b"\x10\x01\x0f", json!({"whole": 1})),
        ] {
            assert_eq!(json(bytes, &SCHEMA), Some(expected), "{rule}");
        }
        assert_eq!(json(b"", &SCHEMA), Some(json!({})), "nothing is a message");
        assert_eq!(json(b"\x0f", &SCHEMA), None, "no message");
    }

    #[test]
    fn nesting_without_end_is_bounded() {
        let mut message = b"\x0a\x00".to_vec();
        for _ in 0..300 {
            let mut outer = vec![0x0a];
            let mut length = message.len();
            while length >= 0x80 {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.extend_from_slice(&message);
            message = outer;
        }
        assert!(json(&message, &UNKNOWN).is_some());
    }
}
