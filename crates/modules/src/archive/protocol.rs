//! Wire forms of [XEP-0313](https://xmpp.org/extensions/xep-0313.html) but the query, and of
//! [XEP-0441](https://xmpp.org/extensions/xep-0441.html).

use std::collections::BTreeSet;

use engine::module::{ArchiveFieldEntry, Method, Payload};
use jid::{BareJid, Jid};
use mailbox::WireId;
use stanza::{
    Condition, MessageType, Stanza, StanzaError, Timestamp,
    delay::Delay,
    form::{Field, FieldKind, Form, FormKind, Method as Validated},
    forward::forwarded,
    rsm,
};
use xml::{Builder, Element, Fragment};

use super::{limits::PREFERENCES_MAX, policy::Policy, preferences::Preferences};

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:mam:2";
/// The feature of archives that have everything of version 1.1.
pub(super) const NS_EXTENDED: &str = "urn:xmpp:mam:2#extended";

/// The feature of archives that can be asked with and without what rooms say.
pub(super) const NS_GROUPCHAT_FIELD: &str = "urn:xmpp:mam:2#groupchat-field";

/// The fields of a query, [§4.1](https://xmpp.org/extensions/xep-0313.html#filter).
pub(super) mod field {
    pub(in super::super) const WITH: &str = "with";
    pub(in super::super) const START: &str = "start";
    pub(in super::super) const END: &str = "end";
    pub(in super::super) const BEFORE_ID: &str = "before-id";
    pub(in super::super) const AFTER_ID: &str = "after-id";
    pub(in super::super) const IDS: &str = "ids";
    pub(in super::super) const INCLUDE_GROUPCHAT: &str = "include-groupchat";
}

/// Which fields can a query have? [§4.1.5](https://xmpp.org/extensions/xep-0313.html#query-form).
pub(super) struct AskForm;

/// Where does the archive begin and end? [§5](https://xmpp.org/extensions/xep-0313.html#metadata).
pub(super) struct AskMetadata;

/// What is archived? [XEP-0441 §2.1](https://xmpp.org/extensions/xep-0441.html#config).
pub(super) struct AskPreferences;

/// From now on this is.
pub(super) struct SetPreferences(pub(super) Preferences);

impl Payload for AskForm {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl Payload for AskMetadata {
    const ELEMENT: &'static str = "metadata";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl Payload for AskPreferences {
    const ELEMENT: &'static str = "prefs";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl Payload for SetPreferences {
    const ELEMENT: &'static str = "prefs";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(prefs: &Element<'_>) -> Result<Self, StanzaError> {
        let default = prefs.attr("default").and_then(|word| Policy::parse(&word));
        let chosen = Preferences {
            default: default.ok_or(Condition::BadRequest)?,
            always: addresses(prefs, "always")?,
            never: addresses(prefs, "never")?,
        };
        if chosen.always.len() + chosen.never.len() > PREFERENCES_MAX {
            return Err(StanzaError::new(Condition::ResourceConstraint)
                .with_text("there are too many addresses"));
        }
        Ok(Self(chosen))
    }
}

/// A list of addresses; one that is missing is empty.
fn addresses(prefs: &Element<'_>, name: &str) -> Result<BTreeSet<String>, StanzaError> {
    let Some(list) = prefs.child(name, NS) else {
        return Ok(BTreeSet::new());
    };
    list.children()
        .filter(|child| child.is("jid", NS))
        .map(|child| match Jid::parse(child.text().trim()) {
            Ok(jid) => Ok(jid.as_str().to_owned()),
            Err(_) => Err(StanzaError::new(Condition::JidMalformed)),
        })
        .collect()
}

/// `<prefs/>`.
pub(super) fn preferences(chosen: &Preferences) -> Fragment {
    let list = |name: &str, jids: &BTreeSet<String>| {
        let jids = jids.iter().map(|jid| Builder::new("jid", NS).text(jid));
        Builder::new(name, NS).children(jids)
    };
    Builder::new("prefs", NS)
        .attr("default", chosen.default.name())
        .child(list("always", &chosen.always))
        .child(list("never", &chosen.never))
        .build()
}

/// The form of a query.
pub(super) fn form(others: &[ArchiveFieldEntry]) -> Fragment {
    let text = |name| Field::new(name, FieldKind::TextSingle);
    let ids = Field::new(field::IDS, FieldKind::ListMulti);
    let form = Form::new(FormKind::Form)
        .field(Field::form_type(NS))
        .field(Field::new(field::WITH, FieldKind::JidSingle))
        .field(text(field::START))
        .field(text(field::END))
        .field(text(field::BEFORE_ID))
        .field(text(field::AFTER_ID))
        .field(ids.validated("xs:string", Validated::Open))
        .field(Field::new(field::INCLUDE_GROUPCHAT, FieldKind::Boolean));
    let form = others
        .iter()
        .fold(form, |form, other| form.field(text(other.name)));
    Builder::new("query", NS).child(form.to_fragment()).build()
}

/// An entry's id and when it came.
pub(super) type Place = (WireId, Timestamp);

/// `<metadata/>`, empty for an empty archive.
pub(super) fn metadata(ends: Option<(Place, Place)>) -> Fragment {
    let end = |name: &str, (id, at): Place| {
        Builder::new(name, NS)
            .attr("id", id.to_string())
            .attr("timestamp", at.to_string())
    };
    let metadata = Builder::new("metadata", NS);
    match ends {
        None => metadata.build(),
        Some((first, last)) => metadata
            .child(end("start", first))
            .child(end("end", last))
            .build(),
    }
}

/// A result, [§4.2](https://xmpp.org/extensions/xep-0313.html#results): from the archive, to be readdressed to the one
/// who asked.
pub(super) fn result(
    archive: &BareJid,
    query_id: Option<&str>,
    (id, at): Place,
    message: &Stanza,
) -> Stanza {
    let delay = Delay::new(at, None);
    let result = Builder::new("result", NS)
        .attr_opt("queryid", query_id)
        .attr("id", id.to_string())
        .child(forwarded(message, Some(&delay)));
    Stanza::message(MessageType::Normal)
        .with_from(Jid::from(archive.clone()))
        .with_child(result.build())
}

/// `<fin/>`, [§4.3](https://xmpp.org/extensions/xep-0313.html#query-paging).
pub(super) fn fin(is_complete: bool, page: &rsm::Page) -> Fragment {
    Builder::new("fin", NS)
        .attr_opt("complete", is_complete.then_some("true"))
        .child(page.to_fragment())
        .build()
}
