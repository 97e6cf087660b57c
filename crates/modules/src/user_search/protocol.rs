//! Wire forms: [XEP-0055](https://xmpp.org/extensions/xep-0055.html), with data forms and pages, and of
//! [XEP-0077](https://xmpp.org/extensions/xep-0077.html) what says whether one wants to be found.

use std::sync::Arc;

use engine::module::{Method, Payload};
use stanza::{
    Condition, StanzaError,
    form::{Field, FieldKind, Form, FormKind},
    limits::PAGE_ITEMS_MAX,
    rsm::{self, Anchor, Page, PageRequest},
};
use xml::{Builder, Element, Fragment};

use super::person::{FIELDS, Person, Wanted};

/// The namespace of searches, and what their forms are.
pub(super) const NS: &str = "jabber:iq:search";

/// The namespace of registration.
pub(super) const NS_REGISTER: &str = "jabber:iq:register";

const HOW: &str = "Fill in one or more fields to find people; part of a word will do.";

/// What can be searched for?
pub(super) struct AskFields;

impl Payload for AskFields {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

/// The fields, plain and as a form.
pub(super) fn fields() -> Fragment {
    let mut form = Form::to_fill_in(NS, "User search").instruction(HOW);
    for (name, label) in FIELDS {
        let field = Field::new(name, FieldKind::TextSingle);
        form = form.field(field.label(label));
    }
    let empty = FIELDS.iter().map(|(name, _)| Builder::new(name, NS));
    Builder::new("query", NS)
        .child_text("instructions", HOW)
        .children(empty)
        .child(form.to_fragment())
        .build()
}

/// A search.
pub(super) struct Search {
    pub(super) wanted: Wanted,
    /// It was filled in as a form, and is answered as one.
    by_form: bool,
    /// Which page is wanted; `None` when none is named.
    page: Option<PageRequest>,
}

impl Payload for Search {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        let page = match query.child("set", rsm::NS) {
            Some(set) => Some(PageRequest::parse(&set)?),
            None => None,
        };
        let form = Form::within(query)?;
        let wanted = match &form {
            Some(form) => {
                let is_ours = form.form_type().is_none_or(|kind| kind == NS);
                if form.kind != FormKind::Submit || !is_ours {
                    return Err(Condition::BadRequest.into());
                }
                Wanted::read(|name| form.value(name).map(ToOwned::to_owned))
            }
            None => Wanted::read(|name| query.child_text(name, NS).map(|text| text.into_owned())),
        };
        if wanted.is_empty() {
            let text = "fill in at least one field";
            return Err(StanzaError::new(Condition::NotAcceptable).with_text(text));
        }
        Ok(Self {
            wanted,
            by_form: form.is_some(),
            page,
        })
    }
}

impl Search {
    /// The answer with whom it found, sorted by address.
    ///
    /// # Errors
    ///
    /// `item-not-found` when the page that is wanted starts at somebody who was not found.
    pub(super) fn answer(&self, found: &[Arc<Person>]) -> Result<Fragment, StanzaError> {
        if found.is_empty() {
            return Ok(Builder::new("query", NS).build());
        }
        let request = self.page.clone().unwrap_or_default();
        let (start, people) = page(found, &request)?;
        let index = u32::try_from(start).ok();
        let set = Page {
            first: people.first().map(|one| (one.jid.to_string(), index)),
            last: people.last().map(|one| one.jid.to_string()),
            count: u32::try_from(found.len()).ok(),
        };
        // Who asked for no page is told of pages only when there is more than one.
        let is_told = self.page.is_some() || people.len() < found.len();
        let query = match self.by_form {
            true => Builder::new("query", NS).child(table(people)),
            false => Builder::new("query", NS).children(people.iter().map(|one| item(one))),
        };
        Ok(query.child_opt(is_told.then(|| set.to_fragment())).build())
    }
}

/// The page that is wanted, and where it starts.
fn page<'a>(
    found: &'a [Arc<Person>],
    request: &PageRequest,
) -> Result<(usize, &'a [Arc<Person>]), StanzaError> {
    let most = usize::try_from(request.items_max.min(PAGE_ITEMS_MAX)).unwrap_or(0);
    let at = |jid: &str| {
        let place = found.iter().position(|one| one.jid.as_str() == jid);
        place.ok_or(StanzaError::new(Condition::ItemNotFound))
    };
    let start = match &request.anchor {
        Anchor::Start => 0,
        Anchor::After(jid) => at(jid)? + 1,
        Anchor::Before(Some(jid)) => at(jid)?.saturating_sub(most),
        Anchor::Before(None) => found.len().saturating_sub(most),
        Anchor::Index(index) => usize::try_from(*index)
            .unwrap_or(usize::MAX)
            .min(found.len()),
    };
    let end = match &request.anchor {
        Anchor::Before(Some(jid)) => at(jid)?,
        _ => start.saturating_add(most).min(found.len()),
    };
    Ok((start, found.get(start..end).unwrap_or_default()))
}

/// Somebody who was found, plainly, [§2.1](https://xmpp.org/extensions/xep-0055.html#usecases-search).
fn item(person: &Person) -> Builder {
    let item = Builder::new("item", NS).attr("jid", person.jid.as_str());
    person
        .values()
        .fold(item, |item, (name, value)| item.child_text(name, value))
}

/// All who were found, as the result of a form, [§3](https://xmpp.org/extensions/xep-0055.html#extensibility).
fn table(people: &[Arc<Person>]) -> Fragment {
    let mut form = Form::data(NS);
    form.reported = FIELDS
        .iter()
        .map(|(name, label)| Field::new(name, FieldKind::TextSingle).label(label))
        .chain([Field::new("jid", FieldKind::JidSingle).label("Address")])
        .collect();
    form.items = people
        .iter()
        .map(|person| {
            let fields = person
                .values()
                .map(|(name, value)| Field::data(name, [value]));
            let jid = Field::data("jid", [person.jid.as_str()]);
            fields.chain([jid]).collect()
        })
        .collect();
    form.to_fragment()
}

/// Is the asker to be found?
pub(super) struct AskListed;

impl Payload for AskListed {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS_REGISTER;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

/// The answer, [XEP-0077 §3.1](https://xmpp.org/extensions/xep-0077.html#usecases-register).
pub(super) fn listed(is_listed: bool) -> Fragment {
    let (registered, text) = match is_listed {
        true => (true, "You can be found by what your vCard says."),
        false => (false, "Register to be found by what your vCard says."),
    };
    Builder::new("query", NS_REGISTER)
        .child_opt(registered.then(|| Builder::new("registered", NS_REGISTER)))
        .child_text("instructions", text)
        .build()
}

/// The asker wants to be found, or not any more.
pub(super) struct SetListed(pub(super) bool);

impl Payload for SetListed {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS_REGISTER;
    const METHOD: Method = Method::Set;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        let removes = query.child("remove", NS_REGISTER).is_some();
        // XEP-0077 §3.2: to go stands alone.
        match removes && query.children().count() > 1 {
            true => Err(Condition::BadRequest.into()),
            false => Ok(Self(!removes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jid::BareJid;

    use super::*;

    #[test]
    fn pages_are_cut_where_they_are_asked_for() {
        check(Anchor::Start, 2, "0: a b");
        check(Anchor::After("b@x".to_owned()), 2, "2: c d");
        check(Anchor::After("e@x".to_owned()), 2, "5:");
        check(Anchor::Before(None), 2, "3: d e");
        check(Anchor::Before(Some("c@x".to_owned())), 2, "0: a b");
        check(Anchor::Before(Some("b@x".to_owned())), 2, "0: a");
        check(Anchor::Index(4), 2, "4: e");
        check(Anchor::Index(9), 2, "5:");
        check(Anchor::Start, 0, "0:");
    }

    #[track_caller]
    fn check(anchor: Anchor, items_max: u32, expected: &str) {
        let found: Vec<Arc<Person>> = ["a@x", "b@x", "c@x", "d@x", "e@x"]
            .iter()
            .map(|jid| Arc::new(Person::new(&BareJid::parse(jid).unwrap(), None)))
            .collect();
        let request = PageRequest { items_max, anchor };
        let (start, page) = page(&found, &request).unwrap();
        let names = page.iter().map(|one| one.jid.local().unwrap());
        let shown = names.fold(format!("{start}:"), |shown, name| format!("{shown} {name}"));
        assert_eq!(shown, expected, "{request:?}");
    }

    #[test]
    fn a_page_behind_nobody_is_not_there() {
        let request = PageRequest {
            items_max: 2,
            anchor: Anchor::After("z@x".to_owned()),
        };
        let error = page(&[], &request).unwrap_err();
        assert_eq!(error.condition(), Condition::ItemNotFound);
    }
}
