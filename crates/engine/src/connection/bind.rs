//! Binding a resource: the account is loaded, conflicts are solved, the session begins.

use std::sync::{Arc, atomic::Ordering};

use jid::FullJid;
use stanza::{Condition, StanzaError};
use stream::StreamFault;

use super::negotiation::{SignedIn, unavailable};
use crate::{
    account::{
        Account, AccountCell, Client, Closing,
        clients::{self, Known},
        ending,
    },
    environment::random_id,
    host::Host,
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
    let client = who
        .client
        .clone()
        .unwrap_or_else(|| Client::of_resource(requested.as_deref()));
    let known = match who.is_anonymous {
        true => Known::default(),
        false => may_bind(server, &who, &client).await?,
    };
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
            let session = begin(account, cx, &who, &full_jid, &client, policy)?;
            clients::signed_in(account, cx, &client, who.mechanism, &known);
            Ok(session)
        });
        if let Some(outcome) = bound {
            return outcome.map(|session| (session, cell));
        }
    }
    Err(unavailable())
}

/// It may have been disabled or removed since it signed in. Gives what is known of the client.
async fn may_bind(
    server: &Arc<Server>,
    who: &SignedIn,
    client: &Client,
) -> Result<Known, StanzaError> {
    let read = server.client_to_bind(&who.jid, &client.id).await;
    match read.map_err(|_| unavailable())? {
        Some((record, known)) if record.may_sign_in() => Ok(known),
        _ => Err(StanzaError::new(Condition::NotAllowed)),
    }
}

/// Under the account's lock: makes room, then the session.
fn begin(
    account: &mut Account,
    cx: &Context<'_>,
    who: &SignedIn,
    wanted: &FullJid,
    client: &Client,
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
            ConflictPolicy::KickOld => ending::end(account, cx, holder, &StreamFault::Replaced),
            ConflictPolicy::KickNew => return Err(StanzaError::new(Condition::Conflict)),
            ConflictPolicy::Random => full_jid = random(cx, who)?,
            ConflictPolicy::Increment => full_jid = next_free(account, who, wanted)?,
        }
    }
    let sessions = u32::try_from(account.resources().count()).unwrap_or(u32::MAX);
    if sessions >= limits.sessions_per_account_max {
        return Err(StanzaError::new(Condition::ResourceConstraint));
    }
    let outbox_max = match cx.server().sabotage() {
        Sabotage::UnboundedQueue => usize::MAX,
        _ => usize::try_from(limits.outbox_bytes_max).unwrap_or(usize::MAX),
    };
    let session = Session::new(cx.server().new_session_id(), full_jid, who.role, outbox_max);
    let is_kept = cx.host().clients_kept().is_some() && !who.is_anonymous;
    account.connect(session.clone(), is_kept.then(|| client.id.clone()));
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
