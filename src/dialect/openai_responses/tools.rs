//! Tools that the model may call.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::wire::ToolWire;
use crate::dialect::json::{self, Content};
use crate::dialect::media;
use crate::model::Tool;

/// The tools of a list.
#[derive(Default)]
pub(in crate::dialect) struct Tools {
    /// What the model can call. A tool in a namespace is named after both, `namespace.tool`:
    /// two namespaces may each have a `search`.
    pub(in crate::dialect) tools: Vec<Tool>,
    /// The namespaces as sent, without their tools. A namespace can not be called.
    pub(in crate::dialect) namespaces: Vec<Value>,
}

impl Tools {
    /// Adds those of another list.
    pub(in crate::dialect) fn extend(&mut self, more: Self) {
        self.tools.extend(more.tools);
        self.namespaces.extend(more.namespaces);
    }

    fn add(&mut self, raw: &RawValue) {
        let (read, _) = json::read::<ToolWire<'static>, _>(raw.get(), |mut wire| {
            let inner = std::mem::take(&mut wire.tools);
            (wire.kind.as_str() == "namespace", tool(wire), one_level(inner))
        });
        match read {
            // One that has none yet, because they are loaded later, stands among the tools.
            Some((true, namespace, inner)) if !inner.is_empty() => {
                let named =
                    |tool: Tool| Tool { name: format!("{}.{}", namespace.name, tool.name), ..tool };
                self.tools.extend(inner.into_iter().map(named));
                let mut sent = Map::new();
                sent.insert("name".to_owned(), namespace.name.clone().into());
                sent.insert("description".to_owned(), namespace.description.clone().into());
                if let Value::Object(settings) = namespace.schema {
                    sent.extend(settings);
                }
                self.namespaces.push(Value::Object(sent));
            }
            Some((_, tool, inner)) => {
                self.tools.push(tool);
                self.tools.extend(inner);
            }
            None => {}
        }
    }
}

/// The tools of a list.
pub(in crate::dialect) fn tools(list: Content<'_>) -> Tools {
    let mut found = Tools::default();
    match list {
        Content::Blocks(blocks) => blocks.into_iter().for_each(|raw| found.add(raw)),
        Content::Object(value) => {
            if let Ok(raw) = serde_json::value::to_raw_value(&value) {
                found.add(&raw);
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
