//! What the operator may set.

use serde::{Deserialize, Serialize};

engine::config! {
    /// `push = { summary = ["message-count", "last-message-sender"] }`.
    #[derive(Clone, Debug)]
    pub struct Config {
        /// What push services, and whoever runs what is behind them, are told: any of `"message-count"`,
        /// `"last-message-sender"` and `"last-message-body"`. An empty list tells them nothing but that there is
        /// something. Bodies of encrypted messages are never told.
        pub summary: Summary,
        /// Stands for the text of a message where that is not told: some services only make a sound if there is one.
        /// Empty for none.
        pub placeholder: Placeholder,
        /// A device is not notified of messages while the user is at another one: for so many minutes after the last
        /// sign of life there. If the user reads or answers by then, not at all. 0 notifies at once.
        pub hold_minutes: HoldMinutes,
    }
}

/// A field of the summary, [§12.3](https://xmpp.org/extensions/xep-0357.html#registrar).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    /// How many messages there are.
    MessageCount,
    /// Who sent the last one.
    LastMessageSender,
    /// What is in it.
    LastMessageBody,
}

/// The fields that are told.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Summary(pub(super) Vec<Told>);

impl Default for Summary {
    fn default() -> Self {
        Self(vec![Told::MessageCount])
    }
}

/// What stands for a text.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Placeholder(pub(super) String);

impl Default for Placeholder {
    /// As with Prosody.
    fn default() -> Self {
        Self("New Message!".to_owned())
    }
}

/// How long the user's being elsewhere counts.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct HoldMinutes(pub(super) u32);

impl Default for HoldMinutes {
    fn default() -> Self {
        Self(2)
    }
}
