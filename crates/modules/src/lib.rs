//! The features of Couplet: one folder each, and one line in the list.
//!
//! No feature knows another: they meet at the engine's typed events, in the facts of an account, and
//! in the shared payloads of `stanza`.

pub mod adhoc;
pub mod admin;
pub mod blocklist;
pub mod carbons;
pub mod disco;
pub mod last;
pub mod multicast;
pub mod ping;
pub mod private;
pub mod registration;
pub mod roster;
pub mod time;
pub mod uptime;
pub mod user_search;
pub mod vcard;
pub mod version;

use engine::module::{Entry, entry};

/// Every feature. Removing a line removes the feature.
pub const ALL: &[Entry] = &[
    entry::<adhoc::AdHocCommands>(),
    entry::<admin::Administration>(),
    entry::<blocklist::Blocklist>(),
    entry::<carbons::Carbons>(),
    entry::<disco::ServiceDiscovery>(),
    entry::<last::LastActivity>(),
    entry::<multicast::Multicast>(),
    entry::<ping::Ping>(),
    entry::<private::PrivateStorage>(),
    entry::<registration::Registration>(),
    entry::<roster::Roster>(),
    entry::<time::EntityTime>(),
    entry::<uptime::Uptime>(),
    entry::<user_search::UserSearch>(),
    entry::<vcard::VCard>(),
    entry::<version::SoftwareVersion>(),
];
