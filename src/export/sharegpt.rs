//! A conversation as ShareGPT had it and LLaMA-Factory reads it: `human` or `observation`, then
//! `gpt` or `function_call`, in turns.

use serde_json::{Map, Value, json};

use super::openai;
use super::sample::{Call, Lost, Said, Sample, Turn, text_of};

/// One line.
pub(super) fn line(sample: &Sample<'_>, lost: &mut Lost) -> Value {
    let mut system: Vec<String> = Vec::new();
    let mut spoken: Vec<Spoken> = Vec::new();
    for turn in &sample.turns {
        match turn {
            // Readers take it at the head alone.
            Turn::System(text) => system.push(text.clone()),
            Turn::User(said) => push(&mut spoken, "human", words(said, lost), lost),
            Turn::Result { text, .. } => push(&mut spoken, "observation", text.clone(), lost),
            Turn::Model { text, calls } if calls.is_empty() => {
                push(&mut spoken, "gpt", text.clone(), lost);
            }
            Turn::Model { text, calls } => {
                if !text.is_empty() {
                    lost.piece("words beside a call");
                }
                push(&mut spoken, "function_call", called(calls), lost);
            }
        }
    }
    let system =
        (!system.is_empty()).then(|| Spoken { from: "system", value: system.join("\n\n") });
    let turns = system.into_iter().chain(spoken);
    let turns: Vec<Value> =
        turns.map(|turn| json!({"from": turn.from, "value": turn.value})).collect();
    let mut line = Map::new();
    line.insert("conversations".to_owned(), turns.into());
    let tools: Vec<Value> = sample.tools.iter().map(openai::described).collect();
    // Readers of many lines want the same fields in each of them.
    let tools = if tools.is_empty() { String::new() } else { Value::from(tools).to_string() };
    line.insert("tools".to_owned(), tools.into());
    Value::Object(line)
}

struct Spoken {
    from: &'static str,
    value: String,
}

/// Sides must take turns: what one says twice is one turn, and of what the model said a call
/// counts, which has no words beside it.
fn push(spoken: &mut Vec<Spoken>, from: &'static str, value: String, lost: &mut Lost) {
    let is_model = |from: &str| matches!(from, "gpt" | "function_call");
    match spoken.last_mut() {
        Some(last) if is_model(last.from) && is_model(from) && last.from != from => {
            lost.piece("words beside a call");
            if from == "function_call" {
                *last = Spoken { from, value };
            }
        }
        // Also a user who speaks with the results of tools.
        Some(last) if is_model(last.from) == is_model(from) => {
            last.value.push_str("\n\n");
            last.value.push_str(&value);
        }
        // The model begins no conversation.
        None if is_model(from) => {
            spoken.push(Spoken { from: "human", value: String::new() });
            spoken.push(Spoken { from, value });
        }
        _ => spoken.push(Spoken { from, value }),
    }
}

fn words(said: &[Said], lost: &mut Lost) -> String {
    let words = said.iter().filter_map(|said| match said {
        Said::Text(text) => Some(Said::Text(text.clone())),
        Said::Image(_) => {
            lost.piece("pictures");
            None
        }
    });
    text_of(words.collect())
}

/// One call as an object, several as an array: their arguments as JSON.
fn called(calls: &[Call]) -> String {
    let mut calls: Vec<Value> =
        calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
    match calls.len() {
        1 => calls.remove(0).to_string(),
        _ => Value::from(calls).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample::of;
    use crate::store::tests::sample::turn;

    #[test]
    fn sides_take_turns() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let call =
            |id: &str| json!({"type": "tool_call", "id": id, "name": "ls", "arguments": {"a": 1}});
        let result =
            |id: &str, is: &str| json!({"type": "tool_result", "id": id, "parts": [text(is)]});
        let mut exchange = turn(0);
        exchange.request.messages = serde_json::from_value(json!([
            {"role": "user", "parts": [text("a")]},
            {"role": "user", "parts": [text("b")]},
            {"role": "assistant", "parts": [text("I look"), call("1"), call("2")]},
            {"role": "user", "parts": [result("1", "x"), result("2", "y"), text("c")]},
        ]))
        .unwrap();
        let mut lost = Lost::default();
        let sample = of(&exchange, &mut lost).unwrap();
        let line = line(&sample, &mut lost);
        assert_eq!(
            line["conversations"],
            json!([
                {"from": "system", "value": "be brief"},
                {"from": "human", "value": "a\n\nb"},
                {"from": "function_call",
                 "value": "[{\"name\":\"ls\",\"arguments\":{\"a\":1}},{\"name\":\"ls\",\"arguments\":{\"a\":1}}]"},
                {"from": "observation", "value": "x\n\ny\n\nc"},
                {"from": "gpt", "value": "answer 0"},
            ])
        );
        let tools: Value = serde_json::from_str(line["tools"].as_str().unwrap()).unwrap();
        assert_eq!(tools[0]["name"], "shell");
        assert_eq!(lost.to_string(), "left out of what was written: words beside a call (1)");
    }
}
