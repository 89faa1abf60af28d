//! The names that an authority may vouch for: `URI:spiffe://b.example/` is every URI that begins so,
//! `DNS:.b.example` every DNS name that ends so. It narrows what an authority counts for; who a client
//! is stays one whole name.

use std::str::FromStr;

use tsmgate_gate::policy::Leaf;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Namespace {
    /// What a URI begins with; ends with a slash, so that `a.example` is not `a.example.evil`.
    Uri(String),
    /// What a DNS name ends with; begins with a dot.
    Dns(String),
}

/// Whether all URI and DNS names of a certificate are in these. One without such names is: then only
/// its key can be known.
pub fn hold(namespaces: &[Namespace], leaf: &Leaf) -> bool {
    let uri = |name: &String| {
        let prefix = |one: &Namespace| matches!(one, Namespace::Uri(p) if name.starts_with(p));
        namespaces.iter().any(prefix)
    };
    let dns = |name: &String| {
        let suffix = |one: &Namespace| matches!(one, Namespace::Dns(s) if name.ends_with(s));
        namespaces.iter().any(suffix)
    };
    leaf.uris.iter().all(uri) && leaf.dns.iter().all(dns)
}

impl FromStr for Namespace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_graphic());
        match text.split_once(':') {
            Some(("URI", uri)) if plain(uri) && uri.contains("://") && uri.ends_with('/') => {
                // a scheme alone would hold the names of everybody
                match uri.split_once("://") {
                    Some((scheme, rest)) if !scheme.is_empty() && rest.len() > 1 => {
                        Ok(Self::Uri(uri.to_owned()))
                    }
                    _ => Err(format!("`{text}` names no host")),
                }
            }
            Some(("DNS", name)) if plain(name) && name.starts_with('.') && name.len() > 1 => {
                Ok(Self::Dns(name.to_owned()))
            }
            _ => Err(format!(
                "`{text}` is not what names begin or end with; write it as `URI:spiffe://example.org/`, \
                 with the slash, or as `DNS:.example.org`, with the dot"
            )),
        }
    }
}

#[cfg(test)]
mod tests;
