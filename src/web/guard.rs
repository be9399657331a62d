//! Who may see the page: whoever brings its token, from this machine, to its own name.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::error::ApiError;
use super::serve::Peer;
use super::{Settings, assets, metrics};
use crate::flow::{Origin, Scheme};

/// How long a browser keeps the cookie, in seconds: a year; the token itself is kept as long as
/// the capture.
const COOKIE_SECONDS: u32 = 31_536_000;

/// What every answer says besides itself.
const HEADERS: [(header::HeaderName, &str); 7] = [
    // Scripts, styles and pictures of our own; no frame, no form, no other host. Strings become
    // HTML by the sanitiser alone.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        header::HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// The rules.
#[derive(Clone, Debug)]
pub(super) struct Guard(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    token: String,
    port: u16,
    /// Names beside those of this machine.
    hosts: Vec<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It came from another machine.
    Elsewhere,
    /// It came for another host: a name of somebody else's that leads here, or by a proxy.
    Host,
    /// It came from another site's page.
    Site,
    /// It has no token.
    Token,
}

impl Guard {
    pub(super) fn new(settings: &Settings) -> Self {
        let hosts = settings.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let (token, port) = (settings.token.clone(), settings.address.port());
        Self(Arc::new(Rules { token, port, hosts }))
    }
}

impl Rules {
    /// The only place that decides.
    fn refuse(&self, peer: Option<IpAddr>, request: &Asked<'_>) -> Option<Refusal> {
        let is_here = peer.is_some_and(|ip| ip.to_canonical().is_loopback());
        if !is_here && self.hosts.is_empty() {
            return Some(Refusal::Elsewhere);
        }
        // A browser never sends an absolute target, but to a proxy.
        if request.is_absolute || !self.is_own_name(request.host.unwrap_or_default()) {
            return Some(Refusal::Host);
        }
        let header = |name: &str| request.headers.get(name).map(HeaderValue::as_bytes);
        let own_origin = request.host.map(|host| format!("http://{host}"));
        let origin_is_own = header("origin")
            .is_none_or(|origin| own_origin.is_some_and(|own| own.as_bytes() == origin));
        let site_is_own =
            header("sec-fetch-site").is_none_or(|site| site == b"same-origin" || site == b"none");
        if request.what != What::Page && !(origin_is_own && site_is_own) {
            return Some(Refusal::Site);
        }
        // A write comes from our script, and browsers give that an `Origin`.
        let is_write = *request.method != Method::GET && *request.method != Method::HEAD;
        if is_write && header("origin").is_none() && self.bearer(request.headers).is_none() {
            return Some(Refusal::Site);
        }
        let is_let_in = match request.what {
            What::Page => true,
            What::Capture => self.has_token(request.headers),
            // Prometheus beside us need not be told a token. A proxy that lets others in comes
            // from here too, but by another name, or with a word of whom it stands for.
            What::Metrics => {
                let is_by_own_name = request.host.is_some_and(names_loopback);
                let is_passed_on = FORWARDED.iter().any(|name| request.headers.contains_key(*name));
                is_here && is_by_own_name && !is_passed_on || self.bearer(request.headers).is_some()
            }
        };
        (!is_let_in).then_some(Refusal::Token)
    }

    /// Whether a `Host` is one that no DNS answer of somebody else can make lead here.
    fn is_own_name(&self, host: &str) -> bool {
        let Ok(origin) = Origin::parse(Scheme::Http, host) else { return false };
        let name = origin.host.as_str();
        names_loopback(host) || self.hosts.iter().any(|own| own == name)
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let of_cookie = cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(found, value)| found == name && self.is_token(value));
        of_cookie || self.bearer(headers).is_some()
    }

    /// The token as programs bring it.
    fn bearer<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        value.strip_prefix("Bearer ").filter(|token| self.is_token(token))
    }

    /// Hashes are compared, so that the time it takes says nothing of the token.
    fn is_token(&self, word: &str) -> bool {
        blake3::hash(word.as_bytes()) == blake3::hash(self.token.as_bytes())
    }

    /// Cookies are shared by all ports of a host: two captures need two names.
    fn cookie_name(&self) -> String {
        format!("overhear-{}", self.port)
    }

    /// The cookie goes to the API alone: the page itself is no secret, and other services on
    /// this host need not see it.
    fn cookie(&self) -> String {
        format!(
            "{}={}; Path=/api/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Strict",
            self.cookie_name(),
            self.token
        )
    }
}

/// What proxies say of whom they stand for.
const FORWARDED: [&str; 5] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Whether a `Host` is this machine's own. The port may be another one: of a forwarded
/// connection, or of a container.
fn names_loopback(host: &str) -> bool {
    Origin::parse(Scheme::Http, host).is_ok_and(|origin| {
        origin.host.as_str() == "localhost"
            || origin.host.ip().is_some_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// What is asked, as far as the rules look at it.
struct Asked<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    host: Option<&'a str>,
    /// Whether the target named a host of its own.
    is_absolute: bool,
    what: What,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Files of ours.
    Page,
    /// What was captured.
    Capture,
    /// Counters: names of apps, hosts and models, and what they cost.
    Metrics,
}

impl What {
    fn at(path: &str) -> Self {
        match path {
            path if path.starts_with("/api") => Self::Capture,
            metrics::PATH => Self::Metrics,
            _ => Self::Page,
        }
    }
}

/// Lets a request through, or not; marks every answer.
pub(super) async fn guard(
    State(Guard(rules)): State<Guard>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0).map(|peer| peer.ip());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).filter(|_| hosts.next().is_none());
    let asked = Asked {
        method: request.method(),
        headers: request.headers(),
        host,
        is_absolute: request.uri().authority().is_some(),
        what: What::at(request.uri().path()),
    };
    let refusal = match assets::may_be_ours(request.uri().path()) {
        true => rules.refuse(peer, &asked),
        // Somebody asks for an upstream, and only wants to know why there is none.
        false => None,
    };
    let mut response = match refusal {
        Some(refusal) => refusal.error().into_response(),
        None => match token_of_link(&request) {
            // The link that the terminal printed: the token goes from the address into a cookie.
            Some(token) if rules.is_token(token) => {
                let headers = [
                    (header::SET_COOKIE, rules.cookie()),
                    (header::LOCATION, without_token(&request)),
                ];
                (StatusCode::SEE_OTHER, headers).into_response()
            }
            _ => next.run(request).await,
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // A captured picture has a stricter policy of its own.
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The token in the address of a page.
fn token_of_link(request: &Request) -> Option<&str> {
    let is_page = request.method() == Method::GET && !request.uri().path().starts_with("/api");
    let query = request.uri().query().filter(|_| is_page)?;
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// The address of a link without its token: a path of ours, whatever stands in it.
fn without_token(request: &Request) -> String {
    let path = request.uri().path().trim_start_matches('/');
    let query = request.uri().query().unwrap_or_default();
    let others: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("token=")).collect();
    let mark = if others.is_empty() { "" } else { "?" };
    format!("/{path}{mark}{}", others.join("&"))
}

impl Refusal {
    fn error(self) -> ApiError {
        let (status, error, hint) = match self {
            Self::Elsewhere => (
                StatusCode::FORBIDDEN,
                "the page is for this machine only",
                "`--page-host NAME` opens it to those who ask for it by that name",
            ),
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "the page answers to its own name only",
                "open the link that `overhear page` prints; `--page-host NAME` adds a name",
            ),
            Self::Site => (
                StatusCode::FORBIDDEN,
                "the request comes from another site",
                "open the link that `overhear page` prints",
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "the token is missing",
                "open the link that `overhear page` prints",
            ),
        };
        ApiError::new(status, error, Some(hint.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn rules(hosts: &[&str]) -> Rules {
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        Rules { token: TOKEN.to_owned(), port: 4141, hosts }
    }

    fn refusal(rules: &Rules, peer: &str, lines: &[(&'static str, &str)]) -> Option<Refusal> {
        refusal_of(rules, peer, (&Method::GET, What::Capture), lines)
    }

    fn refusal_of(
        rules: &Rules,
        peer: &str,
        (method, what): (&Method, What),
        lines: &[(&'static str, &str)],
    ) -> Option<Refusal> {
        let mut headers = HeaderMap::new();
        for &(name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        let host = headers.get("host").and_then(|host| host.to_str().ok());
        let asked = Asked { method, headers: &headers, host, is_absolute: false, what };
        rules.refuse(peer.parse().ok(), &asked)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:4141");

    fn cookie() -> String {
        format!("a=b; overhear-4141={TOKEN}")
    }

    #[test]
    fn the_token_opens_it_as_a_cookie_or_to_a_program() {
        let rules = rules(&[]);
        for (rule, lines, expected) in [
            ("cookie", vec![HERE, ("cookie", &cookie())], None),
            ("bearer", vec![HERE, ("authorization", &format!("Bearer {TOKEN}"))], None),
            ("nothing", vec![HERE], Some(Refusal::Token)),
            (
                "of another port",
                vec![HERE, ("cookie", &cookie().replace("4141", "4142"))],
                Some(Refusal::Token),
            ),
            ("a wrong one", vec![HERE, ("cookie", "overhear-4141=0")], Some(Refusal::Token)),
            ("an empty one", vec![HERE, ("authorization", "Bearer ")], Some(Refusal::Token)),
        ] {
            assert_eq!(refusal(&rules, "127.0.0.1", &lines), expected, "{rule}");
        }
    }

    #[test]
    fn counters_are_for_whoever_is_here_and_for_the_token() {
        let (own, open) = (rules(&[]), rules(&["box.example"]));
        let bearer = format!("Bearer {TOKEN}");
        let bearer = ("authorization", bearer.as_str());
        let cookie = cookie();
        let by_name = ("host", "box.example:4141");
        for (rule, rules, peer, lines, expected) in [
            ("from here", &own, "127.0.0.1", vec![HERE], None),
            ("from here, open to others", &open, "::1", vec![HERE], None),
            ("from elsewhere", &own, "192.0.2.7", vec![HERE, bearer], Some(Refusal::Elsewhere)),
            ("allowed", &open, "192.0.2.7", vec![by_name], Some(Refusal::Token)),
            ("allowed, with a token", &open, "192.0.2.7", vec![by_name, bearer], None),
            (
                "a cookie is not for programs",
                &open,
                "192.0.2.7",
                vec![by_name, ("cookie", &cookie)],
                Some(Refusal::Token),
            ),
            ("by a proxy here", &open, "127.0.0.1", vec![by_name], Some(Refusal::Token)),
            (
                "by our address, from elsewhere",
                &open,
                "192.0.2.7",
                vec![HERE],
                Some(Refusal::Token),
            ),
            (
                "another name",
                &own,
                "127.0.0.1",
                vec![("host", "evil.example:4141")],
                Some(Refusal::Host),
            ),
            (
                "another site's script",
                &own,
                "127.0.0.1",
                vec![HERE, ("origin", "http://evil.example")],
                Some(Refusal::Site),
            ),
            (
                "whoever is behind a proxy here",
                &own,
                "127.0.0.1",
                vec![HERE, ("x-forwarded-for", "203.0.113.7")],
                Some(Refusal::Token),
            ),
            (
                "another site's picture",
                &own,
                "127.0.0.1",
                vec![HERE, ("sec-fetch-site", "cross-site")],
                Some(Refusal::Site),
            ),
        ] {
            let found = refusal_of(rules, peer, (&Method::GET, What::Metrics), &lines);
            assert_eq!(found, expected, "{rule}");
        }
        for (path, what) in
            [("/metrics", What::Metrics), ("/api/status", What::Capture), ("/", What::Page)]
        {
            assert_eq!(What::at(path), what, "{path}");
        }
    }

    #[test]
    fn only_its_own_name_leads_to_it() {
        let (own, open) = (rules(&[]), rules(&["box.example"]));
        for (host, of_own, of_open) in [
            ("127.0.0.1:4141", true, true),
            ("localhost:4141", true, true),
            ("[::1]:4141", true, true),
            ("127.0.0.1:9000", true, true),
            ("127.0.0.1", true, true),
            ("evil.example:4141", false, false),
            ("box.example:80", false, true),
            ("127.0.0.1.evil.example:4141", false, false),
            ("169.254.169.254:4141", false, false),
            ("", false, false),
            ("127.0.0.1:4141@evil.example", false, false),
        ] {
            for (rules, allowed) in [(&own, of_own), (&open, of_open)] {
                assert_eq!(rules.is_own_name(host), allowed, "{host}");
            }
        }
    }

    #[test]
    fn other_machines_and_other_sites_are_refused() {
        let rules = rules(&[]);
        let cookie = cookie();
        let with =
            |line: (&'static str, &'static str)| vec![HERE, ("cookie", cookie.as_str()), line];
        let none = ("accept", "*/*");
        for (rule, peer, lines, expected) in [
            ("another machine", "192.0.2.7", with(none), Some(Refusal::Elsewhere)),
            ("mapped loopback", "::ffff:127.0.0.1", with(none), None),
            ("our script", "::1", with(("origin", "http://127.0.0.1:4141")), None),
            ("another site", "::1", with(("origin", "http://evil.example")), Some(Refusal::Site)),
            ("another port", "::1", with(("origin", "http://127.0.0.1:3000")), Some(Refusal::Site)),
            ("a sandboxed frame", "::1", with(("origin", "null")), Some(Refusal::Site)),
            ("typed by the user", "::1", with(("sec-fetch-site", "none")), None),
            (
                "a picture elsewhere",
                "::1",
                with(("sec-fetch-site", "cross-site")),
                Some(Refusal::Site),
            ),
            ("of another port", "::1", with(("sec-fetch-site", "same-site")), Some(Refusal::Site)),
        ] {
            assert_eq!(refusal(&rules, peer, &lines), expected, "{rule}");
        }
        let with_origin = with(("origin", "http://127.0.0.1:4141"));
        assert_eq!(refusal_of(&rules, "::1", (&Method::POST, What::Capture), &with_origin), None);
        let without = with(none);
        let post = (&Method::POST, What::Capture);
        assert_eq!(refusal_of(&rules, "::1", post, &without), Some(Refusal::Site));
    }
}
