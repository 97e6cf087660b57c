//! Many addresses on one text, so that each of them takes no memory of its own.

use std::sync::Arc;

use crate::BareJid;

/// Bare JIDs on one shared text: six bytes each besides the text. Taking one out counts a reference.
#[derive(Clone, Debug, Default)]
pub struct BareJids {
    text: Arc<str>,
    places: Box<[Place]>,
}

/// Hardly any address is longer.
const USUAL_BYTES: usize = 40;

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

    /// Puts `count` addresses on one text, from their local parts and domains: parts of bare JIDs that were checked.
    /// `None` when they are more than fit.
    pub fn join<'a>(
        count: usize,
        parts: impl Iterator<Item = (Option<&'a str>, &'a str)>,
    ) -> Option<Self> {
        let mut text = String::with_capacity(count * USUAL_BYTES);
        let mut places = Vec::with_capacity(count);
        for (local, domain) in parts {
            debug_assert!(
                BareJid::from_parts(local, domain).is_ok(),
                "they were checked"
            );
            let start = u16::try_from(text.len()).ok()?;
            let mut at = start;
            if let Some(local) = local {
                text.push_str(local);
                at = u16::try_from(text.len()).ok()?;
                text.push('@');
            }
            text.push_str(domain);
            let end = u16::try_from(text.len()).ok()?;
            places.push(Place { start, at, end });
        }
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
