//! Order and visibility under concurrency: what readers see while writers write, on real threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::desk::{COUNTS, Desk, MESSAGES, account, entry, wait_for};
use super::{Bench, Outcome};
use crate::batch::Batch;
use crate::entry::EntryId;
use crate::error::StoreError;
use crate::gate::{Gate, Seq};
use crate::query::Page;
use crate::settled::{Observer, Settlement};
use crate::store::Store;
use crate::thread::spawn_writer;

/// How many entries each writer appends.
const ENTRIES: u64 = 60;
const WRITERS: u64 = 4;

/// Several writers append to one log, drawing ids under the owner's lock. A reader sees them in id order, and never one
/// below what it saw before; a snapshot is never below what was handed over before, nor above what came after it.
pub fn concurrent_writers_never_insert_below(bench: &mut impl Bench) -> Outcome {
    let owner = account("juliet");
    let (store, writer) = started(bench)?;
    let drawn = Arc::new(Mutex::new(0_u64));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, drawn, owner) = (store.clone(), Arc::clone(&drawn), owner.clone());
            thread::spawn(move || {
                for _ in 0..ENTRIES {
                    let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
                    *drawn += 1;
                    let mut batch = Batch::new();
                    batch.append(MESSAGES, &owner, entry(*drawn));
                    let seq = store.submit(batch);
                    drop(drawn);
                    assert_eq!(wait_for(store.settled(seq)), Ok(()));
                }
            })
        })
        .collect();
    let mut seen: Vec<u64> = Vec::new();
    while seen.len() < usize::try_from(WRITERS * ENTRIES).unwrap_or(usize::MAX) {
        let floor = *drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = wait_for(store.snapshot(MESSAGES, &owner))?;
        assert!(
            snapshot.newest.map_or(0, |id| id.0) >= floor,
            "what was handed over before is in the snapshot"
        );
        // The line can be drawn under the owner's lock, too: then nothing comes between.
        let held = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let exact = wait_for(store.snapshot(MESSAGES, &owner))?;
        assert_eq!(exact.newest.map_or(0, |id| id.0), *held);
        drop(held);
        wait_for(store.settled(exact.seq))?;
        let page = wait_for(store.read(MESSAGES.page(&owner, Page::default())))?;
        let now: Vec<_> = page.found.iter().map(|found| found.entry.id.0).collect();
        assert!(now.is_sorted());
        assert_eq!(
            now.get(..seen.len()),
            Some(&*seen),
            "what was seen stays, and nothing comes below it"
        );
        assert!(now.last().copied().unwrap_or(0) >= exact.newest.map_or(0, |id| id.0));
        seen = now;
    }
    for writer in writers {
        assert!(writer.join().is_ok(), "a writer failed");
    }
    stop(&store, writer);
    Ok(())
}

/// Once a gate is open, every read that starts sees the batch: checked in the observer, where deliveries start.
pub fn what_was_delivered_is_seen(bench: &mut impl Bench) -> Outcome {
    struct Reads {
        store: Store,
        failed: Mutex<Vec<Seq>>,
    }
    impl Observer for Reads {
        fn settled(&self, settlement: &Settlement) {
            let read = wait_for(
                self.store
                    .get(COUNTS, &account("juliet"), &"seq".to_owned()),
            );
            let seen = read.ok().flatten().unwrap_or(0);
            if seen < settlement.last.0 || self.store.gate(settlement.last) != Gate::Durable {
                self.failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(settlement.last);
            }
        }
    }
    let (store, writer) = started(bench)?;
    let reads = Arc::new(Reads {
        store: store.clone(),
        failed: Mutex::default(),
    });
    store.observe(reads.clone());
    for number in 1..=200 {
        let mut batch = Batch::new();
        batch.put(COUNTS, &account("juliet"), &"seq".to_owned(), &number);
        let seq = store.submit(batch);
        assert_eq!(seq, Seq(number));
        if number % 7 == 0 {
            wait_for(store.settled(seq))?;
        }
    }
    wait_for(store.settled(store.submitted()))?;
    stop(&store, writer);
    assert_eq!(
        *reads.failed.lock().unwrap_or_else(PoisonError::into_inner),
        []
    );
    Ok(())
}

/// Questions asked together are answered from one instant, whatever is written meanwhile.
pub fn questions_share_a_snapshot(bench: &mut impl Bench) -> Outcome {
    let (store, writer) = started(bench)?;
    let (juliet, romeo) = (account("juliet"), account("romeo"));
    let key = "key".to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let writes = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        let (juliet, romeo, key) = (juliet.clone(), romeo.clone(), key.clone());
        thread::spawn(move || {
            for number in 1..=150 {
                let mut batch = Batch::new();
                batch.put(COUNTS, &juliet, &key, &number);
                batch.append(MESSAGES, &juliet, entry(number));
                batch.put(COUNTS, &romeo, &key, &number);
                let seq = store.submit(batch);
                assert_eq!(wait_for(store.settled(seq)), Ok(()));
            }
            done.store(true, Ordering::Release);
        })
    };
    loop {
        let last = done.load(Ordering::Acquire);
        let questions = (
            COUNTS.get(&juliet, &key),
            MESSAGES.newest(&juliet),
            COUNTS.get(&romeo, &key),
        );
        let (first, newest, second) = wait_for(store.read(questions))?;
        assert_eq!((first, newest), (second, second.map(EntryId)));
        if last {
            break;
        }
    }
    assert!(writes.join().is_ok(), "the writer failed");
    stop(&store, writer);
    Ok(())
}

/// `write` is fair and never reads stale data: counting up in many tasks loses no count, also past failed batches.
pub fn writers_take_turns_and_see_each_other(bench: &mut impl Bench) -> Outcome {
    let (store, writer) = started(bench)?;
    let juliet = account("juliet");
    let key = "key".to_owned();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, juliet, key) = (store.clone(), juliet.clone(), key.clone());
            thread::spawn(move || -> Outcome {
                for round in 0..ENTRIES {
                    let mut counts = wait_for(store.write(COUNTS, &juliet))?;
                    let count = counts.get(&key).copied().unwrap_or(0);
                    counts.put(key.clone(), count + 1);
                    match round % 3 {
                        // Not awaited: the next writer must see it all the same.
                        0 => drop(counts.commit()),
                        1 => wait_for(counts.commit().durable())?,
                        _ => {
                            // Fails as a whole, so that the count stands as it was.
                            counts.batch().ref_body(crate::BodyId(u64::MAX >> 2));
                            assert_eq!(
                                wait_for(counts.commit().durable()),
                                Err(StoreError::NotStored)
                            );
                        }
                    }
                }
                Ok(())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.join().ok(), Some(Ok(())));
    }
    let counts = wait_for(store.write(COUNTS, &juliet))?;
    assert_eq!(counts.get(&key).copied(), Some(WRITERS * ENTRIES / 3 * 2));
    drop(counts);
    // Dropped without a commit, nothing has changed.
    let mut dropped = wait_for(store.write(COUNTS, &juliet))?;
    dropped.delete(&key);
    assert!(dropped.is_empty());
    drop(dropped);
    assert_eq!(wait_for(store.range(COUNTS, &juliet, ""))?.len(), 1);
    stop(&store, writer);
    Ok(())
}

type Writer = thread::JoinHandle<Box<dyn crate::Backend>>;

fn started(bench: &mut impl Bench) -> Result<(Store, Writer), StoreError> {
    let Desk { store, backend } = Desk::open(bench)?;
    let writer = spawn_writer(store.clone(), backend, || {}).map_err(|error| StoreError::Io {
        detail: error.to_string(),
    })?;
    Ok((store, writer))
}

fn stop(store: &Store, writer: Writer) {
    store.close();
    assert!(writer.join().is_ok(), "the writer's thread failed");
    let mut late = Batch::new();
    late.expire(0);
    let seq = store.submit(late);
    assert_eq!(
        store.gate(seq),
        Gate::Failed,
        "a closed store takes nothing"
    );
}
