//! Whether a flow is read: the only place that decides.

use crate::ca::Scope;
use crate::flow::{Host, TunnelReason, Verdict};

/// What the user and the table of providers allow.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Hosts that may be intercepted: the same list as what the authority can sign for.
    pub intercept: Scope,
    /// Hosts that are passed on unread in any case.
    pub tunnel: Scope,
}

/// What the flow's first bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// TLS, with the server name that the app sent.
    Tls {
        /// `None` if the app sent none.
        sni: Option<Host>,
    },
    /// An HTTP request in clear text.
    Http,
    /// The origin spoke before the app.
    ServerFirst,
    /// Something else.
    Other,
    /// A ClientHello that cannot be read: the text says why.
    Unreadable(String),
}

/// What was learned of an app and a host before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing that stands against reading.
    Nothing,
    /// The app refused our certificate: the text says how.
    Distrust(String),
    /// The origin asked for a client certificate.
    ClientCertificate,
}

/// The only place that decides. No socket, no clock, no global.
pub fn decide(target: &Host, opening: &Opening, learned: &Learned, rules: &Rules) -> Verdict {
    let named = match opening {
        Opening::Tls { sni: Some(sni) } => sni,
        _ => target,
    };
    let tunnel = Verdict::Tunnel;
    if rules.tunnel.covers(named.as_str()) || rules.tunnel.covers(target.as_str()) {
        return tunnel(TunnelReason::Excluded);
    }
    if !rules.intercept.covers(named.as_str()) {
        return tunnel(TunnelReason::NotListed);
    }
    match (opening, learned) {
        (Opening::ServerFirst, _) => tunnel(TunnelReason::ServerFirst),
        (Opening::Other, _) => tunnel(TunnelReason::NotHttp),
        (Opening::Unreadable(why), _) => tunnel(TunnelReason::ClientHello(why.clone())),
        (Opening::Http, _) => Verdict::Intercept,
        (Opening::Tls { .. }, Learned::Distrust(how)) => {
            tunnel(TunnelReason::Distrusted(how.clone()))
        }
        (Opening::Tls { .. }, Learned::ClientCertificate) => {
            tunnel(TunnelReason::ClientCertificate)
        }
        (Opening::Tls { .. }, Learned::Nothing) => Verdict::Intercept,
    }
}

/// Whether the first bytes can change the verdict: if not, they need not be waited for.
///
/// A name that is not listed stays so whatever it carries; behind an address there may be a
/// listed server name.
pub fn depends_on_opening(target: &Host, rules: &Rules) -> bool {
    let listed = rules.intercept.covers(target.as_str());
    !rules.tunnel.covers(target.as_str()) && (listed || target.ip().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            intercept: Scope::only(["api.openai.com", "*.openai.azure.com", "192.0.2.7"]).unwrap(),
            tunnel: Scope::only(["secret.openai.azure.com"]).unwrap(),
        }
    }

    fn tls(sni: Option<&str>) -> Opening {
        Opening::Tls { sni: sni.map(Host::new) }
    }

    #[test]
    fn a_flow_is_read_if_its_host_is_listed_and_nothing_stands_against_it() {
        use Learned::Nothing;
        let distrust = Learned::Distrust("alert".into());
        let refused = |reason| Verdict::Tunnel(reason);
        for (rule, target, opening, learned, expected) in [
            (
                "a listed name",
                "api.openai.com",
                tls(Some("api.openai.com")),
                Nothing,
                Verdict::Intercept,
            ),
            (
                "below a listed suffix",
                "x.openai.azure.com",
                tls(Some("x.openai.azure.com")),
                Nothing,
                Verdict::Intercept,
            ),
            (
                "no server name: the target counts",
                "api.openai.com",
                tls(None),
                Nothing,
                Verdict::Intercept,
            ),
            ("a listed address", "192.0.2.7", tls(None), Nothing, Verdict::Intercept),
            (
                "an address with a listed server name",
                "192.0.2.9",
                tls(Some("api.openai.com")),
                Nothing,
                Verdict::Intercept,
            ),
            (
                "clear text inside CONNECT",
                "api.openai.com",
                Opening::Http,
                Nothing,
                Verdict::Intercept,
            ),
            (
                "the server name counts",
                "api.openai.com",
                tls(Some("example.com")),
                Nothing,
                refused(TunnelReason::NotListed),
            ),
            (
                "an unlisted name",
                "example.com",
                tls(Some("example.com")),
                Nothing,
                refused(TunnelReason::NotListed),
            ),
            (
                "excluded by the user",
                "secret.openai.azure.com",
                tls(None),
                Nothing,
                refused(TunnelReason::Excluded),
            ),
            (
                "the origin spoke first",
                "api.openai.com",
                Opening::ServerFirst,
                Nothing,
                refused(TunnelReason::ServerFirst),
            ),
            ("not HTTP", "api.openai.com", Opening::Other, Nothing, refused(TunnelReason::NotHttp)),
            (
                "distrust",
                "api.openai.com",
                tls(None),
                distrust,
                refused(TunnelReason::Distrusted("alert".into())),
            ),
            (
                "client certificate",
                "api.openai.com",
                tls(None),
                Learned::ClientCertificate,
                refused(TunnelReason::ClientCertificate),
            ),
        ] {
            assert_eq!(
                decide(&Host::new(target), &opening, &learned, &rules()),
                expected,
                "{rule}"
            );
        }
    }

    #[test]
    fn only_a_listed_name_or_an_address_is_waited_for() {
        for (target, expected) in [
            ("api.openai.com", true),
            ("example.com", false),
            ("203.0.113.9", true),
            ("secret.openai.azure.com", false),
        ] {
            assert_eq!(depends_on_opening(&Host::new(target), &rules()), expected, "{target}");
        }
    }
}
