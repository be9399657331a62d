//! What must not be lost, and whom it must not disturb, when things go wrong.

mod budget;
mod damaged;
mod disk;
mod kill;
mod load;
mod panic;
mod secrets;
mod several;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stage::app::{answer_of, asked_of};
use crate::stage::{App, Serve, Stage};

const HOST: &str = "api.openai.com";

/// A new connection of an app's to the provider.
fn app(stage: &Stage, serve: &Serve) -> App {
    App::connect(serve.proxy, HOST, &stage.root())
}

/// Answers by what was asked; each must be there once.
fn answers(exchanges: &[Value]) -> BTreeMap<String, String> {
    let answers: BTreeMap<_, _> =
        exchanges.iter().map(|exchange| (asked_of(exchange), answer_of(exchange))).collect();
    assert_eq!(answers.len(), exchanges.len(), "an exchange is there twice");
    answers
}
