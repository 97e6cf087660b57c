//! Logs: pages, filters, ids, trimming, due entries, tombstones.

use super::desk::{Desk, EVENTS, MESSAGES, account, entry};
use super::{Bench, Outcome};
use crate::batch::Trim;
use crate::entry::{Entry, EntryId};
use crate::error::StoreError;
use crate::limits::PAGE_BYTES_MAX;
use crate::query::{Entries, Page};

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

/// An id is above all before it, also when those are gone or were never seen again.
pub fn ids_only_grow(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, None);
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(5)))?;
    for refused in [5, 4, 0, u64::MAX] {
        let result = desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(refused)));
        let expected = StoreError::OutOfOrder {
            collection: "test.messages",
            id: refused,
            newest: 5,
        };
        assert_eq!(result, Err(expected));
    }
    let twice = desk.apply(|batch| {
        batch.append(MESSAGES, &juliet, entry(7));
        batch.append(MESSAGES, &juliet, entry(6));
    });
    assert_eq!(
        twice,
        Err(StoreError::OutOfOrder {
            collection: "test.messages",
            id: 6,
            newest: 7
        })
    );
    // What failed has left no trace.
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(6)))?;
    desk.apply(|batch| batch.append(MESSAGES, &account("romeo"), entry(1)))?;

    desk.apply(|batch| batch.trim(MESSAGES, &juliet, Trim::One(EntryId(6))))?;
    assert_eq!(
        desk.ask(MESSAGES.last(&juliet))?
            .map(|found| found.entry.id),
        Some(EntryId(5))
    );
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    desk.apply(|batch| batch.trim(MESSAGES, &juliet, Trim::All))?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    drop(desk);
    let mut desk = Desk::open(bench)?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(6)));
    let again = desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(6)));
    assert_eq!(
        again,
        Err(StoreError::OutOfOrder {
            collection: "test.messages",
            id: 6,
            newest: 6
        })
    );
    desk.apply(|batch| batch.append(MESSAGES, &juliet, entry(7)))?;
    assert_eq!(desk.ask(MESSAGES.newest(&juliet))?, Some(EntryId(7)));
    Ok(())
}

/// Each way to trim takes what it says.
pub fn entries_are_trimmed(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    for (name, which, left) in [
        ("one", Trim::One(EntryId(2)), vec![1, 3, 4]),
        ("none", Trim::One(EntryId(9)), vec![1, 2, 3, 4]),
        ("through", Trim::Through(EntryId(3)), vec![4]),
        ("before", Trim::Before(3_000_000), vec![3, 4]),
        ("all", Trim::All, vec![]),
    ] {
        let owner = account(name);
        desk.apply(|batch| {
            for id in 1..=4 {
                batch.append(MESSAGES, &owner, entry(id));
                batch.append(EVENTS, &owner, Entry::new(EntryId(id), 0, ()));
            }
        })?;
        desk.apply(|batch| batch.trim(MESSAGES, &owner, which))?;
        assert_eq!(
            ids(&desk.ask(MESSAGES.page(&owner, Page::default()))?),
            left,
            "{which:?}"
        );
        assert_eq!(desk.ask(EVENTS.page_count(&owner, Page::default()))?, 4);
    }
    Ok(())
}

/// Due entries are listed until they are done or gone; their owners are found without a scan of all.
pub fn due_entries_are_found(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let (juliet, romeo, nurse) = (account("juliet"), account("romeo"), account("nurse"));
    desk.apply(|batch| {
        for id in 1..=3 {
            let due = Entry {
                due: true,
                ..entry(id)
            };
            batch.append(MESSAGES, &romeo, due.clone());
            batch.append(MESSAGES, &juliet, due);
        }
        batch.append(MESSAGES, &nurse, entry(1));
    })?;
    assert_eq!(
        desk.ask(MESSAGES.owners_due())?,
        [juliet.clone(), romeo.clone()]
    );
    assert_eq!(desk.ask(EVENTS.owners_due())?, []);
    desk.apply(|batch| {
        batch.done(MESSAGES, &juliet, EntryId(2));
        batch.done(MESSAGES, &juliet, EntryId(99));
        batch.trim(MESSAGES, &romeo, Trim::All);
    })?;
    let due = Page {
        due: true,
        ..Page::default()
    };
    assert_eq!(ids(&desk.ask(MESSAGES.page(&juliet, due))?), [1, 3]);
    assert_eq!(
        ids(&desk.ask(MESSAGES.page(&juliet, Page::default()))?),
        [1, 2, 3]
    );
    assert_eq!(desk.ask(MESSAGES.owners_due())?, [juliet]);
    Ok(())
}

/// A tombstone keeps position, time and parties; text, body and message id are gone.
pub fn tombstones_keep_the_place(bench: &mut impl Bench) -> Outcome {
    let mut desk = Desk::open(bench)?;
    let juliet = account("juliet");
    let body = desk.store.new_body_id();
    let mut spoken = entry(2);
    spoken.body = Some(body);
    spoken.message_id = "m2".into();
    spoken.sender = "romeo@example.net".into();
    desk.apply(|batch| {
        batch.put_body(body, "<body>secret</body>");
        batch.append(MESSAGES, &juliet, entry(1));
        batch.append(MESSAGES, &juliet, spoken.clone());
    })?;
    desk.apply(|batch| {
        batch.tombstone(MESSAGES, &juliet, EntryId(2), "<retracted/>");
        batch.tombstone(MESSAGES, &juliet, EntryId(9), "<retracted/>");
    })?;
    let read = desk.ask(MESSAGES.page(&juliet, Page::default()))?;
    assert_eq!(ids(&read), [1, 2]);
    let found = read.found.last().cloned();
    let expected = Entry {
        body: None,
        message_id: "".into(),
        xml: "<retracted/>".into(),
        ..spoken
    };
    assert_eq!(
        found
            .as_ref()
            .map(|found| (found.tombstone, &found.entry, &found.body)),
        Some((true, &expected, &None))
    );
    assert_eq!(read.found.first().map(|found| found.tombstone), Some(false));
    assert_eq!(desk.ask(crate::body(body))?, None);
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

fn ids<T>(entries: &Entries<T>) -> Vec<u64> {
    entries.found.iter().map(|found| found.entry.id.0).collect()
}
