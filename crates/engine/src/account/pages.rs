//! Contacts at rest: most accounts have some dozens that are looked at and hardly ever change.
//!
//! They stand in pages of up to 32, in the order of their addresses. A page is one block of memory: a text of numbers and
//! texts, in which every domain and every group stands once. Who wants one contact looks through its page; who wants
//! the addresses of many gets those of a page on one text. A change makes its page anew.

use std::cmp::Ordering;

use jid::{BareJid, BareJids};
use stanza::numbers::{Numbers, push_number, push_text};

use super::{
    Contact,
    subscription::{Standing, State},
};

/// Contacts in order, each once. What waits for an answer, the request of a contact, is kept elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pages: Vec<Page>,
}

/// How many contacts there are, the newest of their versions, their domains and their groups, each with how long they are
/// in all, and then the contacts, again each with how long it is.
#[derive(Clone, Debug)]
struct Page(Box<str>);

/// A look at one contact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    local: Option<&'a str>,
    domain: &'a str,
    standing: Standing,
    name: Option<&'a str>,
    /// Of its groups the numbers, and of all groups of the page the names.
    groups: (Numbers<'a>, Numbers<'a>),
    version: u64,
    change: u32,
}

impl Pages {
    /// Packs contacts that are in order.
    pub(super) fn pack(contacts: &[(BareJid, Contact)]) -> Self {
        let mut pages = Vec::with_capacity(contacts.len().div_ceil(BareJids::MAX));
        pages.extend(contacts.chunks(BareJids::MAX).map(Page::pack));
        Self { pages }
    }

    pub(super) fn len(&self) -> usize {
        self.pages.iter().map(Page::len).sum()
    }

    pub(super) fn get(&self, jid: &BareJid) -> Option<Packed<'_>> {
        self.pages.get(self.page_for(jid))?.find(jid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Packed<'_>> {
        self.pages.iter().flat_map(Page::contacts)
    }

    /// The same with their addresses, which share a text with others.
    pub(super) fn iter_with_jids(&self) -> impl Iterator<Item = (BareJid, Packed<'_>)> {
        self.pages.iter().flat_map(Page::contacts_with_jids)
    }

    /// Sets or removes a contact.
    pub(super) fn set(&mut self, jid: &BareJid, contact: Option<Contact>) {
        let at = self.page_for(jid);
        let mut all: Vec<(BareJid, Contact)> = self
            .pages
            .get(at)
            .into_iter()
            .flat_map(Page::contacts_with_jids)
            .map(|(jid, packed)| (jid, packed.unpack()))
            .collect();
        match (all.binary_search_by(|(known, _)| known.cmp(jid)), contact) {
            (Ok(index), Some(contact)) => {
                if let Some((_, place)) = all.get_mut(index) {
                    *place = contact;
                }
            }
            (Ok(index), None) => {
                all.remove(index);
            }
            (Err(index), Some(contact)) => all.insert(index, (jid.clone(), contact)),
            (Err(_), None) => return,
        }
        // A page that is too full becomes two that are half full.
        let most = match all.len() > BareJids::MAX {
            true => all.len().div_ceil(2),
            false => BareJids::MAX,
        };
        let now = all.chunks(most).map(Page::pack);
        self.pages.splice(at..(at + 1).min(self.pages.len()), now);
        self.pages.shrink_to_fit();
    }

    /// The page that has `jid`, or would.
    fn page_for(&self, jid: &BareJid) -> usize {
        let begins_behind = |page: &Page| {
            let first = page.contacts().next();
            first.is_none_or(|first| first.cmp_to(jid) == Ordering::Greater)
        };
        self.pages
            .partition_point(|page| !begins_behind(page))
            .saturating_sub(1)
    }
}

impl Page {
    /// At most [`BareJids::MAX`] of them.
    fn pack(contacts: &[(BareJid, Contact)]) -> Self {
        let mut domains: Vec<&str> = contacts.iter().map(|(jid, _)| jid.domain()).collect();
        let groups = contacts.iter().flat_map(|(_, contact)| &contact.groups);
        let mut groups: Vec<&str> = groups.map(String::as_str).collect();
        let newest = contacts.iter().map(|(_, contact)| contact.version).max();
        let newest = newest.unwrap_or(0);

        let mut out = Vec::new();
        push_number(contacts.len() as u64, &mut out);
        push_number(newest, &mut out);
        for texts in [&mut domains, &mut groups] {
            texts.sort_unstable();
            texts.dedup();
            let mut section = Vec::new();
            texts.iter().for_each(|text| push_text(text, &mut section));
            push_section(&section, &mut out);
        }
        for (jid, contact) in contacts {
            let place = |texts: &[&str], text: &str| {
                texts.binary_search(&text).map_or(0, |place| place as u64)
            };
            let mut record = Vec::new();
            push_number(place(&domains, jid.domain()), &mut record);
            push_optional(jid.local(), &mut record);
            push_number(number_of(contact.standing), &mut record);
            push_optional(contact.name.as_deref(), &mut record);
            push_number(newest - contact.version, &mut record);
            push_number(contact.change.into(), &mut record);
            for group in &contact.groups {
                push_number(place(&groups, group), &mut record);
            }
            push_section(&record, &mut out);
        }
        let text = String::from_utf8(out).expect("numbers and texts are a text");
        Self(text.into())
    }

    fn len(&self) -> usize {
        usize::try_from(Numbers::of(&self.0).number()).unwrap_or(0)
    }

    /// What stands before the contacts, and they.
    fn parts(&self) -> Parts<'_> {
        let mut numbers = Numbers::of(&self.0);
        let _count = numbers.number();
        Parts {
            newest: numbers.number(),
            domains: Numbers::of(numbers.text()),
            groups: Numbers::of(numbers.text()),
            records: numbers,
        }
    }

    fn contacts(&self) -> impl Iterator<Item = Packed<'_>> + Clone {
        let parts = self.parts();
        parts.records().map(move |record| parts.contact(record))
    }

    fn contacts_with_jids(&self) -> impl Iterator<Item = (BareJid, Packed<'_>)> {
        let jids = self
            .contacts()
            .map(|contact| (contact.local, contact.domain));
        let jids = BareJids::join(self.len(), jids);
        debug_assert!(jids.is_some(), "so many fit");
        let jids = jids.unwrap_or_default();
        self.contacts()
            .enumerate()
            .filter_map(move |(index, contact)| Some((jids.get(index)?.to_jid(), contact)))
    }

    fn find(&self, jid: &BareJid) -> Option<Packed<'_>> {
        let parts = self.parts();
        let domain = texts(parts.domains).position(|domain| domain == jid.domain())? as u64;
        let is_it = |record: &Numbers<'_>| {
            let mut record = *record;
            record.number() == domain && optional(&mut record) == jid.local()
        };
        let record = parts.records().find(is_it)?;
        Some(parts.contact(record))
    }
}

/// A page, taken apart.
#[derive(Clone, Copy)]
struct Parts<'a> {
    newest: u64,
    domains: Numbers<'a>,
    groups: Numbers<'a>,
    records: Numbers<'a>,
}

impl<'a> Parts<'a> {
    fn records(self) -> impl Iterator<Item = Numbers<'a>> + Clone {
        texts(self.records).map(Numbers::of)
    }

    fn contact(self, mut record: Numbers<'a>) -> Packed<'a> {
        let domain = usize::try_from(record.number()).unwrap_or(usize::MAX);
        Packed {
            domain: texts(self.domains).nth(domain).unwrap_or_default(),
            local: optional(&mut record),
            standing: standing_of(record.number()),
            name: optional(&mut record),
            version: self.newest - record.number().min(self.newest),
            change: u32::try_from(record.number()).unwrap_or(u32::MAX),
            groups: (record, self.groups),
        }
    }
}

impl<'a> Packed<'a> {
    pub(super) fn standing(self) -> Standing {
        self.standing
    }

    pub(super) fn version(self) -> u64 {
        self.version
    }

    pub(super) fn change(self) -> u32 {
        self.change
    }

    pub(super) fn name(self) -> Option<&'a str> {
        self.name
    }

    pub(super) fn groups(self) -> impl Iterator<Item = &'a str> {
        let (mut numbers, names) = self.groups;
        std::iter::from_fn(move || {
            (!numbers.rest().is_empty()).then(|| {
                let place = usize::try_from(numbers.number()).unwrap_or(usize::MAX);
                texts(names).nth(place).unwrap_or_default()
            })
        })
    }

    /// It as it was set, without its request.
    pub(super) fn unpack(self) -> Contact {
        Contact {
            standing: self.standing,
            name: self.name.map(str::to_owned),
            groups: self.groups().map(str::to_owned).collect(),
            request: None,
            version: self.version,
            change: self.change,
        }
    }

    /// How its address and another are ordered.
    fn cmp_to(self, jid: &BareJid) -> Ordering {
        let local = self
            .local
            .into_iter()
            .flat_map(|local| local.bytes().chain([b'@']));
        local.chain(self.domain.bytes()).cmp(jid.as_str().bytes())
    }
}

/// Appends what has parts of its own.
fn push_section(section: &[u8], out: &mut Vec<u8>) {
    push_number(section.len() as u64, out);
    out.extend_from_slice(section);
}

/// Appends a text that may be missing.
fn push_optional(text: Option<&str>, out: &mut Vec<u8>) {
    push_number(text.map_or(0, |text| text.len() as u64 + 1), out);
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
}

fn optional<'a>(numbers: &mut Numbers<'a>) -> Option<&'a str> {
    let len = numbers.number().checked_sub(1)?;
    Some(numbers.take(len))
}

/// All texts that follow.
fn texts<'a>(mut numbers: Numbers<'a>) -> impl Iterator<Item = &'a str> + Clone {
    std::iter::repeat_with(move || (!numbers.rest().is_empty()).then(|| numbers.text()))
        .map_while(|text| text)
}

/// A standing as one digit.
fn number_of(standing: Standing) -> u64 {
    let state = State::ALL.iter().position(|state| *state == standing.state);
    let state = state.map_or(0, |state| state as u64);
    state | u64::from(standing.approved) << 4 | u64::from(standing.listed) << 5
}

fn standing_of(number: u64) -> Standing {
    let state = usize::try_from(number & 15).unwrap_or(0);
    Standing {
        state: State::ALL.get(state).copied().unwrap_or_default(),
        approved: number & 16 != 0,
        listed: number & 32 != 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_come_back_as_they_were_set() {
        let mut pages = Pages::default();
        let mut all: Vec<(BareJid, Contact)> = Vec::new();
        // In no order, and more than two pages.
        for number in (0..100).map(|number| (number * 37) % 100) {
            let (jid, contact) = contact(number);
            pages.set(&jid, Some(contact.clone()));
            let place = all.binary_search_by(|(known, _)| known.cmp(&jid));
            all.insert(place.unwrap_err(), (jid, contact));
        }
        check(&pages, &all);
        check(&Pages::pack(&all), &all);
        for _ in 0..90 {
            let (jid, _) = all.remove(all.len() / 2);
            pages.set(&jid, None);
            assert!(pages.get(&jid).is_none());
        }
        check(&pages, &all);
        assert!(
            pages
                .get(&BareJid::parse("nobody@a.example").unwrap())
                .is_none()
        );
        assert!(
            pages
                .get(&BareJid::parse("c1@elsewhere").unwrap())
                .is_none()
        );
    }

    #[track_caller]
    fn check(pages: &Pages, all: &[(BareJid, Contact)]) {
        assert_eq!(pages.len(), all.len());
        for ((jid, packed), (expected, contact)) in pages.iter_with_jids().zip(all) {
            assert_eq!(jid, *expected);
            assert!(same(&packed.unpack(), contact), "{packed:?} is {contact:?}");
            assert!(same(&pages.get(expected).unwrap().unpack(), contact));
        }
    }

    fn same(one: &Contact, other: &Contact) -> bool {
        one.same(other) && (one.version, one.change) == (other.version, other.change)
    }

    fn contact(number: u32) -> (BareJid, Contact) {
        let jid = match number % 9 {
            0 => format!("service{number}.example"),
            other => format!("c{number}@{}.example", if other < 5 { "a" } else { "b" }),
        };
        let contact = Contact {
            standing: standing_of(u64::from(number % 9) | u64::from(number % 4) << 4),
            name: (!number.is_multiple_of(3)).then(|| format!("Name\u{1f60a} {number}")),
            groups: (0..number % 4)
                .map(|group| format!("Group {group}"))
                .collect(),
            request: None,
            version: match number {
                7 => 0,
                number => 1_767_225_600 + u64::from(number) * 100,
            },
            change: number * number,
        };
        (BareJid::parse(&jid).unwrap(), contact)
    }
}
