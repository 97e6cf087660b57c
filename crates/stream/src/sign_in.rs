//! What a client says with its sign-in besides who it is: which installation of which software it is, and what
//! shall be done at once, [XEP-0388 §Initiation](https://xmpp.org/extensions/xep-0388.html#initiation).

use std::fmt;

use xml::{Element, Fragment, ns};

use crate::limits::USER_AGENT_TEXT_BYTES_MAX;

/// Names an installation of a client, the same each time it signs in: a UUID.
///
/// COMPAT: any version of UUID is taken, as the schema of XEP-0388 does; its text asks clients for version 4.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(u128);

/// `<user-agent/>`: which client it is that signs in. For the user's eyes only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UserAgent {
    /// Which installation.
    pub id: Option<ClientId>,
    /// The software, in its own words.
    pub software: Option<String>,
    /// The device it runs on, in its own words.
    pub device: Option<String>,
}

/// What came in `<authenticate/>` besides the sign-in itself.
#[derive(Clone, Debug, Default)]
pub struct SignInRequest {
    /// Who asks.
    pub user_agent: UserAgent,
    /// The elements of others, in their order: what shall be done once it is known who the client is.
    pub inline: Vec<Fragment>,
}

impl ClientId {
    /// Reads a UUID in its usual form, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const HYPHENS: [usize; 4] = [8, 13, 18, 23];
        if text.len() != 36 {
            return None;
        }
        text.bytes()
            .enumerate()
            .try_fold(0, |id: u128, (at, byte)| {
                if HYPHENS.contains(&at) {
                    return (byte == b'-').then_some(id);
                }
                let digit = char::from(byte).to_digit(16)?;
                Some((id << 4) | u128::from(digit))
            })
            .map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let part = |from, to| digits.get(from..to).unwrap_or_default();
        let (low, mid, high) = (part(0, 8), part(8, 12), part(12, 16));
        write!(f, "{low}-{mid}-{high}-{}-{}", part(16, 20), part(20, 32))
    }
}

impl UserAgent {
    /// Reads `<user-agent/>`; nothing, when its id is none.
    pub(crate) fn read(element: &Element<'_>) -> Option<Self> {
        let id = match element.attr("id") {
            None => None,
            Some(id) => Some(ClientId::parse(&id)?),
        };
        let text = |name| {
            element
                .child_text(name, ns::SASL2)
                .and_then(|text| kept(&text))
        };
        Some(Self {
            id,
            software: text("software"),
            device: text("device"),
        })
    }
}

impl SignInRequest {
    /// The first element with this name and namespace.
    #[must_use]
    pub fn inline(&self, name: &str, ns: &str) -> Option<&Fragment> {
        self.inline.iter().find(|one| one.is(name, ns))
    }
}

/// As much of a text as is kept.
fn kept(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|end| *end <= USER_AGENT_TEXT_BYTES_MAX)
        .last()?;
    text.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_in_either_case() {
        check("d4565fa7-4d72-4749-b3d3-740edbf87770", true);
        check("D4565FA7-4D72-4749-B3D3-740EDBF87770", true);
        check("00000000-0000-0000-0000-000000000000", true);
        check("d4565fa7-4d72-4749-b3d3-740edbf8777", false);
        check("d4565fa7-4d72-4749-b3d3-740edbf877700", false);
        check("d4565fa74d724749b3d3740edbf87770", false);
        check("d4565fa74-d72-4749-b3d3-740edbf87770", false);
        check("g4565fa7-4d72-4749-b3d3-740edbf87770", false);
        check("{4565fa7-4d72-4749-b3d3-740edbf8777}", false);
        check("", false);
    }

    #[track_caller]
    fn check(text: &str, is_id: bool) {
        let shown = ClientId::parse(text).map(|id| id.to_string());
        assert_eq!(shown, is_id.then(|| text.to_lowercase()), "{text}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(kept(&"é".repeat(100)), Some("é".repeat(64)));
        assert_eq!(kept(" \n "), None);
    }
}
