//! What a client is called here, and what it says of itself.

use std::fmt;

use ring::digest;
use stream::UserAgent;

/// A resource that stands for a client's own words is cut to this many bytes.
const SAID_BYTES_MAX: usize = 255;

/// Our name for one client of an account: opaque, and the same whenever the client comes back.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientName([u8; 8]);

/// A client that signs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// Our name for it.
    pub id: ClientName,
    /// What software it says it is.
    pub software: Option<String>,
    /// What it says it runs on; of a client that says nothing, the resource it asked for.
    pub device: Option<String>,
}

impl ClientName {
    /// No client has it.
    pub(crate) const NOBODY: Self = Self([0; 8]);

    /// Of a client that gives the id of its installation.
    #[must_use]
    pub fn of_installation(id: stream::ClientId) -> Self {
        Self::of("installation", &id.to_string())
    }

    /// Of one that only asked for a resource, or not even that.
    #[must_use]
    pub fn of_resource(requested: Option<&str>) -> Self {
        Self::of("resource", requested.unwrap_or_default())
    }

    /// Reads it as it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok();
        number.filter(|_| is_ours).map(|it| Self(it.to_be_bytes()))
    }

    /// A hash: what a client says of itself is nobody else's business, and may be long. That two clients of one account
    /// share one is not to be expected, and would do no harm: a token is still for who has it.
    fn of(kind: &str, name: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, format!("{kind}\0{name}").as_bytes());
        let mut short = [0; 8];
        for (to, from) in short.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self(short)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientName({self})")
    }
}

impl Client {
    /// One that says nothing new of itself.
    pub(super) fn unsaid(id: ClientName) -> Self {
        Self {
            id,
            software: None,
            device: None,
        }
    }

    /// One that says who it is.
    #[must_use]
    pub fn of_agent(agent: &UserAgent) -> Self {
        let id = match agent.id {
            Some(id) => ClientName::of_installation(id),
            None => ClientName::of_resource(None),
        };
        Self {
            id,
            software: agent.software.clone(),
            device: agent.device.clone(),
        }
    }

    /// One that only asked for a resource, or not even that.
    #[must_use]
    pub fn of_resource(requested: Option<&str>, agent: Option<&UserAgent>) -> Self {
        let agent = agent.cloned().unwrap_or_default();
        Self {
            id: ClientName::of_resource(requested),
            software: agent.software,
            device: agent.device.or_else(|| requested.and_then(said)),
        }
    }
}

/// What a client calls its resource, bounded; nothing, if it is empty.
fn said(text: &str) -> Option<String> {
    let text = text.trim();
    let cut = text.floor_char_boundary(SAID_BYTES_MAX);
    let text = text.get(..cut).unwrap_or_default();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_name_that_says_nothing_of_it() {
        let uuid = |text: &str| stream::ClientId::parse(text).expect("a UUID");
        let id = ClientName::of_installation(uuid("d4565fa7-4d72-4749-b3d3-740edbf87770"));
        let upper = uuid("D4565FA7-4D72-4749-B3D3-740EDBF87770");
        assert_eq!(id, ClientName::of_installation(upper));
        let text = id.to_string();
        assert_eq!(ClientName::parse(&text), Some(id));
        assert_eq!(text.len(), 16);
        assert!(!text.contains("d4565fa7"));
        for foreign in [
            "",
            "+123456789abcdef",
            "123456789abcdef",
            "0123456789abcdefg",
        ] {
            assert_eq!(ClientName::parse(foreign), None, "{foreign}");
        }
        let named = ClientName::of_resource(Some("d4565fa7-4d72-4749-b3d3-740edbf87770"));
        assert_ne!(named, id);
        assert_eq!(
            ClientName::of_resource(None),
            ClientName::of_resource(Some(""))
        );
    }

    #[test]
    fn a_resource_stands_for_what_a_client_does_not_say() {
        let long = "é".repeat(200);
        let device = |requested, agent| Client::of_resource(requested, agent).device;
        let cut = device(Some(&long), None);
        assert_eq!(cut.map(|device| device.len()), Some(254));
        assert_eq!(device(Some(" "), None), None);
        let agent = agent("", "laptop");
        assert_eq!(device(Some("x"), Some(&agent)).as_deref(), Some("laptop"));
    }

    fn agent(software: &str, device: &str) -> UserAgent {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserAgent {
            id: None,
            software: said(software),
            device: said(device),
        }
    }
}
