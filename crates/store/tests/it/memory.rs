//! The memory back end passes the conformance suite.

use std::sync::Arc;

use store::conformance::{Bench, Opened};
use store::{Backend, Batch, Memory, StoreError};

struct MemoryBench(Memory);

impl Bench for MemoryBench {
    fn open(&mut self) -> Result<Opened, StoreError> {
        Ok((Box::new(self.0.clone()), Box::new(self.0.clone())))
    }

    fn crash(&mut self, batches: &[Arc<Batch>], step: usize) -> Result<(), StoreError> {
        self.0.fail_after(step, StoreError::Closed);
        assert_eq!(
            self.0.apply(batches),
            Err(StoreError::Closed),
            "the crash comes"
        );
        Ok(())
    }
}

store::conformance_tests!(MemoryBench(Memory::new()));

mod plain {
    use super::{Memory, MemoryBench};

    store::conformance_tests!(MemoryBench(Memory::plain());
        texts_are_found, texts_are_found_by_their_owner_in_pages, texts_are_indexed_in_slices,
        texts_go_with_their_entries);
}
