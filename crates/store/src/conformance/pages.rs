//! Pages of logs: both ways, filtered, bounded.

use super::desk::{Desk, EVENTS, MESSAGES, account, entry};
use super::logs::ids;
use super::{Bench, Outcome};
use crate::entry::{Entry, EntryId};
use crate::limits::PAGE_BYTES_MAX;
use crate::query::Page;

/// Pages hold entries in id order whichever way they go, and say whether there are more.
pub fn pages_go_both_ways(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    desk.apply(|batch| {
        for id in [1, 2, 5, 6, 9] {
            batch.append(MESSAGES, &juliet, entry(id));
        }
        batch.append(MESSAGES, &account("romeo"), entry(3));
        batch.append(EVENTS, &juliet, Entry::new(EntryId(4), 0, ()));
    })?;
    let mut check = |page: Page, expected: &[u64], more: bool| -> Outcome {
        let count = desk.ask(MESSAGES.page_count(&juliet, page.clone()))?;
        let read = desk.ask(MESSAGES.page(&juliet, page.clone()))?;
        assert_eq!(
            (ids(&read), read.more),
            (expected.to_vec(), more),
            "{page:?}"
        );
        assert_eq!(count > read.found.len() as u64, more, "{page:?}");
        Ok(())
    };
    let page = |entries_max, backwards| Page {
        entries_max,
        backwards,
        ..Page::default()
    };
    check(page(0, false), &[1, 2, 5, 6, 9], false)?;
    check(page(2, false), &[1, 2], true)?;
    check(page(5, false), &[1, 2, 5, 6, 9], false)?;
    check(page(2, true), &[6, 9], true)?;
    check(
        Page {
            after: Some(EntryId(2)),
            ..page(2, false)
        },
        &[5, 6],
        true,
    )?;
    check(
        Page {
            after: Some(EntryId(3)),
            ..page(9, false)
        },
        &[5, 6, 9],
        false,
    )?;
    check(
        Page {
            before: Some(EntryId(6)),
            ..page(2, true)
        },
        &[2, 5],
        true,
    )?;
    check(
        Page {
            before: Some(EntryId(1)),
            ..page(2, true)
        },
        &[],
        false,
    )?;
    check(
        Page {
            after: Some(EntryId(1)),
            before: Some(EntryId(9)),
            ..page(0, false)
        },
        &[2, 5, 6],
        false,
    )?;

    let last = desk.ask(MESSAGES.last(&juliet))?.map(|found| found.entry);
    assert_eq!(last, Some(entry(9)));
    assert_eq!(
        desk.ask(MESSAGES.entry(&juliet, EntryId(5)))?
            .map(|found| found.entry),
        Some(entry(5))
    );
    assert_eq!(desk.ask(MESSAGES.entry(&juliet, EntryId(3)))?, None);
    assert_eq!(desk.ask(MESSAGES.last(&account("nurse")))?, None);
    assert_eq!(desk.ask(MESSAGES.log_owners())?, [juliet, account("romeo")]);
    Ok(())
}

/// Every filter holds, alone and together.
pub fn filters_narrow_pages(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    desk.apply(|batch| {
        for id in 1..=8 {
            let mut entry = entry(id);
            entry.at = 100 * id as i64;
            entry.peer = if id % 2 == 0 {
                "romeo@example.net"
            } else {
                "nurse@example.org"
            }
            .into();
            entry.sender = if id % 4 < 2 {
                "juliet@example.org/balcony"
            } else {
                "romeo@example.net"
            }
            .into();
            entry.message_id = format!("m{}", id % 3).into();
            entry.class = (id % 3) as u8;
            entry.due = id > 6;
            batch.append(MESSAGES, &juliet, entry);
        }
    })?;
    let mut check = |page: Page, expected: &[u64]| -> Outcome {
        assert_eq!(
            ids(&desk.ask(MESSAGES.page(&juliet, page.clone()))?),
            expected,
            "{page:?}"
        );
        assert_eq!(
            desk.ask(MESSAGES.page_count(&juliet, page.clone()))?,
            expected.len() as u64,
            "{page:?}"
        );
        let backwards = Page {
            backwards: true,
            ..page
        };
        assert_eq!(ids(&desk.ask(MESSAGES.page(&juliet, backwards))?), expected);
        Ok(())
    };
    let all = Page::default();
    check(
        Page {
            start: Some(300),
            end: Some(500),
            ..all.clone()
        },
        &[3, 4, 5],
    )?;
    check(
        Page {
            start: Some(301),
            ..all.clone()
        },
        &[4, 5, 6, 7, 8],
    )?;
    check(
        Page {
            end: Some(199),
            ..all.clone()
        },
        &[1],
    )?;
    check(
        Page {
            peer: Some("romeo@example.net".to_owned()),
            ..all.clone()
        },
        &[2, 4, 6, 8],
    )?;
    check(
        Page {
            peer: Some("Romeo@example.net".to_owned()),
            ..all.clone()
        },
        &[],
    )?;
    check(
        Page {
            class: Some(0),
            ..all.clone()
        },
        &[3, 6],
    )?;
    check(
        Page {
            due: true,
            ..all.clone()
        },
        &[7, 8],
    )?;
    check(
        Page {
            id: Some(EntryId(4)),
            class: Some(1),
            ..all.clone()
        },
        &[4],
    )?;
    check(
        Page {
            sender: Some("romeo@example.net".to_owned()),
            start: Some(300),
            ..all.clone()
        },
        &[3, 6, 7],
    )?;
    check(
        Page {
            message_id: Some("m1".to_owned()),
            ..all.clone()
        },
        &[1, 4, 7],
    )?;
    check(
        Page {
            peer: Some("nurse@example.org".to_owned()),
            after: Some(EntryId(3)),
            end: Some(700),
            ..all
        },
        &[5, 7],
    )?;
    let found = desk.ask(MESSAGES.by_message_id(&juliet, "romeo@example.net", "m0"))?;
    assert_eq!(found.map(|found| found.entry.id), Some(EntryId(6)));
    assert_eq!(
        desk.ask(MESSAGES.by_message_id(&juliet, "nobody", "m0"))?,
        None
    );
    Ok(())
}

/// However large its entries, a page ends near its bound in bytes, and the next goes on from there.
pub fn pages_are_bounded_in_bytes(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let text = "x".repeat(PAGE_BYTES_MAX / 2);
    for id in 1..=3 {
        let body = desk.store.new_body_id();
        desk.apply(|batch| {
            batch.put_body(body, text.clone());
            batch.append(
                MESSAGES,
                &juliet,
                Entry {
                    body: Some(body),
                    ..entry(id)
                },
            );
        })?;
    }
    let mut seen = Vec::new();
    let mut more = true;
    while more {
        let after = seen.last().copied().map(EntryId);
        let read = desk.ask(MESSAGES.page(
            &juliet,
            Page {
                after,
                ..Page::default()
            },
        ))?;
        assert!((1..=2).contains(&read.found.len()));
        seen.extend(ids(&read));
        more = read.more;
    }
    assert_eq!(seen, [1, 2, 3]);
    let newest = desk.ask(MESSAGES.page(
        &juliet,
        Page {
            backwards: true,
            ..Page::default()
        },
    ))?;
    assert_eq!((ids(&newest), newest.more), (vec![2, 3], true));
    let heads = desk.ask(MESSAGES.page(
        &juliet,
        Page {
            without_bodies: true,
            ..Page::default()
        },
    ))?;
    assert_eq!((ids(&heads), heads.more), (vec![1, 2, 3], false));
    Ok(())
}
