//! MiniMax' own paths, <https://platform.minimax.io/docs>: `chatcompletion_v2` is a chat
//! completion under another path, `chatcompletion_pro` an older one in other words.

use serde_json::{Map, Value, json};

use super::values::{list, message};
use super::{Foreign, Translate};

/// `/v1/text/chatcompletion_v2` and `_pro`.
pub(in crate::dialect) const MINIMAX: Foreign = Foreign {
    name: "minimax",
    claim: |place| {
        let asks = place.method == "POST" && place.path.contains("/text/chatcompletion");
        asks.then_some("chat")
    },
    begin: |_| Box::new(MiniMax),
};

struct MiniMax;

impl Translate for MiniMax {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        let bots = list(ask.remove("bot_setting")).into_iter();
        let bots = bots.filter_map(|mut bot| bot.get_mut("content").map(Value::take));
        let mut messages: Vec<Value> = bots.map(|words| message("system", words)).collect();
        for mut said in list(ask.remove("messages")) {
            let role = match said.get("sender_type").and_then(Value::as_str) {
                Some("BOT") => "assistant",
                Some("FUNCTION") => "tool",
                Some(_) => "user",
                None => {
                    messages.push(said);
                    continue;
                }
            };
            let words = said.get_mut("text").map_or(Value::Null, Value::take);
            messages.push(message(role, words));
        }
        ask.insert("messages".to_owned(), messages.into());
        ask
    }

    fn told(&mut self, _: &str, mut told: Value) -> Option<Value> {
        let status = told.pointer("/base_resp/status_code").and_then(Value::as_i64);
        if let Some(code) = status.filter(|code| *code != 0) {
            let message = told.pointer("/base_resp/status_msg");
            return Some(json!({"error": {"code": code.to_string(), "message": message}}));
        }
        for choice in told.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
            let said = list(choice.get_mut("messages").map(Value::take));
            let words: String =
                said.iter().filter_map(|one| one.get("text").and_then(Value::as_str)).collect();
            if !words.is_empty() {
                *choice = json!({"index": choice.get("index"), "message": {"content": words},
                    "finish_reason": choice.get("finish_reason")});
            }
        }
        if let Value::Object(fields) = &mut told {
            fields.remove("base_resp");
            fields.remove("reply");
        }
        Some(told)
    }
}
