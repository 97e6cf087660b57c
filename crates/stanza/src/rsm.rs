//! Results in pages, [XEP-0059] 1.0.
//!
//! [XEP-0059]: https://xmpp.org/extensions/xep-0059.html

use xml::{Builder, Element, Fragment};

use crate::limits::PAGE_ITEMS_MAX;
use crate::{Condition, StanzaError};

/// The namespace of `<set/>`.
pub const NS: &str = "http://jabber.org/protocol/rsm";

/// The `<set/>` of a request: which page of a result is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageRequest {
    /// How many items at most; 0 asks for the count alone
    /// ([§2.7](https://xmpp.org/extensions/xep-0059.html#count)).
    pub items_max: u32,
    /// Where the page starts or ends.
    pub anchor: Anchor,
}

/// Where a page starts or ends.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Anchor {
    /// The first page.
    #[default]
    Start,
    /// The page behind an item.
    After(String),
    /// The page in front of an item, or without one the last page
    /// ([§2.5](https://xmpp.org/extensions/xep-0059.html#last)).
    Before(Option<String>),
    /// The page that starts at a position counted from 0
    /// ([§2.6](https://xmpp.org/extensions/xep-0059.html#jump)).
    Index(u32),
}

/// The `<set/>` of an answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// The id of the first item and its position in the whole result, where that is known.
    pub first: Option<(String, Option<u32>)>,
    /// The id of the last item.
    pub last: Option<String>,
    /// How many items the whole result has, where that is known.
    pub count: Option<u32>,
}

impl Default for PageRequest {
    /// The first page, as large as allowed.
    fn default() -> Self {
        Self {
            items_max: PAGE_ITEMS_MAX,
            anchor: Anchor::Start,
        }
    }
}

impl PageRequest {
    /// Reads `<set/>`. A missing or too large `<max/>` becomes [`PAGE_ITEMS_MAX`].
    ///
    /// # Errors
    ///
    /// `bad-request` when `<max/>` or `<index/>` is no number, or when more than one of `<after/>`, `<before/>` and
    /// `<index/>` is given.
    pub fn parse(set: &Element<'_>) -> Result<Self, StanzaError> {
        let items_max = number(set, "max")?.map_or(PAGE_ITEMS_MAX, |max| max.min(PAGE_ITEMS_MAX));
        let anchor = match (
            set.child_text("after", NS),
            set.child_text("before", NS),
            number(set, "index")?,
        ) {
            (None, None, None) => Anchor::Start,
            // An empty `<after/>` names no item: before the first (§2.2).
            (Some(id), None, None) if id.is_empty() => Anchor::Start,
            (Some(id), None, None) => Anchor::After(id.into_owned()),
            (None, Some(id), None) => {
                Anchor::Before(Some(id.into_owned()).filter(|id| !id.is_empty()))
            }
            (None, None, Some(index)) => Anchor::Index(index),
            _ => {
                return Err(StanzaError::new(Condition::BadRequest)
                    .with_text("a page has one of <after/>, <before/> and <index/>"));
            }
        };
        Ok(Self { items_max, anchor })
    }

    /// Reads the `<set/>` inside a request; one without it asks for the first page.
    ///
    /// # Errors
    ///
    /// As [`PageRequest::parse`].
    pub fn within(request: &Element<'_>) -> Result<Self, StanzaError> {
        match request.child("set", NS) {
            Some(set) => Self::parse(&set),
            None => Ok(Self::default()),
        }
    }
}

impl Page {
    /// `<set/>`. An empty page has neither first nor last.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        let first = self.first.as_ref().map(|(id, index)| {
            Builder::new("first", NS)
                .attr_opt("index", index.map(|index| index.to_string()))
                .text(id)
        });
        let last = self
            .last
            .as_ref()
            .map(|id| Builder::new("last", NS).text(id));
        let count = self
            .count
            .map(|count| Builder::new("count", NS).text(&count.to_string()));
        Builder::new("set", NS)
            .child_opt(first)
            .child_opt(last)
            .child_opt(count)
            .build()
    }
}

fn number(set: &Element<'_>, name: &str) -> Result<Option<u32>, StanzaError> {
    set.child_text(name, NS)
        .map(|text| {
            text.trim().parse::<u32>().map_err(|_| {
                StanzaError::new(Condition::BadRequest).with_text(format!("<{name}/> is no number"))
            })
        })
        .transpose()
}
