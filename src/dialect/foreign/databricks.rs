//! Databricks' model serving, <https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference>:
//! chat completions, completions and embeddings of OpenAI's; the endpoint is the model.

use serde_json::{Map, Value};

use super::values::rename;
use super::{Foreign, Translate};

/// `/serving-endpoints/NAME/invocations`.
pub(in crate::dialect) const DATABRICKS: Foreign = Foreign {
    name: "databricks",
    claim: |place| {
        let asks = place.posts("/invocations") && place.path.contains("/serving-endpoints/");
        asks.then_some("invoke")
    },
    begin: |place| {
        let model = place.between("/serving-endpoints/", "/").unwrap_or_default().to_owned();
        Box::new(Databricks { model })
    },
};

struct Databricks {
    model: String,
}

impl Translate for Databricks {
    fn ask(&mut self, mut ask: Map<String, Value>) -> Map<String, Value> {
        ask.entry("model").or_insert_with(|| self.model.as_str().into());
        rename(&mut ask, "input", "prompt");
        ask
    }

    fn told(&mut self, _: &str, told: Value) -> Option<Value> {
        Some(told)
    }
}
