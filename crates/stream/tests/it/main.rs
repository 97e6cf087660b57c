//! The client stream, byte for byte: what goes in and what comes out, by rule. `player.rs` plays the scripts, each on
//! both framings, whole and byte by byte.

mod answers;
mod binding;
mod closing;
mod conditions;
mod faults;
mod headers;
mod hostile;
mod memory;
mod player;
mod sasl;
mod sasl2;
mod stanzas;
mod starttls;
mod timing;
