//! The front alone: gates, waiting, bounds, upgrades.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use serde_json::{Value, json};
use store::{
    Backend, Batch, Collection, Gate, Map, Memory, Owner, Seq, StoreError, Version, limits,
};

const NUMBERS: Collection<Map<String, u64>> = Collection::new("test.numbers", Version(1));

#[test]
fn a_failed_disk_fails_what_waits_and_later_batches_go_on() {
    let (mut memory, store) = fresh();
    let lost = [store.submit(put("a", 1)), store.submit(put("b", 2))];
    let group = store.take_pending().expect("two batches wait");
    assert_eq!(group.batches().len(), 2);
    // Handed over while the group is out.
    let later = store.submit(put("c", 3));
    assert!(store.take_pending().is_none(), "one group at a time");
    store.settle(group.fail(StoreError::Full));
    assert_eq!(lost.map(|seq| store.gate(seq)), [Gate::Failed; 2]);
    assert_eq!(store.gate(later), Gate::Pending);
    assert!(store.turn(&mut memory));
    assert_eq!(store.gate(later), Gate::Durable);
    assert_eq!(
        lost.map(|seq| store.gate(seq)),
        [Gate::Failed; 2],
        "what failed is remembered"
    );
    assert!(!store.turn(&mut memory), "nothing is left");
}

#[test]
fn an_injected_fault_undoes_the_transaction() {
    let (mut memory, store) = fresh();
    memory.fail_after(1, StoreError::Full);
    assert_eq!(
        memory.apply(&[Arc::new(put("a", 1)), Arc::new(put("b", 2))]),
        Err(StoreError::Full)
    );
    assert_eq!(
        now(store.range(NUMBERS, &Owner::Server, "")),
        Poll::Ready(Ok(vec![]))
    );
    let image = memory.image();
    assert_eq!(memory.apply(&[Arc::new(put("a", 1))]), Ok(()));
    let before = image.store().expect("memory opens");
    assert_eq!(
        now(before.get(NUMBERS, &Owner::Server, &"a".to_owned())),
        Poll::Ready(Ok(None))
    );
}

#[test]
fn waiters_are_woken_once_when_their_batch_settles() {
    let (mut memory, store) = fresh();
    let (first, second) = (store.submit(put("a", 1)), store.submit(put("b", 2)));
    let woken = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut cx = Context::from_waker(&waker);
    let mut waits = pin!(store.settled(second));
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    {
        let mut dropped = pin!(store.settled(first));
        assert!(dropped.as_mut().poll(&mut cx).is_pending());
    }
    store.turn(&mut memory);
    assert_eq!(
        woken.0.load(Ordering::Relaxed),
        1,
        "a dropped waiter is forgotten"
    );
    assert_eq!(waits.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    assert_eq!(now(store.settled(Seq::NONE)), Poll::Ready(Ok(())));
}

#[test]
fn writers_of_one_pair_take_turns_and_of_others_do_not_wait() {
    let (mut memory, store) = fresh();
    let Poll::Ready(Ok(mut first)) = now(store.write(NUMBERS, &Owner::Server)) else {
        panic!("nobody holds it")
    };
    let mut second = pin!(store.write(NUMBERS, &Owner::Server));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    let other = Owner::Host(jid::Domain::parse("example.org").expect("a domain"));
    assert!(now(store.write(NUMBERS, &other)).is_ready());
    first.put("a".to_owned(), 1);
    let commit = first.commit();
    assert_eq!(store.gate(commit.seq()), Gate::Pending);
    // The lock is free, but what came before is not settled yet.
    assert!(second.as_mut().poll(&mut cx).is_pending());
    store.turn(&mut memory);
    let Poll::Ready(Ok(second)) = second.as_mut().poll(&mut cx) else {
        panic!("it is its turn")
    };
    assert_eq!(second.get(&"a".to_owned()), Some(&1));
    assert_eq!(
        second.commit().seq(),
        Seq::NONE,
        "nothing changed, nothing to wait for"
    );
}

#[test]
fn too_much_waiting_fails_in_its_place() {
    let (mut memory, store) = fresh();
    let mut big = Batch::new();
    big.put_body(
        store.new_body_id(),
        "x".repeat(limits::PENDING_BYTES_MAX - 1000),
    );
    let big = store.submit(big);
    let mut over = Batch::new();
    over.put_body(store.new_body_id(), "x".repeat(2000));
    let over = store.submit(over);
    assert_eq!(
        store.gate(over),
        Gate::Pending,
        "the order holds for failures too"
    );
    store.turn(&mut memory);
    assert_eq!(
        (store.gate(big), store.gate(over)),
        (Gate::Durable, Gate::Failed)
    );
    let next = store.submit(put("a", 1));
    store.turn(&mut memory);
    assert_eq!(store.gate(next), Gate::Durable);
}

#[test]
fn old_values_are_upgraded_step_by_step() {
    fn to_two(value: Value) -> Option<Value> {
        Some(json!({ "number": value.as_u64()? }))
    }
    fn to_three(mut value: Value) -> Option<Value> {
        value
            .as_object_mut()?
            .insert("name".to_owned(), json!("none"));
        Some(value)
    }
    const TODAY: Collection<Map<String, Value>> =
        Collection::new("test.numbers", Version(3)).upgrades(&[to_two, to_three]);
    const FORGOTTEN: Collection<Map<String, Value>> =
        Collection::new("test.numbers", Version(3)).upgrades(&[to_three]);
    let (mut memory, store) = fresh();
    store.submit(put("a", 7));
    store.turn(&mut memory);
    let key = "a".to_owned();
    let read = now(store.get(TODAY, &Owner::Server, &key));
    assert_eq!(
        read,
        Poll::Ready(Ok(Some(json!({ "number": 7, "name": "none" }))))
    );
    let read = now(store.get(FORGOTTEN, &Owner::Server, &key));
    assert!(
        matches!(read, Poll::Ready(Err(StoreError::Undecodable { .. }))),
        "{read:?}"
    );
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn fresh() -> (Memory, store::Store) {
    let memory = Memory::new();
    let store = memory.store().expect("memory opens");
    (memory, store)
}

fn put(key: &str, value: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(NUMBERS, &Owner::Server, &key.to_owned(), &value);
    batch
}

fn now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
