//! A conversation as OpenAI's chat format has it, and as its fine-tuning takes it.

use serde_json::{Map, Value, json};

use super::sample::{Call, Said, Sample, Turn};
use crate::model::Tool;

/// One line.
pub(super) fn line(sample: &Sample<'_>) -> Value {
    let messages: Vec<Value> = sample.turns.iter().map(message).collect();
    let mut line = Map::new();
    line.insert("messages".to_owned(), messages.into());
    // An empty list is refused.
    if !sample.tools.is_empty() {
        let tools: Vec<Value> = sample.tools.iter().map(tool).collect();
        line.insert("tools".to_owned(), tools.into());
    }
    Value::Object(line)
}

fn message(turn: &Turn) -> Value {
    match turn {
        Turn::System(text) => json!({"role": "system", "content": text}),
        Turn::User(said) => match said.as_slice() {
            [Said::Text(text)] => json!({"role": "user", "content": text}),
            said => {
                let parts: Vec<Value> = said.iter().map(part).collect();
                json!({"role": "user", "content": parts})
            }
        },
        Turn::Model { text, calls } if calls.is_empty() => {
            json!({"role": "assistant", "content": text})
        }
        Turn::Model { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            let calls: Vec<Value> = calls.iter().map(call).collect();
            json!({"role": "assistant", "content": content, "tool_calls": calls})
        }
        Turn::Result { id, text } => json!({"role": "tool", "tool_call_id": id, "content": text}),
    }
}

fn part(said: &Said) -> Value {
    match said {
        Said::Text(text) => json!({"type": "text", "text": text}),
        Said::Image(url) => json!({"type": "image_url", "image_url": {"url": url}}),
    }
}

fn call(call: &Call) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        arguments => arguments.to_string(),
    };
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

fn tool(tool: &Tool) -> Value {
    json!({"type": "function", "function": described(tool)})
}

/// A tool as both formats describe it.
pub(super) fn described(tool: &Tool) -> Value {
    let parameters = match &tool.schema {
        Value::Object(_) => tool.schema.clone(),
        _ => json!({"type": "object", "properties": {}}),
    };
    json!({
        "name": tool.name,
        "description": tool.description.as_deref().unwrap_or_default(),
        "parameters": parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample::{Lost, of};
    use crate::model::{Exchange, Message, Part, State};
    use crate::store::tests::sample::turn;

    fn said(messages: Value, answer: Value) -> (Value, String) {
        let mut exchange = turn(0);
        exchange.request.messages = serde_json::from_value(messages).unwrap();
        exchange.request.tools.clear();
        exchange.reply.as_mut().unwrap().choices[0].parts = serde_json::from_value(answer).unwrap();
        told(&exchange)
    }

    fn told(exchange: &Exchange) -> (Value, String) {
        let mut lost = Lost::default();
        let line = of(exchange, &mut lost).map_or(Value::Null, |sample| line(&sample));
        (line["messages"].clone(), lost.to_string())
    }

    #[test]
    fn a_conversation_ends_with_the_answer() {
        let mut exchange = turn(1);
        let (messages, lost) = told(&exchange);
        assert_eq!(
            messages,
            json!([
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "question 0"},
                {"role": "assistant", "content": "answer 0"},
                {"role": "user", "content": "question 1"},
                {"role": "assistant", "content": "answer 1"},
            ])
        );
        assert_eq!(lost, "");
        let tools = line(&of(&exchange, &mut Lost::default()).unwrap())["tools"].clone();
        assert_eq!(tools[0]["function"]["name"], "shell");

        exchange.state = State::Interrupted;
        assert_eq!(told(&exchange).0, Value::Null);
        exchange = turn(0);
        exchange.request.messages = vec![Message { role: "user".into(), parts: vec![] }];
        assert_eq!(told(&exchange).0, Value::Null, "nothing was asked");
        exchange = turn(0);
        exchange.reply.as_mut().unwrap().choices[0].parts =
            vec![Part::Reasoning { text: "hm".into(), signature: None }];
        assert_eq!(told(&exchange).0, Value::Null, "nothing was answered");
    }

    #[test]
    fn calls_have_their_results_behind_them() {
        let call = |id: Value, name: &str| json!({"type": "tool_call", "id": id, "name": name, "arguments": {"a": 1}});
        let result = |id: Value, text: &str| json!({"type": "tool_result", "id": id, "parts": [{"type": "text", "text": text}]});
        let text = |text: &str| json!({"type": "text", "text": text});
        let wire = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{\"a\":1}"}});
        let user = json!({"role": "user", "content": "go"});
        let end = json!({"role": "assistant", "content": "done"});
        let asked = json!({"role": "user", "parts": [text("go")]});
        for (rule, messages, expected, lost) in [
            (
                "results within a user's message come before its words",
                json!([asked, {"role": "assistant", "parts": [text("I look."), call("c1".into(), "ls")]},
                    {"role": "user", "parts": [text("and more"), result("c1".into(), "a.txt")]}]),
                json!([user, {"role": "assistant", "content": "I look.", "tool_calls": [wire("c1", "ls")]},
                    {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
                    {"role": "user", "content": "and more"}, end]),
                "",
            ),
            (
                "calls in messages of their own are one answer's",
                json!([asked, {"role": "assistant", "parts": [call("c1".into(), "ls")]},
                    {"role": "assistant", "parts": [call("c2".into(), "cat")]},
                    {"role": "tool", "parts": [result("c2".into(), "2")]},
                    {"role": "tool", "parts": [result("c1".into(), "1")]}]),
                json!([user, {"role": "assistant", "content": null, "tool_calls": [wire("c1", "ls"), wire("c2", "cat")]},
                    {"role": "tool", "tool_call_id": "c1", "content": "1"},
                    {"role": "tool", "tool_call_id": "c2", "content": "2"}, end]),
                "",
            ),
            (
                "where there are no ids, the order tells",
                json!([asked, {"role": "model", "parts": [call(Value::Null, "ls"), call(Value::Null, "ls")]},
                    {"role": "user", "parts": [result(Value::Null, "1"), result(Value::Null, "2")]}]),
                json!([user, {"role": "assistant", "content": null, "tool_calls": [wire("call_1", "ls"), wire("call_2", "ls")]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "1"},
                    {"role": "tool", "tool_call_id": "call_2", "content": "2"}, end]),
                "",
            ),
            (
                "what has no other half is left out",
                json!([asked, {"role": "assistant", "parts": [text("so"), call("c1".into(), "ls")]},
                    {"role": "user", "parts": [result("c9".into(), "1"), text("go on")]}]),
                json!([user, {"role": "assistant", "content": "so"}, {"role": "user", "content": "go on"}, end]),
                "left out of what was written: calls without a result (1), results of calls that are not there (1)",
            ),
            (
                "pictures by reference stay, and others do not",
                json!([{"role": "user", "parts": [text("go"), {"type": "image", "url": "https://a/b.png"},
                    {"type": "image", "mime_type": "image/png", "bytes": 5}]}]),
                json!([{"role": "user", "content": [{"type": "text", "text": "go"},
                    {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}, end]),
                "left out of what was written: pictures that were sent inline (1)",
            ),
        ] {
            let (said, told) = said(messages, json!([{"type": "text", "text": "done"}]));
            let said = said.as_array().unwrap().iter().filter(|m| m["role"] != "system");
            assert_eq!(Value::from(said.cloned().collect::<Vec<_>>()), expected, "{rule}");
            assert_eq!(told, lost, "{rule}");
        }
    }

    #[test]
    fn an_answer_that_is_a_call_needs_no_result() {
        let (said, _) = said(
            json!([{"role": "user", "parts": [{"type": "text", "text": "go"}]}]),
            json!([{"type": "tool_call", "id": "c1", "name": "ls", "arguments": "not json"}]),
        );
        let last = said.as_array().unwrap().last().unwrap();
        assert_eq!(last["tool_calls"][0]["function"]["arguments"], "not json");
    }
}
