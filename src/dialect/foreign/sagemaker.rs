//! Amazon SageMaker, <https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html>:
//! the body is what the model behind the endpoint likes, mostly a chat completion or what Hugging
//! Face's server takes.

use serde_json::{Map, Value};

use super::hugging_face::HuggingFace;
use super::{Foreign, Translate};

/// `/endpoints/NAME/invocations` and `…-response-stream`.
pub(in crate::dialect) const SAGEMAKER: Foreign = Foreign {
    name: "sagemaker",
    claim: |place| {
        let asks = place.posts("/invocations") || place.posts("/invocations-response-stream");
        let is_text = place.asked.body.trim_ascii_start().starts_with(b"{");
        (asks && is_text && place.path.starts_with("/endpoints/")).then_some("invoke")
    },
    begin: |place| {
        let model = place.between("/endpoints/", "/").map(str::to_owned);
        Box::new(SageMaker { model, generation: HuggingFace { model: None } })
    },
};

struct SageMaker {
    model: Option<String>,
    generation: HuggingFace,
}

impl Translate for SageMaker {
    fn ask(&mut self, ask: Map<String, Value>) -> Map<String, Value> {
        let mut ask = match ask.contains_key("inputs") {
            true => self.generation.ask(ask),
            false => ask,
        };
        if let Some(model) = &self.model {
            ask.entry("model").or_insert_with(|| model.as_str().into());
        }
        ask
    }

    fn told(&mut self, event: &str, told: Value) -> Option<Value> {
        match told.get("choices") {
            Some(_) => Some(told),
            None => self.generation.told(event, told),
        }
    }
}
