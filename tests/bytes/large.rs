//! Much at once, and a side that does not read.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::case::{Case, Layer, Step, Target, noise, post};
use super::compare::{Stage, assert_unchanged};
use super::play::connect;
use crate::support::wire::{OnFailure, Reads, Shared, Wire, accept, shake};

/// Of each body.
const BYTES: usize = 10 << 20;

#[test]
fn both_ways_at_once() {
    let body = noise(41, BYTES);
    let request = post(&format!("Content-Length: {BYTES}\r\n"), &body);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
    let reply = [head.as_bytes(), &body].concat();
    let at_once = |name: &str| {
        Case::new(
            name,
            vec![Step::Send(request.clone()), Step::Got(reply.len()), Step::Close],
            vec![Step::Got(1), Step::Send(reply.clone()), Step::Got(request.len()), Step::Ended],
        )
    };
    let late = |which: &str| {
        // The side that reads late does so when the other has got everything.
        let (app, origin) = (
            vec![Step::Send(request.clone()), Step::Got(reply.len()), Step::Close],
            vec![Step::Got(request.len()), Step::Send(reply.clone()), Step::Ended],
        );
        Case::new(format!("the {which} reads late"), app, origin)
    };
    assert_unchanged(vec![
        at_once("inside TLS"),
        at_once("in clear").plain(),
        at_once("in a tunnel").unread().with(|case| case.target = Target::Unlisted),
        late("app").with(|case| {
            case.app_reads = Reads::Late;
            case.app.insert(1, Step::PeerGot(request.len()));
            case.app.insert(2, Step::Read);
        }),
        late("origin").with(|case| {
            case.origin_reads = Reads::Late;
            case.origin = vec![
                Step::Send(reply.clone()),
                Step::PeerGot(reply.len()),
                Step::Read,
                Step::Ended,
            ];
            case.app = vec![
                Step::Send(request[..100].to_vec()),
                Step::Got(reply.len()),
                Step::Send(request[100..].to_vec()),
                Step::Close,
            ];
        }),
    ]);
}

/// What an origin does not take, the app keeps: nothing but the buffers of the system holds
/// it on the way.
#[test]
fn who_does_not_read_is_not_sent_more() {
    let stage = Stage::new();
    let case = Case::new("stops", Vec::new(), Vec::new());
    for (layer, host) in [(Layer::Tls, "stops.listed.test"), (Layer::Plain, "stops.unlisted.test")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("{host}:{}", listener.local_addr().unwrap().port());
        thread::scope(|scope| {
            let origin = scope.spawn(|| {
                let mut socket = accept(&listener).unwrap();
                let mut tls = (layer == Layer::Tls).then(|| stage.tls.origin(&case, host));
                if let Some(tls) = &mut tls {
                    shake(&mut socket, tls, usize::MAX, OnFailure::Alert).unwrap();
                }
                Wire::new(socket, tls, Reads::Late, Arc::new(Shared::default()))
            });
            let mut socket = connect(stage.server.proxy, &at, &[]).unwrap();
            let mut tls = (layer == Layer::Tls).then(|| stage.tls.app(&case, host));
            if let Some(tls) = &mut tls {
                shake(&mut socket, tls, usize::MAX, OnFailure::Alert).unwrap();
            }
            let app = Wire::new(socket, tls, Reads::Now, Arc::new(Shared::default()));
            let origin = origin.join().unwrap();
            // Nothing moves for so long: then nothing will.
            app.give_up_writing_after(Duration::from_secs(2));
            let piece = vec![b'x'; 1 << 20];
            let taken = (0..256).take_while(|_| app.send(&piece, usize::MAX).is_ok()).count();
            assert!(taken < 64, "{layer:?}: {taken} MiB were taken, and nobody read them");
            drop((app, origin));
        });
    }
    stage.server.stop();
}
