//! The prompt of a request for content.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::content;
use super::target::bare_model;
use super::wire::{Ask, Function, Instruction, Raws, ToolWire};
use crate::dialect::json;
use crate::dialect::media;
use crate::model::{Part, Request, Tool};

/// Fills `request` from a request's body; `named` is the model that the path names.
pub(super) fn fill(request: &mut Request, ask: Ask<'_>, named: Option<&str>) {
    let wrapped = ask.request.or(ask.counted);
    fill_one(request, ask, named);
    // Only one envelope is opened: a request inside a request inside … has no end.
    if let Some(raw) = wrapped {
        let (_, note) = json::read::<Ask<'static>, _>(raw.get(), |inner| {
            for (name, raw) in
                [("request", inner.request), ("generateContentRequest", inner.counted)]
            {
                if let Some(raw) = raw {
                    request.params.insert(name.to_owned(), json::value(raw));
                }
            }
            let named = request.model.clone();
            fill_one(request, inner, named.as_deref());
        });
        if note.is_some() {
            request.params.insert("request".to_owned(), json::value(raw));
        }
    }
}

/// Reads the system instruction as one text. What is not words stays in the parameters.
pub(super) fn instruct(request: &mut Request, raw: &RawValue) {
    let (parts, _) = json::read::<Instruction, _>(raw.get(), |told| -> Vec<Part> {
        told.0.into_iter().filter_map(content::message).flat_map(|turn| turn.parts).collect()
    });
    let (words, has_more) = content::words(&parts.unwrap_or_default());
    request.system = words;
    if has_more {
        let mut value = json::value(raw);
        media::shorten(&mut value);
        request.params.insert("systemInstruction".to_owned(), value);
    }
}

/// The tools in `raw`, and what their functions say that is no schema of arguments.
pub(super) fn tools(raw: &RawValue, params: &mut Map<String, Value>) -> Vec<Tool> {
    let (listed, _) = json::read::<Raws, _>(raw.get(), |raws| {
        let mut found = Vec::new();
        let mut more = Vec::new();
        for raw in raws {
            entry(raw, &mut found, &mut more);
        }
        (found, more)
    });
    let (found, more) = listed.unwrap_or_else(|| {
        let (mut found, mut more) = (Vec::new(), Vec::new());
        entry(raw, &mut found, &mut more);
        (found, more)
    });
    if !more.is_empty() {
        params.insert("functionDeclarations".to_owned(), Value::Array(more));
    }
    found
}

fn fill_one(request: &mut Request, ask: Ask<'_>, named: Option<&str>) {
    let told = ask.model.get();
    request.model = named.or(told.map(bare_model)).map(str::to_owned);
    if let (Some(named), Some(told)) = (named, told)
        && bare_model(told) != bare_model(named)
    {
        request.params.insert("model".to_owned(), told.into());
    }
    json::keep_all(&mut request.params, &ask.rest);
    if let Some(raw) = ask.system {
        instruct(request, raw);
    }
    if let Some(raw) = ask.tools {
        request.tools = tools(raw, &mut request.params);
    }
    let turns = ask.contents.0.into_iter().chain(ask.content.0);
    request.messages.extend(turns.filter_map(content::message));
}

/// An entry of `tools`: functions of the app's, and the provider's own tools by their names.
fn entry(raw: &RawValue, found: &mut Vec<Tool>, more: &mut Vec<Value>) {
    json::read::<ToolWire<'static>, _>(raw.get(), |entry| {
        for function in entry.functions.0 {
            let mut rest = Map::new();
            json::keep(&mut rest, &function.rest);
            if !rest.is_empty() {
                rest.insert("name".to_owned(), function.name.as_str().into());
                more.push(Value::Object(rest));
            }
            found.push(tool(function));
        }
        for (name, settings) in entry.rest {
            if settings.get() == "null" {
                continue;
            }
            found.push(Tool {
                name: name.into_string(),
                description: None,
                schema: json::value(settings),
            });
        }
    });
}

fn tool(function: Function<'_>) -> Tool {
    Tool {
        name: function.name.into_string(),
        description: function.description.own(),
        schema: match function.parameters {
            Value::Null => function.schema,
            parameters => parameters,
        },
    }
}
