//! What the archive takes of conversations that nobody decided about.

use serde::{Deserialize, Serialize};

/// `archive = "always"`; and what a user may choose, [XEP-0441 §2.1.1].
///
/// [XEP-0441 §2.1.1]: https://xmpp.org/extensions/xep-0441.html#config-default
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Everything.
    #[default]
    Always,
    /// What is from or to contacts.
    Roster,
    /// Nothing.
    Never,
}

impl Policy {
    /// The word on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Roster => "roster",
            Self::Never => "never",
        }
    }

    /// What the word means.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Always, Self::Roster, Self::Never]
            .into_iter()
            .find(|policy| policy.name() == name)
    }

    /// Whether messages of a conversation are taken.
    pub(super) fn takes(self, is_contact: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Always => true,
            Self::Roster => is_contact(),
            Self::Never => false,
        }
    }
}
