//! # Clients of an Account
//!
//! Users see which clients have access to their account: what they are, when they came first and last, how they signed
//! in, and whether they are there now. And they take that access away: the client's token is void and its sessions end.
//! A client that knows the password may come back with it, and the answer says so.
//!
//! Spec: [XEP-0494](https://xmpp.org/extensions/xep-0494.html) 0.1.0, complete. What is known of clients is the engine's, for
//! as long as `keep` says; this feature asks for it to be kept.
//!
//! `protocol.rs` is the wire forms, `commands.rs` what operators do, `tests/` holds the transcripts.

mod commands;
mod protocol;

use std::{sync::Arc, time::Duration};

use engine::{
    Authentication, Host, HostFacts, Server,
    command::{CommandEntry, command},
    module::{Answer, ConfigError, HandleIq, IqJob, Job, Key, Module, Spec, To, Wiring},
    period::Period,
};
use serde::Deserialize;
use stanza::{Condition, StanzaError};
use store::{Batch, StoreError};

use protocol::{List, NS, Revoke};

/// How often clients that were away for long are forgotten.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The feature.
pub struct Clients {
    config: Config,
}

/// `clients = { keep = "26 weeks" }`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// For how long a client that does not come back is remembered.
    pub keep: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep: Period(Duration::from_secs(26 * 7 * 24 * 60 * 60)),
        }
    }
}

impl Module for Clients {
    const NAME: &'static str = "clients";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0494", "0.1.0")];
    const COMMANDS: &'static [CommandEntry] = &[
        command::<commands::ListClients>(),
        command::<commands::RevokeClient>(),
    ];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let keep = "For how long a client that does not come back is remembered.";
        vec![Key::new("keep", &"26 weeks", &[keep])]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        // The account of an anonymous user ends with its one session.
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then_some(Self { config }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let kept = wiring.module().config.keep.0;
        wiring
            .keep_clients(kept)
            .job(EVERY)
            .disco_account_feature(NS)
            .iq_waiting::<List>(To::OwnAccount)
            .iq_waiting::<Revoke>(To::OwnAccount);
    }
}

/// [§3.1](https://xmpp.org/extensions/xep-0494.html).
impl HandleIq<List> for Clients {
    async fn handle_iq(&self, _: List, job: IqJob) -> Answer {
        let account = job.from().bare();
        let clients = job.server().clients(&account).await.map_err(unreadable)?;
        Ok(Some(protocol::clients(&clients)))
    }
}

/// [§3.2](https://xmpp.org/extensions/xep-0494.html). All that can be taken is taken from the client before it is
/// said that the password is left to it.
impl HandleIq<Revoke> for Clients {
    async fn handle_iq(&self, revoke: Revoke, job: IqJob) -> Answer {
        let account = job.from().bare();
        let id = revoke.id;
        let revoked = job.server().revoke_client(&account, &id).await;
        let Some(revoked) = revoked.map_err(unreadable)? else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        let answer = match revoked.knows_password {
            true => Err(protocol::password_reset_required()),
            false => Ok(None),
        };
        job.end_client(&id, &answer);
        answer
    }
}

/// Forgets who was away for long.
impl Job for Clients {
    async fn run(&self, _: &Arc<Host>, server: &Arc<Server>) {
        let mut batch = Batch::new();
        batch.expire(server.environment().timestamp().as_micros());
        server.store().submit(batch);
    }
}

fn unreadable(error: StoreError) -> StanzaError {
    tracing::error!(%error, "the clients of an account can't be read or changed");
    StanzaError::new(Condition::InternalServerError)
}
