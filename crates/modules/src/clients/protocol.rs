//! Wire forms of [XEP-0494 §3](https://xmpp.org/extensions/xep-0494.html).

use engine::{
    account::{ClientInfo, ClientName},
    module::{Method, Payload},
};
use stanza::{Condition, StanzaError};
use xml::{Builder, Element, Fragment};

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:cam:0";

/// `<list/>`: which clients are there?
pub(super) struct List;

/// `<revoke/>`: this one shall have no access any more.
pub(super) struct Revoke {
    pub(super) id: ClientName,
}

impl Payload for List {
    const ELEMENT: &'static str = "list";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl Payload for Revoke {
    const ELEMENT: &'static str = "revoke";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(revoke: &Element<'_>) -> Result<Self, StanzaError> {
        let Some(id) = revoke.attr("id") else {
            return Err(StanzaError::new(Condition::BadRequest).with_text("an id is expected"));
        };
        match ClientName::parse(&id) {
            Some(id) => Ok(Self { id }),
            None => Err(StanzaError::new(Condition::ItemNotFound)),
        }
    }
}

/// `<clients/>`.
pub(super) fn clients(clients: &[ClientInfo]) -> Fragment {
    let children = clients.iter().map(client);
    Builder::new("clients", NS).children(children).build()
}

/// All that is known of is a session, or was one; and all may do anything.
fn client(client: &ClientInfo) -> Builder {
    let has_token = client.token_until.is_some();
    let auth = Builder::new("auth", NS)
        .child_opt(client.knows_password.then(|| Builder::new("password", NS)))
        .child_opt(has_token.then(|| Builder::new("fast", NS)));
    let text = |name, text: &Option<String>| {
        let text = text.as_ref();
        text.map(|text| Builder::new(name, NS).text(text))
    };
    let user_agent = Builder::new("user-agent", NS)
        .child_opt(text("software", &client.software))
        .child_opt(text("device", &client.device));
    let first_seen = client.first_seen.whole_seconds().to_string();
    let last_seen = client.last_seen.whole_seconds().to_string();
    Builder::new("client", NS)
        .attr("connected", client.is_connected.to_string())
        .attr("id", client.id.to_string())
        .attr("type", "session")
        .child(Builder::new("first-seen", NS).text(&first_seen))
        .child(Builder::new("last-seen", NS).text(&last_seen))
        .child(auth)
        .child(Builder::new("permission", NS).attr("status", "unrestricted"))
        .child(user_agent)
}

/// The client knows the password, and only another one keeps it out.
pub(super) fn password_reset_required() -> StanzaError {
    StanzaError::new(Condition::ServiceUnavailable)
        .with_application(Builder::new("password-reset-required", NS).build())
}
