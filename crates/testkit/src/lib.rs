//! What tests are made of: the transcript player.

mod incoming;
pub mod no_loss;
pub mod simulation;
pub mod sockets;
pub mod transcript;
pub mod world;
