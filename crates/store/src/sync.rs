//! The locks and atomics of what is checked under every interleaving of threads: `loom/` builds the same files with
//! its own in this place.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
