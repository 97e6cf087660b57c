//! Resuming a session, [XEP-0198 §5]: the one way, whoever asks for it.
//!
//! [`resume`] finds the session of the account that signed in, takes it off whatever transport it sat on, and waits until
//! everything it sent before has taken effect durably: only then its `h` is exact. The client that asked must then be
//! told `<resumed/>` before anything else; what it did not ack and what waited follows by itself.
//!
//! [XEP-0198 §5]: https://xmpp.org/extensions/xep-0198.html#resumption

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use stanza::Condition;
use store::Owner;
use xml::{Builder, Element, Fragment};

use super::{
    negotiation::SignedIn,
    sm::{NS, SmSettings, failed_with},
};
use crate::{
    account::{
        AccountCell,
        detached::{self, NotResumed},
    },
    metrics::own::Resuming,
    pipeline::Gates,
    server::Server,
    session::{AckTooHigh, Handled, Session, SmId, Standing},
};

/// What a client asks by `<resume/>`.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) previd: String,
    /// How many stanzas it has got on the session, modulo 2^32.
    pub(super) h: u32,
}

impl Request {
    /// Reads `<resume/>`: `None` when it lacks what it must have.
    pub(super) fn parse(element: &Element<'_>) -> Option<Self> {
        Some(Self {
            previd: element.attr("previd")?.into_owned(),
            h: element.attr("h")?.parse().ok()?,
        })
    }
}

/// Why nothing was resumed. The client may bind a resource instead, except after [`Refusal::TooHigh`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// There is no such session of this account, any more. How many stanzas it had handled, where that is known.
    NotFound { h: Option<u32> },
    /// There is none, because here none waits.
    NotOffered,
    /// The account can't be read for now.
    Unavailable,
    /// The client has got more than was sent: its stream must end.
    TooHigh(AckTooHigh),
}

impl Refusal {
    /// `<failed/>`, as every way to ask is answered.
    pub(super) fn to_fragment(self) -> Fragment {
        match self {
            Self::NotFound { h } => failed_with(Condition::ItemNotFound, h),
            Self::NotOffered => failed_with(Condition::FeatureNotImplemented, None),
            Self::Unavailable => failed_with(Condition::InternalServerError, None),
            Self::TooHigh(_) => failed_with(Condition::UndefinedCondition, None),
        }
    }
}

/// A session on the way to its new transport. Dropped on the way, it loses that and waits to be resumed again.
pub(super) struct Resumed {
    attached: Attached,
    h: u32,
    previd: String,
}

impl Resumed {
    /// `<resumed/>`: the first that the client is told.
    pub(super) fn to_fragment(&self) -> Fragment {
        Builder::new("resumed", NS)
            .attr("h", self.h.to_string())
            .attr("previd", &self.previd)
            .build()
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.attached.session
    }

    /// The session, its account and the number of its transport, which the caller answers for from here on.
    pub(super) fn into_parts(mut self) -> (Arc<Session>, Arc<AccountCell>, u32) {
        self.attached.is_armed = false;
        let Attached {
            session,
            cell,
            transport,
            ..
        } = &self.attached;
        (session.clone(), cell.clone(), *transport)
    }
}

/// Keeps a session from being forgotten between two transports.
struct Attached {
    server: Arc<Server>,
    cell: Arc<AccountCell>,
    session: Arc<Session>,
    transport: u32,
    is_armed: bool,
}

impl Drop for Attached {
    fn drop(&mut self) {
        if self.is_armed {
            self.server
                .lose_transport(&self.cell, &self.session, self.transport);
        }
    }
}

/// Resumes the session `previd` of who signed in, which has got `h` stanzas on it.
pub(super) async fn resume(
    server: &Arc<Server>,
    who: &SignedIn,
    request: Request,
    settings: &SmSettings,
) -> Result<Resumed, Refusal> {
    let outcome = match find(server, who, request).await {
        // One that began before the operator changed that still waits.
        Err(Refusal::NotFound { h: None }) if !settings.lets_wait(who.is_anonymous) => {
            Err(Refusal::NotOffered)
        }
        outcome => outcome,
    };
    match &outcome {
        Ok(resumed) => server.note_resumed(&who.jid, resumed.session().id(), who.mechanism),
        Err(_) => server.metrics().resuming(Resuming::Refused),
    }
    outcome
}

async fn find(server: &Arc<Server>, who: &SignedIn, request: Request) -> Result<Resumed, Refusal> {
    let id = SmId::parse(&request.previd).filter(|_| !who.is_anonymous);
    let Some(id) = id else {
        return Err(Refusal::NotFound { h: None });
    };
    // More than once only when the account leaves memory in between.
    for _ in 0..4 {
        let cell = match server.account(&who.jid).await {
            Ok(Some(cell)) => cell,
            Ok(None) => return Err(Refusal::NotFound { h: None }),
            Err(error) => {
                tracing::error!(account = %who.jid, %error, "an account can't be read; a session is not resumed");
                return Err(Refusal::Unavailable);
            }
        };
        // What the last stop left on the way to it must be gone from the store before the client gets more: after a crash it
        // would be taken for how things stand.
        let _fate = server.store().settled(server.store().submitted()).await;
        let found = server.visit(&cell, Gates::OPEN, |account, cx| {
            detached::take_over(account, cx, id, request.h)
        });
        match found {
            None => {}
            Some(Err(NotResumed::NotFound)) => return Err(ended(server, who, id).await),
            Some(Err(NotResumed::TooHigh(too_high))) => return Err(Refusal::TooHigh(too_high)),
            Some(Ok((session, transport))) => {
                let attached = Attached {
                    server: server.clone(),
                    cell,
                    session,
                    transport,
                    is_armed: true,
                };
                return go_on(server, attached, request.previd).await;
            }
        }
    }
    Err(Refusal::Unavailable)
}

/// The session has ended, or there never was one of this id.
async fn ended(server: &Arc<Server>, who: &SignedIn, id: SmId) -> Refusal {
    let owner = Owner::Account(who.jid.clone());
    let h = server.handled_of_ended(&owner, id).await.unwrap_or_else(|error| {
        tracing::error!(account = %who.jid, %error, "ended sessions can't be read; a client is told nothing of its own");
        None
    });
    if let Err(error) = server.expect_resends(&who.jid, id, h).await {
        tracing::error!(account = %who.jid, %error, "an archive can't be read; what a client sends again may come twice");
    }
    Refusal::NotFound { h }
}

/// Waits for what the session sent before, and until the store knows of it; then lets it go on.
async fn go_on(
    server: &Arc<Server>,
    attached: Attached,
    previd: String,
) -> Result<Resumed, Refusal> {
    let session = attached.session.clone();
    let nothing = Refusal::NotFound { h: None };
    loop {
        let handled = poll_fn(|cx| handled(server, &session, attached.transport, cx)).await;
        match handled {
            Some(Handled::All(h)) => {
                let is_ours = server.visit(&attached.cell, Gates::OPEN, |account, cx| {
                    detached::resumed(account, cx, session.id(), attached.transport)
                });
                return match is_ours {
                    Some(true) => Ok(Resumed {
                        attached,
                        h,
                        previd,
                    }),
                    // It ended, or went on to yet another transport.
                    Some(false) | None => Err(nothing),
                };
            }
            // A batch that failed is settled too: what it was for was answered with an error.
            Some(Handled::Once(gate)) => {
                let _fate = server.store().settled(gate).await;
            }
            Some(Handled::NotNoted(count)) => {
                let Some(batch) = server.note_handled(&attached.cell, &session, count) else {
                    return Err(nothing);
                };
                if let Err(error) = server.store().settled(batch).await {
                    tracing::error!(%error, "a session can't be noted; it is not resumed for now");
                    return Err(Refusal::Unavailable);
                }
            }
            Some(Handled::UnderWay) | None => return Err(nothing),
        }
    }
}

/// How far the session's stanzas are handled, none of them being under way; `None` when it is not ours any more.
fn handled(
    server: &Arc<Server>,
    session: &Arc<Session>,
    transport: u32,
    cx: &Context<'_>,
) -> Poll<Option<Handled>> {
    // Nobody else watches a session between two transports.
    if session.await_turn(transport, cx) != Standing::Dropped {
        return Poll::Ready(None);
    }
    let is_held = session.is_held();
    let mut outbox = session.outbox();
    let Some(acks) = &mut outbox.acks else {
        return Poll::Ready(None);
    };
    if !is_held {
        acks.took_effect(session.gate());
    }
    match acks.handled(|seq| server.gate_of_ack(seq)) {
        Handled::UnderWay => Poll::Pending,
        handled => Poll::Ready(Some(handled)),
    }
}
