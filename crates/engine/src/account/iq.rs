//! An IQ for an account or one of its resources: relayed, answered by a feature, or refused.

use std::sync::{Arc, Mutex};

use jid::Jid;
use stanza::{Condition, IqType, Kind, StanzaError};

use super::{Account, Resource, mail};
use crate::{
    envelope::Envelope,
    faults::Caught,
    module::{
        Answer, IqContext, IqJob, Method, To,
        iq::{Handler, release},
    },
    pipeline::{
        Context,
        decide::{Decision, Target, decide},
        events::IqArrived,
    },
    router::route_error,
    sabotage::Sabotage,
    session::frame::{Fate, Frame},
};

/// An IQ came for this account.
pub(crate) fn arrived(account: &mut Account, cx: &Context<'_>, event: IqArrived) {
    let envelope = event.envelope;
    let kind = envelope.stanza().kind();
    let target = target(account, &envelope);
    let to = envelope.to().clone();
    match decide(
        kind,
        target,
        account.resources().map(|resource| resource.facts(&to)),
    ) {
        Decision::Deliver(indexes) => {
            for index in indexes {
                if let Some(resource) = account.sessions.get(index) {
                    relay(cx, resource, &envelope);
                }
            }
        }
        Decision::Handle => match kind {
            Kind::Iq(IqType::Get) => request(account, cx, envelope, Method::Get),
            Kind::Iq(IqType::Set) => request(account, cx, envelope, Method::Set),
            _ => {}
        },
        Decision::Refuse(condition) => route_error(cx, &envelope, &StanzaError::new(condition)),
        Decision::Store | Decision::Drop => {}
    }
}

/// To a connected resource, which answers; if it ends without taking a request, we do.
fn relay(cx: &Context<'_>, resource: &Resource, envelope: &Envelope) {
    let fate = match envelope.stanza().kind().is_request() {
        true => Fate::Reroute {
            delivery: None,
            entry: None,
        },
        false => Fate::Drop,
    };
    let frame = Frame {
        stanza: envelope.stanza().clone(),
        to: Some(envelope.to().clone()),
        gates: envelope.gates(),
        fate,
    };
    cx.push_frame(resource.session(), frame);
}

/// A request to the account itself: the feature that wired it answers, or nobody serves it.
fn request(account: &mut Account, cx: &Context<'_>, mut envelope: Envelope, method: Method) {
    let to = match envelope.from().bare() == *account.jid() {
        true => To::OwnAccount,
        false => To::OtherAccount,
    };
    let stanza = envelope.stanza().clone();
    let Some(child) = stanza.payload() else {
        return respond(
            account,
            cx,
            &envelope,
            Err(StanzaError::new(Condition::BadRequest)),
        );
    };
    let answer = match cx
        .host()
        .iq()
        .find(to, method, child.name(), child.ns().uri_or(""))
    {
        None => Err(StanzaError::new(Condition::ServiceUnavailable)),
        Some(Handler::Answer(answer)) => {
            let mut at_hand = IqContext {
                asked: to,
                from: envelope.from(),
                session: envelope.session(),
                role: envelope.role(),
                account: Some(account),
                run: Some(cx),
                service: None,
                host: cx.host(),
                server: cx.server(),
                stanza: &stanza,
                afterwards: Vec::new(),
            };
            let answer = answer(&child.tree().root(), &mut at_hand);
            let afterwards = at_hand.afterwards;
            respond(account, cx, &envelope, answer);
            if let Some(session) = envelope.session() {
                for stanza in afterwards {
                    cx.push(session, &Arc::new(stanza));
                }
            }
            return;
        }
        Some(Handler::Handle(handle)) => {
            let job = IqJob {
                from: envelope.from().clone(),
                session: envelope.session().cloned(),
                role: envelope.role(),
                account: Some(account.jid().clone()),
                host: cx.host().clone(),
                server: cx.server().clone(),
                address: None,
                stanza: stanza.clone(),
                hold: Arc::new(Mutex::new(envelope.take_hold())),
            };
            let hold = job.hold.clone();
            match handle(&child.tree().root(), job) {
                Ok(answering) => {
                    let server = cx.server().clone();
                    cx.server().environment().spawn(Box::pin(async move {
                        let answer = Caught::new(answering).await;
                        server.answer(
                            envelope,
                            answer.unwrap_or_else(|panicked| Err(panicked.error())),
                        );
                        release(&hold);
                    }));
                    return;
                }
                Err(error) => Err(error),
            }
        }
    };
    respond(account, cx, &envelope, answer);
}

/// Exactly one answer. To a session of this account it goes at once, in order with what else this run
/// pushes there.
fn respond(account: &Account, cx: &Context<'_>, envelope: &Envelope, answer: Answer) {
    let reply = match answer {
        Ok(payload) => envelope.stanza().reply_result(payload),
        Err(error) => match envelope.stanza().reply_error(&error) {
            Some(reply) => reply,
            None => return,
        },
    };
    let own = envelope
        .session()
        .filter(|session| account.resource(session.id()).is_some());
    let Some(session) = own else {
        return cx.route(envelope.answer(reply));
    };
    let reply = reply.with_from(Jid::from(account.jid().clone()));
    let to = Some(Jid::from(session.full_jid().clone()));
    let frame = Frame {
        stanza: Arc::new(reply),
        to,
        gates: envelope.gates(),
        fate: Fate::Drop,
    };
    if cx.server().sabotage() == Sabotage::AnswerTwice {
        cx.push_frame(session, frame.clone());
    }
    cx.push_frame(session, frame);
}

/// The form of the address, as RFC 6121 §8.5 distinguishes them.
pub(crate) fn target(account: &Account, envelope: &Envelope) -> Target {
    target_of(account, Some(envelope.from()), envelope.to())
}

/// The same of what was kept.
pub(super) fn target_of(account: &Account, from: Option<&Jid>, to: &Jid) -> Target {
    let own = from.is_some_and(|from| from.bare() == *account.jid());
    match (to.is_full(), own) {
        (true, true) => Target::OwnFull,
        (true, false) => Target::Full,
        (false, true) => Target::OwnBare,
        (false, false) => Target::Bare,
    }
}

impl Resource {
    /// What the decision looks at.
    pub(crate) fn facts(&self, to: &Jid) -> crate::pipeline::decide::Resource {
        crate::pipeline::decide::Resource {
            matches: to.is_full() && self.full_jid().as_str() == to.as_str(),
            available: self.is_available(),
            priority: self.presence().map_or(0, |presence| presence.priority),
        }
    }
}

/// A request that a resource did not take before it ended gets its one answer from us.
pub(crate) fn answer_untaken(account: &Account, cx: &Context<'_>, frame: &Frame) {
    if let Some(answer) = untaken(account, frame) {
        cx.route_regardless(answer);
    }
}

/// That answer.
pub(crate) fn untaken(account: &Account, frame: &Frame) -> Option<Envelope> {
    if matches!(frame.fate, Fate::Drop) || !frame.stanza.kind().is_request() {
        return None;
    }
    let asker = frame.stanza.from().cloned()?;
    let reply = frame
        .stanza
        .reply_error(&StanzaError::new(Condition::ServiceUnavailable))?;
    let to = frame
        .to
        .clone()
        .unwrap_or_else(|| account.jid().clone().into());
    Some(mail::speak_as(account, &to, asker, reply))
}
