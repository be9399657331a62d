//! Tools that the model may call.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::wire::ToolWire;
use crate::dialect::json::{self, Content};
use crate::dialect::media;
use crate::model::Tool;

/// The tools of a list. A namespace stands before the tools in it.
pub(in crate::dialect) fn tools(list: Content<'_>) -> Vec<Tool> {
    let mut found = Vec::new();
    let mut add = |raw: &RawValue| {
        let (read, _) = json::read::<ToolWire<'static>, _>(raw.get(), |mut wire| {
            let inner = std::mem::take(&mut wire.tools);
            (tool(wire), one_level(inner))
        });
        if let Some((tool, inner)) = read {
            found.push(tool);
            found.extend(inner);
        }
    };
    match list {
        Content::Blocks(blocks) => blocks.into_iter().for_each(add),
        Content::Object(value) => {
            if let Ok(raw) = serde_json::value::to_raw_value(&value) {
                add(&raw);
            }
        }
        Content::Absent | Content::Text(_) => {}
    }
    found
}

/// The tools of a namespace; a namespace within one is a tool like any other, so that no
/// depth of nesting can overflow the stack.
fn one_level(list: Content<'_>) -> Vec<Tool> {
    let Content::Blocks(blocks) = list else { return Vec::new() };
    let read = blocks.iter().map(|raw| json::read::<ToolWire<'static>, _>(raw.get(), tool).0);
    read.flatten().collect()
}

fn tool(wire: ToolWire<'_>) -> Tool {
    // The shape of chat completions, which some gateways accept.
    if let Some(function) = wire.function {
        let (read, _) = json::read::<ToolWire<'static>, _>(function.get(), |wire| Tool {
            name: wire.name.as_str().to_owned(),
            description: wire.description.own(),
            schema: wire.parameters.map(json::value).unwrap_or_default(),
        });
        return read.unwrap_or_default();
    }
    let schema = match wire.kind.as_str() {
        "function" | "" => wire.parameters,
        "custom" => wire.format,
        _ => None,
    };
    let is_own = !matches!(wire.kind.as_str(), "function" | "custom" | "");
    let schema = match (is_own, schema) {
        (false, schema) => schema.map(json::value).unwrap_or_default(),
        (true, _) => settings(&wire),
    };
    Tool {
        name: wire.name.own().unwrap_or_else(|| wire.kind.as_str().to_owned()),
        description: wire.description.own(),
        schema,
    }
}

/// The settings of a provider's own tool.
fn settings(wire: &ToolWire<'_>) -> Value {
    let mut settings = Map::new();
    settings.insert("type".to_owned(), wire.kind.as_str().into());
    for (name, raw) in [("parameters", wire.parameters), ("format", wire.format)] {
        if let Some(raw) = raw {
            settings.insert(name.to_owned(), json::value(raw));
        }
    }
    json::keep_all(&mut settings, &wire.rest);
    let mut settings = Value::Object(settings);
    media::shorten(&mut settings);
    settings
}
