//! What is common to all that arrives: screening, and what is said of a stanza that goes no further.

use std::sync::Arc;

use jid::Jid;
use stanza::{Condition, Stanza, StanzaError};

use super::Next;
use crate::{
    account::Account,
    envelope::Envelope,
    module::Answer,
    pipeline::{Context, Pipeline, Stage, Verdict, events::StanzaEvent},
};

/// Screen and annotate, the same both ways, then what the engine does with it.
pub(super) fn staged<E: StanzaEvent>(
    account: &mut Account,
    cx: &Context<'_>,
    mut event: E,
    passed: impl FnOnce(&mut Account, &Context<'_>, E),
) {
    let pipeline: &Pipeline = cx.host().pipeline();
    match E::handlers(pipeline).screen(&event, account, cx) {
        Verdict::Pass => {
            E::handlers(pipeline).at(Stage::Annotate, &mut event, account, cx);
            passed(account, cx, event);
        }
        Verdict::Error(error) => turn_back(account, cx, event.envelope(), &error),
        Verdict::Drop => {}
    }
}

/// A screen refused the stanza. A session of this account is told at once: routed, the error would come
/// from the address the stanza was for, and that may be another server's, or one that is screened itself.
fn turn_back(account: &Account, cx: &Context<'_>, envelope: &Envelope, error: &StanzaError) {
    let own = envelope
        .session()
        .filter(|session| account.resource(session.id()).is_some());
    let (Some(session), Some(reply)) = (own, envelope.stanza().reply_error(error)) else {
        return route_error(cx, envelope, error);
    };
    let reply = reply.with_from(envelope.to().clone());
    cx.push_regardless(session, &Arc::new(reply));
}

/// What must still be said of a stanza if its run panics: a request gets its one answer.
pub(super) struct Question(Option<(Jid, Jid, Arc<Stanza>)>);

impl Question {
    pub(super) fn of(envelope: &Envelope) -> Self {
        let asks = envelope.stanza().kind().is_request();
        Self(asks.then(|| {
            (
                envelope.to().clone(),
                envelope.from().clone(),
                envelope.stanza().clone(),
            )
        }))
    }

    pub(super) fn failed(self) -> Option<Next> {
        let (own, asker, stanza) = self.0?;
        let reply = stanza.reply_error(&StanzaError::new(Condition::InternalServerError))?;
        Some(Next::Route(Envelope::from_account_as(
            &own.bare(),
            Some(&own),
            asker,
            reply,
        )))
    }
}

/// Answers a stanza with an error, if it may be answered.
pub(crate) fn route_error(cx: &Context<'_>, envelope: &Envelope, error: &StanzaError) {
    if let Some(reply) = envelope.stanza().reply_error(error) {
        cx.route_regardless(envelope.answer(reply));
    }
}

pub(super) fn refuse(envelope: &Envelope, error: &StanzaError) -> Option<Next> {
    Some(Next::Route(
        envelope.answer(envelope.stanza().reply_error(error)?),
    ))
}

pub(super) fn reply(envelope: &Envelope, answer: Answer) -> Option<Next> {
    match answer {
        Ok(payload) => Some(Next::Route(
            envelope.answer(envelope.stanza().reply_result(payload)),
        )),
        Err(error) => refuse(envelope, &error),
    }
}
