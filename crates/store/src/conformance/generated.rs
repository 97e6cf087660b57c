//! Generated batches, applied to the back end under test and to the memory back end, must read the same.

use std::sync::Arc;

use super::desk::{COUNTS, EVENTS, MESSAGES, NOTES, account, entry, host, room};
use super::{Bench, Outcome};
use crate::backend::{Backend, Reader};
use crate::batch::{Batch, Trim};
use crate::entry::{BodyId, Entry, EntryId};
use crate::memory::Memory;
use crate::owner::Owner;
use crate::query::{Page, Query};
use crate::words::Needle;

/// How many batches one run generates.
const BATCHES: u64 = 300;

/// Every kind of operation in random order, impossible ones included: the same batches succeed or fail with the same
/// error, and every question has the same answer.
pub fn generated_batches_read_as_in_memory(bench: &mut impl Bench) -> Outcome {
    let mut memory = Memory::new();
    let (mut backend, mut reader) = bench.open()?;
    let mut dice = Dice(0x5eed);
    for round in 0..BATCHES {
        let batch = Arc::new(generate(&mut dice));
        let batches = [batch];
        assert_eq!(
            backend.apply(&batches),
            memory.apply(&batches),
            "batch {round}: {:?}",
            batches[0].ops()
        );
        if round % 10 == 9 {
            let indexed = [Arc::new(index())];
            backend.apply(&indexed)?;
            memory.apply(&indexed)?;
            let questions = questions();
            let (tested, expected) = (reader.read(&questions)?, memory.read(&questions)?);
            for ((question, tested), expected) in questions.iter().zip(tested).zip(expected) {
                assert_eq!(
                    format!("{tested:?}"),
                    format!("{expected:?}"),
                    "batch {round}: {question:?}"
                );
            }
        }
        if round % 100 == 99 {
            drop((backend, reader));
            (backend, reader) = bench.open()?;
        }
    }
    Ok(())
}

/// What servers mostly do, in random order: entries are appended, with bodies that several share, settled and removed;
/// values change. In between, what came of it is asked for, or the store is opened anew.
pub fn generated_work_reads_as_in_memory(bench: &mut impl Bench) -> Outcome {
    let mut memory = Memory::new();
    let (mut backend, mut reader) = bench.open()?;
    let mut dice = Dice(0xda7a);
    let mut work = Work {
        newest: [0; 2],
        body: 0,
    };
    for round in 0..4 * BATCHES {
        let batches: Vec<_> = (0..=dice.below(3))
            .map(|_| Arc::new(work.generate(&mut dice)))
            .collect();
        let ops = || batches.iter().map(|batch| batch.ops());
        assert_eq!(
            backend.apply(&batches),
            memory.apply(&batches),
            "round {round}: {:?}",
            ops().collect::<Vec<_>>()
        );
        if dice.below(10) == 0 {
            let mut questions = vec![Query::NewestBody, MESSAGES.owners_due().query().clone()];
            for owner in work.owners() {
                questions.extend([
                    COUNTS.all(&owner).query().clone(),
                    MESSAGES.newest(&owner).query().clone(),
                    MESSAGES.page(&owner, Page::default()).query().clone(),
                ]);
            }
            let bodies = work.body.saturating_sub(9)..=work.body;
            questions.extend(bodies.map(|id| Query::Body { id: BodyId(id) }));
            let asked = dice.below(questions.len() as u64 + 1) as usize;
            let questions = questions.get(asked..).unwrap_or(&questions);
            let (tested, expected) = (reader.read(questions)?, memory.read(questions)?);
            for ((question, tested), expected) in questions.iter().zip(tested).zip(expected) {
                assert_eq!(
                    format!("{tested:?}"),
                    format!("{expected:?}"),
                    "round {round}: {question:?}"
                );
            }
        }
        if dice.below(100) == 0 {
            drop((backend, reader));
            (backend, reader) = bench.open()?;
        }
    }
    Ok(())
}

/// Two mailboxes at work.
struct Work {
    newest: [u64; 2],
    body: u64,
}

impl Work {
    fn owners(&self) -> [Owner; 2] {
        [account("juliet"), account("romeo")]
    }

    fn generate(&mut self, dice: &mut Dice) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..=dice.below(2) {
            let which = dice.below(2) as usize;
            let [juliet, romeo] = self.owners();
            let owner = [juliet, romeo]
                .into_iter()
                .nth(which)
                .expect("there are two");
            let newest = self.newest.get_mut(which).expect("there are two");
            let recent = |dice: &mut Dice| EntryId(newest.saturating_sub(dice.below(8)));
            match dice.below(10) {
                0..=3 => {
                    // Mostly with a new body, sometimes with one that somebody has or had.
                    let body = if dice.below(3) == 0 {
                        self.body.saturating_sub(dice.below(5))
                    } else {
                        self.body += 1;
                        batch.put_body(BodyId(self.body), format!("body {}", self.body));
                        self.body
                    };
                    *newest += 1;
                    let mut entry = entry(*newest);
                    entry.due = dice.below(2) == 0;
                    entry.body = Some(BodyId(body));
                    batch.append(MESSAGES, &owner, entry);
                }
                4..=5 => {
                    let (one, other) = (recent(dice), recent(dice));
                    batch.trim(
                        MESSAGES,
                        &owner,
                        Trim::Range(one.min(other), one.max(other)),
                    );
                }
                6 => batch.trim(MESSAGES, &owner, Trim::Through(recent(dice))),
                7 => {
                    let (one, other) = (recent(dice), recent(dice));
                    batch.done(MESSAGES, &owner, one.min(other)..=one.max(other));
                }
                8 => batch.put(COUNTS, &owner, &"a".to_owned(), &dice.below(100)),
                _ if dice.below(20) == 0 => batch.delete_owner(&owner),
                _ => batch.delete(COUNTS, &owner, &"a".to_owned()),
            }
        }
        batch
    }
}

fn generate(dice: &mut Dice) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..=dice.below(5) {
        let owner = dice.pick(&owners()).clone();
        let key = String::from(*dice.pick(&["", "a", "ab", "b", "b%", "c"]));
        let id = EntryId(1 + dice.below(40));
        let body = BodyId(1 + dice.below(12));
        match dice.below(18) {
            0..=2 => batch.put(COUNTS, &owner, &key, &dice.below(100)),
            3 => batch.put_until(
                NOTES,
                &owner,
                &key,
                &format!("n{}", dice.below(9)),
                dice.below(50) as i64,
            ),
            4 => batch.delete(COUNTS, &owner, &key),
            5 => batch.clear_prefix(NOTES, &owner, &key),
            6 => batch.expire(dice.below(30) as i64),
            7..=9 => {
                let mut entry = entry(id.0);
                entry.at = dice.below(20) as i64;
                entry.class = dice.below(3) as u8;
                entry.due = dice.below(2) == 0;
                entry.peer = key.clone().into();
                entry.sender = key.into();
                entry.message_id = format!("m{}", dice.below(3)).into();
                entry.body = (dice.below(3) == 0).then_some(body);
                batch.append(MESSAGES, &owner, entry);
            }
            10 => batch.append(EVENTS, &owner, Entry::new(id, 0, ())),
            11 => batch.trim(MESSAGES, &owner, Trim::One(id)),
            12 => match dice.below(4) {
                0 => batch.trim(MESSAGES, &owner, Trim::All),
                1 => batch.trim(MESSAGES, &owner, Trim::Before(dice.below(20) as i64)),
                _ => batch.trim(MESSAGES, &owner, Trim::Through(EntryId(dice.below(10)))),
            },
            13 => batch.done(MESSAGES, &owner, id..=id),
            14 => match dice.below(3) {
                0 => batch.hollow(MESSAGES, &owner, id, 3),
                1 => batch.unindex(MESSAGES, &owner, dice.below(9) as u32),
                _ => batch.tombstone(MESSAGES, &owner, id, "<gone/>"),
            },
            15 => batch.put_body(body, format!("body {}", dice.below(9))),
            16 if dice.below(4) == 0 => batch.delete_owner(&owner),
            16 => batch.ref_body(body),
            _ => batch.unref_body(body),
        }
    }
    batch
}

/// Makes all of it findable, as the memory back end always finds it.
fn index() -> Batch {
    let mut batch = Batch::new();
    for owner in owners() {
        batch.index(MESSAGES, &owner, 1000);
    }
    batch.scrub();
    batch
}

fn questions() -> Vec<Query> {
    let mut questions = vec![Query::NewestBody, Query::Collections];
    for owner in owners() {
        questions.extend([
            COUNTS.all(&owner).query().clone(),
            COUNTS.count(&owner).query().clone(),
            COUNTS.get(&owner, &"b".to_owned()).query().clone(),
            NOTES.range(&owner, "b").query().clone(),
            MESSAGES.newest(&owner).query().clone(),
            EVENTS.page(&owner, Page::default()).query().clone(),
        ]);
        questions.extend(
            pages()
                .into_iter()
                .map(|page| MESSAGES.page(&owner, page).query().clone()),
        );
        questions.extend(
            pages()
                .into_iter()
                .map(|page| MESSAGES.page_count(&owner, page).query().clone()),
        );
        questions.extend(
            pages()
                .into_iter()
                .map(|page| MESSAGES.page_size(&owner, page).query().clone()),
        );
        questions.extend(["body", "entry body", "8"].map(|text| {
            let page = Page {
                text: Some(Needle::parse(text)),
                entries_max: 5,
                ..Page::default()
            };
            MESSAGES.best(&owner, page).query().clone()
        }));
    }
    questions.push(COUNTS.holders(&"a".to_owned()).query().clone());
    questions.push(COUNTS.owners().query().clone());
    questions.push(MESSAGES.log_owners().query().clone());
    questions.push(MESSAGES.owners_due().query().clone());
    questions.extend((1..=12).map(|id| Query::Body { id: BodyId(id) }));
    questions
}

fn pages() -> Vec<Page> {
    let page = Page {
        entries_max: 3,
        ..Page::default()
    };
    vec![
        Page::default(),
        Page {
            backwards: true,
            ..page.clone()
        },
        Page {
            after: Some(EntryId(10)),
            before: Some(EntryId(30)),
            ..page.clone()
        },
        Page {
            start: Some(5),
            end: Some(15),
            ..page.clone()
        },
        Page {
            peer: Some("ab".to_owned()),
            without_bodies: true,
            ..page.clone()
        },
        Page {
            sender: Some("b".to_owned()),
            message_id: Some("m1".to_owned()),
            backwards: true,
            ..page.clone()
        },
        Page {
            text: Some(Needle::parse("body")),
            ..page.clone()
        },
        Page {
            text: Some(Needle::parse("\"n 1*\"")),
            after: Some(EntryId(5)),
            due: true,
            backwards: true,
            ..page.clone()
        },
        Page {
            class: Some(1),
            due: true,
            ..page
        },
    ]
}

fn owners() -> Vec<Owner> {
    vec![account("juliet"), account("romeo"), room("juliet"), host()]
}

/// A small generator of its own, so that runs repeat exactly (xorshift64).
struct Dice(u64);

impl Dice {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len() as u64) as usize;
        from.get(at).expect("a side is below the number of sides")
    }

    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
