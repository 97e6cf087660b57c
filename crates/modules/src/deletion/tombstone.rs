//! What is left of an account: its name, and since when.

use std::sync::Arc;

use engine::Server;
use jid::BareJid;
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Batch, Collection, Map, Owner, StoreError, Version};

use super::Tombstones;

/// By the name that was deleted, with its host.
const TOMBSTONES: Collection<Map<BareJid, Tombstone>> =
    Collection::new("deletion.tombstones", Version(1));

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
struct Tombstone {
    /// Microseconds since 1970 UTC.
    deleted: i64,
}

/// For an account that goes.
pub(super) fn raise(batch: &mut Batch, account: &BareJid, kept: Tombstones, now: Timestamp) {
    let owner = Owner::Host(account.to_domain());
    let tombstone = Tombstone {
        deleted: now.as_micros(),
    };
    match kept {
        Tombstones::Kept(false) => {}
        Tombstones::Kept(true) => batch.put(TOMBSTONES, &owner, account, &tombstone),
        Tombstones::For(period) => {
            let until = now.plus(period.0).as_micros();
            batch.put_until(TOMBSTONES, &owner, account, &tombstone, until);
        }
    }
}

/// The name is somebody's again.
pub(super) fn remove(batch: &mut Batch, account: &BareJid) {
    batch.delete(TOMBSTONES, &Owner::Host(account.to_domain()), account);
}

/// Whether there is one that still counts. A shorter period in the configuration holds for old ones too.
pub(super) async fn stands(
    server: &Arc<Server>,
    account: &BareJid,
    kept: Tombstones,
) -> Result<bool, StoreError> {
    let owner = Owner::Host(account.to_domain());
    let found = server.store().read(TOMBSTONES.get(&owner, account)).await?;
    let Some(tombstone) = found else {
        return Ok(false);
    };
    let now = server.environment().timestamp();
    let age = now.since(Timestamp::from_micros(tombstone.deleted));
    Ok(match kept {
        Tombstones::Kept(kept) => kept,
        Tombstones::For(period) => age < period.0,
    })
}
