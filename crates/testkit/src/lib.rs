//! What tests are made of: the transcript player.

pub mod transcript;
pub mod world;
