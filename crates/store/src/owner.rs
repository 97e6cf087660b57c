//! Whom stored data belongs to.

use std::fmt;

use jid::{BareJid, Domain};

/// The owner of stored data: everything of one owner can be listed, exported and removed together.
///
/// Its text form (`account:juliet@example.org`, `server`) is what back ends store and what they order by; the variants
/// stand in the order of their text forms, so that the derived order is the same.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Owner {
    /// A user's account on one of our hosts.
    Account(BareJid),
    /// Another home of this server's accounts.
    Home(Domain),
    /// A virtual host.
    Host(Domain),
    /// Another server.
    Remote(Domain),
    /// A chat room.
    Room(BareJid),
    /// This server as a whole.
    Server,
    /// A domain that is not a virtual host: rooms, pubsub, upload, a component.
    Service(Domain),
}

impl Owner {
    /// Reads the text form back; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "server" {
            return Some(Self::Server);
        }
        let (kind, address) = text.split_once(':')?;
        match kind {
            "account" => BareJid::parse(address).ok().map(Self::Account),
            "room" => BareJid::parse(address).ok().map(Self::Room),
            "service" => Domain::parse(address).ok().map(Self::Service),
            "home" => Domain::parse(address).ok().map(Self::Home),
            "host" => Domain::parse(address).ok().map(Self::Host),
            "remote" => Domain::parse(address).ok().map(Self::Remote),
            _ => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(jid) => write!(f, "account:{jid}"),
            Self::Room(jid) => write!(f, "room:{jid}"),
            Self::Service(domain) => write!(f, "service:{domain}"),
            Self::Home(home) => write!(f, "home:{home}"),
            Self::Host(domain) => write!(f, "host:{domain}"),
            Self::Remote(domain) => write!(f, "remote:{domain}"),
            Self::Server => f.write_str("server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_read_back_and_are_ordered_as_their_texts() {
        let texts = [
            "account:juliet@example.org",
            "home:one",
            "host:example.org",
            "remote:example.com",
            "room:balcony@rooms.example.org",
            "server",
            "service:rooms.example.org",
        ];
        let owners: Vec<Owner> = texts.map(|text| Owner::parse(text).unwrap()).into();
        assert_eq!(
            owners.iter().map(Owner::to_string).collect::<Vec<_>>(),
            texts
        );
        assert!(owners.is_sorted() && texts.is_sorted());
        for text in ["", "home:", "account:example.org/x", "house:one"] {
            assert_eq!(Owner::parse(text), None, "{text}");
        }
    }
}
