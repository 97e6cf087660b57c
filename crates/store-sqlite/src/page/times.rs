//! Where a time lies in a log. There is no index of times: positions grow with time, so that a few looks at the index of
//! positions say between which two everything of a time range is, and a page of it need not pass over what is before.

use store::{EntryId, Page};

use crate::limits::CLOCK_SET_BACK_MAX_US;

/// The first entry at or behind a position: its position, and when it came.
pub(crate) type Found = (i64, i64);

/// The page between the positions that its times leave. Its times still have to be asked for: what a clock that was set
/// back has mixed is all between these positions.
///
/// # Errors
///
/// The first of `first_from`.
pub(crate) fn bounded<E>(
    page: &Page,
    mut first_from: impl FnMut(i64) -> Result<Option<Found>, E>,
) -> Result<Page, E> {
    let column = |id: EntryId| i64::try_from(id.0).unwrap_or(i64::MAX);
    let mut low = page.after.map_or(0, |id| column(id).saturating_add(1));
    let mut high = page.before.map_or(i64::MAX, column);
    let mut page = page.clone();
    if let Some(start) = page.start {
        let since = start.saturating_sub(CLOCK_SET_BACK_MAX_US);
        low = first_since(since, (low, high), &mut first_from)?;
        page.after = (low > 0).then(|| id(low - 1)).max(page.after);
    }
    if let Some(end) = page.end {
        let since = end.saturating_add(CLOCK_SET_BACK_MAX_US).saturating_add(1);
        high = first_since(since, (low, high), &mut first_from)?;
        page.before = Some(id(high));
    }
    Ok(page)
}

/// The lowest position of these, the last excluded, behind which nothing came before `time`; each look halves them.
fn first_since<E>(
    time: i64,
    (mut low, mut high): (i64, i64),
    first_from: &mut impl FnMut(i64) -> Result<Option<Found>, E>,
) -> Result<i64, E> {
    while low < high {
        let middle = low + (high - low) / 2;
        match first_from(middle)? {
            Some((id, at)) if id < high && at < time => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

fn id(position: i64) -> EntryId {
    EntryId(position.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// One entry per hour at the even positions, but for one that a clock set back came to late.
    const LOG: &[Found] = &[
        (2, 10 * HOUR),
        (4, 11 * HOUR),
        (6, 12 * HOUR),
        (8, 11 * HOUR + HOUR / 2),
        (10, 13 * HOUR),
        (12, 14 * HOUR),
    ];

    #[test]
    fn everything_of_a_time_range_is_between_the_bounds() {
        for start in (8..17).map(|hour| hour * HOUR).flat_map(around) {
            for end in (8..17).map(|hour| hour * HOUR).flat_map(around) {
                let page = bounds(Some(start), Some(end));
                for (position, at) in LOG {
                    let is_between =
                        page.after < Some(id(*position)) && Some(id(*position)) < page.before;
                    let is_asked_for = (start..=end).contains(at);
                    assert!(is_between || !is_asked_for, "{start} {end}: {page:?}");
                }
            }
        }
    }

    fn around(time: i64) -> [i64; 3] {
        [time - 1, time, time + 1]
    }

    #[test]
    fn what_is_well_outside_is_not() {
        let page = bounds(Some(14 * HOUR), None);
        assert_eq!((page.after, page.before), (Some(EntryId(8)), None));
        let page = bounds(None, Some(10 * HOUR));
        assert_eq!((page.after, page.before), (None, Some(EntryId(5))));
        let page = bounds(Some(100 * HOUR), None);
        assert_eq!(page.after, Some(EntryId(12)));
    }

    #[test]
    fn bounds_that_are_there_only_get_narrower() {
        let page = Page {
            after: Some(EntryId(9)),
            before: Some(EntryId(12)),
            start: Some(0),
            end: Some(i64::MAX),
            ..Page::default()
        };
        let narrowed = bounded(&page, look).unwrap();
        // There is no entry behind 10.
        assert_eq!(
            (narrowed.after, narrowed.before),
            (page.after, Some(EntryId(11)))
        );
    }

    fn bounds(start: Option<i64>, end: Option<i64>) -> Page {
        let page = Page {
            start,
            end,
            ..Page::default()
        };
        bounded(&page, look).unwrap()
    }

    fn look(position: i64) -> Result<Option<Found>, Infallible> {
        Ok(LOG.iter().find(|(id, _)| *id >= position).copied())
    }
}
