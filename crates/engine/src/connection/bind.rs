//! Binding a resource: the account is loaded, conflicts are solved, the session begins.

use std::sync::{Arc, atomic::Ordering};

use jid::FullJid;
use stanza::{Condition, StanzaError};
use stream::StreamFault;
use xml::Fragment;

use super::{
    ClientSettings,
    bind2::BindRequest,
    negotiation::{SignedIn, unavailable},
    sm::Starting,
};
use crate::{
    account::{
        Account, AccountCell, Client, Closing,
        clients::{self, Known},
        detached,
        ending::{self, End},
    },
    environment::random_id,
    host::Host,
    metrics::own::GivenUp,
    pipeline::{Context, Gates, events::SessionBound},
    sabotage::Sabotage,
    server::Server,
    session::{Binder, Session},
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

/// What a client wants to be bound.
pub(super) enum Wanted {
    /// This resource, or any, RFC 6120 §7.
    Resource(Option<String>),
    /// What is right for it, along with its sign-in.
    Inline(BindRequest),
}

/// A session, its account, and what the client is told besides its address.
pub(super) struct Bound {
    pub(super) session: Arc<Session>,
    pub(super) cell: Arc<AccountCell>,
    pub(super) told: Option<Fragment>,
}

/// A session, or what the client is told.
pub(super) type BindOutcome = Result<Bound, StanzaError>;

/// Binds a resource for an account that signed in.
pub(super) async fn bind(
    server: &Arc<Server>,
    host: &Arc<Host>,
    who: SignedIn,
    wanted: Wanted,
    settings: &ClientSettings,
) -> BindOutcome {
    let full_jid = wanted
        .full_jid(server, &who)
        .ok_or_else(|| StanzaError::new(Condition::BadRequest))?;
    let client = wanted.client(&who);
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
            let begun = begin(account, cx, &who, (&wanted, &full_jid), &client, settings);
            if begun.is_ok() {
                clients::signed_in(account, cx, &client, who.mechanism, &known);
            }
            begun
        });
        if let Some(outcome) = bound {
            let (session, told, starting) = outcome?;
            let mut bound = Unclaimed(Some((server.clone(), cell, session)));
            if let Some(starting) = starting
                && !starting.is_stored().await
            {
                return Err(unavailable());
            }
            return bound
                .claim()
                .map(|(cell, session)| Bound {
                    session,
                    cell,
                    told,
                })
                .ok_or_else(unavailable);
        }
    }
    Err(unavailable())
}

/// It may have been disabled or removed since it signed in, or got another password. Gives what is known of the client.
async fn may_bind(
    server: &Arc<Server>,
    who: &SignedIn,
    client: &Client,
) -> Result<Known, StanzaError> {
    let read = server.client_to_bind(&who.jid, &client.id).await;
    match read.map_err(|_| unavailable())? {
        Some((record, known)) if record.may_sign_in() && record.credentials == who.credentials => {
            Ok(known)
        }
        _ => Err(StanzaError::new(Condition::NotAllowed)),
    }
}

/// Under the account's lock: makes room, then the session.
fn begin(
    account: &mut Account,
    cx: &Context<'_>,
    who: &SignedIn,
    (wanted, jid): (&Wanted, &FullJid),
    client: &Client,
    settings: &ClientSettings,
) -> Result<(Arc<Session>, Option<Fragment>, Option<Starting>), StanzaError> {
    if account.closing != Closing::No {
        return Err(StanzaError::new(Condition::NotAllowed));
    }
    let limits = cx.server().limits();
    if let Wanted::Inline(_) = wanted {
        end_older(account, cx, who);
    }
    let mut full_jid = jid.clone();
    let holder = account
        .resource_by_jid(&full_jid.clone().into())
        .map(|resource| resource.session().id());
    if let Some(holder) = holder {
        match settings.conflict {
            // Its client has come back without it.
            _ if account.resource(holder).is_some_and(|it| it.is_detached()) => {
                detached::give_up(account, cx, holder, GivenUp::Replaced);
            }
            ConflictPolicy::KickOld => ending::end(account, cx, holder, &StreamFault::Replaced),
            ConflictPolicy::KickNew => return Err(StanzaError::new(Condition::Conflict)),
            ConflictPolicy::Random => full_jid = random(cx, who)?,
            ConflictPolicy::Increment => full_jid = next_free(account, who, jid)?,
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
    let inline = match wanted {
        Wanted::Resource(_) => None,
        Wanted::Inline(request) => Some(request),
    };
    let binder = Binder {
        user_agent: who.user_agent.clone(),
        is_bind2: inline.is_some(),
    };
    let id = cx.server().new_session_id();
    let session = Session::new(id, full_jid, who.role, outbox_max, binder);
    let is_kept = cx.host().clients_kept().is_some() && !who.is_anonymous;
    account.connect(session.clone(), is_kept.then_some(client.id));
    cx.server().sessions.fetch_add(1, Ordering::Relaxed);
    cx.tell(
        SessionBound {
            session: session.id(),
            is_bind2: inline.is_some(),
        },
        account,
    );
    let (told, starting) = inline
        .map(|request| request.bound(&session, account, cx, &settings.sm))
        .unzip();
    Ok((session, told, starting.flatten()))
}

/// A session that no connection serves yet: dropped on the way, it ends.
struct Unclaimed(Option<(Arc<Server>, Arc<AccountCell>, Arc<Session>)>);

impl Unclaimed {
    fn claim(&mut self) -> Option<(Arc<AccountCell>, Arc<Session>)> {
        let (_, cell, session) = self.0.take()?;
        Some((cell, session))
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some((server, cell, session)) = self.0.take() {
            server.visit(&cell, Gates::OPEN, |account, cx| {
                ending::finish(account, cx, session.id(), &End::Gone);
            });
            server.retire_idle(&cell);
        }
    }
}

/// One client has one session, [XEP-0386 §Performing the bind](https://xmpp.org/extensions/xep-0386.html#bind).
fn end_older(account: &mut Account, cx: &Context<'_>, who: &SignedIn) {
    let Some(client) = who.client_id() else {
        return;
    };
    let older: Vec<_> = account
        .resources()
        .map(|resource| resource.session().clone())
        .filter(|session| session.client_id() == Some(client))
        .collect();
    for session in older {
        match session.is_detached() {
            true => detached::give_up(account, cx, session.id(), GivenUp::Replaced),
            false => ending::end(account, cx, session.id(), &StreamFault::Replaced),
        }
    }
}

impl Wanted {
    /// Which of the account's clients it is that wants it.
    fn client(&self, who: &SignedIn) -> Client {
        match (who.user_agent.as_deref(), self) {
            (Some(agent), _) if agent.id.is_some() => Client::of_agent(agent),
            (agent, Self::Inline(request)) => Client::of_resource(request.tag(), agent),
            (agent, Self::Resource(resource)) => Client::of_resource(resource.as_deref(), agent),
        }
    }

    fn full_jid(&self, server: &Arc<Server>, who: &SignedIn) -> Option<FullJid> {
        match self {
            Self::Inline(request) => request.full_jid(server, &who.jid, who.client_id()),
            Self::Resource(Some(resource)) if !resource.is_empty() => {
                let strict = who.jid.with_resource_strict(resource);
                strict.or_else(|_| who.jid.with_resource(resource)).ok()
            }
            Self::Resource(_) => {
                let random = random_id(server.environment());
                who.jid.with_resource(&random).ok()
            }
        }
    }
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
