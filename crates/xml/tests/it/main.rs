//! What the crate promises, seen from outside.

mod build;
mod detach;
mod events;
mod read;
mod scan;
