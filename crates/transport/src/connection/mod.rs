//! The driver of one connection: a hand-written future that moves bytes between a socket and a
//! [`Drive`](crate::Drive).
//!
//! Hand-written because an idle connection must be small: it holds its socket, its protocol
//! state and a few words. Buffers are the worker's ([`crate::buffers`]), deadlines are a slot in
//! the worker's queue ([`crate::timer`]).
//!
//! `driver.rs` is the turn, `link.rs` plaintext or TLS, `linger.rs` the end.

mod driver;
mod linger;
mod link;
mod rest;

pub(crate) use driver::{Arrival, Driver};
