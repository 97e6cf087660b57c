//! How a client registers a push service, and takes that back.

use engine::{
    account::Account,
    module::{Answer, AnswerIq, IqContext},
    pipeline::Context,
};
use jid::Jid;
use stanza::{Condition, StanzaError};

use super::{
    Push, pending,
    pending::Pending,
    protocol::{Disable, Enable},
    registration::{self, Key, Registration, Registrations, client_of},
};

/// Registers a push service for the client that asks, [§5](https://xmpp.org/extensions/xep-0357.html#enabling). The last
/// request for a service and node counts.
impl AnswerIq<Enable> for Push {
    fn answer_iq(&self, enable: Enable, cx: &mut IqContext<'_>) -> Answer {
        let session = cx.session_id().ok_or_else(not_ours)?;
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        if account.is_anonymous() {
            return Err(not_ours());
        }
        let resource = account.resource(session).ok_or_else(not_ours)?;
        let registration = Registration {
            service: enable.service,
            node: enable.node,
            options: enable.options,
            resource: resource.full_jid().resource().to_owned(),
            client: client_of(resource),
            muted: enable.muted,
            ignores_unknown: enable.ignores_unknown,
            wants_priority: enable.wants_priority,
            since: run.timestamp().as_micros(),
            failures: 0,
        };
        let key = registration.key();
        let most = run.server().limits().push_registrations_per_account_max;
        registration::put(account, run, registration);
        let all = account.resident_mut::<Registrations>();
        let surplus = all.0.len() > most;
        if let Some(oldest) = all.oldest().filter(|_| surplus) {
            registration::remove(account, run, vec![oldest.clone()]);
            pending::forget(account, run, &oldest);
        }
        pending::forget(account, run, &key);
        account.resident_mut::<Pending>().own(session, &key);
        Ok(None)
    }
}

/// Removes the registration of a service and node, or all of a service,
/// [§6](https://xmpp.org/extensions/xep-0357.html#disabling).
impl AnswerIq<Disable> for Push {
    fn answer_iq(&self, disable: Disable, cx: &mut IqContext<'_>) -> Answer {
        let (account, run) = cx.account().ok_or_else(not_ours)?;
        disable_all(account, run, &disable.service, disable.node.as_deref());
        Ok(None)
    }
}

/// Removes registrations of a service: that of one node, or all.
pub(super) fn disable_all(
    account: &mut Account,
    cx: &Context<'_>,
    service: &Jid,
    node: Option<&str>,
) {
    let is_meant = |one: &Registration| {
        one.service == *service && (node.is_none() || one.node.as_deref() == node)
    };
    let keys: Vec<Key> = account
        .resident::<Registrations>()
        .into_iter()
        .flat_map(|all| &all.0)
        .filter(|(_, one)| is_meant(one))
        .map(|(key, _)| key.clone())
        .collect();
    for key in &keys {
        pending::forget(account, cx, key);
    }
    if !keys.is_empty() {
        registration::remove(account, cx, keys);
    }
}

/// Only clients of ours have an account to register for.
fn not_ours() -> StanzaError {
    StanzaError::new(Condition::NotAllowed)
}
