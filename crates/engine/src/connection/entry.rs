//! From a client that signed in to a session: it binds a resource, or goes on with the one it had.

use std::sync::Arc;

use jid::FullJid;
use stanza::Condition;
use xml::Element;

use super::{
    Bound, Connection, Outcome as Awaited, Phase, bind,
    resume::{self, Refusal, Resumed},
    sm,
};
use crate::{
    account::{
        Account,
        ending::{self, End},
    },
    host::Host,
    pipeline::{Context, Gates},
};

impl Connection {
    pub(super) fn binding(&mut self, requested: Option<String>) {
        let Some(host) = self.host() else { return };
        let Phase::Negotiating(negotiation) = &self.phase else {
            return;
        };
        let Some(account) = negotiation.account.clone() else {
            return;
        };
        let (server, settings) = (self.server.clone(), self.settings.clone());
        self.wait_for(async move {
            let wanted = bind::Wanted::Resource(requested);
            let bound = bind::bind(&server, &host, account, wanted, &settings).await;
            Awaited::Bound(Box::new(bound))
        });
    }

    /// What a client may say of stream management before it bound a resource: that it wants its session back.
    pub(super) fn before_binding(&mut self, element: &Element<'_>) {
        if !element.is("resume", sm::NS) {
            return sm::before_binding(&mut self.stream, element);
        }
        let Phase::Negotiating(negotiation) = &self.phase else {
            return;
        };
        let Some(who) = negotiation.account.clone() else {
            let failed = sm::failed_with(Condition::UnexpectedRequest, None);
            return self.stream.send_nonza(&failed);
        };
        let Some(request) = resume::Request::parse(element) else {
            let failed = sm::failed_with(Condition::BadRequest, None);
            return self.stream.send_nonza(&failed);
        };
        let (server, settings) = (self.server.clone(), self.settings.clone());
        self.wait_for(async move {
            let outcome = resume::resume(&server, &who, request, &settings.sm).await;
            Awaited::Resumed(Box::new(outcome))
        });
    }

    /// A session was resumed, or not: then the client may bind a resource.
    pub(super) fn resumed(&mut self, outcome: Result<Resumed, Refusal>) {
        let resumed = match outcome {
            Ok(resumed) => resumed,
            Err(Refusal::TooHigh(too_high)) => return self.end_with(&too_high.fault()),
            Err(refusal) => return self.stream.send_nonza(&refusal.to_fragment()),
        };
        if !self.stream.resume(resumed.session().full_jid().clone()) {
            return;
        }
        self.stream.send_nonza(&resumed.to_fragment());
        self.sit_on(resumed);
    }

    /// From here on the connection is the transport of a session that was resumed.
    pub(super) fn sit_on(&mut self, resumed: Resumed) {
        let before = std::mem::replace(&mut self.phase, Phase::Over);
        let Phase::Negotiating(negotiation) = before else {
            // It ended meanwhile; the session waits again.
            return;
        };
        let Some(host) = negotiation.into_host() else {
            return;
        };
        let (session, cell, transport) = resumed.into_parts();
        tracing::info!(peer = %self.peer.label, jid = %session.full_jid(), "session went on");
        let bound = Bound::new(session, cell, host, false, transport);
        self.phase = Phase::Bound(Box::new(bound));
    }

    /// A resource was bound, or refused.
    pub(super) fn bound(&mut self, outcome: bind::BindOutcome) {
        match outcome {
            Err(error) => self.stream.refuse_bind(&error),
            Ok(bound) => {
                if let Some((_, full_jid)) = self.enter(bound) {
                    self.stream.bind(full_jid);
                }
            }
        }
    }

    /// From here on there is a session. Nothing when the connection ended meanwhile.
    pub(super) fn enter(&mut self, bound: bind::Bound) -> Option<(Arc<Host>, FullJid)> {
        let bind::Bound { session, cell, .. } = bound;
        let full_jid = session.full_jid().clone();
        let before = std::mem::replace(&mut self.phase, Phase::Over);
        let Phase::Negotiating(negotiation) = before else {
            // So does the session that nobody serves.
            let gone = |account: &mut Account, cx: &Context<'_>| {
                ending::finish(account, cx, session.id(), &End::Gone)
            };
            self.server.visit(&cell, Gates::OPEN, gone);
            return None;
        };
        let signed_in = negotiation.account.clone();
        let host = negotiation.into_host()?;
        tracing::info!(peer = %self.peer.label, jid = %full_jid, "session bound");
        self.phase = Phase::Bound(Box::new(Bound::new(
            session,
            cell,
            host.clone(),
            signed_in.is_some_and(|who| who.is_anonymous),
            0,
        )));
        Some((host, full_jid))
    }
}
