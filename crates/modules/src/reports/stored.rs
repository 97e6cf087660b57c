//! What is kept of reports: each with its host, and with each account how many it has given today.

use std::{fmt, time::Duration};

use engine::{
    account::{Account, Resident, only},
    pipeline::Context,
};
use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Collection, Map, Owner, Version};

use super::protocol::Said;

/// An account may give so many in a day. More are passed over: a person has no need of it, and the administrators are
/// told of each.
const PER_DAY_MAX: u32 = 20;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The reports of a host by their ids, the oldest first.
pub(super) const REPORTS: Collection<Map<String, Report>> =
    Collection::new("reports.received", Version(1));

/// One report.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Report {
    /// Who reports.
    pub(super) by: String,
    /// Whom.
    pub(super) about: String,
    /// Why: `spam`, `abuse`, or another word of the client's.
    pub(super) reason: String,
    /// In the reporter's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
    /// The ids that the messages have in the reporter's archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) messages: Vec<String>,
}

impl Report {
    pub(super) fn new(by: &BareJid, about: &Jid, said: Said) -> Self {
        Self {
            by: by.to_string(),
            about: about.to_string(),
            reason: said.reason,
            text: said.text,
            messages: said.messages,
        }
    }
}

/// For the administrators.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reports {}: {}", self.by, self.about, self.reason)?;
        if !self.text.is_empty() {
            write!(f, ", \"{}\"", self.text)?;
        }
        match self.messages.len() {
            0 => Ok(()),
            1 => write!(f, " (1 message)"),
            count => write!(f, " ({count} messages)"),
        }
    }
}

/// How many reports an account has given on the last day it gave any.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Given {
    /// Days since 1970 UTC.
    day: i64,
    count: u32,
}

impl Resident for Given {
    type Key = ();
    type Value = Self;
    const COLLECTION: Collection<Map<(), Self>> = Collection::new("reports.given", Version(1));

    fn load(entries: Vec<((), Self)>) -> Self {
        only(entries)
    }
}

/// Whether the account may give another today.
pub(super) fn may_give(account: &Account, cx: &Context<'_>) -> bool {
    let given = account.resident::<Given>().copied().unwrap_or_default();
    given.day != day(cx) || given.count < PER_DAY_MAX
}

/// Keeps a report, in the batch that the answer to the block waits for.
pub(super) fn keep(account: &mut Account, cx: &Context<'_>, report: &Report, kept: Duration) {
    let now = cx.timestamp();
    let owner = Owner::Host(account.jid().to_domain());
    let until = now.plus(kept).as_micros();
    let id = fresh_id(cx, now);
    cx.batch().put_until(REPORTS, &owner, &id, report, until);

    let today = day(cx);
    let given = account.resident_mut::<Given>();
    let before = *given;
    let count = if before.day == today { before.count } else { 0 };
    *given = Given {
        day: today,
        count: count + 1,
    };
    let given = *given;
    cx.batch()
        .put(Given::COLLECTION, account.owner(), &(), &given);
    cx.undo_if_lost(Box::new(move |account| {
        *account.resident_mut::<Given>() = before;
    }));
}

fn day(cx: &Context<'_>) -> i64 {
    cx.timestamp().as_micros().div_euclid(MICROS_PER_DAY)
}

/// An id that sorts by time: when, in seconds, and what tells two of one second apart.
fn fresh_id(cx: &Context<'_>, now: Timestamp) -> String {
    let mut random = [0; 3];
    cx.server().environment().fill_random(&mut random);
    let [a, b, c] = random;
    format!("{:08x}-{a:02x}{b:02x}{c:02x}", now.as_seconds())
}

/// When the report with this id came.
pub(super) fn came(id: &str) -> Option<Timestamp> {
    let (seconds, _) = id.split_once('-')?;
    let seconds = i64::from_str_radix(seconds, 16).ok()?;
    Some(Timestamp::from_seconds(seconds))
}
