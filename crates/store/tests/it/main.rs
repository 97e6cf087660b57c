//! The store's front and its memory back end from outside.

mod front;
mod memory;
mod threads;
