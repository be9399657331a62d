//! The one list: what may be intercepted is what the CA may sign.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

use super::pattern::Subtree;
use super::{Error, Pattern};

/// What may be intercepted, and so what the CA may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These hosts; the CA is constrained to them.
    Only(BTreeSet<Pattern>),
    /// Every host (`--all`); the CA is unconstrained.
    Everything,
}

impl Scope {
    /// The hosts that `patterns` name.
    pub fn only<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let patterns = patterns.into_iter().map(|p| p.as_ref().parse());
        Ok(Self::Only(patterns.collect::<Result<_, _>>()?))
    }

    /// Whether `host` may be intercepted. Case, a trailing dot and the brackets of an IPv6
    /// literal do not matter.
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(patterns) => {
                let host = normalise(host);
                patterns.iter().any(|pattern| pattern.covers(&host))
            }
        }
    }

    /// The X.509 name constraints that hold the CA to this scope; `None` for everything.
    pub(super) fn constraints(&self) -> Option<NameConstraints> {
        let Self::Only(_) = self else { return None };
        let permitted = self.permitted().into_iter().map(|subtree| match subtree {
            Subtree::Name(name) => GeneralSubtree::DnsName(name),
            Subtree::Address(address) => GeneralSubtree::IpAddress(one_address(address)),
        });
        Some(NameConstraints {
            permitted_subtrees: permitted.collect(),
            excluded_subtrees: self.excluded(),
        })
    }

    /// Whether the constraints of `certificate` are those of this scope.
    pub(super) fn is_that_of(&self, certificate: &X509Certificate<'_>) -> bool {
        let constraints = certificate.iter_extensions().find_map(|e| match e.parsed_extension() {
            ParsedExtension::NameConstraints(constraints) => Some(constraints),
            _ => None,
        });
        match (self, constraints) {
            (Self::Everything, None) => true,
            (Self::Only(_), Some(found)) => {
                let found = found.permitted_subtrees.iter().flatten();
                let found: Option<BTreeSet<_>> = found.map(|s| subtree_of(&s.base)).collect();
                found == Some(self.permitted())
            }
            _ => false,
        }
    }

    /// What is permitted, without names that stand below another one.
    fn permitted(&self) -> BTreeSet<Subtree> {
        let Self::Only(patterns) = self else {
            return BTreeSet::new();
        };
        let all: BTreeSet<_> = patterns.iter().map(Pattern::subtree).collect();
        let mut permitted: BTreeSet<_> = all
            .iter()
            .filter(|subtree| !all.iter().any(|other| stands_below(subtree, other)))
            .cloned()
            .collect();
        if !permitted.iter().any(|s| matches!(s, Subtree::Name(_))) {
            permitted.insert(Subtree::Name(NO_NAME.to_owned()));
        }
        permitted
    }

    /// A constraint of names does not constrain addresses (RFC 5280, 4.2.1.10): where none is
    /// permitted, all must be excluded.
    ///
    /// Where one is, all others are refused already, and a family must not be excluded beside
    /// it: Java 17 compares an IPv4 address with `::/0` byte by byte and runs over its end.
    fn excluded(&self) -> Vec<GeneralSubtree> {
        let mut permitted = self.permitted().into_iter();
        if permitted.any(|subtree| matches!(subtree, Subtree::Address(_))) {
            return Vec::new();
        }
        let families: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        families
            .map(|family| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(family, 0)))
            .to_vec()
    }
}

impl fmt::Display for Scope {
    /// The patterns, a space between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("every host"),
            Self::Only(patterns) if patterns.is_empty() => f.write_str("no host"),
            Self::Only(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(Pattern::to_string).collect();
                f.write_str(&patterns.join(" "))
            }
        }
    }
}

/// A host as patterns and certificates have it: lower case, without a trailing dot and the
/// brackets of an IPv6 literal.
pub(super) fn normalise(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host).to_ascii_lowercase()
}

/// Permitted where no name is: with no permitted name at all every name would be. Java cannot
/// read the empty name that would exclude them.
const NO_NAME: &str = "overhear.invalid";

fn stands_below(subtree: &Subtree, other: &Subtree) -> bool {
    match (subtree, other) {
        (Subtree::Name(name), Subtree::Name(suffix)) => {
            name.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.ends_with('.'))
        }
        _ => false,
    }
}

fn one_address(address: IpAddr) -> CidrSubnet {
    CidrSubnet::from_addr_prefix(address, if address.is_ipv4() { 32 } else { 128 })
}

fn subtree_of(name: &GeneralName<'_>) -> Option<Subtree> {
    match name {
        GeneralName::DNSName(name) => Some(Subtree::Name((*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let (address, _mask) = bytes.split_at_checked(bytes.len() / 2)?;
            let v4 = <[u8; 4]>::try_from(address).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(address).map(IpAddr::from);
            v4.or(v6).ok().map(Subtree::Address)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_below_another_adds_nothing() {
        let scope = Scope::only(["*.example.com", "api.example.com", "api.example.org"]).unwrap();
        let names: Vec<_> = scope.permitted().into_iter().collect();
        assert_eq!(
            names,
            [Subtree::Name("api.example.org".into()), Subtree::Name("example.com".into())]
        );
    }

    #[test]
    fn addresses_are_excluded_where_none_is_permitted() {
        for (patterns, excluded) in [
            (&["api.example.com"][..], 2),
            (&["10.0.0.1", "api.example.com"], 0),
            (&["::1", "10.0.0.1"], 0),
        ] {
            let scope = Scope::only(patterns).unwrap();
            assert_eq!(scope.excluded().len(), excluded, "{scope}");
        }
    }

    #[test]
    fn without_a_name_no_name_is_permitted() {
        for scope in [Scope::only(["::1"]), Scope::only::<&str>([])] {
            let permitted = scope.unwrap().permitted();
            assert!(permitted.contains(&Subtree::Name(NO_NAME.into())));
        }
    }
}
