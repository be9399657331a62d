//! Where a side refuses: the app sees what it would have seen without us.

use super::case::{Case, Certificate, ClientCertificate, Has, HelloIn, Kept, Trust, Versions};
use super::compare::{Stage, assert_unchanged};
use super::play::{Played, Way, play};
use crate::support::wire::{OnFailure, Shaken};

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: case.test\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn bad_certificates_of_origins() {
    let mut cases = Vec::new();
    for certificate in [Certificate::Expired, Certificate::OtherName, Certificate::Untrusted] {
        for trust in [Trust::Both, Trust::Anything] {
            for versions in [Versions::Only13, Versions::Only12] {
                let name = format!("{certificate:?} to {trust:?}, {versions:?}");
                for (how, hello) in
                    [("whole", HelloIn::OnePacket), ("one byte at a time", HelloIn::Pieces(1))]
                {
                    cases.push(
                        Case::exchange(format!("{name}, hello {how}"), GET, OK).spliced().with(
                            |case| {
                                (case.certificate, case.trust) = (certificate, trust);
                                (case.app_versions, case.hello) = (versions, hello);
                            },
                        ),
                    );
                }
            }
        }
    }
    assert_unchanged(cases);
}

#[test]
fn origins_that_ask_for_a_certificate() {
    let mut cases = Vec::new();
    for asks in [ClientCertificate::Requested, ClientCertificate::Required] {
        for has in [Has::Certificate, Has::None] {
            for versions in [Versions::Only13, Versions::Only12] {
                let name = format!("{asks:?}, {has:?}, {versions:?}");
                let mut case = Case::exchange(name, GET, OK).spliced();
                if (asks, has) == (ClientCertificate::Required, Has::None) {
                    // Refused: the app hears of it when it reads.
                    case = Case::new(case.name, Vec::new(), Vec::new()).spliced();
                }
                cases.push(case.with(|case| {
                    (case.client_certificate, case.app_has) = (asks, has);
                    case.app_versions = versions;
                }));
            }
        }
    }
    assert_unchanged(cases);
}

/// An app that does not trust us fails once, or twice where it says nothing, and works from
/// then on: its connections are tunnelled.
#[test]
fn apps_that_do_not_trust_us() {
    let stage = Stage::new();
    let case = |versions: Versions, kept: Kept, on_failure: OnFailure| {
        Case::exchange("distrust", GET, OK).with(|case| {
            (case.trust, case.app_versions) = (Trust::OriginOnly, versions);
            (case.kept, case.on_failure) = (kept, on_failure);
        })
    };
    let through = |case: &Case, number| {
        let played = play(case, number, Way::Through(stage.server.proxy), &stage.tls);
        assert_eq!(played.dials, 1);
        played
    };
    let works = |played: &Played, which: &str| {
        assert_eq!(played.app.handshake, Some(Ok(())), "{which}");
        assert_eq!(played.app.got, OK, "{which}");
        assert_eq!(played.origin.got, GET, "{which}");
        let seen = played.certificate.as_deref().unwrap();
        assert!(
            stage.tls.is_origins_own(seen, &case(Versions::Both, Kept::Whatever, OnFailure::Alert))
        );
    };
    let mut number = 0;
    for versions in [Versions::Only13, Versions::Only12] {
        for on_failure in [OnFailure::Alert, OnFailure::Silence] {
            number += 1;
            let which = format!("{versions:?}, {on_failure:?}");
            let first = case(versions, Kept::Whatever, on_failure)
                .with(|case| (case.app, case.origin) = (Vec::new(), Vec::new()));
            let played = through(&first, number);
            let Some(Err(Shaken::Tls(why))) = &played.app.handshake else {
                panic!("{which}: {:?}", played.app.handshake)
            };
            assert!(why.contains("UnknownIssuer"), "{which}: {why}");
            stage.server.wait_for_words(&format!("certificate for `case-{number}.listed.test`"));
            for _ in 0..2 {
                works(
                    &through(&case(versions, Kept::Unread { dials: 1 }, on_failure), number),
                    &which,
                );
            }
        }
    }
    // It finishes the handshake and closes: that may be a connection nobody needed.
    number += 1;
    let unused = Case::new("unused", vec![super::case::Step::Close], Vec::new())
        .with(|case| case.kept = Kept::Whatever);
    for _ in 0..2 {
        assert_eq!(through(&unused, number).app.handshake, Some(Ok(())));
    }
    stage.server.wait_for_words(&format!("certificate for `case-{number}.listed.test`"));
    let again = Case::exchange("again", GET, OK).unread();
    works(&through(&again, number), "closes right after the handshake");
    // Another app, which trusts us, is read.
    let other = Case::exchange("another app", GET, OK)
        .with(|case| (case.app_alpn, case.origin_alpn) = (&[], &[]));
    let played = through(&other, number);
    let seen = played.certificate.unwrap();
    assert!(!stage.tls.is_origins_own(&seen, &other), "another app is read");
    let home = stage.home;
    stage.server.stop();
    let exported = home.exported();
    assert_eq!(exported.len(), 1, "{exported:?}");
    assert_eq!(exported[0]["state"], "complete");
}
