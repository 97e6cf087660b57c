//! What every back end must do, as functions that each take a fresh [`Bench`]. A back end's tests are one line,
//! [`conformance_tests!`](crate::conformance_tests), which makes a test of each.

mod batches;
mod bodies;
mod crash;
mod desk;
mod generated;
mod logs;
mod maps;
mod order;
mod pages;
mod texts;

use std::sync::Arc;

pub use batches::{
    a_batch_is_atomic_across_owners_and_collections, a_failed_batch_takes_no_other_with_it,
    a_value_that_is_no_json_fails_its_batch, account_removal_takes_everything_and_nothing_else,
    everything_is_there_after_a_restart, texts_come_back_as_they_were,
};
pub use bodies::{
    a_body_goes_with_its_last_reference, a_missing_body_fails_the_batch,
    unreferenced_bodies_are_not_stored,
};
pub use crash::a_crash_at_any_step_leaves_all_or_nothing;
pub use generated::{generated_batches_read_as_in_memory, generated_work_reads_as_in_memory};
pub use logs::{
    due_entries_are_found, entries_are_trimmed, ids_only_grow, tombstones_keep_the_place,
};
pub use maps::{
    owners_are_found_by_key, values_are_put_and_deleted, values_expire, values_range_in_key_order,
};
pub use order::{
    concurrent_writers_never_insert_below, questions_share_a_snapshot, what_was_delivered_is_seen,
    writers_take_turns_and_see_each_other,
};
pub use pages::{filters_narrow_pages, pages_are_bounded_in_bytes, pages_go_both_ways};
pub use texts::{
    parts_of_a_log_are_measured, texts_are_found, texts_are_found_by_their_owner_in_pages,
    texts_are_indexed_in_slices, texts_go_with_their_entries,
};

use crate::backend::{Backend, Reader};
use crate::batch::Batch;
use crate::error::StoreError;

/// What a conformance function returns: it fails by an assertion, or with what the back end said.
pub type Outcome = Result<(), StoreError>;

/// An open back end: its writing half and a reading half.
pub type Opened = (Box<dyn Backend>, Box<dyn Reader>);

/// A disk with a back end over it.
pub trait Bench {
    /// Opens what is on the disk, as a start of the server does.
    ///
    /// # Errors
    ///
    /// What the back end says.
    fn open(&mut self) -> Result<Opened, StoreError>;

    /// Opens the disk, applies the batches in one transaction, and dies before operation number `step` (from 0; the
    /// number of operations is the step between the last one and the commit). What [`open`](Self::open) shows then is
    /// what a start finds after the crash.
    ///
    /// # Errors
    ///
    /// What the back end says, other than about the crash.
    fn crash(&mut self, batches: &[Arc<Batch>], step: usize) -> Result<(), StoreError>;
}

/// Makes a test of every conformance function; the argument makes a fresh [`Bench`].
#[macro_export]
macro_rules! conformance_tests {
    ($bench:expr) => {
        $crate::conformance_tests!($bench;
            a_batch_is_atomic_across_owners_and_collections, a_failed_batch_takes_no_other_with_it,
            a_value_that_is_no_json_fails_its_batch, account_removal_takes_everything_and_nothing_else,
            everything_is_there_after_a_restart, texts_come_back_as_they_were,
            a_body_goes_with_its_last_reference, a_missing_body_fails_the_batch, unreferenced_bodies_are_not_stored,
            a_crash_at_any_step_leaves_all_or_nothing, generated_batches_read_as_in_memory, generated_work_reads_as_in_memory,
            due_entries_are_found, entries_are_trimmed, filters_narrow_pages, ids_only_grow, pages_are_bounded_in_bytes, pages_go_both_ways,
            tombstones_keep_the_place, owners_are_found_by_key, values_are_put_and_deleted, values_expire,
            values_range_in_key_order, concurrent_writers_never_insert_below, questions_share_a_snapshot,
            what_was_delivered_is_seen, writers_take_turns_and_see_each_other,
            parts_of_a_log_are_measured, texts_are_found, texts_are_found_by_their_owner_in_pages,
            texts_are_indexed_in_slices, texts_go_with_their_entries
        );
    };
    ($bench:expr; $($test:ident),*) => {
        $(
            #[test]
            fn $test() -> $crate::conformance::Outcome {
                $crate::conformance::$test(&mut $bench)
            }
        )*
    };
}
