//! One entry of the list of hosts.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Error;

/// Hosts that may be intercepted: `api.example.com` is that host alone, `*.example.com` every
/// name below `example.com` (not `example.com` itself), `run.*.example.com` and
/// `*-run.example.com` stand for one label, an IP address for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Address(IpAddr),
    /// Lower case, without a dot at either end; a first label `*` stands for one or more.
    Name(String),
}

impl Pattern {
    /// Whether `host` (lower case, no trailing dot, no brackets) is meant.
    pub fn covers(&self, host: &str) -> bool {
        let name = match &self.0 {
            Kind::Address(address) => return host.parse() == Ok(*address),
            Kind::Name(name) => name,
        };
        let (below, name) = match name.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, name.as_str()),
        };
        let mut labels = host.rsplit('.');
        name.rsplit('.').all(|wanted| labels.next().is_some_and(|label| fits(wanted, label)))
            && labels.next().is_some() == below
    }

    /// The smallest subtree that X.509 name constraints can express and that has every host
    /// of the pattern in it. A name there stands for everything below it too.
    pub(super) fn subtree(&self) -> Subtree {
        match &self.0 {
            Kind::Address(address) => Subtree::Address(*address),
            Kind::Name(name) => Subtree::Name(plain_suffix(name).to_owned()),
        }
    }
}

/// What a name constraint permits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subtree {
    Name(String),
    Address(IpAddr),
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Pattern { pattern: text.to_owned(), why };
        let name = text.trim().to_ascii_lowercase();
        let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(&name).parse() {
            return Ok(Self(Kind::Address(address)));
        }
        let name = match name.strip_prefix('.') {
            Some(rest) => format!("*.{rest}"),
            None => name,
        };
        let name = name.strip_suffix('.').unwrap_or(&name);
        if name == "*" {
            return Err(refuse("to intercept every host, say `--all`"));
        }
        if name.contains("://") || name.contains('/') {
            return Err(refuse("write the host alone, without scheme and path"));
        }
        if name.contains(':') {
            return Err(refuse("write the host alone, without a port"));
        }
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(refuse("a host name has 1 to 253 characters"));
        }
        if !name.split('.').all(is_label) {
            return Err(refuse(
                "labels have letters, digits, `-`, `_` and at most one `*`, others than ASCII \
                 as punycode",
            ));
        }
        if name.contains('*') && !plain_suffix(name).contains('.') {
            return Err(refuse(
                "at least two labels must stand behind the last `*`: the CA would speak for a \
                 whole top-level domain",
            ));
        }
        Ok(Self(Kind::Name(name.to_owned())))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Address(address) => address.fmt(f),
            Kind::Name(name) => f.write_str(name),
        }
    }
}

/// Longest host name, in bytes (RFC 1035, without the dots at the ends).
const NAME_BYTES_MAX: usize = 253;

/// Longest label, in bytes (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
        && label.bytes().filter(|b| *b == b'*').count() <= 1
}

/// The labels behind the last one that has a `*`.
fn plain_suffix(name: &str) -> &str {
    match name.rsplit_once('*') {
        Some((_, behind)) => behind.split_once('.').map_or("", |(_, suffix)| suffix),
        None => name,
    }
}

/// Whether one label fits; a `*` stands for one character or more.
fn fits(wanted: &str, label: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == label,
        Some((before, behind)) => {
            label.len() > before.len() + behind.len()
                && label.starts_with(before)
                && label.ends_with(behind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_its_hosts_and_no_others() {
        for (pattern, host, covered) in [
            ("api.example.com", "api.example.com", true),
            ("API.Example.com.", "api.example.com", true),
            ("api.example.com", "x.api.example.com", false),
            ("api.example.com", "example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "badexample.com", false),
            (".example.com", "a.example.com", true),
            ("run.*.example.com", "run.eu-1.example.com", true),
            ("run.*.example.com", "run.a.b.example.com", false),
            ("run.*.example.com", "run.example.com", false),
            ("*-run.example.com", "eu-run.example.com", true),
            ("*-run.example.com", "-run.example.com", false),
            ("*-run.example.com", "x.eu-run.example.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("[::1]", "::1", true),
            ("::1", "0:0::1", true),
            ("ollama", "ollama", true),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.covers(host), covered, "{pattern} and {host}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        for (text, why) in [
            ("*", "--all"),
            ("", "253"),
            ("*.com", "top-level"),
            ("a.*", "top-level"),
            ("x*.com", "top-level"),
            ("https://example.com", "scheme"),
            ("example.com:443", "port"),
            ("exam ple.com", "labels"),
            ("a..example.com", "labels"),
            ("bücher.example", "punycode"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_subtree_is_what_stands_behind_the_last_star() {
        for (pattern, subtree) in [
            ("api.example.com", "api.example.com"),
            ("*.example.com", "example.com"),
            ("run.*.example.com", "example.com"),
            ("*-run.api.example.com", "api.example.com"),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.subtree(), Subtree::Name(subtree.to_owned()));
        }
    }
}
