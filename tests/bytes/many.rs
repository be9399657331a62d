//! A hundred flows at once, and others that are idle meanwhile.

use std::sync::{Arc, Barrier};
use std::thread;

use super::case::{Case, Step, post};
use super::compare::Stage;
use super::play::{Way, play};

const FLOWS: usize = 100;
const IDLE: usize = 20;
const EXCHANGES: usize = 3;

#[test]
fn a_hundred_flows_at_once() {
    let stage = Stage::new();
    // Idle ones wait until all others are over; all others until everybody is connected.
    let (all, over) = (Arc::new(Barrier::new(FLOWS + IDLE)), Arc::new(Barrier::new(FLOWS + IDLE)));
    let played: Vec<_> = thread::scope(|scope| {
        let started: Vec<_> = (0..FLOWS + IDLE)
            .map(|number| {
                let case = flow(number, &all, &over);
                let way = Way::Through(stage.server.proxy);
                let tls = &stage.tls;
                scope.spawn(move || (number, play(&case, number, way, tls)))
            })
            .collect();
        started.into_iter().map(|flow| flow.join().unwrap()).collect()
    });
    let Stage { home, server, .. } = stage;
    server.stop();
    let exported = home.exported();
    assert_eq!(exported.len(), (FLOWS + IDLE) * EXCHANGES);
    for (number, played) in &played {
        assert_eq!((&played.app.stuck, &played.origin.stuck), (&None, &None), "flow {number}");
        let (sent, answered): (Vec<_>, Vec<_>) =
            (0..EXCHANGES).map(|at| (request(*number, at), reply(*number, at))).unzip();
        assert_eq!(played.origin.got, sent.concat(), "flow {number}");
        assert_eq!(played.app.got, answered.concat(), "flow {number}");
        let paths: Vec<_> = exported
            .iter()
            .filter(|exchange| exchange["origin"] == played.at.as_str())
            .map(|exchange| {
                (exchange["path"].as_str().unwrap(), exchange["state"].as_str().unwrap())
            })
            .collect();
        assert_eq!(paths, vec![("/v1/case", "complete"); EXCHANGES], "flow {number}");
    }
}

fn flow(number: usize, all: &Arc<Barrier>, over: &Arc<Barrier>) -> Case {
    let (mut app, mut origin) = (vec![Step::Meet(Arc::clone(all))], Vec::new());
    if number >= FLOWS {
        app.push(Step::Meet(Arc::clone(over)));
    }
    let (mut sent, mut answered) = (0, 0);
    for at in 0..EXCHANGES {
        let (request, reply) = (request(number, at), reply(number, at));
        sent += request.len();
        answered += reply.len();
        app.extend([Step::Send(request), Step::Got(answered)]);
        origin.extend([Step::Got(sent), Step::Send(reply)]);
    }
    if number < FLOWS {
        app.push(Step::Meet(Arc::clone(over)));
    }
    app.push(Step::Close);
    origin.push(Step::Ended);
    Case::new(format!("flow {number}"), app, origin)
}

fn request(number: usize, at: usize) -> Vec<u8> {
    let body = format!("question {at} of flow {number}");
    post(&format!("Content-Length: {}\r\n", body.len()), body.as_bytes())
}

fn reply(number: usize, at: usize) -> Vec<u8> {
    let body = format!("answer {at} to flow {number}");
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
