//! What the engine itself counts, and what it looks at when it is asked.

use std::{sync::Arc, time::Duration};

use sasl::{Mechanism, SaslFailure};
use stanza::Kind as StanzaKind;

use super::{Counter, Exposition, Histogram, Kind, Metrics};
use crate::{
    account::{AccountCell, CellState},
    server::Server,
};

static STANZAS: Counter = Counter::new("stanzas", "Stanzas on the streams of clients").by(
    &["direction", "kind"],
    &[
        &["received", "message"],
        &["received", "presence"],
        &["received", "iq"],
        &["sent", "message"],
        &["sent", "presence"],
        &["sent", "iq"],
    ],
);

/// Up to a tenth of a second: nothing on the way of a stanza waits.
static PROCESSING: Histogram = Histogram::of_seconds(
    "stanza_processing_seconds",
    "How long a stanza of a client was worked on until all that follows from it at once was done; of one stanza in 64",
    &[
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        100_000_000,
    ],
);

/// Reading the clock costs as much as a tenth of a stanza, so few are timed.
const TIMED_ONE_IN: u64 = 64;

static SIGN_INS: Counter = Counter::new("sign_ins", "Clients that signed in").by(
    &["mechanism"],
    &[
        &["SCRAM-SHA-512-PLUS"],
        &["SCRAM-SHA-256-PLUS"],
        &["SCRAM-SHA-1-PLUS"],
        &["SCRAM-SHA-512"],
        &["SCRAM-SHA-256"],
        &["SCRAM-SHA-1"],
        &["EXTERNAL"],
        &["PLAIN"],
        &["ANONYMOUS"],
        &["HT-SHA-512-EXPR"],
        &["HT-SHA-256-EXPR"],
        &["HT-SHA-512-ENDP"],
        &["HT-SHA-256-ENDP"],
        &["HT-SHA-512-NONE"],
        &["HT-SHA-256-NONE"],
    ],
);

static SIGN_IN_FAILURES: Counter = Counter::new(
    "sign_in_failures",
    "Attempts to sign in that failed, by what the client was told",
)
.by(
    &["reason"],
    &[
        &["aborted"],
        &["account-disabled"],
        &["credentials-expired"],
        &["encryption-required"],
        &["incorrect-encoding"],
        &["invalid-authzid"],
        &["invalid-mechanism"],
        &["malformed-request"],
        &["mechanism-too-weak"],
        &["not-authorized"],
        &["temporary-auth-failure"],
    ],
);

static RESUMPTIONS: Counter = Counter::new(
    "resumptions",
    "Sessions that lost their connection and wait, that were resumed, attempts to resume one that is not there, and sessions of before a start that wait on",
)
.by(
    &["step"],
    &[&["detached"], &["resumed"], &["refused"], &["restored"]],
);

static GIVEN_UP: Counter = Counter::new(
    "detached_sessions_ended",
    "Sessions that ended while they waited to be resumed, by why",
)
.by(
    &["reason"],
    &[
        &["time-over"],
        &["replaced"],
        &["too-much-waits"],
        &["too-many-of-account"],
        &["too-many"],
        &["other"],
    ],
);

static WAITING_DROPPED: Counter = Counter::new(
    "detached_stanzas_dropped",
    "Presence and messages nobody relies on that gave way when too much waited for sessions to be resumed",
);

/// What happens to sessions that can be resumed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resuming {
    Detached,
    Resumed,
    Refused,
    Restored,
}

/// Why a session that waited to be resumed ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GivenUp {
    TimeOver,
    Replaced,
    TooMuchWaits,
    TooManyOfAccount,
    TooManyOfAll,
    Other,
}

/// Which way a stanza crossed the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    Received,
    Sent,
}

impl Metrics {
    /// A stanza crossed a client's stream. Whether it is one of the few that are timed.
    #[inline]
    pub(crate) fn stanza(&self, direction: Direction, kind: StanzaKind) -> bool {
        let kind = match kind {
            StanzaKind::Message(_) => 0,
            StanzaKind::Presence(_) => 1,
            StanzaKind::Iq(_) => 2,
        };
        let index = match direction {
            Direction::Received => kind,
            Direction::Sent => kind + 3,
        };
        self.count_at(&STANZAS, index).is_multiple_of(TIMED_ONE_IN)
    }

    /// How long one of them took.
    pub(crate) fn processed(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.observe(&PROCESSING, nanos);
    }

    pub(crate) fn signed_in(&self, mechanism: Mechanism) {
        let index = Mechanism::ALL.iter().position(|one| *one == mechanism);
        if let Some(index) = index {
            self.count_at(&SIGN_INS, index);
        }
    }

    pub(crate) fn resuming(&self, step: Resuming) {
        self.count_at(&RESUMPTIONS, step as usize);
    }

    pub(crate) fn given_up(&self, why: GivenUp) {
        self.count_at(&GIVEN_UP, why as usize);
    }

    pub(crate) fn waiting_dropped(&self, count: usize) {
        for _ in 0..count {
            self.count(&WAITING_DROPPED);
        }
    }

    pub(crate) fn sign_in_failed(&self, failure: SaslFailure) {
        let index = SaslFailure::ALL.iter().position(|one| *one == failure);
        if let Some(index) = index {
            self.count_at(&SIGN_IN_FAILURES, index);
        }
    }
}

/// What there is at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Census {
    available: usize,
    unavailable: usize,
    with_acks: usize,
    detached: usize,
    accounts: usize,
    outbox_bytes: usize,
    outbox_bytes_largest: usize,
}

impl Server {
    /// What it counts of its own work.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Writes what the engine and the features count and are. Takes each account's lock for a moment, so it is nothing
    /// for a thread that serves connections.
    pub fn write_metrics(self: &Arc<Self>, out: &mut Exposition) {
        let metrics = self.metrics();
        self.census().write(out);
        metrics.write_counter(&STANZAS, out);
        metrics.write_histogram(&PROCESSING, out);
        metrics.write_counter(&SIGN_INS, out);
        metrics.write_counter(&SIGN_IN_FAILURES, out);
        metrics.write_counter(&RESUMPTIONS, out);
        metrics.write_counter(&GIVEN_UP, out);
        metrics.write_counter(&WAITING_DROPPED, out);
        self.write_streams(out);
        self.write_features(out);
    }

    fn census(&self) -> Census {
        let mut census = Census::default();
        for cell in self.registry.all() {
            census.add(&cell);
        }
        census
    }

    fn write_streams(&self, out: &mut Exposition) {
        let mut family = out.family(
            "streams",
            Kind::Gauge,
            "",
            "Streams of clients, signed in or not, by the host they are for",
        );
        for host in self.hosts() {
            family.sample(&[("host", host.domain().as_str())], host.streams());
        }
    }

    /// Counters of features are the server's; gauges are each host's.
    fn write_features(self: &Arc<Self>, out: &mut Exposition) {
        let hosts = self.hosts();
        let mut counters: Vec<&'static Counter> = Vec::new();
        let mut gauges: Vec<&'static str> = Vec::new();
        for host in &hosts {
            for counter in host.counters() {
                if !counters.iter().any(|known| known.name() == counter.name()) {
                    counters.push(counter);
                }
            }
            for gauge in host.gauges() {
                if !gauges.contains(&gauge.name) {
                    gauges.push(gauge.name);
                }
            }
        }
        for counter in counters {
            self.metrics().write_counter(counter, out);
        }
        for name in gauges {
            let everywhere = hosts.iter().flat_map(|host| {
                let own = host.gauges().iter().filter(|gauge| gauge.name == name);
                own.map(move |gauge| (host, gauge))
            });
            let mut everywhere = everywhere.peekable();
            let Some((_, first)) = everywhere.peek() else {
                continue;
            };
            let mut family = out.family(name, Kind::Gauge, "", first.help);
            for (host, gauge) in everywhere {
                family.sample(
                    &[("host", host.domain().as_str())],
                    (gauge.read)(host, self),
                );
            }
        }
    }
}

impl Census {
    fn add(&mut self, cell: &Arc<AccountCell>) {
        self.accounts += 1;
        let state = cell.lock();
        let CellState::Ready(account) = &*state else {
            return;
        };
        for resource in account.resources() {
            match resource.is_available() {
                true => self.available += 1,
                false => self.unavailable += 1,
            }
            self.with_acks += usize::from(resource.session().has_acks());
            let outbox = resource.session().outbox();
            self.detached += usize::from(outbox.is_detached());
            let bytes = outbox.bytes();
            self.outbox_bytes += bytes;
            self.outbox_bytes_largest = self.outbox_bytes_largest.max(bytes);
        }
    }

    fn write(&self, out: &mut Exposition) {
        out.family(
            "sessions",
            Kind::Gauge,
            "",
            "Sessions, by whether they sent available presence",
        )
        .sample(&[("state", "available")], self.available)
        .sample(&[("state", "unavailable")], self.unavailable);
        out.family(
            "sessions_with_acks",
            Kind::Gauge,
            "",
            "Sessions that use stream management (XEP-0198)",
        )
        .sample(&[], self.with_acks);
        out.family(
            "sessions_detached",
            Kind::Gauge,
            "",
            "Sessions without a connection that wait to be resumed",
        )
        .sample(&[], self.detached);
        out.family("accounts_in_memory", Kind::Gauge, "", "Accounts in memory")
            .sample(&[], self.accounts);
        out.family(
            "outbox_bytes",
            Kind::Gauge,
            "bytes",
            "What waits to be sent to sessions",
        )
        .sample(&[], self.outbox_bytes);
        out.family(
            "outbox_largest_bytes",
            Kind::Gauge,
            "bytes",
            "What waits to be sent to the session for which most waits",
        )
        .sample(&[], self.outbox_bytes_largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_the_protocol() {
        let mechanisms: Vec<_> = SIGN_INS.label_sets().map(|set| set[0].1).collect();
        assert_eq!(mechanisms, Mechanism::ALL.map(Mechanism::name));
        let reasons: Vec<_> = SIGN_IN_FAILURES.label_sets().map(|set| set[0].1).collect();
        assert_eq!(reasons, SaslFailure::ALL.map(SaslFailure::condition));
    }

    #[test]
    fn one_stanza_in_so_many_is_timed() {
        let metrics = Metrics::default();
        let message = StanzaKind::Message(stanza::MessageType::Chat);
        let timed = (0..640).filter(|_| metrics.stanza(Direction::Received, message));
        assert_eq!(timed.count(), 10);
        assert_eq!(metrics.counted(&STANZAS, 0), 640);
        assert_eq!(metrics.counted(&STANZAS, 3), 0);
    }
}
