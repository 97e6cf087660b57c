//! The features of Couplet: one folder each, and one line in the list.
//!
//! No feature knows another: they meet at the engine's typed events, in the facts of an account, and
//! in the shared payloads of `stanza`.

pub mod adhoc;
pub mod admin;
pub mod announce;
pub mod archive;
pub mod blocklist;
pub mod carbons;
pub mod clients;
pub mod csi;
pub mod deletion;
pub mod disco;
pub mod fast;
pub mod full_text;
pub mod groups;
pub mod last;
pub mod motd;
pub mod multicast;
pub mod ping;
pub mod private;
pub mod purge;
pub mod push;
pub mod registration;
pub mod registration_notice;
pub mod reports;
pub mod retention;
pub mod retraction;
pub mod roster;
pub mod server_info;
pub mod strangers;
pub mod time;
pub mod upgrade;
pub mod uptime;
pub mod user_search;
pub mod vcard;
pub mod version;
pub mod welcome;

use engine::module::{Entry, entry};

/// Every feature. Removing a line removes the feature.
pub const ALL: &[Entry] = &[
    entry::<adhoc::AdHocCommands>(),
    entry::<admin::Administration>(),
    entry::<announce::Announcements>(),
    entry::<archive::MessageArchive>(),
    entry::<blocklist::Blocklist>(),
    entry::<carbons::Carbons>(),
    entry::<clients::Clients>(),
    entry::<csi::ClientState>(),
    entry::<deletion::AccountDeletion>(),
    entry::<disco::ServiceDiscovery>(),
    entry::<fast::FastSignIn>(),
    entry::<full_text::FullText>(),
    entry::<groups::SharedGroups>(),
    entry::<last::LastActivity>(),
    entry::<motd::MessageOfTheDay>(),
    entry::<multicast::Multicast>(),
    entry::<ping::Ping>(),
    entry::<private::PrivateStorage>(),
    entry::<purge::Purge>(),
    entry::<push::Push>(),
    entry::<registration::Registration>(),
    entry::<registration_notice::RegistrationNotice>(),
    entry::<reports::Reports>(),
    entry::<retention::Retention>(),
    entry::<retraction::MessageRetraction>(),
    entry::<roster::Roster>(),
    entry::<server_info::ServerInfo>(),
    entry::<strangers::Strangers>(),
    entry::<time::EntityTime>(),
    entry::<upgrade::PasswordUpgrade>(),
    entry::<uptime::Uptime>(),
    entry::<user_search::UserSearch>(),
    entry::<vcard::VCard>(),
    entry::<version::SoftwareVersion>(),
    entry::<welcome::Welcome>(),
];
