//! The tests of addresses: tables of cases, and properties over generated texts.

mod domains;
mod forms;
mod parsing;
mod profiles;
mod properties;
