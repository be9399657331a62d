//! Where a request goes: the resource and what follows it.

use crate::dialect::{Asked, path_only, providers};

/// A request's method and path, in segments.
pub(super) struct Place<'a> {
    pub(super) method: &'a str,
    pub(super) body: &'a [u8],
    host: &'a str,
    path: &'a str,
    segments: Vec<&'a str>,
    is_anthropic: bool,
}

impl<'a> Place<'a> {
    pub(super) fn of(asked: &Asked<'a>) -> Self {
        let path = path_only(asked.path);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let is_anthropic = asked.host.contains("anthropic")
            || segments.contains(&"anthropic")
            || asked.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("anthropic-version"));
        Self {
            method: asked.method,
            body: asked.body,
            host: asked.host,
            path,
            segments,
            is_anthropic,
        }
    }

    /// Whether the request is a `POST` to a path that ends with `end`.
    pub(super) fn posts(&self, end: &str) -> bool {
        self.method == "POST" && self.path.ends_with(end)
    }

    /// Whether `part` stands in the path.
    pub(super) fn holds(&self, part: &str) -> bool {
        self.path.contains(part)
    }

    /// What follows the resource `name` of OpenAI's API, or of one like it.
    ///
    /// Websites have paths such as `/files/1` as well, so the resource must follow a version,
    /// or stand first at a host that serves models. Google's resources have the same names.
    pub(super) fn resource(&self, name: &str) -> Option<&[&'a str]> {
        let is_google = self.host.ends_with("googleapis.com") && !self.path.contains("/openai/");
        if self.is_anthropic || is_google {
            return None;
        }
        self.after(name)
    }

    /// What follows the resource `name` of Anthropic's API.
    pub(super) fn anthropic(&self, name: &str) -> Option<&[&'a str]> {
        self.after(name).filter(|_| self.is_anthropic)
    }

    fn after(&self, name: &str) -> Option<&[&'a str]> {
        let at = self.segments.iter().position(|segment| *segment == name)?;
        let begins = match at.checked_sub(1).and_then(|before| self.segments.get(before)) {
            Some(before) => is_version(before) || *before == "openai",
            None => is_local(self.host) || providers::provider_of(self.host).is_some(),
        };
        self.segments.get(at + 1..).filter(|_| begins)
    }
}

/// `v1`, `v4`, `v1beta`, `v1-openai` …
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

/// A name without a dot, or an address.
fn is_local(host: &str) -> bool {
    !host.contains('.') || host.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(host: &str, path: &str, name: &str) -> Option<Vec<String>> {
        let headers = Vec::new();
        let asked = Asked { method: "GET", host, path, headers: &headers, body: &[] };
        let place = Place::of(&asked);
        let rest = place.resource(name)?;
        Some(rest.iter().map(|segment| (*segment).to_owned()).collect())
    }

    #[test]
    fn a_resource_is_told_from_a_website() {
        for (rule, host, path, name, expected) in [
            ("after a version", "h.example", "/v1/files", "files", Some(vec![])),
            (
                "with what follows",
                "h.example",
                "/openai/v1/files/f/content?x=1",
                "files",
                Some(vec!["f", "content"]),
            ),
            ("first at a provider", "api.deepseek.com", "/models", "models", Some(vec![])),
            ("first at this machine", "127.0.0.1", "/models", "models", Some(vec![])),
            ("a website", "www.example.com", "/files/a.png", "files", None),
            ("a hub of models", "huggingface.co", "/api/models/a/b", "models", None),
            ("a part of another", "h.example", "/v1/vector_stores/vs/files", "files", None),
            ("Google's", "generativelanguage.googleapis.com", "/v1beta/models", "models", None),
            (
                "OpenAI's at Google",
                "generativelanguage.googleapis.com",
                "/v1beta/openai/models",
                "models",
                Some(vec![]),
            ),
            ("Anthropic's", "api.anthropic.com", "/v1/models", "models", None),
        ] {
            let expected: Option<Vec<String>> =
                expected.map(|rest| rest.into_iter().map(str::to_owned).collect());
            assert_eq!(after(host, path, name), expected, "{rule}");
        }
    }
}
