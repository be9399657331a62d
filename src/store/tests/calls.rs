//! Which exchanges are calls of a model: what is said of one before it is stored is what the
//! store's own question selects.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::sample::{Capture, turn};
use crate::model::{Exchange, ExchangeError, Part, Usage};
use crate::store::{Calls, Order, Selection};

/// Every combination of what decides.
fn all() -> Vec<Exchange> {
    let mut all = vec![turn(1)];
    let mut vary = |changes: &[fn(&mut Exchange)]| {
        let changed = all.iter().flat_map(|exchange| {
            changes.iter().map(|change| {
                let mut exchange = exchange.clone();
                change(&mut exchange);
                exchange
            })
        });
        all = changed.collect();
    };
    vary(&[|_| {}, |e| e.dialect = None, |e| e.dialect = Some("unknown".into())]);
    vary(&[|_| {}, |e| e.operation = None, |e| e.operation = Some("connect".into())]);
    vary(&[
        |_| {},
        |e| e.request.messages.clear(),
        |e| e.request.messages = vec![e.request.messages[1].clone()],
        |e| e.request.messages[2].parts = vec![Part::text(" \n")],
        |e| {
            let result = |text: &str| Part::ToolResult {
                id: None,
                name: None,
                parts: vec![Part::text(text)],
                is_error: None,
            };
            e.request.messages.truncate(1);
            e.request.messages[0].role = "tool".into();
            e.request.messages[0].parts = vec![result(""), result("a file")];
        },
    ]);
    vary(&[
        |_| {},
        |e| e.usage = None,
        |e| {
            e.usage = Some(Usage { input: Some(9), output: Some(0), ..Usage::default() });
        },
    ]);
    vary(&[
        |_| {},
        |e| e.request.model = None,
        |e| {
            e.request.model = None;
            e.reply = None;
        },
    ]);
    vary(&[|_| {}, |e| e.error = Some(ExchangeError::default())]);
    vary(&[
        |_| {},
        |e| e.request.system = None,
        |e| {
            e.request.system = None;
            e.request.tools.clear();
        },
    ]);
    vary(&[|_| {}, |e| e.status = None, |e| e.status = Some(404)]);
    all
}

#[test]
fn an_exchange_that_is_not_stored_is_judged_as_one_that_is() {
    let mut exchanges = all();
    for (place, exchange) in exchanges.iter_mut().enumerate() {
        exchange.id = Uuid::from_u128(1 + place as u128);
    }
    let mut capture = Capture::new();
    capture.write(&exchanges);
    let selection = Selection { calls: Calls::OfModels, ..Selection::default() };
    let page = capture.reader().list(&selection, Order::OldestFirst, None, usize::MAX).unwrap();
    let selected: BTreeSet<Uuid> = page.exchanges.iter().map(|listed| listed.id).collect();
    assert!(selected.len() > 500 && selected.len() < exchanges.len() / 2);
    for exchange in &exchanges {
        let expected = selected.contains(&exchange.id);
        assert_eq!(exchange.asks_a_model(), expected, "{exchange:#?}");
    }
}
