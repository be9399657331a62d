//! OpenAI's Realtime, over a WebSocket; of WebRTC only the handshake passes here.
//!
//! Spoken by OpenAI, Azure (also as Voice Live) and xAI, in the words of its beta and of today.
//!
//! Kept like this, as the model of an exchange has no place of its own for it:
//! - each response is a turn; its prompt is the session (instructions, tools, parameters) and
//!   the items of the conversation so far, or the response's own `input` if it has one;
//! - sound is an audio part with what is said in it, once that is told, and its size: what was
//!   streamed before the app or the provider ended it is one sound;
//! - what was not heard because the user interrupted is no longer said: the part keeps no
//!   transcript, and an `other` part says where it ends;
//! - the finish reason is the reason of the status if there is one (`turn_detected`,
//!   `max_output_tokens` …), else the status; the rate limits stand in an `other` part at the
//!   end of the choice;
//! - in a session that only transcribes, each piece of sound is a turn and its words are the
//!   answer; one that translates is a single turn;
//! - an error that no answer asked for failed with is a note of the turn it came in, or a turn
//!   of its own;
//! - over HTTP the prompt is the session that is created; a call's id is the reply's.

mod history;
mod http;
mod session;
mod socket;
mod wire;

use super::handshake::{CONNECT, Handshake, opens_socket};
use super::{Asked, Conversation, Dialect, Reading, path_only};
use http::{Operation, SessionReading};
use socket::Socket;

/// The dialect.
pub(super) struct OpenaiRealtime;

impl Dialect for OpenaiRealtime {
    fn name(&self) -> &'static str {
        "openai.realtime"
    }

    fn claim(&self, asked: &Asked<'_>) -> Option<&'static str> {
        if opens_socket(asked) {
            return is_socket(asked.path).then_some(CONNECT);
        }
        Operation::of(asked).map(Operation::name)
    }

    fn begin(&self, asked: &Asked<'_>) -> Box<dyn Reading> {
        if opens_socket(asked) {
            return Box::new(Handshake::new(asked));
        }
        Box::new(SessionReading::new(asked))
    }

    fn converse(&self, asked: &Asked<'_>) -> Option<Box<dyn Conversation>> {
        is_socket(asked.path).then(|| Box::new(Socket::new(asked)) as Box<dyn Conversation>)
    }
}

fn is_socket(path: &str) -> bool {
    let path = path_only(path);
    path.ends_with("/realtime") || path.ends_with("/realtime/translations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_claims_by_path() {
        let upgrade = vec![("Upgrade".to_owned(), "websocket".to_owned())];
        for (method, path, headers, expected) in [
            ("GET", "/v1/realtime?model=m", &upgrade, Some("connect")),
            ("GET", "/openai/v1/realtime?model=m", &upgrade, Some("connect")),
            ("GET", "/openai/realtime?api-version=1&deployment=d", &upgrade, Some("connect")),
            ("GET", "/voice-live/realtime?api-version=1&model=m", &upgrade, Some("connect")),
            ("GET", "/v1/realtime/translations?model=m", &upgrade, Some("connect")),
            ("GET", "/v1/responses", &upgrade, None),
            ("GET", "/v1/realtime?model=m", &vec![], None),
            ("POST", "/v1/realtime?model=m", &vec![], Some("create_call")),
            ("POST", "/v1/realtime/calls", &vec![], Some("create_call")),
            ("POST", "/v1/realtime/calls/rtc_1/accept", &vec![], Some("accept_call")),
            ("POST", "/v1/realtime/calls/rtc_1/hangup", &vec![], Some("hangup_call")),
            ("POST", "/v1/realtime/client_secrets", &vec![], Some("create_client_secret")),
            ("POST", "/v1/realtime/sessions", &vec![], Some("create_session")),
            ("POST", "/v1/realtime/transcription_sessions", &vec![], Some("create_session")),
            ("POST", "/v1/realtime/calls/rtc_1", &vec![], None),
        ] {
            let asked = Asked { method, host: "h", path, headers, body: &[] };
            assert_eq!(OpenaiRealtime.claim(&asked), expected, "{method} {path}");
        }
    }
}
