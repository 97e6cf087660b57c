//! Full text as the front and the back ends share it: the text of an entry, keeping an index up, the best of the hits.
//!
//! Nothing is indexed when a message is stored. A log is indexed when its owner searches, from where the last search
//! left off, in slices; who never searches costs nothing, and a message that is archived costs no more because of this.

use crate::ask::indexed_of_all;
use crate::batch::Batch;
use crate::collection::{Collection, Declared, Log, Searchable, Spoken};
use crate::entry::{Found, Stored};
use crate::error::StoreError;
use crate::limits::{
    HITS_RANKED_MAX, INDEX_DROPPED_MAX, INDEX_SLICE, UNINDEX_ALL, UNINDEX_COST, UNINDEX_SLICE,
};
use crate::owner::Owner;
use crate::query::{Entries, Page};
use crate::store::Store;
use crate::words::{Needle, WORDS_VERSION, words};

impl Store {
    /// Makes everything findable that was stored in an owner's log until now. After that, pages with a
    /// [`text`](Page::text) find all of it. Writes in slices, between which others are served.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), or [`StoreError::NotStored`].
    pub async fn index<T>(&self, log: Collection<Log<T>>, owner: &Owner) -> Result<(), StoreError>
    where
        T: serde::de::DeserializeOwned,
    {
        if !self.offers().full_text || log.declared().searchable.is_none() {
            return Ok(());
        }
        // An entry that was there may be gone by now, and with it the mark of how far the index came.
        let Some(goal) = self.read(log.last(owner)).await?.map(|last| last.entry.id) else {
            return Ok(());
        };
        let mut before = None;
        loop {
            let indexed = self.read(log.indexed(owner)).await?;
            if indexed >= Some(goal) || (before.is_some() && Some(indexed) == before) {
                return Ok(());
            }
            before = Some(indexed);
            let mut batch = Batch::new();
            batch.index(log, owner, INDEX_SLICE);
            self.settled(self.submit(batch)).await?;
        }
    }

    /// Drops the index that an owner's log is in, other logs' words with it, if that is less work than taking the words of
    /// as many entries out of it as are `going`: what is left is indexed again when somebody searches. Whether it did.
    ///
    /// # Errors
    ///
    /// As [`index`](Self::index).
    pub async fn drop_index<T>(
        &self,
        log: Collection<Log<T>>,
        owner: &Owner,
        going: u64,
    ) -> Result<bool, StoreError>
    where
        T: serde::de::DeserializeOwned,
    {
        let question = (
            log.indexed(owner),
            indexed_of_all(),
            log.page_count(owner, Page::default()),
        );
        let (own, all, entries) = self.read(question).await?;
        let others = all.saturating_sub(own.map_or(0, |newest| newest.0));
        if own.is_none() || !is_dropped(going, entries, others) {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch.unindex(log, owner, UNINDEX_ALL);
        self.settled(self.submit(batch)).await?;
        Ok(true)
    }

    /// Forgets an owner's index, in slices if it is not [dropped](Self::drop_index).
    ///
    /// # Errors
    ///
    /// As [`index`](Self::index).
    pub async fn unindex<T>(&self, log: Collection<Log<T>>, owner: &Owner) -> Result<(), StoreError>
    where
        T: serde::de::DeserializeOwned,
    {
        self.drop_index(log, owner, u64::MAX).await?;
        let mut before = None;
        loop {
            let indexed = self.read(log.indexed(owner)).await?;
            if indexed.is_none() || indexed == before {
                return Ok(());
            }
            before = indexed;
            let mut batch = Batch::new();
            batch.unindex(log, owner, UNINDEX_SLICE);
            self.settled(self.submit(batch)).await?;
        }
    }
}

/// Whether indexing what is left of a log and the others again is less work than taking out what goes, word by word.
fn is_dropped(going: u64, entries: u64, others: u64) -> bool {
    let going = going.min(entries);
    let again = others.saturating_add(entries - going);
    others.saturating_add(entries) <= INDEX_DROPPED_MAX
        && again <= going.saturating_mul(UNINDEX_COST)
}

impl Searchable {
    /// What an index was made with: another one is made anew.
    pub fn stamp(&self) -> u32 {
        (u32::from(WORDS_VERSION) << 16) | u32::from(self.version)
    }

    /// The words of an entry; none when it is not to be found.
    pub fn words(&self, spoken: &Spoken<'_>) -> Vec<String> {
        (self.text)(spoken).map_or_else(Vec::new, |text| words(&text))
    }
}

impl Found<Stored> {
    /// The words it can be found by.
    pub(crate) fn words(&self, log: &Declared) -> Vec<String> {
        let Some(searchable) = log.searchable.filter(|_| !self.tombstone) else {
            return Vec::new();
        };
        searchable.words(&Spoken {
            class: self.entry.class,
            xml: &self.entry.xml,
            body: self.body.as_deref(),
        })
    }
}

impl Page {
    /// For back ends: the page of the hits that are looked at for the best of them.
    #[must_use]
    pub fn hits(&self) -> Self {
        Self {
            backwards: true,
            entries_max: HITS_RANKED_MAX,
            without_bodies: false,
            ..self.clone()
        }
    }
}

/// For back ends: the answer to [`Query::Best`](crate::Query::Best), made of [these hits](Page::hits).
///
/// The order is that of [BM25], without its weights for rare words: every hit has all of them. Of equals the newer comes
/// first.
///
/// [BM25]: https://en.wikipedia.org/wiki/Okapi_BM25
pub fn ranked(log: &Declared, page: &Page, hits: Entries<Stored>) -> Entries<Stored> {
    let Some(needle) = &page.text else {
        return Entries {
            found: Vec::new(),
            more: false,
        };
    };
    let spoken: Vec<_> = hits.found.iter().map(|found| found.words(log)).collect();
    let words_total: usize = spoken.iter().map(Vec::len).sum();
    let words_mean = words_total.max(1) as f64 / spoken.len().max(1) as f64;
    let mut scored: Vec<_> = hits
        .found
        .into_iter()
        .zip(&spoken)
        .map(|(found, words)| (score(needle, words, words_mean), found))
        .collect();
    scored.sort_by(|(one, first), (other, second)| {
        let newer = second.entry.id.cmp(&first.entry.id);
        other.total_cmp(one).then(newer)
    });
    let more = hits.more || scored.len() > page.limit();
    let best = scored.into_iter().take(page.limit());
    Entries {
        found: best.map(|(_, found)| found).collect(),
        more,
    }
}

fn score(needle: &Needle, words: &[String], words_mean: f64) -> f64 {
    const SATURATION: f64 = 1.2;
    const LENGTH: f64 = 0.75;
    let length = 1.0 - LENGTH + LENGTH * words.len() as f64 / words_mean;
    let counts = needle.count(words).unwrap_or_default();
    let scores = counts.into_iter().map(|count| {
        let count = count as f64;
        count * (SATURATION + 1.0) / (count + SATURATION * length)
    });
    scores.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_dropped_where_the_rest_is_cheaper_to_make_again() {
        check((50, 50, 0), true);
        check((50, 50, 450), true);
        check((50, 50, 451), false);
        check((5, 50, 0), true);
        check((4, 50, 0), false);
        check((u64::MAX, 50, 0), true);
        check((0, 50, 0), false);
        check((INDEX_DROPPED_MAX, INDEX_DROPPED_MAX, 0), true);
        check((INDEX_DROPPED_MAX, INDEX_DROPPED_MAX, 1), false);
    }

    /// How many go, of how many, and how many others have.
    #[track_caller]
    fn check((going, entries, others): (u64, u64, u64), expected: bool) {
        assert_eq!(is_dropped(going, entries, others), expected);
    }
}
