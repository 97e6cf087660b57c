//! Contacts at rest: most accounts have some dozens that are looked at and hardly ever change.
//!
//! They stand in pages of up to 32, in the order of their addresses. A page is four blocks of memory whatever it holds:
//! the addresses on one text, the words (names and groups) on another, and a note of fixed size for each. A change makes
//! its page anew.

use jid::{BareJid, BareJidRef, BareJids};

use super::{Contact, subscription::Standing};

/// Ends a word. No text of XML has this character.
const END: char = '\0';

/// Contacts in order, each once. What waits for an answer, the request of a contact, is kept elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pages: Vec<Page>,
}

#[derive(Clone, Debug, Default)]
struct Page {
    jids: BareJids,
    notes: Box<[Note]>,
    words: Box<str>,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    version: u64,
    change: u32,
    /// Where its words end; they begin where those of the contact before end.
    words_end: u32,
    standing: Standing,
    /// Whether the first of its words is a name.
    is_named: bool,
}

/// A look at one contact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    jid: BareJidRef<'a>,
    note: &'a Note,
    words: &'a str,
}

impl Pages {
    /// Packs contacts that are in order.
    pub(super) fn pack(contacts: &[(BareJid, Contact)]) -> Self {
        let mut pages = Vec::with_capacity(contacts.len().div_ceil(BareJids::MAX));
        pages.extend(contacts.chunks(BareJids::MAX).map(Page::pack));
        Self { pages }
    }

    pub(super) fn len(&self) -> usize {
        self.pages.iter().map(|page| page.notes.len()).sum()
    }

    pub(super) fn get(&self, jid: &BareJid) -> Option<Packed<'_>> {
        let page = self.pages.get(self.page_for(jid))?;
        page.get(page.jids.search(jid.as_str()).ok()?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Packed<'_>> {
        self.pages
            .iter()
            .flat_map(|page| (0..page.notes.len()).filter_map(|index| page.get(index)))
    }

    /// Sets or removes a contact.
    pub(super) fn set(&mut self, jid: &BareJid, contact: Option<Contact>) {
        let at = self.page_for(jid);
        let mut all: Vec<(BareJid, Contact)> = self
            .pages
            .get(at)
            .into_iter()
            .flat_map(|page| (0..page.notes.len()).filter_map(|index| page.get(index)))
            .map(|packed| (packed.jid().to_jid(), packed.unpack()))
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
        self.pages
            .partition_point(|page| {
                page.jids
                    .get(0)
                    .is_some_and(|first| first.as_str() <= jid.as_str())
            })
            .saturating_sub(1)
    }
}

impl Page {
    /// At most [`BareJids::MAX`] of them.
    fn pack(contacts: &[(BareJid, Contact)]) -> Self {
        let mut words = String::new();
        let mut notes = Vec::with_capacity(contacts.len());
        for (_, contact) in contacts {
            for word in contact.name.iter().chain(&contact.groups) {
                words.extend(word.chars().filter(|char| *char != END));
                words.push(END);
            }
            notes.push(Note {
                version: contact.version,
                change: contact.change,
                words_end: u32::try_from(words.len()).unwrap_or(u32::MAX),
                standing: contact.standing,
                is_named: contact.name.is_some(),
            });
        }
        let jids = BareJids::pack(contacts.iter().map(|(jid, _)| jid));
        debug_assert!(jids.is_some(), "so many fit");
        Self {
            jids: jids.unwrap_or_default(),
            notes: notes.into(),
            words: words.into(),
        }
    }

    fn get(&self, index: usize) -> Option<Packed<'_>> {
        let note = self.notes.get(index)?;
        let before = index
            .checked_sub(1)
            .and_then(|before| self.notes.get(before));
        let start = before.map_or(0, |before| before.words_end);
        Some(Packed {
            jid: self.jids.get(index)?,
            note,
            words: self.words.get(start as usize..note.words_end as usize)?,
        })
    }
}

impl<'a> Packed<'a> {
    pub(super) fn jid(self) -> BareJidRef<'a> {
        self.jid
    }

    pub(super) fn standing(self) -> Standing {
        self.note.standing
    }

    pub(super) fn version(self) -> u64 {
        self.note.version
    }

    pub(super) fn change(self) -> u32 {
        self.note.change
    }

    pub(super) fn name(self) -> Option<&'a str> {
        match self.note.is_named {
            true => self.words().next(),
            false => None,
        }
    }

    pub(super) fn groups(self) -> impl Iterator<Item = &'a str> {
        self.words().skip(usize::from(self.note.is_named))
    }

    fn words(self) -> impl Iterator<Item = &'a str> {
        self.words.split_terminator(END)
    }

    /// It as it was set, without its request.
    pub(super) fn unpack(self) -> Contact {
        Contact {
            standing: self.note.standing,
            name: self.name().map(str::to_owned),
            groups: self.groups().map(str::to_owned).collect(),
            request: None,
            version: self.note.version,
            change: self.note.change,
        }
    }
}
