//! Whom to turn to about what, [XEP-0157 §8.1](https://xmpp.org/extensions/xep-0157.html#registrar).

use std::{collections::BTreeMap, fmt::Write};

use jid::BareJid;
use serde::Deserialize;

/// What an address is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Abusive traffic.
    Abuse,
    /// The service's administrators.
    Admin,
    /// What customers think.
    Feedback,
    /// Sales and marketing.
    Sales,
    /// Security concerns.
    Security,
    /// How the service is doing.
    Status,
    /// Help.
    Support,
}

impl Role {
    pub(super) const ALL: [Self; 7] = [
        Self::Abuse,
        Self::Admin,
        Self::Feedback,
        Self::Sales,
        Self::Security,
        Self::Status,
        Self::Support,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Abuse => "abuse",
            Self::Admin => "admin",
            Self::Feedback => "feedback",
            Self::Sales => "sales",
            Self::Security => "security",
            Self::Status => "status",
            Self::Support => "support",
        }
    }

    /// Its field in the data set.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Abuse => "abuse-addresses",
            Self::Admin => "admin-addresses",
            Self::Feedback => "feedback-addresses",
            Self::Sales => "sales-addresses",
            Self::Security => "security-addresses",
            Self::Status => "status-addresses",
            Self::Support => "support-addresses",
        }
    }
}

/// Addresses by role, as configured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Contacts(BTreeMap<Role, Vec<String>>);

impl Contacts {
    /// The addresses by role; `admins` where none are named for theirs.
    pub(super) fn by_role(mut self, admins: &[BareJid]) -> BTreeMap<Role, Vec<String>> {
        let admins = || admins.iter().map(xmpp_uri).collect();
        self.0.entry(Role::Admin).or_insert_with(admins);
        self.0
    }
}

/// Whether it has a scheme and something behind it, RFC 3986 §3.
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(is_scheme_char)
        && !rest.is_empty()
        && !text.contains(char::is_whitespace)
}

/// The URI of an account, RFC 5122 §2.2: what is not allowed in it is encoded.
fn xmpp_uri(jid: &BareJid) -> String {
    let mut uri = "xmpp:".to_owned();
    if let Some(local) = jid.local() {
        encode(local, &mut uri);
        uri.push('@');
    }
    encode(jid.domain(), &mut uri);
    uri
}

fn encode(part: &str, uri: &mut String) {
    for byte in part.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~!$()*+,;=[]:".contains(&byte);
        match is_plain {
            true => uri.push(char::from(byte)),
            // Writing into a text does not fail.
            false => drop(write!(uri, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_uris() {
        check("admin@example", "xmpp:admin@example");
        check("ad#min@example", "xmpp:ad%23min@example");
        check("žofie@example", "xmpp:%C5%BEofie@example");
    }

    #[track_caller]
    fn check(jid: &str, uri: &str) {
        assert_eq!(xmpp_uri(&BareJid::parse(jid).unwrap()), uri);
    }

    #[test]
    fn a_uri_has_a_scheme() {
        for (text, expected) in [
            ("mailto:abuse@example", true),
            ("https://example/help", true),
            ("abuse@example", false),
            (":abuse", false),
            ("1x:abuse", false),
            ("mailto:", false),
            ("mailto:a b", false),
        ] {
            assert_eq!(is_uri(text), expected, "{text}");
        }
    }
}
