//! What a sender wishes for its message, [XEP-0334] 1.0.0. Wishes only: whoever stores or copies decides.
//!
//! [XEP-0334]: https://xmpp.org/extensions/xep-0334.html

use xml::{Builder, Fragment, Ns};

use crate::Stanza;

/// The namespace of the hints.
pub const NS: &str = "urn:xmpp:hints";

/// The hints of a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Hints {
    /// `<no-permanent-store/>`: keep it for delivery, not in an archive.
    pub no_permanent_store: bool,
    /// `<no-store/>`: do not keep it at all.
    pub no_store: bool,
    /// `<no-copy/>`: no copies to other addresses.
    pub no_copy: bool,
    /// `<store/>`: keep it although it does not look like it.
    pub store: bool,
}

impl Hints {
    /// The hints of a message; none for an error, whose children are those of the message that failed ([§5]).
    ///
    /// [§5]: https://xmpp.org/extensions/xep-0334.html
    #[must_use]
    pub fn of(message: &Stanza) -> Self {
        let mut hints = Self::default();
        if message.kind().is_error() {
            return hints;
        }
        for child in message.children() {
            if child.ns() == Ns::Uri(NS) {
                match child.name() {
                    "no-permanent-store" => hints.no_permanent_store = true,
                    "no-store" => hints.no_store = true,
                    "no-copy" => hints.no_copy = true,
                    "store" => hints.store = true,
                    _ => {}
                }
            }
        }
        hints
    }
}

/// One hint by name, such as `no-copy`.
#[must_use]
pub fn hint(name: &str) -> Fragment {
    Builder::new(name, NS).build()
}
