//! Which text an account has had, resident with it. Only the last is kept.

use engine::{
    account::{Account, Resident, only},
    pipeline::Context,
};
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Version};

use super::text::Text;

/// The last text the account has had.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Seen {
    id: String,
}

impl Resident for Seen {
    type Key = ();
    type Value = Self;
    const COLLECTION: Collection<Map<(), Self>> = Collection::new("motd.seen", Version(1));

    fn load(entries: Vec<((), Self)>) -> Self {
        only(entries)
    }
}

pub(super) fn has_seen(account: &Account, text: &Text) -> bool {
    let seen = account.resident::<Seen>();
    seen.is_some_and(|seen| seen.id == text.id())
}

/// In the batch that what it is told waits for.
pub(super) fn sees(account: &mut Account, cx: &Context<'_>, text: &Text) {
    let seen = Seen {
        id: text.id().to_owned(),
    };
    if !account.is_anonymous() {
        cx.batch()
            .put(Seen::COLLECTION, account.owner(), &(), &seen);
    }
    let before = std::mem::replace(account.resident_mut::<Seen>(), seen);
    cx.undo_if_lost(Box::new(move |account| {
        *account.resident_mut::<Seen>() = before;
    }));
}
