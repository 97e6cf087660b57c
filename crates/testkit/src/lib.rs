//! What tests are made of: the transcript player.

pub mod simulation;
pub mod transcript;
pub mod world;
