//! The features of Couplet: one folder each, and one line in the list.
//!
//! No feature knows another: they meet at the engine's typed events, in the facts of an account, and
//! in the shared payloads of `stanza`.

pub mod admin;
pub mod announce;
pub mod blocklist;
pub mod carbons;
pub mod deletion;
pub mod disco;
pub mod groups;
pub mod last;
pub mod motd;
pub mod ping;
pub mod private;
pub mod registration;
pub mod registration_notice;
pub mod roster;
pub mod server_info;
pub mod time;
pub mod vcard;
pub mod version;
pub mod welcome;

use engine::module::{Entry, entry};

/// Every feature. Removing a line removes the feature.
pub const ALL: &[Entry] = &[
    entry::<admin::Administration>(),
    entry::<announce::Announcements>(),
    entry::<blocklist::Blocklist>(),
    entry::<carbons::Carbons>(),
    entry::<deletion::AccountDeletion>(),
    entry::<disco::ServiceDiscovery>(),
    entry::<groups::SharedGroups>(),
    entry::<last::LastActivity>(),
    entry::<motd::MessageOfTheDay>(),
    entry::<ping::Ping>(),
    entry::<private::PrivateStorage>(),
    entry::<registration::Registration>(),
    entry::<registration_notice::RegistrationNotice>(),
    entry::<roster::Roster>(),
    entry::<server_info::ServerInfo>(),
    entry::<time::EntityTime>(),
    entry::<vcard::VCard>(),
    entry::<version::SoftwareVersion>(),
    entry::<welcome::Welcome>(),
];
