//! When an account was last there, resident with it. Only what was so at the last moment is kept: no history.

use std::time::Duration;

use engine::{
    account::{Account, Resident, Resource, only},
    pipeline::Context,
};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Collection, Map, Version};

/// A longer status is cut: it is shown beside a name.
const STATUS_BYTES_MAX: usize = 1_023;

/// The end of the last available resource.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct LastSeen {
    /// Microseconds since 1970 UTC.
    at: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    status: String,
}

impl LastSeen {
    /// How long ago it was.
    pub(super) fn away_for(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_micros(self.at))
    }

    /// What was said in going.
    pub(super) fn status(&self) -> &str {
        &self.status
    }
}

impl Resident for LastSeen {
    type Key = ();
    type Value = Self;
    const COLLECTION: Collection<Map<(), Self>> = Collection::new("last.seen", Version(1));

    fn load(entries: Vec<((), Self)>) -> Self {
        only(entries)
    }
}

/// A resource went; if none is left, the account is away from now on. Who is told of that does not wait for
/// the disk.
pub(super) fn went(account: &mut Account, cx: &Context<'_>, mut status: String) {
    if account.resources().any(Resource::is_available) {
        return;
    }
    status.truncate(status.floor_char_boundary(STATUS_BYTES_MAX));
    let seen = LastSeen {
        at: cx.timestamp().as_micros(),
        status,
    };
    if !account.is_anonymous() {
        cx.aside()
            .put(LastSeen::COLLECTION, account.owner(), &(), &seen);
    }
    *account.resident_mut::<LastSeen>() = seen;
}
