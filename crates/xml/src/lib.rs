//! Restricted, namespaced, incremental XML for streams ([RFC 6120 §11]).
//!
//! One pass over bytes as they arrive, in any split, checks well-formedness, namespaces, the restrictions of
//! RFC 6120, UTF-8 and limits, and leaves offsets of elements behind. Nothing is copied out of the input until
//! somebody asks.
//!
//! * [`Scanner`] takes bytes and gives [`Event`]s: the stream opens, a complete child, the stream closes.
//! * [`Element`] is a view of an element: names, attributes, text, children.
//! * [`Tree`] and [`Fragment`] own one element. A fragment is in *detached form*: it stands for itself, whatever
//!   it is written into, see [`Element::write_detached`].
//! * [`Builder`] makes fragments; [`escape_text`] and [`escape_attr`] serve those who write by hand.
//! * [`same`] compares two elements as XML, not as bytes.
//!
//! It is no general XML parser: there are no DTDs, entities, comments or processing instructions.
//!
//! [RFC 6120 §11]: https://www.rfc-editor.org/rfc/rfc6120#section-11

mod attributes;
mod builder;
mod chars;
mod detach;
mod element;
mod escape;
mod fault;
mod fragment;
mod limits;
pub mod ns;
mod reference;
mod same;
mod scan;
mod scanner;
mod tape;
mod tree;

pub use attributes::{Attribute, Attributes};
pub use builder::{Builder, Node};
pub use element::{Children, Element};
pub use escape::{escape_attr, escape_text};
pub use fault::{Fault, FaultKind};
pub use fragment::Fragment;
pub use limits::Limits;
pub use ns::Ns;
pub use same::{Difference, same};
pub use scanner::{Event, Framing, Scanner};
pub use tape::Scratch;
pub use tree::Tree;
