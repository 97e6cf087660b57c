//! Binding a resource: the account is loaded, conflicts are solved, the session begins.

use std::sync::{Arc, atomic::Ordering};

use jid::FullJid;
use stanza::{Condition, StanzaError};
use stream::StreamFault;

use super::negotiation::{SignedIn, unavailable};
use crate::{
    account::{Account, AccountCell, Closing, detached, ending},
    environment::random_id,
    host::Host,
    metrics::own::GivenUp,
    pipeline::{Context, Gates, events::SessionBound},
    sabotage::Sabotage,
    server::Server,
    session::Session,
};

/// What happens when the resource a client asks for is taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ConflictPolicy {
    /// The older session ends with `conflict`.
    #[default]
    KickOld,
    /// The newer one is refused with `conflict`.
    KickNew,
    /// The newer one gets a random resource.
    Random,
    /// The newer one gets `#2`, `#3`, ... appended.
    Increment,
}

/// The session and its account, or what the client is told.
pub(super) type BindOutcome = Result<(Arc<Session>, Arc<AccountCell>), StanzaError>;

/// Binds a resource for an account that signed in, RFC 6120 §7.
pub(super) async fn bind(
    server: &Arc<Server>,
    host: &Arc<Host>,
    who: SignedIn,
    requested: Option<String>,
    policy: ConflictPolicy,
) -> BindOutcome {
    let requested = requested.filter(|resource| !resource.is_empty());
    let full_jid = match &requested {
        None => who.jid.with_resource(&random_id(server.environment())),
        Some(resource) => who
            .jid
            .with_resource_strict(resource)
            .or_else(|_| who.jid.with_resource(resource)),
    }
    .map_err(|_| StanzaError::new(Condition::BadRequest))?;
    // It may have been disabled or removed since it signed in.
    if !who.is_anonymous {
        let record = server
            .account_record(&who.jid)
            .await
            .map_err(|_| unavailable())?;
        if !record.is_some_and(|record| record.may_sign_in()) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
    }
    // Twice, if the account leaves memory between loading and binding.
    for _ in 0..4 {
        let cell = match who.is_anonymous {
            true => server.add_anonymous(&who.jid, host),
            false => server
                .account(&who.jid)
                .await
                .map_err(|error| {
                    tracing::error!(account = %who.jid, %error, "an account can't be read; binding is refused");
                    unavailable()
                })?
                .ok_or_else(|| StanzaError::new(Condition::NotAllowed))?,
        };
        let bound = server.visit(&cell, Gates::OPEN, |account, cx| {
            begin(account, cx, &who, &full_jid, policy)
        });
        if let Some(outcome) = bound {
            return outcome.map(|session| (session, cell));
        }
    }
    Err(unavailable())
}

/// Under the account's lock: makes room, then the session.
fn begin(
    account: &mut Account,
    cx: &Context<'_>,
    who: &SignedIn,
    wanted: &FullJid,
    policy: ConflictPolicy,
) -> Result<Arc<Session>, StanzaError> {
    if account.closing != Closing::No {
        return Err(StanzaError::new(Condition::NotAllowed));
    }
    let limits = cx.server().limits();
    let mut full_jid = wanted.clone();
    let holder = account
        .resource_by_jid(&full_jid.clone().into())
        .map(|resource| resource.session().id());
    if let Some(holder) = holder {
        match policy {
            // Its client has come back without it.
            _ if account.resource(holder).is_some_and(|it| it.is_detached()) => {
                detached::give_up(account, cx, holder, GivenUp::Replaced);
            }
            ConflictPolicy::KickOld => ending::end(account, cx, holder, &StreamFault::Replaced),
            ConflictPolicy::KickNew => return Err(StanzaError::new(Condition::Conflict)),
            ConflictPolicy::Random => full_jid = random(cx, who)?,
            ConflictPolicy::Increment => full_jid = next_free(account, who, wanted)?,
        }
    }
    let sessions = u32::try_from(account.resources().count()).unwrap_or(u32::MAX);
    if sessions >= limits.sessions_per_account_max && !detached::end_one(account, cx) {
        return Err(StanzaError::new(Condition::ResourceConstraint));
    }
    let outbox_max = match cx.server().sabotage() {
        Sabotage::UnboundedQueue => usize::MAX,
        _ => usize::try_from(limits.outbox_bytes_max).unwrap_or(usize::MAX),
    };
    let session = Session::new(cx.server().new_session_id(), full_jid, who.role, outbox_max);
    account.connect(session.clone());
    cx.server().sessions.fetch_add(1, Ordering::Relaxed);
    cx.tell(
        SessionBound {
            session: session.id(),
        },
        account,
    );
    Ok(session)
}

fn random(cx: &Context<'_>, who: &SignedIn) -> Result<FullJid, StanzaError> {
    who.jid
        .with_resource(&random_id(cx.server().environment()))
        .map_err(|_| StanzaError::new(Condition::BadRequest))
}

/// The lowest number that nobody has.
fn next_free(account: &Account, who: &SignedIn, wanted: &FullJid) -> Result<FullJid, StanzaError> {
    let limit = account.resources().count() + 2;
    (2..=limit)
        .filter_map(|number| {
            who.jid
                .with_resource(&format!("{}#{number}", wanted.resource()))
                .ok()
        })
        .find(|candidate| account.resource_by_jid(&candidate.clone().into()).is_none())
        .ok_or_else(|| StanzaError::new(Condition::Conflict))
}
