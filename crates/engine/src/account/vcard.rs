//! What users say of themselves: written by one feature, looked at by others.

use store::{Collection, Map, Version};

/// A user's vCard (XEP-0054), as it is written.
pub const VCARD: Collection<Map<(), String>> = Collection::new("vcard.vcard", Version(1));
