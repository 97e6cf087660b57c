//! What is stored of a client, and when it has to be written.

use std::time::Duration;

use sasl::Mechanism;
use serde::{Deserialize, Serialize};
use store::{Batch, Owner};

use super::{CLIENTS, Client, ClientName, SIGNED_IN};
use crate::account::tokens::TOKENS;

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// What is stored of a client.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct ClientRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) software: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<String>,
    /// Microseconds UTC, as the others.
    pub(super) first_seen: i64,
    pub(super) last_seen: i64,
    /// How it signed in last, by the name of the mechanism.
    pub(super) mechanism: String,
    /// When it last showed that it knows the password; to the day, as long as that is the same one.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_seen: Option<i64>,
}

/// What was read of a client when it bound a resource.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Its record, if there is one.
    pub(crate) record: Option<ClientRecord>,
    /// Another one that has to make room.
    pub(crate) displaced: Option<String>,
    /// Since when the password is the one it is.
    pub(crate) password_since: i64,
}

impl ClientRecord {
    /// The record after a sign-in; `None` when the one that is stored will do.
    pub(super) fn after(
        known: &Known,
        client: &Client,
        mechanism: Mechanism,
        now: i64,
    ) -> Option<Self> {
        let shows_password = mechanism.is_password();
        let before = match &known.record {
            Some(before) => before.clone(),
            None => Self {
                first_seen: now,
                ..Self::default()
            },
        };
        let had_password = before.knows_password(known.password_since);
        let is_same = known.record.is_some()
            && day(before.last_seen) == day(now)
            && before.mechanism == mechanism.name()
            && (client.software.is_none() || client.software == before.software)
            && (client.device.is_none() || client.device == before.device)
            && (!shows_password || had_password);
        (!is_same).then(|| Self {
            software: client.software.clone().or(before.software),
            device: client.device.clone().or(before.device),
            last_seen: now,
            mechanism: mechanism.name().to_owned(),
            password_seen: match shows_password {
                true => Some(now),
                false => before.password_seen,
            },
            ..before
        })
    }

    /// Whether it showed the password that has been in force `since` then.
    pub(super) fn knows_password(&self, since: i64) -> bool {
        self.password_seen.is_some_and(|seen| seen >= since)
    }
}

fn day(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// What the account's clients on disk are behind in.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// When somebody last signed in.
    pub(crate) signed_in: Option<i64>,
    /// Records to be written.
    pub(super) changed: Vec<(ClientName, ClientRecord)>,
    /// Clients that made room.
    pub(super) displaced: Vec<String>,
}

impl Behind {
    /// Puts back what a lost batch did not write, unless there is something newer.
    pub(crate) fn put_back(&mut self, lost: Self) {
        self.signed_in = self.signed_in.or(lost.signed_in);
        for (id, record) in lost.changed {
            if !self.changed.iter().any(|(known, _)| *known == id) {
                self.changed.push((id, record));
            }
        }
        self.displaced.extend(lost.displaced);
    }

    /// Into the batch, to be forgotten by itself `kept` after the client was last seen.
    pub(crate) fn write(&self, owner: &Owner, kept: Duration, batch: &mut Batch) {
        if let Some(at) = &self.signed_in {
            batch.put(SIGNED_IN, owner, &(), at);
        }
        for name in &self.displaced {
            batch.delete(CLIENTS, owner, name);
            batch.delete(TOKENS, owner, name);
        }
        for (id, record) in &self.changed {
            let until = forgotten_at(record.last_seen, kept);
            batch.put_until(CLIENTS, owner, &id.to_string(), record, until);
        }
    }
}

pub(super) fn forgotten_at(last_seen: i64, kept: Duration) -> i64 {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    last_seen.saturating_add(kept)
}

#[cfg(test)]
mod tests {
    use stream::UserAgent;

    use super::*;

    const NOON: i64 = DAY_MICROS / 2;

    #[test]
    fn a_sign_in_is_written_when_it_says_something_new() {
        let known = |record: ClientRecord| Known {
            record: Some(record),
            displaced: None,
            password_since: 10,
        };
        let before = ClientRecord {
            software: Some("Gajim".to_owned()),
            device: Some("laptop".to_owned()),
            first_seen: 5,
            last_seen: NOON,
            mechanism: "SCRAM-SHA-256".to_owned(),
            password_seen: Some(20),
        };
        let same = known(before.clone());
        let by = Mechanism::ScramSha256;
        check(&Known::default(), "Gajim", "laptop", by, NOON, true);
        check(&same, "Gajim", "laptop", by, NOON, false);
        check(&same, "", "", by, DAY_MICROS - 1, false);
        check(&same, "", "", by, DAY_MICROS, true);
        check(&same, "Gajim 2", "laptop", by, NOON, true);
        check(&same, "Gajim", "desktop", by, NOON, true);
        check(&same, "Gajim", "laptop", Mechanism::HtSha256, NOON, true);
        let other_password = known(ClientRecord {
            password_seen: Some(9),
            ..before.clone()
        });
        check(&other_password, "", "", by, NOON, true);
        let by_token = known(ClientRecord {
            password_seen: Some(9),
            mechanism: "HT-SHA-256-NONE".to_owned(),
            ..before
        });
        check(&by_token, "", "", Mechanism::HtSha256, NOON, false);

        #[track_caller]
        fn check(
            known: &Known,
            software: &str,
            device: &str,
            mechanism: Mechanism,
            now: i64,
            is_written: bool,
        ) {
            let client = Client::of_agent(&agent(software, device));
            let after = ClientRecord::after(known, &client, mechanism, now);
            assert_eq!(
                after.is_some(),
                is_written,
                "{software} {device} {mechanism} {now}"
            );
        }
    }

    #[test]
    fn a_token_does_not_show_that_a_client_knows_the_password() {
        let client = Client::of_agent(&UserAgent::default());
        let known = Known::default();
        let by_token = ClientRecord::after(&known, &client, Mechanism::HtSha256, 30);
        assert_eq!(
            by_token.map(|record| record.knows_password(20)),
            Some(false)
        );
        let by_password = ClientRecord::after(&known, &client, Mechanism::Plain, 30);
        let by_password = by_password.expect("it is new");
        assert!(by_password.knows_password(20));
        assert!(!by_password.knows_password(31), "it was changed since");
    }

    fn agent(software: &str, device: &str) -> UserAgent {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserAgent {
            id: None,
            software: said(software),
            device: said(device),
        }
    }
}
