//! `<addresses/>`: what the sender wrote, and what each recipient sees of it,
//! [XEP-0033 §4](https://xmpp.org/extensions/xep-0033.html#addresses).

use std::collections::BTreeSet;

use jid::Jid;
use stanza::{Condition, StanzaError};
use xml::{Builder, Element, Fragment};

/// The namespace.
pub(super) const NS: &str = "http://jabber.org/protocol/address";

/// What an address is for, [§4.6](https://xmpp.org/extensions/xep-0033.html#addr-type).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    To,
    Cc,
    Bcc,
    ReplyTo,
    ReplyRoom,
    NoReply,
    OriginalFrom,
}

/// One address, with all that was written in it.
#[derive(Clone, Debug)]
pub(super) struct Address<'a> {
    kind: Kind,
    jid: Option<Jid>,
    was_delivered: bool,
    element: Element<'a>,
}

/// Reads all of them, at most `most`.
///
/// # Errors
///
/// `not-acceptable` when there are too many, `jid-malformed` for what is no JID, `bad-request` when one lacks what it
/// must have.
pub(super) fn read<'a>(
    addresses: &Element<'a>,
    most: usize,
) -> Result<Vec<Address<'a>>, StanzaError> {
    let elements = addresses.children().filter(|child| child.is("address", NS));
    if elements.clone().count() > most {
        let text = format!("at most {most} addresses");
        return Err(StanzaError::new(Condition::NotAcceptable).with_text(text));
    }
    let addresses: Vec<_> = elements.map(Address::read).collect::<Result<_, _>>()?;
    match addresses.is_empty() {
        true => Err(Condition::BadRequest.into()),
        false => Ok(addresses),
    }
}

/// Who gets the stanza: everybody once, whatever the number of addresses they have in it.
pub(super) fn recipients<'a, 'b>(addresses: &'b [Address<'a>]) -> Vec<&'b Address<'a>> {
    let mut seen: BTreeSet<&str> = addresses
        .iter()
        .filter(|address| address.was_delivered)
        .filter_map(|address| address.jid.as_ref().map(Jid::as_str))
        .collect();
    // Who is named openly gets what everybody gets.
    let open = addresses.iter().filter(|one| one.kind != Kind::Bcc);
    let blind = addresses.iter().filter(|one| one.kind == Kind::Bcc);
    open.chain(blind)
        .filter(|address| address.is_recipient())
        .filter(|address| {
            let jid = address.jid.as_ref();
            jid.is_some_and(|jid| seen.insert(jid.as_str()))
        })
        .collect()
}

/// What `recipient` sees: all addresses but the blind ones of others, and which of them were served,
/// [§4.5](https://xmpp.org/extensions/xep-0033.html#addr-delivered).
pub(super) fn shown_to(addresses: &[Address<'_>], recipient: &Address<'_>) -> Fragment {
    let shown = addresses
        .iter()
        .filter(|address| address.kind != Kind::Bcc || address.is(recipient))
        .map(Address::to_builder);
    Builder::new("addresses", NS).children(shown).build()
}

impl<'a> Address<'a> {
    fn read(element: Element<'a>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(Condition::BadRequest).with_text(text);
        let kind = match element.attr("type").as_deref() {
            Some("to") => Kind::To,
            Some("cc") => Kind::Cc,
            Some("bcc") => Kind::Bcc,
            Some("replyto") => Kind::ReplyTo,
            Some("replyroom") => Kind::ReplyRoom,
            Some("noreply") => Kind::NoReply,
            Some("ofrom") => Kind::OriginalFrom,
            _ => return Err(bad("an address needs a known type")),
        };
        let jid = match (element.attr("jid"), element.attr("uri")) {
            (Some(_), Some(_)) => return Err(bad("an address has a JID or a URI")),
            (None, Some(_)) => {
                let text = "addresses are JIDs here";
                return Err(StanzaError::new(Condition::JidMalformed).with_text(text));
            }
            (Some(jid), None) => {
                let jid = Jid::parse(&jid);
                Some(jid.map_err(|_| StanzaError::new(Condition::JidMalformed))?)
            }
            (None, None) if kind == Kind::NoReply => None,
            (None, None) => return Err(bad("an address needs a JID")),
        };
        Ok(Self {
            kind,
            jid,
            was_delivered: element.attr("delivered").as_deref() == Some("true"),
            element,
        })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn jid(&self) -> Option<&Jid> {
        self.jid.as_ref()
    }

    /// Whether the stanza is to go there: it does not when it went there already.
    pub(super) fn is_recipient(&self) -> bool {
        matches!(self.kind, Kind::To | Kind::Cc | Kind::Bcc) && !self.was_delivered
    }

    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.jid == other.jid && self.is_recipient()
    }

    /// As the sender wrote it, but for whether it is delivered: that we say.
    fn to_builder(&self) -> Builder {
        let delivered = matches!(self.kind, Kind::To | Kind::Cc) || self.was_delivered;
        let attributes = self
            .element
            .attrs()
            .filter(|attribute| attribute.ns().is_empty() && attribute.name() != "delivered");
        let address = attributes.fold(Builder::new("address", NS), |address, attribute| {
            address.attr(attribute.name(), attribute.value())
        });
        address
            .attr_opt("xml:lang", self.element.lang())
            .attr_opt("delivered", delivered.then_some("true"))
            .text(&self.element.text())
            .children(self.element.children().map(Fragment::from))
    }
}

#[cfg(test)]
mod tests {
    use xml::Tree;

    use super::*;

    #[test]
    fn everybody_gets_it_once_and_sees_no_blind_address_of_others() {
        check(
            "<address type='to' jid='a@x'/><address type='bcc' jid='b@x'/><address type='bcc' jid='c@x'/>",
            &[
                ("a@x", "to a@x delivered"),
                ("b@x", "to a@x delivered, bcc b@x"),
                ("c@x", "to a@x delivered, bcc c@x"),
            ],
        );
        check(
            "<address type='bcc' jid='a@x'/><address type='cc' jid='a@x'/><address type='to' jid='A@x'/>",
            &[("a@x", "cc a@x delivered, to A@x delivered")],
        );
        check(
            "<address type='to' jid='a@x' delivered='true'/><address type='cc' jid='a@x'/><address type='cc' jid='b@x'/>",
            &[(
                "b@x",
                "to a@x delivered, cc a@x delivered, cc b@x delivered",
            )],
        );
        check(
            "<address type='bcc' jid='a@x' delivered='true'/><address type='to' jid='b@x' delivered='no'/><address type='noreply'/><address type='replyto' jid='r@y'/>",
            &[("b@x", "to b@x delivered, noreply, replyto r@y")],
        );
    }

    #[track_caller]
    fn check(written: &str, expected: &[(&str, &str)]) {
        let tree = Tree::parse_fragment(format!("<addresses xmlns='{NS}'>{written}</addresses>"));
        let tree = tree.unwrap();
        let addresses = read(&tree.root(), 10).unwrap();
        let found: Vec<(String, String)> = recipients(&addresses)
            .into_iter()
            .map(|recipient| {
                let shown = shown_to(&addresses, recipient).tree();
                let words = |address: Element<'_>| {
                    let delivered = address.attr("delivered").map(|_| " delivered");
                    let jid = address.attr("jid").map(|jid| format!(" {jid}"));
                    format!(
                        "{}{}{}",
                        address.attr("type").unwrap(),
                        jid.unwrap_or_default(),
                        delivered.unwrap_or_default()
                    )
                };
                let words: Vec<String> = shown.root().children().map(words).collect();
                (recipient.jid().unwrap().to_string(), words.join(", "))
            })
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(jid, words)| ((*jid).to_owned(), (*words).to_owned()))
            .collect();
        assert_eq!(found, expected, "{written}");
    }

    #[test]
    fn what_lacks_something_is_refused() {
        let refused = |written: &str, condition: Condition| {
            let text = format!("<addresses xmlns='{NS}'>{written}</addresses>");
            let tree = Tree::parse_fragment(&text).unwrap();
            let error = read(&tree.root(), 2).unwrap_err();
            assert_eq!(error.condition(), condition, "{written}");
        };
        refused("", Condition::BadRequest);
        refused("<address jid='a@x'/>", Condition::BadRequest);
        refused("<address type='cq' jid='a@x'/>", Condition::BadRequest);
        refused("<address type='to' desc='A'/>", Condition::BadRequest);
        refused(
            "<address type='to' jid='a@x' uri='sip:a@x'/>",
            Condition::BadRequest,
        );
        refused("<address type='to' jid='@x'/>", Condition::JidMalformed);
        refused(
            "<address type='to' uri='sip:a@x'/>",
            Condition::JidMalformed,
        );
        refused(
            "<address type='noreply'/><address type='noreply'/><address type='noreply'/>",
            Condition::NotAcceptable,
        );
    }
}
