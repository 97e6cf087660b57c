//! Many addresses on one text, for what is kept by the thousand.

use std::sync::Arc;

use crate::BareJid;

/// Bare JIDs in order, each once, on one shared text: six bytes each besides the text. Taking one out counts a
/// reference.
#[derive(Clone, Debug, Default)]
pub struct BareJids {
    text: Arc<str>,
    places: Box<[Place]>,
}

/// A look at one address of a list.
#[derive(Clone, Copy, Debug)]
pub struct BareJidRef<'a> {
    text: &'a Arc<str>,
    place: Place,
}

/// Where in the text an address is.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u16,
    at: u16,
    end: u16,
}

impl BareJids {
    /// This many always fit one list.
    pub const MAX: usize = 65_535 / (2 * crate::limits::PART_BYTES_MAX + 1);

    /// Puts addresses on one text. `jids` is sorted and has none twice; `None` when they are more than fit.
    pub fn pack<'a>(jids: impl Iterator<Item = &'a BareJid> + Clone) -> Option<Self> {
        let mut text = String::with_capacity(jids.clone().map(|jid| jid.as_str().len()).sum());
        let mut places = Vec::with_capacity(jids.clone().count());
        for jid in jids {
            let start = u16::try_from(text.len()).ok()?;
            text.push_str(jid.as_str());
            let end = u16::try_from(text.len()).ok()?;
            let at = start + jid.at_offset();
            places.push(Place { start, at, end });
        }
        debug_assert!(
            places.is_sorted_by(|one, next| part(&text, one) < part(&text, next)),
            "the caller keeps them in order"
        );
        Some(Self {
            text: text.into(),
            places: places.into(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// One of them.
    pub fn get(&self, index: usize) -> Option<BareJidRef<'_>> {
        let place = *self.places.get(index)?;
        let text = &self.text;
        Some(BareJidRef { text, place })
    }

    /// Where `jid` is, or else where it would be.
    ///
    /// # Errors
    ///
    /// The place at which it is to be inserted.
    pub fn search(&self, jid: &str) -> Result<usize, usize> {
        self.places
            .binary_search_by(|place| part(&self.text, place).cmp(jid))
    }
}

impl<'a> BareJidRef<'a> {
    /// The address, sharing the text of the list.
    pub fn to_jid(self) -> BareJid {
        let Place { start, at, end } = self.place;
        BareJid::from_checked(Arc::clone(self.text), start, at, end)
    }

    /// The whole address.
    pub fn as_str(self) -> &'a str {
        part(self.text, &self.place)
    }
}

fn part<'a>(text: &'a str, place: &Place) -> &'a str {
    crate::text::part(text, place.start, place.end)
}
