//! Wire forms of [RFC 6121 §2.1](https://www.rfc-editor.org/rfc/rfc6121#section-2.1), and what a client
//! may write into them: [§2.3.3](https://www.rfc-editor.org/rfc/rfc6121#section-2.3.3).

use engine::{
    account::{Contact, Contacts, RosterItem, RosterVersion, subscription::Standing},
    module::{Method, Payload},
};
use jid::{BareJid, Jid};
use stanza::{Condition, StanzaError};
use xml::{Builder, Element, Fragment};

use super::not_oneself;

/// The namespace of the roster.
pub(super) const NS: &str = "jabber:iq:roster";

/// The namespace of the stream feature of versioning.
pub(super) const NS_VERSIONING: &str = "urn:xmpp:features:rosterver";

/// The namespace of the stream feature of pre-approval.
pub(super) const NS_PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";

/// A name or the name of a group may have this many bytes; a longer one is refused with `not-acceptable`.
const NAME_BYTES_MAX: usize = 1_023;

/// A contact may be in this many groups; more are refused with `not-acceptable`.
const GROUPS_MAX: usize = 64;

/// A request for the roster.
pub(super) struct Get {
    /// The version the client has. Anything that is none of ours counts as no version: everything is sent.
    pub(super) version: Option<RosterVersion>,
}

/// A request to change one item.
pub(super) struct Set {
    contact: BareJid,
    change: Change,
}

/// What a request asks for.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// Add or change the item.
    Put {
        /// The name the user gives the contact.
        name: Option<String>,
        /// The groups, sorted.
        groups: Vec<String>,
    },
    /// Remove it.
    Remove,
}

impl Payload for Get {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        // RFC 6121 §2.1.3: a get has no items.
        if query.child("item", NS).is_some() {
            return Err(StanzaError::new(Condition::BadRequest));
        }
        Ok(Self {
            version: query.attr("ver").and_then(|version| version.parse().ok()),
        })
    }
}

impl Payload for Set {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        let mut items = query.children().filter(|child| child.is("item", NS));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(bad_request("exactly one item is expected"));
        };
        let contact = item.attr("jid").and_then(|jid| Jid::parse(&jid).ok());
        let contact = contact.ok_or_else(|| bad_request("the item's jid is no address"))?;
        let contact = contact
            .into_bare()
            .ok_or_else(|| bad_request("the item's jid is that of a resource"))?;
        // `subscription` but for removal, `ask` and `approved` are not the client's to write, §2.1.2.
        let change = match item.attr("subscription").as_deref() {
            Some("remove") => Change::Remove,
            _ => Change::Put {
                name: name(&item)?,
                groups: groups(&item)?,
            },
        };
        Ok(Self { contact, change })
    }
}

impl Set {
    /// What the owner of the roster asks for.
    ///
    /// # Errors
    ///
    /// `not-allowed` when the item is of the owner itself.
    pub(super) fn into_change(self, own: &BareJid) -> Result<(BareJid, Change), StanzaError> {
        not_oneself(&self.contact, own)?;
        Ok((self.contact.compact(), self.change))
    }
}

/// The name; an empty one is none.
fn name(item: &Element<'_>) -> Result<Option<String>, StanzaError> {
    let name = item.attr("name").filter(|name| !name.is_empty());
    match name {
        Some(name) if name.len() > NAME_BYTES_MAX => Err(not_acceptable("the name is too long")),
        name => Ok(name.map(|name| name.into_owned())),
    }
}

fn groups(item: &Element<'_>) -> Result<Vec<String>, StanzaError> {
    let mut groups = Vec::new();
    for group in item.children().filter(|child| child.is("group", NS)) {
        let group = group.text();
        if group.is_empty() {
            return Err(not_acceptable("the name of a group is empty"));
        }
        if group.len() > NAME_BYTES_MAX {
            return Err(not_acceptable("the name of a group is too long"));
        }
        if groups.len() == GROUPS_MAX {
            return Err(not_acceptable("the contact is in too many groups"));
        }
        groups.push(group.into_owned());
    }
    groups.sort_unstable();
    let before = groups.len();
    groups.dedup();
    match groups.len() == before {
        true => Ok(groups),
        false => Err(bad_request("a group is named twice")),
    }
}

/// The whole roster.
pub(super) fn roster(contacts: &Contacts) -> Fragment {
    Builder::new("query", NS)
        .attr("ver", contacts.version().to_string())
        .children(contacts.listed().map(|contact| match contact {
            RosterItem::Own(contact) => item(
                contact.jid().as_str(),
                contact.standing(),
                contact.name(),
                contact.groups(),
            ),
            RosterItem::Provided(jid, contact) => item_or_removed(&jid, Some(&contact)),
        }))
        .build()
}

/// An item as it stands, or its removal.
pub(super) fn item_or_removed(jid: &BareJid, now: Option<&Contact>) -> Builder {
    match now {
        Some(contact) => {
            let groups = contact.groups.iter().map(String::as_str);
            let name = contact.name.as_deref();
            item(jid.as_str(), contact.standing, name, groups)
        }
        None => Builder::new("item", NS)
            .attr("jid", jid.as_str())
            .attr("subscription", "remove"),
    }
}

/// An item, [§2.1.2](https://www.rfc-editor.org/rfc/rfc6121#section-2.1.2).
fn item<'a>(
    jid: &str,
    standing: Standing,
    name: Option<&str>,
    groups: impl Iterator<Item = &'a str>,
) -> Builder {
    let groups = groups.map(|group| Builder::new("group", NS).text(group));
    Builder::new("item", NS)
        .attr("jid", jid)
        .attr_opt("name", name)
        .attr("subscription", standing.state.subscription().as_str())
        .attr_opt("ask", standing.state.asks().then_some("subscribe"))
        .attr_opt("approved", standing.approved.then_some("true"))
        .children(groups)
}

fn bad_request(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(text)
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_is_checked() {
        check("<item jid='juliet@example'/>", Ok(()));
        check(
            "<item jid='juliet@example' name='J'><group>Friends</group></item>",
            Ok(()),
        );
        check("<item jid='juliet@example' name=''/>", Ok(()));
        check("<item jid='example'/>", Ok(()));
        check(
            "<item jid='juliet@example' subscription='both' ask='subscribe' approved='true'/>",
            Ok(()),
        );
        check("", Err(Condition::BadRequest));
        check(
            "<item jid='a@example'/><item jid='b@example'/>",
            Err(Condition::BadRequest),
        );
        check("<item/>", Err(Condition::BadRequest));
        check("<item jid='@example'/>", Err(Condition::BadRequest));
        check(
            "<item jid='juliet@example/balcony'/>",
            Err(Condition::BadRequest),
        );
        check("<item jid='romeo@example'/>", Err(Condition::NotAllowed));
        check(
            "<item jid='a@example'><group>x</group><group>x</group></item>",
            Err(Condition::BadRequest),
        );
        check(
            "<item jid='a@example'><group/></item>",
            Err(Condition::NotAcceptable),
        );
        check(
            &format!(
                "<item jid='a@example'><group>{}</group></item>",
                "x".repeat(1_024)
            ),
            Err(Condition::NotAcceptable),
        );
        check(
            &format!("<item jid='a@example' name='{}'/>", "x".repeat(1_024)),
            Err(Condition::NotAcceptable),
        );
        check(
            &format!("<item jid='a@example' name='{}'/>", "x".repeat(1_023)),
            Ok(()),
        );
        check(
            "<item jid='a@example' subscription='remove'><group/></item>",
            Ok(()),
        );
    }

    #[test]
    fn groups_come_sorted_and_an_empty_name_is_none() {
        let set =
            parse("<item jid='a@example' name=''><group>Work</group><group>Family</group></item>")
                .unwrap();
        let groups = vec!["Family".to_owned(), "Work".to_owned()];
        assert_eq!(set.change, Change::Put { name: None, groups });
    }

    fn parse(items: &str) -> Result<Set, StanzaError> {
        let query = format!("<query xmlns='jabber:iq:roster'>{items}</query>");
        let tree = xml::Tree::parse_fragment(query).unwrap();
        Set::parse(&tree.root())
    }

    #[track_caller]
    fn check(items: &str, expected: Result<(), Condition>) {
        let own = BareJid::parse("romeo@example").unwrap();
        let got = parse(items).and_then(|set| set.into_change(&own));
        let got = got.map(|_| ()).map_err(|error| error.condition());
        assert_eq!(got, expected, "{items}");
    }
}
