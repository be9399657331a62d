//! The tools, a file each.

mod diff;
mod list;
mod prompts;
mod search;
mod show;
mod stats;
mod threads;

use std::sync::Arc;

use jiff::Zoned;
use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{JsonObject, Tool as Described, ToolAnnotations};
use rmcp::schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Answer, Refusal, Stop, harmless_value};
use crate::query::Query;
use crate::store::{Reader, Selection};

/// A tool: what it is called, what it takes, what it gives.
pub trait Tool {
    /// What a model calls it.
    const NAME: &'static str;
    /// What people read.
    const TITLE: &'static str;
    /// What it does, for a model.
    const DESCRIPTION: &'static str;
    /// What it takes.
    type Arguments: DeserializeOwned + JsonSchema + 'static;
    /// What it finds.
    type Found: Serialize + JsonSchema + 'static;

    /// Answers, unless told to stop.
    fn ask(
        reader: &Reader,
        arguments: Self::Arguments,
        stop: &Stop,
    ) -> Result<Answer<Self::Found>, Refusal>;
}

/// A tool as the protocol knows it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What `tools/list` says of it.
    pub describe: fn() -> Described,
    /// Asks it, with arguments as they came.
    pub ask: fn(&Reader, JsonObject, &Stop) -> Result<Value, Refusal>,
}

/// All of them, in the order in which a model needs them.
pub const ALL: [Entry; 7] = [
    entry::<search::Search>(),
    entry::<list::List>(),
    entry::<threads::Threads>(),
    entry::<show::Show>(),
    entry::<diff::Diff>(),
    entry::<stats::Stats>(),
    entry::<prompts::Prompts>(),
];

/// What resources show.
pub const SHOW: Entry = entry::<show::Show>();

const fn entry<T: Tool>() -> Entry {
    Entry { name: T::NAME, describe: describe::<T>, ask: ask::<T> }
}

fn describe<T: Tool>() -> Described {
    // That no schema fails is seen by a test.
    let input = schema_for_input::<T::Arguments>().unwrap_or_default();
    let output = schema_for_output::<Answer<T::Found>>();
    let annotations = ToolAnnotations::with_title(T::TITLE)
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Described::new(T::NAME, T::DESCRIPTION, plain(input))
        .with_title(T::TITLE)
        .with_raw_output_schema(plain(output))
        .with_annotations(annotations)
}

fn ask<T: Tool>(reader: &Reader, arguments: JsonObject, stop: &Stop) -> Result<Value, Refusal> {
    let arguments = serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        Refusal::new(format_args!("the arguments of `{}` do not fit: {error}", T::NAME))
    })?;
    let mut answer = T::ask(reader, arguments, stop)?;
    answer.warning = reader.warning();
    Ok(harmless_value(serde_json::to_value(answer)?))
}

/// A schema without formats that are Rust's and no one else's, such as `uint64`: strict
/// validators refuse what they do not know.
fn plain(schema: Arc<JsonObject>) -> Arc<JsonObject> {
    let mut schema = Value::Object(Arc::unwrap_or_clone(schema));
    drop_formats(&mut schema);
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

fn drop_formats(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let is_ours = |format: &str| {
                ["uint", "int", "float", "double"].iter().any(|ours| format.starts_with(ours))
            };
            if fields.get("format").and_then(Value::as_str).is_some_and(is_ours) {
                fields.remove("format");
            }
            fields.values_mut().for_each(drop_formats);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_formats),
        _ => {}
    }
}

/// Most rows of a result of `list` and `threads`.
const ROWS_MAX: usize = 100;

/// How many, unless it is said.
fn rows() -> usize {
    30
}

/// Reads `line`, which may have filters alone.
fn filters(line: &str) -> Result<Query, Refusal> {
    let query = Query::read(line, &Zoned::now())?;
    if query.pattern.is_some() {
        return Err(Refusal::new(
            "this takes filters such as `app:claude since:2h`, no words\nhint: `search` looks for words",
        ));
    }
    Ok(query)
}

/// The exchanges that `query` means.
fn selection(query: &Query, reader: &Reader) -> Result<Selection, Refusal> {
    Ok(Selection { calls: query.calls, ..query.filter.selection(reader)? })
}
