//! The drivers on real threads: the writer drains what waits, readers answer, both end cleanly.

use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};

use store::thread::{ReaderThreads, spawn_writer};
use store::{
    Answer, Backend, Batch, Collection, Gate, Map, Memory, Owner, Query, Reader, Store, StoreError,
    Version,
};

const NUMBERS: Collection<Map<u64, u64>> = Collection::new("test.numbers", Version(1));

#[test]
fn a_closed_store_writes_what_waits_and_readers_answer_until_they_go() {
    let memory = Memory::new();
    let readers = ReaderThreads::spawn(vec![memory.clone(), memory.clone()]).expect("threads");
    let store = Store::start(&mut memory.clone(), Arc::new(readers)).expect("it starts");
    let numbers: Vec<_> = (0..500).map(|number| store.submit(put(number))).collect();
    let writer = spawn_writer(store.clone(), memory, || {}).expect("a thread");
    store.close();
    assert!(writer.join().is_ok());
    assert!(numbers.iter().all(|seq| store.gate(*seq) == Gate::Durable));
    assert_eq!(wait_for(store.read(NUMBERS.count(&Owner::Server))), Ok(500));
    drop(store);
}

#[test]
fn a_reader_that_panics_leaves_nobody_waiting() {
    struct Dies;
    impl Reader for Dies {
        fn read(&mut self, _: &[Query]) -> Result<Vec<Answer>, StoreError> {
            panic!("the reader dies: expected in this test")
        }
    }
    let readers = ReaderThreads::spawn(vec![Dies]).expect("a thread");
    let store = Store::start(&mut Memory::new(), Arc::new(readers)).expect("it starts");
    assert_eq!(
        wait_for(store.read(NUMBERS.count(&Owner::Server))),
        Err(StoreError::Closed)
    );
}

#[test]
fn a_writer_that_dies_is_noticed() {
    struct Dies;
    impl Backend for Dies {
        fn apply(&mut self, _: &[Arc<Batch>]) -> Result<(), StoreError> {
            panic!("the writer dies: expected in this test")
        }
    }
    let store = Memory::new().store().expect("it starts");
    let (lost, noticed) = mpsc::channel();
    let writer = spawn_writer(store.clone(), Dies, move || {
        lost.send(()).expect("somebody listens")
    })
    .expect("a thread");
    store.submit(put(1));
    assert_eq!(noticed.recv(), Ok(()));
    assert!(writer.join().is_err());
}

fn put(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(NUMBERS, &Owner::Server, &number, &number);
    batch
}

fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
