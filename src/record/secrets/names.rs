//! Which names say that their value is a credential.

use std::sync::LazyLock;

use super::forms::percent_decoded;
use super::needles::Needles;

/// What the value of a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderRole {
    /// A credential, perhaps after the word of a scheme.
    Credential,
    /// A name that sounds like a credential's: a credential unless the value is a number.
    Sounding,
    /// Who pays: an organisation, a project, an account.
    Identity,
    /// `cookie`: pairs of name and value.
    Cookie,
    /// `set-cookie`: one pair, then attributes.
    SetCookie,
    /// `sec-websocket-protocol`: a list in which browsers hide a key.
    Subprotocols,
    /// A URL, which may carry credentials.
    Url,
    /// None of these.
    Plain,
}

/// The role of a header by its lower-case name. The first word that fits decides.
pub(super) fn header(name: &str) -> HeaderRole {
    if let Some((_, role)) = HEADERS.iter().find(|(known, _)| *known == name) {
        return *role;
    }
    let bytes = name.as_bytes();
    let harmless = HARMLESS_SEARCH.find(bytes, 0).is_some();
    let sounding = SOUNDING_SEARCH.find(bytes, 0).is_some()
        || name.split(['-', '_']).any(|word| SOUNDING_WORDS.contains(&word))
        || name.ends_with("-key");
    match (harmless, sounding) {
        (false, true) => HeaderRole::Sounding,
        _ => HeaderRole::Plain,
    }
}

/// Whether the value of a query or form parameter is a credential. `name` is as on the wire.
pub(super) fn is_parameter(name: &[u8]) -> bool {
    let name = folded(&percent_decoded(name));
    !PAGING.iter().any(|tail| name.ends_with(tail))
        && (PARAMETERS.contains(&name.as_str())
            || PARAMETER_TAILS.iter().any(|tail| name.ends_with(tail)))
}

/// Whether a name that ends in `token` is one of a place in a list, not of a credential.
pub(super) fn is_paging(name: &[u8]) -> bool {
    let name = folded(name);
    PAGING.iter().any(|tail| name.ends_with(tail))
}

/// Lower case, without what joins words: `X-Amz-Signature` and `x_amz_signature` are one.
fn folded(name: &[u8]) -> String {
    name.iter()
        .filter(|byte| !matches!(byte, b'-' | b'_' | b'.' | b' '))
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

// A search made anew for each part of each name cost more than all else about a head.
static SOUNDING_SEARCH: LazyLock<Needles> = LazyLock::new(|| search(SOUNDING));
static HARMLESS_SEARCH: LazyLock<Needles> = LazyLock::new(|| search(HARMLESS));

fn search(parts: &[&str]) -> Needles {
    Needles::new(parts.iter().map(|part| part.as_bytes()))
}

/// Header names with a role of their own, lower case.
const HEADERS: &[(&str, HeaderRole)] = &[
    ("authorization", HeaderRole::Credential),
    ("proxy-authorization", HeaderRole::Credential),
    ("x-api-key", HeaderRole::Credential),
    ("api-key", HeaderRole::Credential),
    ("xi-api-key", HeaderRole::Credential),
    ("x-goog-api-key", HeaderRole::Credential),
    ("x-goog-iam-authorization-token", HeaderRole::Credential),
    ("x-amz-security-token", HeaderRole::Credential),
    ("ocp-apim-subscription-key", HeaderRole::Credential),
    ("x-auth-token", HeaderRole::Credential),
    ("x-functions-key", HeaderRole::Credential),
    ("authentication", HeaderRole::Credential),
    ("dpop", HeaderRole::Credential),
    ("cookie", HeaderRole::Cookie),
    ("cookie2", HeaderRole::Cookie),
    ("set-cookie", HeaderRole::SetCookie),
    ("set-cookie2", HeaderRole::SetCookie),
    ("sec-websocket-protocol", HeaderRole::Subprotocols),
    ("chatgpt-account-id", HeaderRole::Identity),
    ("openai-organization", HeaderRole::Identity),
    ("openai-project", HeaderRole::Identity),
    ("anthropic-organization-id", HeaderRole::Identity),
    (":path", HeaderRole::Url),
    ("referer", HeaderRole::Url),
    ("location", HeaderRole::Url),
    ("content-location", HeaderRole::Url),
    ("operation-location", HeaderRole::Url),
    ("x-goog-upload-url", HeaderRole::Url),
    ("x-original-url", HeaderRole::Url),
    ("x-rewrite-url", HeaderRole::Url),
    (":authority", HeaderRole::Url),
    ("host", HeaderRole::Url),
    // Challenges and policies: they name credentials and carry none.
    ("www-authenticate", HeaderRole::Plain),
    ("proxy-authenticate", HeaderRole::Plain),
    ("authentication-info", HeaderRole::Plain),
    ("x-oauth-scopes", HeaderRole::Plain),
    ("x-accepted-oauth-scopes", HeaderRole::Plain),
    ("github-authentication-token-expiration", HeaderRole::Plain),
    ("idempotency-key", HeaderRole::Plain),
    ("x-idempotency-key", HeaderRole::Plain),
    ("sec-websocket-key", HeaderRole::Plain),
    ("surrogate-key", HeaderRole::Plain),
    ("cache-key", HeaderRole::Plain),
    ("x-cache-key", HeaderRole::Plain),
    ("prompt-cache-key", HeaderRole::Plain),
    ("x-routing-key", HeaderRole::Plain),
];

/// Parts of a header's name that say credential.
const SOUNDING: &[&str] = &[
    "api-key",
    "api_key",
    "apikey",
    "access-key",
    "session-key",
    "subscription-key",
    "secret",
    "token",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "authoriz",
    "authenticat",
    "cookie",
];

/// Whole words of a header's name that say credential: as parts they stand in `author`,
/// `authority`, `assertive`.
const SOUNDING_WORDS: &[&str] = &["auth", "oauth", "jwt", "assertion", "bearer", "signature"];

/// Parts of a header's name that say the opposite: counts, limits, sessions that are links
/// between exchanges, and cross-origin policy.
const HARMLESS: &[&str] = &[
    "ratelimit",
    "rate-limit",
    "tokens",
    "token-count",
    "token-len",
    "per-token",
    "token-usage",
    "session-id",
    "access-control-",
    "-method",
    "-type",
];

/// Names of query and form parameters, folded.
const PARAMETERS: &[&str] = &[
    "key",
    "apikey",
    "xiapikey",
    "token",
    "sig",
    "auth",
    "authorization",
    "code",
    "codeverifier",
    "clientassertion",
    "assertion",
    "passwd",
    "pwd",
    "pass",
    "jwt",
    "bearer",
    "xamzcredential",
    "xgoogcredential",
    "awsaccesskeyid",
    "googleaccessid",
    "devicecode",
    "samlresponse",
    "cookie",
];

/// Ends of names of query and form parameters, folded.
const PARAMETER_TAILS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passphrase",
    "apikey",
    "accesskey",
    "secretkey",
    "sessionkey",
    "subscriptionkey",
    "signature",
    "credentials",
];

/// Ends of names, folded, whose token is a place in a list.
const PAGING: &[&str] =
    &["pagetoken", "nexttoken", "continuationtoken", "synctoken", "paginationtoken", "resumetoken"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_judged_by_its_name() {
        use HeaderRole::*;
        for (name, expected) in [
            ("authorization", Credential),
            ("x-vercel-oidc-token", Sounding),
            ("cf-access-client-secret", Sounding),
            ("helicone-auth", Sounding),
            ("x-rapidapi-key", Sounding),
            ("x-portkey-api-key", Sounding),
            ("x-goog-iap-jwt-assertion", Sounding),
            ("x-session-key", Sounding),
            ("openai-project", Identity),
            ("location", Url),
            ("anthropic-ratelimit-tokens-limit", Plain),
            ("x-ratelimit-remaining-tokens", Plain),
            ("x-ratelimit-key", Plain),
            ("x-amzn-bedrock-input-token-count", Plain),
            ("prompt-token-len", Plain),
            ("x-time-per-token", Plain),
            ("num_tokens", Plain),
            ("www-authenticate", Plain),
            ("x-claude-code-session-id", Plain),
            ("session_id", Plain),
            ("access-control-allow-credentials", Plain),
            ("sec-websocket-key", Plain),
            ("idempotency-key", Plain),
            ("x-author", Plain),
            ("content-type", Plain),
            ("user-agent", Plain),
        ] {
            assert_eq!(header(name), expected, "{name}");
        }
    }

    #[test]
    fn a_parameter_is_judged_by_its_name() {
        for (name, expected) in [
            ("key", true),
            ("api_key", true),
            ("api-key", true),
            ("API%5FKEY", true),
            ("%6Bey", true),
            ("access_token", true),
            ("X-Amz-Signature", true),
            ("X-Amz-Credential", true),
            ("X-Amz-Security-Token", true),
            ("X-Goog-Signature", true),
            ("X-Goog-Credential", true),
            ("client_secret", true),
            ("code", true),
            ("Ocp-Apim-Subscription-Key", true),
            ("pageToken", false),
            ("next_page_token", false),
            ("max_tokens", false),
            ("alt", false),
            ("model", false),
            ("api-version", false),
            ("monkey", false),
        ] {
            assert_eq!(is_parameter(name.as_bytes()), expected, "{name}");
        }
    }
}
