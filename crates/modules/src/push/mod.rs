//! # Push Notifications
//!
//! Tells the push services of a user's devices that there is something to see, so that they wake the device.
//!
//! Spec: [XEP-0357](https://xmpp.org/extensions/xep-0357.html) 0.4.1, complete. Clients for iOS say by three extensions
//! of [Tigase](https://xeps.tigase.net/docs/push-notifications/) whose messages wake nobody and that they want to know
//! what is urgent.
//!
//! A device is notified of a message when its client is not here. While the user is at another device it waits, and if
//! the message is read or answered there, it is not notified at all; a call rings everywhere at once.
//!
//! `requests.rs` is how clients register, `here.rs` where the user is, `noting.rs` which messages devices are to be notified
//! of, by the rules of `notable.rs`; `registration.rs` and `pending.rs` are what is kept with an account, `publish.rs` what
//! is done about it, `protocol.rs` the wire forms, `tests/` the transcripts.

mod config;
mod here;
mod limits;
mod notable;
mod noting;
mod pending;
mod protocol;
mod publish;
mod registration;
mod requests;

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use engine::{
    Host, HostFacts, Server,
    account::{Account, ResidentKind},
    metrics::Counter,
    module::{ConfigError, Job, Key as ConfigKey, Module, OnAccountMessage, Spec, To, Wiring},
    pipeline::{
        Context, Stage,
        events::{
            ActivityChanged, DeliveryFailed, MessageArrived, MessageSent, SessionBound,
            SessionDetached, SessionEnded, SessionResumed,
        },
    },
};
use jid::BareJid;

use config::{Config, Told};
use pending::Pending;
use protocol::{Disable, Enable};
use publish::{Look, Published};
use registration::Registrations;

static NOTIFICATIONS: Counter = Counter::new(
    "push_notifications",
    "Notifications for devices, by what their push service said",
)
.by(&["outcome"], &[&["taken"], &["refused"], &["failed"]]);

/// The feature.
pub struct Push {
    told: Vec<Told>,
    placeholder: String,
    /// How long the user counts as being at a device after a sign of life there.
    hold: Duration,
    under_way: Arc<AtomicUsize>,
}

impl Module for Push {
    const NAME: &'static str = "push";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0357", "0.4.1")];
    const RESIDENT: &'static [ResidentKind] = &[
        ResidentKind::of::<Registrations>(),
        ResidentKind::of::<Pending>(),
    ];
    type Config = Config;

    fn keys() -> Vec<ConfigKey> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            told: config.summary.0,
            placeholder: config.placeholder.0,
            hold: Duration::from_secs(60 * u64::from(config.hold_minutes.0)),
            under_way: Arc::default(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_account_feature(protocol::NS)
            .disco_account_feature(protocol::NS_MUTED)
            .disco_account_feature(protocol::NS_IGNORE_UNKNOWN)
            .disco_account_feature(protocol::NS_PRIORITY)
            .counter(&NOTIFICATIONS)
            .iq::<Enable>(To::OwnAccount)
            .iq::<Disable>(To::OwnAccount)
            .account_message::<Look>()
            .account_message::<Published>()
            .on::<MessageArrived>(Stage::Fork)
            .on::<MessageSent>(Stage::Fork)
            .on::<DeliveryFailed>(Stage::Listen)
            .on::<SessionBound>(Stage::Listen)
            .on::<SessionDetached>(Stage::Listen)
            .on::<SessionResumed>(Stage::Listen)
            .on::<ActivityChanged>(Stage::Listen)
            .on::<SessionEnded>(Stage::Listen)
            .job(Duration::from_secs(60 * 60));
    }
}

/// Whether a device of the account can be notified at all.
fn has_registrations(account: &Account) -> bool {
    account
        .resident::<Registrations>()
        .is_some_and(|all| !all.0.is_empty())
}

impl OnAccountMessage<Look> for Push {
    fn on_account_message(&self, _: Look, from: &BareJid, account: &mut Account, cx: &Context<'_>) {
        if from != account.jid() {
            return;
        }
        let now = cx.now();
        let pending = account.resident_mut::<Pending>();
        pending.look_at = pending.look_at.filter(|at| *at > now);
        self.look(account, cx);
    }
}

impl OnAccountMessage<Published> for Push {
    fn on_account_message(
        &self,
        published: Published,
        from: &BareJid,
        account: &mut Account,
        cx: &Context<'_>,
    ) {
        if from == account.jid() {
            self.published(published, account, cx);
        }
    }
}

/// After a start: what had to wait before it is looked at again. Later nothing is left to do here, but for accounts
/// that left memory.
impl Job for Push {
    async fn run(&self, host: &Arc<Host>, server: &Arc<Server>) {
        let owners = match server.store().read(Pending::STORED.owners()).await {
            Ok(owners) => owners,
            Err(error) => {
                return tracing::error!(%error, "what devices are to be notified of can't be read");
            }
        };
        for owner in owners {
            if let store::Owner::Account(account) = owner
                && account.domain() == host.domain().as_str()
                && let Err(error) = server.tell_account(&account, &Look {})
            {
                tracing::debug!(%account, %error, "nobody looks what its devices are to be notified of");
            }
        }
    }
}

/// Looks what is due in a run of its own, once what this run stores is durable.
fn look_soon(account: &Account, cx: &Context<'_>) {
    let has_something = account
        .resident::<Pending>()
        .is_some_and(|pending| !pending.is_empty());
    if has_something && let Err(error) = cx.tell_account(account.jid(), &Look {}) {
        tracing::debug!(account = %account.jid(), %error, "nobody looks what its devices are to be notified of");
    }
}
