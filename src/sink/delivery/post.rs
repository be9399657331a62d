//! One request to a receiver, and what certainly did not happen if it failed.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy, Url};

use super::super::wire::Parcel;
use crate::sink::Settings;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take: receivers index what they are given.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of an answer is read, in bytes: it says what was wrong.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A way to one receiver.
pub(super) struct Post {
    client: Client,
    url: Url,
    /// What stands before the receiver's own paths.
    base: String,
    /// Where that is, as it may be told.
    shown: String,
    headers: HeaderMap,
    gzip: bool,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    /// How long the receiver asks to be left alone.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
    /// Whether it is a page of HTML.
    pub(super) is_page: bool,
}

/// No answer came.
pub(super) struct Fault {
    /// Whether the request certainly did not arrive.
    pub(super) is_certain: bool,
    pub(super) why: String,
}

/// Why a sink cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The client could not be made.
    #[error("cannot make requests: {0}")]
    Client(#[from] reqwest::Error),
    /// A header cannot be sent.
    #[error(
        "the header `{0}` cannot be sent\nhint: a name of letters and digits, a value on one line"
    )]
    Header(String),
}

impl Post {
    /// The way to what `settings` name; `path` is where the receiver listens.
    pub(super) fn new(settings: &Settings, path: &str, gzip: bool) -> Result<Self, PostError> {
        let mut client = Client::builder()
            .user_agent(concat!("overhear/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // What a receiver redirects to is not what the user named, and would get the key.
            .redirect(Policy::none())
            .no_proxy();
        if let Some(via) = settings.via.as_ref().filter(|_| !is_loopback(&settings.url)) {
            let except = NoProxy::from_string(&via.except);
            client = client.proxy(Proxy::all(&via.url)?.no_proxy(except));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let faulty = || PostError::Header(name.clone());
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| faulty())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| faulty())?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let (url, base) = endpoint(&settings.url, path);
        let shown = match settings.has_secret_path {
            true => settings.target.clone(),
            false => format!("{}{}", url.origin().ascii_serialization(), url.path()),
        };
        Ok(Self { client: client.build()?, url, base, shown, headers, gzip })
    }

    /// Makes a parcel as it goes onto the wire: compressed, if that is the way.
    pub(super) fn pack(&self, parcel: Parcel) -> Parcel {
        match self.gzip {
            true => Parcel { body: zipped(&parcel.body), ..parcel },
            false => parcel,
        }
    }

    /// Sends a parcel that is packed.
    pub(super) async fn send(&self, parcel: Parcel) -> Result<Reply, Fault> {
        let mut request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, parcel.content_type);
        if self.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        // The user's own come last, and take the place of those.
        request = request.headers(self.headers.clone());
        answer(request.body(parcel.body)).await
    }

    /// The same way to another path of the receiver.
    pub(super) fn beside(mut self, path: &str) -> Self {
        self.url.set_path(&format!("{}{path}", self.base));
        self
    }

    /// Why nothing is taken, with what is most likely to be wrong.
    pub(super) fn hinted(&self, why: String) -> String {
        let status = why.split(' ').next().and_then(|word| word.parse().ok());
        match status {
            Some(401 | 403) => format!("{why} (is the key right?)"),
            Some(200..=299 | 300..=399 | 404 | 405) => {
                format!("{why} (asked at {}: is the address right?)", self.shown)
            }
            _ => why,
        }
    }

    /// Asks the receiver something.
    pub(super) async fn ask(&self, path: &str) -> Result<Reply, Fault> {
        let mut url = self.url.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(a, b)| (a, Some(b)));
        url.set_path(&format!("{}{path}", self.base));
        url.set_query(query);
        answer(self.client.get(url).headers(self.headers.clone())).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Reply, Fault> {
    let fault = |error: reqwest::Error| Fault {
        // A connection that never was carried nothing.
        is_certain: error.is_connect() || error.is_builder(),
        why: words(&error),
    };
    let mut reply = request.send().await.map_err(fault)?;
    let status = reply.status().as_u16();
    let asked = reply.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|text| retry_after(text, Timestamp::now()));
    let kind = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_page = kind.is_some_and(|kind| kind.trim_start().starts_with("text/html"));
    let mut body = Vec::new();
    // With the status it is known what became of the request.
    while let Ok(Some(piece)) = reply.chunk().await {
        let room = ANSWER_BYTES_MAX.saturating_sub(body.len());
        body.extend(piece.iter().take(room));
        if room == 0 {
            break;
        }
    }
    Ok(Reply { status, retry_after, body, is_page })
}

/// An error and what it is from, without the URL, which may hold a key.
fn words(error: &reqwest::Error) -> String {
    let mut words = match error {
        e if e.is_timeout() => "there was no answer in time".to_owned(),
        e if e.is_connect() => "it cannot be reached".to_owned(),
        _ => "the connection broke off".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    let mut last = None;
    while let Some(error) = cause {
        last = Some(error.to_string());
        cause = error.source();
    }
    if let Some(last) = last {
        words.push_str(": ");
        words.push_str(&last);
    }
    words
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// Where to post, and what stands before the receiver's own paths there: a URL may name the
/// receiver, or also the beginning of its path, or all of it.
fn endpoint(url: &Url, path: &str) -> (Url, String) {
    let mut url = url.clone();
    let had = url.path().trim_end_matches('/').to_owned();
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    let named = ends.filter_map(|end| path.get(..end)).filter(|named| had.ends_with(named)).last();
    let base = had.strip_suffix(named.unwrap_or_default()).unwrap_or(&had).to_owned();
    if !path.is_empty() {
        url.set_path(&format!("{base}{path}"));
    }
    (url, base)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    // Writing to memory cannot fail.
    let _ = gzip.write_all(body);
    gzip.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_put_behind_unless_it_is_there() {
        for (url, path, expected) in [
            ("http://h:1", "/v1/traces", "http://h:1/v1/traces"),
            ("http://h:1/", "/v1/traces", "http://h:1/v1/traces"),
            ("http://h/otlp", "/v1/traces", "http://h/otlp/v1/traces"),
            ("http://h/otlp/v1/traces", "/v1/traces", "http://h/otlp/v1/traces"),
            ("http://h/v1", "/v1/traces", "http://h/v1/traces"),
            (
                "https://h/x/api/public/otel",
                "/api/public/otel/v1/traces",
                "https://h/x/api/public/otel/v1/traces",
            ),
            ("https://h/hook/", "", "https://h/hook/"),
            ("https://h/hook?key=1", "", "https://h/hook?key=1"),
        ] {
            let (found, _) = endpoint(&url.parse().unwrap(), path);
            assert_eq!(found.as_str(), expected, "{url}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Mon, 23 Nov 2026 10:00:30 GMT", Some(30)),
            ("Mon, 23 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let found = retry_after(text, now).map(|wait| wait.as_secs());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_is_zipped_is_the_same() {
        let mut back = Vec::new();
        let body = b"some words some words";
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped(body)[..]), &mut back)
            .unwrap();
        assert_eq!(back, body);
    }
}
