//! A query as it was asked, [§4](https://xmpp.org/extensions/xep-0313.html#query), and what it means in the log.

use engine::module::{ArchiveFieldEntry, Method, Payload};
use jid::Jid;
use mailbox::{Class, Mailbox, WireId, WireKey};
use stanza::{
    Condition, StanzaError, Timestamp,
    form::{self, Form, FormKind},
    limits::PAGE_ITEMS_MAX,
    rsm::{self, Anchor, PageRequest},
};
use store::{EntryId, Owner, Page, Seq};
use xml::Element;

use super::{
    limits::{IDS_MAX, PAGE_BYTES_MAX, PAGE_ITEMS_DEFAULT},
    protocol::{NS, field},
};

/// A query.
#[derive(Debug)]
pub(super) struct Query {
    /// What the client calls it.
    pub(super) id: Option<String>,
    filter: Filter,
    page: PageRequest,
    /// The page is to be sent from its end.
    pub(super) is_flipped: bool,
}

/// Which messages. Ids are as the client wrote them.
#[derive(Debug, Default)]
struct Filter {
    with: Option<Jid>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    before_id: Option<String>,
    after_id: Option<String>,
    ids: Option<Vec<String>>,
    /// What other features' fields say, by name.
    others: Vec<(String, String)>,
}

impl Payload for Query {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
        if query.attr("node").is_some() {
            return Err(Condition::FeatureNotImplemented.into());
        }
        let filter = match Form::within(query)? {
            Some(form) => Filter::read(&form)?,
            None => Filter::default(),
        };
        let mut page = PageRequest::within(query)?;
        let names_max = query
            .child("set", rsm::NS)
            .is_some_and(|set| set.child("max", rsm::NS).is_some());
        if !names_max {
            page.items_max = PAGE_ITEMS_DEFAULT;
        }
        if matches!(page.anchor, Anchor::Index(_)) {
            // XEP-0059 §2.6: where a page starts is not counted.
            return Err(Condition::FeatureNotImplemented.into());
        }
        Ok(Self {
            id: query.attr("queryid").map(|id| id.into_owned()),
            filter,
            page,
            is_flipped: query.child("flip-page", NS).is_some(),
        })
    }
}

impl Filter {
    /// Reads a submitted form, which must say that it is one of ours. A field without a value is as if it were not there.
    fn read(form: &Form) -> Result<Self, StanzaError> {
        if form.kind != FormKind::Submit || form.form_type() != Some(NS) {
            return Err(StanzaError::new(Condition::BadRequest)
                .with_text("the form is submitted with this protocol's FORM_TYPE"));
        }
        let mut filter = Self::default();
        for field in &form.fields {
            let var = field.var.as_deref().unwrap_or_default();
            let mut values = field.values.iter().filter(|value| !value.is_empty());
            match var {
                form::FORM_TYPE => {}
                field::WITH => filter.with = values.next().map(|with| address(with)).transpose()?,
                field::START => filter.start = values.next().map(|at| time(var, at)).transpose()?,
                field::END => filter.end = values.next().map(|at| time(var, at)).transpose()?,
                field::BEFORE_ID => filter.before_id = values.next().cloned(),
                field::AFTER_ID => filter.after_id = values.next().cloned(),
                field::IDS => {
                    filter.ids =
                        Some(values.cloned().collect()).filter(|ids: &Vec<_>| !ids.is_empty())
                }
                // §4.1.4: what rooms say is in none of our archives, with it or without.
                field::INCLUDE_GROUPCHAT if values.all(|value| is_boolean(value)) => {}
                field::INCLUDE_GROUPCHAT => return Err(Condition::BadRequest.into()),
                // Whether anybody knows it is seen when it is asked for; an empty one says nothing.
                _ => filter
                    .others
                    .push((var.to_owned(), values.next().cloned().unwrap_or_default())),
            }
        }
        if filter.ids.as_ref().is_some_and(|ids| ids.len() > IDS_MAX) {
            return Err(StanzaError::new(Condition::ResourceConstraint)
                .with_text("too many messages are asked for by their ids"));
        }
        Ok(filter)
    }
}

fn address(with: &str) -> Result<Jid, StanzaError> {
    let not_one = || StanzaError::new(Condition::JidMalformed).with_text("with is no address");
    Jid::parse(with.trim()).map_err(|_| not_one())
}

fn is_boolean(value: &str) -> bool {
    matches!(value, "true" | "1" | "false" | "0")
}

fn time(field: &str, at: &str) -> Result<Timestamp, StanzaError> {
    let not_one = || {
        StanzaError::new(Condition::BadRequest)
            .with_text(format!("{field} is no time such as 2002-09-10T23:08:25Z"))
    };
    Timestamp::parse(at.trim()).map_err(|_| not_one())
}

/// All that an archive shows, whenever it came.
pub(super) fn everything() -> Page {
    Page {
        class: Some(Class::Archive.column()),
        ..Page::default()
    }
}

/// Where the past ends for whoever asks now, and what ids mean: taken under the account's lock.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) owner: Owner,
    pub(super) key: WireKey,
    /// The newest position: what is archived later is not of the past.
    pub(super) newest: EntryId,
    /// Once this batch is settled, everything up to there can be read.
    pub(super) seq: Seq,
}

impl Line {
    pub(super) fn of(mailbox: &Mailbox) -> Self {
        Self {
            owner: mailbox.owner().clone(),
            key: mailbox.wire_key(),
            newest: mailbox.newest(),
            seq: mailbox.last_batch(),
        }
    }

    /// All that the archive shows.
    pub(super) fn all(&self) -> Page {
        Page {
            before: Some(EntryId(self.newest.0.saturating_add(1))),
            ..everything()
        }
    }

    /// The position of an id, if it was ever drawn.
    fn position(&self, id: &str) -> Result<EntryId, StanzaError> {
        let position = WireId::parse(id).map(|id| self.key.open(id));
        position
            .filter(|position| (EntryId(1)..=self.newest).contains(position))
            .ok_or_else(|| Condition::ItemNotFound.into())
    }
}

/// A query in terms of the log.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The filters, and the page without its number of entries.
    pub(super) page: Page,
    /// The resource that must be named, where one is asked for.
    pub(super) resource: Option<Jid>,
    /// Only these, in order.
    pub(super) ids: Option<Vec<EntryId>>,
    /// Entries that the query names, which must be there.
    pub(super) named: Vec<EntryId>,
    /// How many results at most.
    pub(super) items_max: usize,
    /// Whether the page begins where what the filters leave begins, or ends where that ends.
    pub(super) is_at_end: bool,
}

impl Query {
    /// What it means in the log that `line` goes through.
    ///
    /// # Errors
    ///
    /// `item-not-found` when it names an entry that never was, `feature-not-implemented` when it has a field that nobody
    /// knows.
    pub(super) fn wanted(
        &self,
        line: &Line,
        fields: &[ArchiveFieldEntry],
    ) -> Result<Wanted, StanzaError> {
        let Filter {
            with, start, end, ..
        } = &self.filter;
        let (mut named, mut page) = (Vec::new(), line.all());
        let mut position = |id: &Option<String>| {
            let position = id.as_ref().map(|id| line.position(id)).transpose()?;
            named.extend(position);
            Ok::<_, StanzaError>(position)
        };
        let (after, before) = match &self.page.anchor {
            Anchor::After(id) => (Some(id.clone()), None),
            Anchor::Before(id) => (None, id.clone()),
            Anchor::Start | Anchor::Index(_) => (None, None),
        };
        page.after = position(&self.filter.after_id)?.max(position(&after)?);
        let bounds = [
            page.before,
            position(&self.filter.before_id)?,
            position(&before)?,
        ];
        page.before = bounds.into_iter().flatten().min();
        page.start = start.map(Timestamp::as_micros);
        page.end = end.map(Timestamp::as_micros);
        page.peer = with.as_ref().map(|with| with.bare_str().to_owned());
        page.backwards = matches!(self.page.anchor, Anchor::Before(_));
        page.bytes_max = PAGE_BYTES_MAX;
        for (name, value) in &self.filter.others {
            // §4.1.5: what we do not know we must not pass over.
            let field = fields.iter().find(|field| field.name == name);
            let field = field.ok_or(Condition::FeatureNotImplemented)?;
            if !value.is_empty() {
                field.narrow(value, &mut page)?;
            }
        }
        let ids = match &self.filter.ids {
            None => None,
            Some(ids) => {
                let ids = ids.iter().map(|id| line.position(id));
                let mut ids: Vec<EntryId> = ids.collect::<Result<_, _>>()?;
                ids.sort_unstable();
                ids.dedup();
                named.extend(&ids);
                Some(ids)
            }
        };
        Ok(Wanted {
            page,
            resource: with.clone().filter(Jid::is_full),
            ids,
            named,
            items_max: usize::try_from(self.page.items_max.min(PAGE_ITEMS_MAX)).unwrap_or(0),
            is_at_end: matches!(self.page.anchor, Anchor::Start | Anchor::Before(None)),
        })
    }
}
