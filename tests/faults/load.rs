//! Many at once: as many are recorded as were sent, each with its own text.

use std::collections::BTreeMap;
use std::thread;

use super::{HOST, answers};
use crate::stage::app::chat;
use crate::stage::{App, Serve, Stage};

/// What each connection asked and got.
pub(super) type Said = BTreeMap<String, String>;

/// Runs connections that ask so many small questions each, and streams beside them.
pub(super) fn load(
    stage: &Stage,
    serve: &Serve,
    name: &str,
    [apps, each, streams]: [usize; 3],
) -> Said {
    let root = stage.root();
    thread::scope(|scope| {
        let connections: Vec<_> = (0..apps + streams)
            .map(|n| {
                let root = &root;
                scope.spawn(move || {
                    let (model, stream, times) =
                        if n < apps { ("fake", false, each) } else { ("fake-long", true, 1) };
                    let mut app = App::connect(serve.proxy, HOST, root);
                    let ask = |k: usize| {
                        let asked = format!("{name} {n} {k} {}", "word ".repeat(k));
                        let reply = app.ask(chat(model, &asked, stream || k % 5 == 4));
                        assert_eq!(reply.status, 200);
                        let answer = reply.answer();
                        let words = asked.split_whitespace().count();
                        assert!(answer.starts_with(&format!("You sent {words} words")));
                        (asked, answer)
                    };
                    (0..times).map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        connections.into_iter().flat_map(|said| said.join().unwrap()).collect()
    })
}

#[test]
fn all_that_was_sent_is_recorded() {
    let stage = Stage::new();
    let serve = stage.serve(&[]);
    let said = load(&stage, &serve, "load", [20, 30, 30]);
    assert_eq!(said.len(), 630);
    assert!(serve.stop().success());
    let exchanges = stage.exchanges();
    let recorded = answers(&exchanges);
    let missing: Vec<_> = said.keys().filter(|asked| !recorded.contains_key(*asked)).collect();
    assert!(missing.is_empty(), "{} are missing: {missing:?}", missing.len());
    assert_eq!(exchanges.len(), said.len());
    assert!(recorded == said, "texts differ");
    for exchange in &exchanges {
        assert_eq!(exchange["state"], "complete", "{exchange:#}");
    }
}
