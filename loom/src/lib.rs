//! The places where threads meet without the type system's help, built with loom's locks and atomics.
#![cfg(test)]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

#[path = "../../crates/engine/src/account/drain.rs"]
mod drain;
#[path = "../../crates/store/src/failed.rs"]
mod failed;
#[path = "../../crates/store/src/gate.rs"]
mod gate;
#[path = "../../crates/transport/src/inbox.rs"]
mod inbox;
#[expect(dead_code, reason = "one of the bounds is asked for here")]
#[path = "../../crates/store/src/limits.rs"]
mod limits;
#[path = "../../crates/engine/src/session/waker.rs"]
mod waker;
#[path = "../../crates/store/src/watermark.rs"]
mod watermark;

mod tests {
    mod draining;
    mod gates;
    mod wakes;
}

/// How often a thread may be interrupted where it would go on. Faults of this kind show with one or two; without a
/// bound the tests would take minutes.
const PREEMPTIONS_MAX: usize = 3;

/// Runs `test` under every interleaving within the bound.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS_MAX);
    model.check(test);
}
