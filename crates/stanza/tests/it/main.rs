//! Stanzas as they come in over one kind of stream and go out over another.

mod accepting;
mod carrying;
mod errors;
mod forms;
mod payloads;
mod properties;
mod wire;
