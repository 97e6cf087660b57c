//! The text in force: the configuration's or an operator's, whichever came last.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use engine::{Host, Server};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Owner, StoreError, Version};

/// What an operator has set on a host.
const SET: Collection<Map<(), Set>> = Collection::new("motd.set", Version(1));

/// A text with what tells it from others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Text {
    text: String,
    id: String,
}

/// By a command.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct Set {
    /// `None`: there is to be no message.
    text: Option<String>,
    /// Which text the configuration had then: it counts again when it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
}

impl Text {
    /// `None` when there is nothing in it.
    pub(super) fn new(text: String) -> Option<Self> {
        let hash = digest(&SHA256, text.as_bytes());
        let id = STANDARD_NO_PAD.encode(hash.as_ref());
        (!text.trim().is_empty()).then_some(Self { text, id })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its hash: the same text set again is no other.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// The text in force on a host whose configuration has `configured`.
pub(super) async fn in_force(
    server: &Arc<Server>,
    host: &Host,
    configured: Option<&Text>,
) -> Result<Option<Text>, StoreError> {
    let owner = Owner::Host(host.domain().clone());
    let set = server.store().read(SET.get(&owner, &())).await?;
    Ok(latest(set, configured))
}

fn latest(set: Option<Set>, configured: Option<&Text>) -> Option<Text> {
    match set {
        Some(set) if set.instead_of.as_deref() == configured.map(Text::id) => {
            set.text.and_then(Text::new)
        }
        _ => configured.cloned(),
    }
}

/// An operator sets a text, or that there is none.
pub(super) async fn set(
    server: &Arc<Server>,
    host: &Host,
    configured: Option<&Text>,
    text: Option<&str>,
) -> Result<(), StoreError> {
    let owner = Owner::Host(host.domain().clone());
    let mut stored = server.store().write(SET, &owner).await?;
    stored.put(
        (),
        Set {
            text: text.map(str::to_owned),
            instead_of: configured.map(|text| text.id().to_owned()),
        },
    );
    stored.commit().durable().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_counts() {
        check(None, None, None);
        check(None, Some("file"), Some("file"));
        check(Some((Some("set"), None)), None, Some("set"));
        check(Some((Some("set"), Some("file"))), Some("file"), Some("set"));
        check(Some((Some("set"), Some("file"))), Some("new"), Some("new"));
        check(Some((Some("set"), None)), Some("new"), Some("new"));
        check(Some((Some("set"), Some("file"))), None, None);
        check(Some((None, Some("file"))), Some("file"), None);
        check(Some((None, Some("file"))), Some("new"), Some("new"));
        check(Some((Some(" "), None)), None, None);
    }

    #[track_caller]
    fn check(
        set: Option<(Option<&str>, Option<&str>)>,
        configured: Option<&str>,
        expected: Option<&str>,
    ) {
        let text = |text: &str| Text::new(text.to_owned());
        let stored = set.map(|(set, instead_of)| Set {
            text: set.map(str::to_owned),
            instead_of: instead_of.and_then(text).map(|text| text.id),
        });
        let configured = configured.and_then(text);
        let got = latest(stored, configured.as_ref());
        assert_eq!(got.map(|text| text.text).as_deref(), expected, "{set:?}");
    }
}
