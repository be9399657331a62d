//! Flows of mitmproxy, as `mitmdump -w` writes them: a dictionary each, in the layout of
//! versions 9 to 12 (flow format 18 to 21).

use std::net::IpAddr;

use jiff::Timestamp;

use super::recording::{Answer, Body, Coding, End, Kind, Recording, Spoken, is_token};
use super::tnetstring::Item;
use super::{Found, Read, Unread};
use crate::flow::{Origin, Scheme, Side};
use crate::model::Headers;

/// Oldest layout that is read, that of mitmproxy 9: WebSockets stood elsewhere before.
const VERSION_MIN: f64 = 18.0;

/// Most lines of a head, and most messages of a WebSocket, that are read of a flow.
const LIST_MAX: usize = 200_000;

/// Reads a flow.
pub(super) fn read(flow: Item<'_>) -> Result<Read, Unread> {
    if !flow.is_dictionary() {
        return Err(Unread::NoFlow);
    }
    let version = flow.field("version").and_then(Item::number).unwrap_or_default();
    if version < VERSION_MIN {
        return Err(Unread::Version);
    }
    let kind = flow.field("type").and_then(Item::text).unwrap_or_default();
    if kind != "http" {
        return Ok(Read::OtherKind(
            kind.chars().filter(char::is_ascii_alphanumeric).take(16).collect(),
        ));
    }
    let request = flow.field("request").filter(|item| item.is_dictionary());
    http(flow, request.ok_or(Unread::NoRequest)?)
}

/// For the fuzz body: whatever it is, it is read or refused.
pub(super) fn look(flow: Item<'_>) {
    let _ = read(flow);
}

fn http(flow: Item<'_>, request: Item<'_>) -> Result<Read, Unread> {
    let text = |name: &str| request.field(name).and_then(Item::text).unwrap_or_default();
    let method = text("method");
    if !is_token(&method) {
        return Err(Unread::Method);
    }
    // A `CONNECT` asks nothing of a model: what goes through the tunnel are flows of their own.
    let Some(origin) = origin(request).filter(|_| method != "CONNECT") else {
        return Ok(Read::Foreign);
    };
    let started_at = time(request, "timestamp_start").ok_or(Unread::Time)?;
    let asked_until = time(request, "timestamp_end").unwrap_or(started_at).max(started_at);
    let mut notes = Vec::new();
    let error = flow.field("error").and_then(|error| error.field("msg")).and_then(Item::text);
    if let Some(error) = &error {
        notes.push(format!("the recording says: {error}"));
    }
    let end = if error.is_some() { End::Cut } else { End::Whole };
    let body = body(request, "request", &mut notes);
    let response = flow.field("response").filter(|item| item.is_dictionary());
    let reply = response.and_then(|reply| answer(reply, asked_until, end, &mut notes));
    let first = reply.as_ref().map_or(asked_until, |reply| reply.at);
    let ended_at = response.and_then(|reply| time(reply, "timestamp_end")).unwrap_or(first);
    let recording = Recording {
        started_at,
        ended_at: ended_at.max(first),
        origin,
        target: target(&text("path")),
        headers: headers(request),
        body,
        reply,
        spoken: spoken(flow, first),
        notes,
        method,
    };
    Ok(Read::Recording(Box::new(Found { recording, exchange: None, flow: None })))
}

fn answer(
    reply: Item<'_>,
    asked_until: Timestamp,
    end: End,
    notes: &mut Vec<String>,
) -> Option<Answer> {
    let status = reply.field("status_code").and_then(Item::number)?;
    Some(Answer {
        at: time(reply, "timestamp_start").unwrap_or(asked_until).max(asked_until),
        status: Some(status).filter(|status| (100.0..1000.0).contains(status))? as u16,
        reason: reply.field("reason").and_then(Item::text).unwrap_or_default(),
        headers: headers(reply),
        body: body(reply, "reply", notes),
        end,
    })
}

fn origin(request: Item<'_>) -> Option<Origin> {
    let scheme = match request.field("scheme")?.bytes()? {
        b"http" => Scheme::Http,
        b"https" => Scheme::Https,
        _ => return None,
    };
    let host = request.field("host").and_then(Item::text)?;
    let host = match host.parse::<IpAddr>() {
        // Where connections are redirected mitmproxy knows an address; the app named a host.
        Ok(_) => named(request).unwrap_or(host),
        Err(_) => host,
    };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let port = request.field("port").and_then(Item::number)?;
    Origin::parse(scheme, &format!("{host}:{port}")).ok()
}

/// The host that the request names, if it is a name.
fn named(request: Item<'_>) -> Option<String> {
    let authority = request.field("authority").and_then(Item::text).filter(|a| !a.is_empty());
    let in_head = || {
        let mut lines = headers(request).into_iter();
        lines.find_map(|(name, value)| name.eq_ignore_ascii_case("host").then_some(value))
    };
    let origin = Origin::parse(Scheme::Https, &authority.or_else(in_head)?).ok()?;
    origin.host.ip().is_none().then(|| origin.host.to_string())
}

/// A plain proxy's request may name the whole URL.
fn target(path: &str) -> String {
    match super::recording::parted(path) {
        Some((_, target)) => target,
        None => path.to_owned(),
    }
}

fn headers(message: Item<'_>) -> Headers {
    let pairs = message.field("headers").into_iter().flat_map(Item::items).take(LIST_MAX);
    let text = |item: Option<Item<'_>>| item.and_then(Item::text);
    pairs
        .filter_map(|pair| {
            let mut pair = pair.items();
            Some((text(pair.next())?, text(pair.next())?))
        })
        .collect()
}

/// The body as it was sent, but for its framing.
fn body(message: Item<'_>, which: &str, notes: &mut Vec<String>) -> Body {
    let content = message.field("content").and_then(Item::bytes);
    if content.is_none() {
        notes.push(format!("{which}: the recording does not have its body"));
    }
    Body { bytes: content.unwrap_or_default().to_vec(), coding: Coding::AsSent }
}

fn time(of: Item<'_>, name: &str) -> Option<Timestamp> {
    super::seconds(of.field(name)?.number()?)
}

/// Messages are lists: kind, whether the app said it, data, time, whether it was dropped.
fn spoken(flow: Item<'_>, first: Timestamp) -> Vec<Spoken> {
    let socket = flow.field("websocket").and_then(|socket| socket.field("messages"));
    let messages = socket.into_iter().flat_map(Item::items).take(LIST_MAX);
    messages
        .filter_map(|message| {
            let mut fields = message.items();
            let kind = match fields.next()?.number()? {
                1.0 => Kind::Text,
                2.0 => Kind::Binary,
                _ => return None,
            };
            let side = match fields.next()?.is_true() {
                true => Side::Downstream,
                false => Side::Upstream,
            };
            let data = fields.next()?.bytes()?.to_vec();
            let at = fields.next().and_then(Item::number).and_then(super::seconds);
            let is_dropped = fields.next().is_some_and(Item::is_true);
            let at = at.unwrap_or(first).max(first);
            (!is_dropped).then_some(Spoken { side, at, kind, data })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(value: impl AsRef<[u8]>, kind: char) -> Vec<u8> {
        let value = value.as_ref();
        [format!("{}:", value.len()).as_bytes(), value, &[kind as u8]].concat()
    }

    fn dictionary(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let fields = fields.iter().flat_map(|(name, value)| [string(name, ';'), value.clone()]);
        fields.collect::<Vec<_>>().concat()
    }

    fn request(more: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let host = [string("Host", ','), string("api.openai.com", ',')].concat();
        let fields = [
            ("method", string("POST", ',')),
            ("scheme", string("https", ',')),
            ("port", string("443", '#')),
            ("path", string("/v1/chat/completions", ',')),
            ("headers", string(string(host, ']'), ']')),
            ("content", string("{}", ',')),
            ("timestamp_start", string("1795428000.25", '^')),
        ];
        string(dictionary(&[more, &fields].concat()), '}')
    }

    fn flow(fields: &[(&str, Vec<u8>)]) -> Result<Read, Unread> {
        let fields = dictionary(&[fields, &[("version", string("21", '#'))]].concat());
        read(Item::new(&fields, b'}'))
    }

    fn recording(request: Vec<u8>) -> Recording {
        match flow(&[("type", string("http", ';')), ("request", request)]) {
            Ok(Read::Recording(found)) => found.recording,
            _ => panic!("no recording"),
        }
    }

    #[test]
    fn the_origin_is_where_the_app_wanted_to_go() {
        for (rule, host, authority, expected) in [
            ("a name", "gateway.example", "", "https://gateway.example"),
            ("an address: the head names one", "192.0.2.7", "", "https://api.openai.com"),
            ("an address: HTTP/2 names one", "192.0.2.7", "b.example:443", "https://b.example"),
            ("an address and none", "2001:db8::1", "192.0.2.8", "https://[2001:db8::1]"),
        ] {
            let fields = [("host", string(host, ';')), ("authority", string(authority, ','))];
            let read = recording(request(&fields));
            assert_eq!(read.origin.to_string(), expected, "{rule}");
            assert_eq!(read.started_at.to_string(), "2026-11-23T10:00:00.25Z");
            assert!(read.reply.is_none(), "{rule}");
        }
    }

    #[test]
    fn other_flows_are_told_apart() {
        let kind = |kind: &str| ("type", string(kind, ';'));
        let told = |read: Result<Read, Unread>| match read {
            Ok(Read::OtherKind(kind)) => kind,
            Ok(Read::Foreign) => "foreign".to_owned(),
            Ok(_) => "read".to_owned(),
            Err(error) => error.to_string(),
        };
        let tunnel = request(&[("method", string("CONNECT", ',')), ("host", string("a", ';'))]);
        let old = dictionary(&[("version", string("17", '#')), kind("http")]);
        for (rule, read, expected) in [
            ("another protocol", flow(&[kind("tcp")]), "tcp"),
            ("a hostile name of one", flow(&[kind("\u{1b}[2Jx")]), "2Jx"),
            ("a tunnel", flow(&[kind("http"), ("request", tunnel)]), "foreign"),
            ("no request", flow(&[kind("http")]), "it has no request"),
            (
                "no time",
                flow(&[
                    kind("http"),
                    (
                        "request",
                        request(&[
                            ("host", string("a", ';')),
                            ("timestamp_start", string("-1.5", '^')),
                        ]),
                    ),
                ]),
                "its time is none",
            ),
            ("an old one", read(Item::new(&old, b'}')), "mitmproxy wrote it before version 9"),
            ("a list", read(Item::new(b"", b']')), "it is no flow"),
        ] {
            let told = told(read);
            assert!(told.starts_with(expected), "{rule}: {told}");
        }
    }
}
