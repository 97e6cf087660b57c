//! The tests of the mechanisms: published vectors, refusals one a line, and what must look alike.

mod accounts;
mod binding;
mod fixture;
mod hashed_token;
mod keys;
mod names;
mod offers;
mod plain;
mod prep;
mod properties;
mod scram;
mod single;
mod upgrade;
mod vectors;
