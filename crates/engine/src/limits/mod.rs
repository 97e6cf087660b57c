//! Every throttle and bound of the service: the `[limits]` table of `couplet.toml`, and what enforces it.
//!
//! Each key says what happens at its bound. Numbers that a protocol fixes are not here but in the `limits.rs` of their
//! crate; the size of one stanza and the time for signing in are keys of `[c2s]`.
//!
//! - `bucket.rs`: how fast one stream may send, by pausing its reads;
//! - `addresses.rs`: how many connections one network address may have;
//! - `network.rs`: what "one address" and "exempt" mean;
//! - `sign_in.rs`: how failed sign-ins slow those that follow.
//!
//! All of it is told the time and does no I/O.

mod addresses;
mod bucket;
mod network;
mod sign_in;

pub use addresses::{AddressLimit, Admission, Connections, Refused};
pub use bucket::{Bucket, Rate};
pub use network::{AddressBlock, Network, NetworkError};
pub use sign_in::SignInFailures;

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[limits]` table. Every key may be left out.
///
/// Sizes are bytes, periods whole seconds, rates per second. No key turns its limit off: where none is wanted, a large
/// number says so.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Networks for which no rate, no count per address and no sign-in delay applies, as addresses (`"::1"`) or with a
    /// prefix length (`"10.0.0.0/8"`). Take loopback out when a proxy on this machine hides its clients' addresses.
    pub exempt: Vec<Network>,

    /// How many bytes a client may send per second in the long run. Past the burst, reading from it pauses until it
    /// is back within the rate; nothing is lost and nobody else waits.
    pub c2s_bytes_per_second: u32,
    /// How many seconds' worth of `c2s_bytes_per_second` a client may send at once after a silence.
    pub c2s_bytes_burst_seconds: u32,
    /// How many stanzas and other stream-level elements a client may send per second in the long run. Enforced as
    /// `c2s_bytes_per_second` is.
    pub c2s_stanzas_per_second: u32,
    /// How many seconds' worth of `c2s_stanzas_per_second` a client may send at once after a silence: joining many
    /// rooms after signing in is such a burst.
    pub c2s_stanzas_burst_seconds: u32,

    /// How many connections one address may have at the same time; an IPv6 address counts by its /64. Past it, a new
    /// connection is closed at once.
    pub connections_per_address_max: u32,
    /// How many connections of one address may be there without having signed in. Past it, a new connection is closed
    /// at once.
    pub unauthenticated_per_address_max: u32,
    /// How many client streams one host carries. Past it, a new stream gets the stream error `resource-constraint`.
    pub streams_per_host_max: u32,

    /// How many sessions, connected or waiting to be resumed, one account may have. Past it, binding a further
    /// resource ends one that waits, or is refused with `resource-constraint`.
    pub sessions_per_account_max: u32,
    /// How many clients of one account are remembered. Past it, the one that was away for longest is forgotten, and its
    /// token is void.
    pub clients_per_account_max: usize,
    /// How many sessions of one account may wait to be resumed. Past it, the one that was there first ends.
    pub detached_sessions_per_account_max: u32,
    /// How many sessions of all accounts may wait to be resumed. Past it, one that loses its connection ends at once.
    pub detached_sessions_max: u32,
    /// How many contacts a roster holds. Past it, adding one is refused with `resource-constraint`.
    /// Contacts in it and people waiting for an answer are together at most twice as many; a further request is
    /// forgotten.
    pub roster_items_max: usize,
    /// How many accounts a shared group has. Past it, further ones are left out of it, and the log says so; of a group of
    /// all accounts the oldest are in it.
    pub shared_group_members_max: usize,
    /// How many addresses a user may block. Past it, blocking a further one is refused with `resource-constraint`.
    pub block_list_items_max: usize,
    /// How many bytes clients may keep in the private storage of one account. Past it, storing more is refused with
    /// `resource-constraint`.
    pub private_storage_bytes_max: usize,
    /// How many bytes a vCard may have, its picture included. A larger one is refused with `not-acceptable`.
    pub vcard_bytes_max: usize,
    /// How many addresses one session may have sent presence to that do not get it anyway: rooms, above all. Past it,
    /// presence to a further one is refused with `resource-constraint`.
    pub directed_presence_targets_max: usize,
    /// How many people of one host can be found by the user search. Past it, no further ones are.
    pub user_search_people_max: usize,
    /// How many addresses one stanza to several recipients may have. Past it, it is refused with `not-acceptable`.
    pub multicast_addresses_max: usize,
    /// How many ad-hoc commands one session may have begun and not finished. Past it, its oldest is forgotten.
    pub open_commands_per_session_max: usize,
    /// How long an ad-hoc command waits for its form. Then it is forgotten.
    pub open_command_seconds: u32,
    /// How many bytes may wait to be sent to one session. Past it, a session that can be resumed loses its connection;
    /// what waits then counts without messages that are stored, presence goes first, and when that is still too much it
    /// ends. Any other ends with `policy-violation`, and its messages are rerouted.
    pub outbox_bytes_max: u32,
    /// How many stanzas wait for a client that said that its user does not look (XEP-0352), until something important
    /// comes. Past it, all of them are sent.
    pub inactive_session_stanzas_max: u32,
    /// How many push services one account may have registered for its devices (XEP-0357). Past it, the registration that
    /// was made first is removed.
    pub push_registrations_per_account_max: usize,
    /// How many notifications may be on their way to push services at once. Past it, a further one waits for half a
    /// minute.
    pub push_notifications_under_way_max: usize,
    /// How many messages wait for an account that nobody is signed in to, at most 1,000. Past it, the oldest that the
    /// account's archive has wait no more and are only found there; without such a one, a further message is refused with
    /// `service-unavailable`.
    pub offline_messages_max: u32,
    /// How many bytes those messages may have together, at most 4 MiB. What happens past it is the same.
    pub offline_bytes_max: u64,

    /// How many failed sign-ins to one account from one address cost no delay.
    pub sign_in_failures_free: u32,
    /// How many failed sign-ins from one address, to whichever accounts, cost no delay. Many users may share one.
    pub sign_in_failures_per_address_free: u32,
    /// How long the first sign-in past the free ones is held; each further failure doubles it.
    pub sign_in_delay_seconds: u32,
    /// The longest that a sign-in is held. It is never refused for having been tried too often.
    pub sign_in_delay_seconds_max: u32,
    /// How long after the last failure all of them are forgotten.
    pub sign_in_failures_forgotten_seconds: u32,
}

impl Default for Limits {
    /// The rates are Prosody's; the counts leave room for a network behind one address and for a heavy user.
    fn default() -> Self {
        Self {
            exempt: Network::LOOPBACK.to_vec(),
            c2s_bytes_per_second: 10 * 1024,
            c2s_bytes_burst_seconds: 2,
            c2s_stanzas_per_second: 100,
            c2s_stanzas_burst_seconds: 5,
            connections_per_address_max: 512,
            unauthenticated_per_address_max: 64,
            streams_per_host_max: 1_000_000,
            sessions_per_account_max: 64,
            clients_per_account_max: 100,
            detached_sessions_per_account_max: 10,
            detached_sessions_max: 100_000,
            roster_items_max: 5_000,
            shared_group_members_max: 500,
            block_list_items_max: 1_000,
            private_storage_bytes_max: 1024 * 1024,
            vcard_bytes_max: 128 * 1024,
            directed_presence_targets_max: 1_000,
            user_search_people_max: 10_000,
            multicast_addresses_max: 50,
            open_commands_per_session_max: 10,
            open_command_seconds: 600,
            outbox_bytes_max: 2 * 1024 * 1024,
            inactive_session_stanzas_max: 256,
            push_registrations_per_account_max: 10,
            push_notifications_under_way_max: 1_000,
            offline_messages_max: 1_000,
            offline_bytes_max: 4 * 1024 * 1024,
            sign_in_failures_free: 3,
            sign_in_failures_per_address_free: 20,
            sign_in_delay_seconds: 1,
            sign_in_delay_seconds_max: 30,
            sign_in_failures_forgotten_seconds: 600,
        }
    }
}

impl Limits {
    /// Whether `address` is exempt from rates, counts per address and sign-in delays.
    #[must_use]
    pub fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    /// How many bytes a client may send.
    #[must_use]
    pub const fn c2s_bytes(&self) -> Rate {
        Rate::new(self.c2s_bytes_per_second, self.c2s_bytes_burst_seconds)
    }

    /// How many stanzas and other stream-level elements a client may send.
    #[must_use]
    pub const fn c2s_stanzas(&self) -> Rate {
        Rate::new(self.c2s_stanzas_per_second, self.c2s_stanzas_burst_seconds)
    }

    /// How long sign-in failures are remembered.
    #[must_use]
    pub const fn sign_in_failures_forgotten(&self) -> Duration {
        Duration::from_secs(self.sign_in_failures_forgotten_seconds as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_table_is_the_default() {
        assert_eq!(
            serde_json::from_str::<Limits>("{}").unwrap(),
            Limits::default()
        );
    }

    #[test]
    fn one_key_changes_one_limit() {
        let limits: Limits = serde_json::from_str(r#"{"roster_items_max": 7}"#).unwrap();
        let expected = Limits {
            roster_items_max: 7,
            ..Limits::default()
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn unknown_keys_and_bad_networks_are_errors() {
        check(
            r#"{"rooster_items_max": 7}"#,
            "unknown field `rooster_items_max`",
        );
        check(
            r#"{"exempt": ["10.0.0.0/33"]}"#,
            "prefix length 33 is more than 32",
        );
        check(
            r#"{"exempt": ["localhost"]}"#,
            "\"localhost\" is not an IP address",
        );
        check(r#"{"roster_items_max": -1}"#, "invalid value");
    }

    #[test]
    fn loopback_is_exempt_unless_taken_out() {
        let (v4, v6) = ([127, 8, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into());
        let limits = Limits::default();
        assert!(limits.is_exempt(v4) && limits.is_exempt(v6));
        assert!(!limits.is_exempt([192, 0, 2, 1].into()));
        let limits: Limits = serde_json::from_str(r#"{"exempt": []}"#).unwrap();
        assert!(!limits.is_exempt(v4) && !limits.is_exempt(v6));
    }

    #[track_caller]
    fn check(json: &str, message: &str) {
        let error = serde_json::from_str::<Limits>(json)
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{json}: {error}");
    }
}
