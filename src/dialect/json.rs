//! Reading JSON that others wrote: borrowed, tolerant of types, mended where it is broken.
//!
//! A field of another type than expected reads as absent instead of ending the reading, and
//! fields that no one knows are kept: providers add fields every week.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::mend::mend;

/// Fields that a record does not name, as they came.
pub(super) type Rest<'a> = Vec<(Text<'a>, &'a RawValue)>;

/// A shape that borrows from the text it is read from.
pub(super) trait Shape {
    /// The shape, borrowing for `'a`.
    type Of<'a>: Deserialize<'a>;
}

/// Reads `text` and hands it to `take`, once; then says what had to be mended, or why nothing
/// could be read, as the rest of a sentence.
pub(super) fn read<S: Shape, R>(
    text: &str,
    take: impl FnOnce(S::Of<'_>) -> R,
) -> (Option<R>, Option<&'static str>) {
    let error = match serde_json::from_str::<S::Of<'_>>(text) {
        Ok(shape) => return (Some(take(shape)), None),
        Err(error) => error,
    };
    let Some(mended) = mend(text, &error) else {
        return (None, Some("is not JSON"));
    };
    match serde_json::from_str::<S::Of<'_>>(&mended.text) {
        Ok(shape) => (Some(take(shape)), Some(mended.note)),
        Err(_) => (None, Some("is not JSON")),
    }
}

/// A value of `raw`; a string that holds its text if even that cannot be read.
pub(super) fn value(raw: &RawValue) -> Value {
    struct Any;
    impl Shape for Any {
        type Of<'a> = Value;
    }
    match read::<Any, _>(raw.get(), |value| value) {
        (Some(value), _) => value,
        (None, _) => Value::String(raw.get().to_owned()),
    }
}

/// The tool arguments that `text` holds: JSON if it parses as JSON, else the text.
pub(super) fn arguments(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// Whether `value` says no more than its absence would.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

/// Adds the fields of `rest` that say something to `map`.
pub(super) fn keep(map: &mut Map<String, Value>, rest: &Rest<'_>) {
    for (name, raw) in rest {
        let value = value(raw);
        if !is_empty(&value) {
            map.insert(name.as_str().to_owned(), value);
        }
    }
}

/// Adds all fields of `rest` to `map`, as sent.
pub(super) fn keep_all(map: &mut Map<String, Value>, rest: &Rest<'_>) {
    for (name, raw) in rest {
        map.insert(name.as_str().to_owned(), value(raw));
    }
}

/// The visitor's methods for every JSON type that is not the expected one.
macro_rules! otherwise {
    ($life:lifetime, $absent:expr $(, $kind:ident)*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($absent)
        }
        $($crate::dialect::json::otherwise!(@$kind $life, $absent);)*
    };
    (@number $life:lifetime, $absent:expr) => {
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($absent)
        }
    };
    (@text $life:lifetime, $absent:expr) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($absent)
        }
    };
    (@list $life:lifetime, $absent:expr) => {
        fn visit_seq<A: SeqAccess<$life>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok($absent)
        }
    };
    (@object $life:lifetime, $absent:expr) => {
        fn visit_map<A: MapAccess<$life>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($absent)
        }
    };
}
pub(super) use otherwise;

/// An object of known fields, some with two spellings; the others go to `rest`, the ignored
/// ones nowhere.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident { $($field:ident: $kind:ty = $($key:literal)|+,)* }
        ignores [$($ignored:literal),* $(,)?]
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(in crate::dialect) struct $name<'a> {
            $(pub(in crate::dialect) $field: $kind,)*
            #[allow(dead_code, reason = "not every record's unknown fields are wanted")]
            pub(in crate::dialect) rest: $crate::dialect::json::Rest<'a>,
        }

        impl<'a> serde::Deserialize<'a> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
                use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
                use std::fmt;
                struct Fields;
                impl<'a> Visitor<'a> for Fields {
                    type Value = $name<'a>;
                    $crate::dialect::json::otherwise!('a, $name::default(), number, text, list);
                    fn visit_map<A: MapAccess<'a>>(
                        self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut record = $name::default();
                        while let Some(key) = map.next_key::<$crate::dialect::json::Text<'a>>()? {
                            match key.as_str() {
                                $($($key)|+ => record.$field = map.next_value()?,)*
                                $($ignored => {
                                    map.next_value::<IgnoredAny>()?;
                                })*
                                _ => {
                                    let raw = map.next_value::<&serde_json::value::RawValue>()?;
                                    record.rest.push((key, raw));
                                }
                            }
                        }
                        Ok(record)
                    }
                }
                from.deserialize_any(Fields)
            }
        }

        impl $crate::dialect::json::Shape for $name<'static> {
            type Of<'a> = $name<'a>;
        }
    };
}
pub(super) use record;

/// A string, or a number or boolean as its text; anything else is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    /// A text of ours.
    pub(super) fn of(words: &'static str) -> Self {
        Self(Some(words.into()))
    }

    /// The text; empty if absent.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, unless it is absent or empty.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// A copy of the text, unless it is absent or empty.
    pub(super) fn own(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }

    /// The text, moved out where it was copied already; empty if absent.
    pub(super) fn into_string(self) -> String {
        self.0.map(Cow::into_owned).unwrap_or_default()
    }
}

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'a> Visitor<'a> for Words {
            type Value = Text<'a>;
            otherwise!('a, Text(None), list, object);
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Text(Some(number.to_string().into())))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Some(text.to_owned().into())))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
                Ok(Text(Some(text.into())))
            }
        }
        from.deserialize_any(Words)
    }
}

/// A whole number that is not negative, also if written as text or with a point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'a> Deserialize<'a> for Count {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'a> Visitor<'a> for Whole {
            type Value = Count;
            otherwise!('a, Count(None), list, object);
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Count(Some(number)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Count(u64::try_from(number).ok()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                // Exact up to 2^53, far beyond any count of tokens.
                Ok(Count((number >= 0.0).then_some(number as u64)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Count(text.parse().ok()))
            }
        }
        from.deserialize_any(Whole)
    }
}

/// A list, or one object in a list's place; anything else is an empty list.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for List<T> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for Items<T> {
            type Value = List<T>;
            otherwise!('a, List::default(), number, text);
            fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
            fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(List(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
            }
        }
        from.deserialize_any(Items(PhantomData))
    }
}

/// A text, or an object where a provider or a version has one.
#[derive(Debug, Default)]
pub(super) enum TextOr<'a, T> {
    /// Neither.
    #[default]
    Absent,
    /// A text.
    Text(Text<'a>),
    /// An object.
    Object(T),
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for TextOr<'a, T> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for Either<T> {
            type Value = TextOr<'a, T>;
            otherwise!('a, TextOr::Absent, number, list);
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Text(Some(text.to_owned().into()))))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(Text(Some(text.into()))))
            }
            fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Object)
            }
        }
        from.deserialize_any(Either(PhantomData))
    }
}

/// The content of a message: a text, or blocks that are read one by one, so that a block of
/// an unknown type can be kept as it came.
#[derive(Debug, Default)]
pub(super) enum Content<'a> {
    /// None.
    #[default]
    Absent,
    /// A text.
    Text(Text<'a>),
    /// Blocks, each as it came.
    Blocks(Vec<&'a RawValue>),
    /// One object in a list's place.
    Object(Value),
}

impl<'a> Deserialize<'a> for Content<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Self, D::Error> {
        struct Blocks;
        impl<'a> Visitor<'a> for Blocks {
            type Value = Content<'a>;
            otherwise!('a, Content::Absent, number);
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(Some(text.to_owned().into()))))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Self::Value, E> {
                Ok(Content::Text(Text(Some(text.into()))))
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = list.next_element()? {
                    blocks.push(block);
                }
                Ok(Content::Blocks(blocks))
            }
            fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Content::Object)
            }
        }
        from.deserialize_any(Blocks)
    }
}
