//! The mailbox over the memory back end: what is kept, delivered, bounded and recovered, and a crash at every step.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that is surprised fails"
)]

mod bodies;
mod crash;
mod delivering;
mod egress;
mod forget;
mod recording;
mod recovery;
mod world;
