//! # Last Activity
//!
//! When a user was last there, and what was said in going; for whoever may see the user's presence, and
//! nobody else. Of the host it says how long it has been running.
//!
//! Spec: [XEP-0012](https://xmpp.org/extensions/xep-0012.html) 2.0, complete. A resource is asked itself, §4: the
//! engine relays the request. A user who is connected but not available counts as away, as presence says:
//! to tell more would be a leak.
//!
//! `seen.rs` is what is kept, `tests/` holds the transcripts.

mod seen;

use engine::{
    HostFacts,
    account::{Account, ResidentKind, Resource},
    module::{
        Answer, AnswerIq, ConfigError, IqContext, Method, Module, NoConfig, On, Payload, Screen,
        Spec, To, Wiring,
    },
    pipeline::{
        Context, Stage, Verdict,
        events::{IqArrived, SessionTakenBack, SessionUnavailable},
    },
};
use jid::Jid;
use seen::LastSeen;
use stanza::{Condition, IqType, Kind, StanzaError};
use xml::{Builder, Element, Ns};

/// The namespace.
const NS: &str = "jabber:iq:last";

/// The feature.
pub struct LastActivity;

impl Module for LastActivity {
    const NAME: &'static str = "last";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0012", "2.0")];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<LastSeen>()];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .iq::<Query>(To::Host)
            .iq::<Query>(To::OwnAccount)
            .iq::<Query>(To::OtherAccount)
            .screen::<IqArrived>()
            .on::<SessionUnavailable>(Stage::Listen)
            .on::<SessionTakenBack>(Stage::Listen);
    }
}

/// `<query/>`.
struct Query;

impl Payload for Query {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

/// How long the host has been running, [§5](https://xmpp.org/extensions/xep-0012.html#server), or how long its user
/// has been away, [§3](https://xmpp.org/extensions/xep-0012.html#offline).
impl AnswerIq<Query> for LastActivity {
    fn answer_iq(&self, _: Query, cx: &mut IqContext<'_>) -> Answer {
        if cx.asked() == To::Host {
            return Ok(Some(answer(cx.server().uptime().as_secs()).build()));
        }
        let from = cx.from().clone();
        // An account that is not there answers like one that hides.
        let (account, run) = cx.account().ok_or_else(forbidden)?;
        if !may_see(account, &from) {
            return Err(forbidden());
        }
        if account.resources().any(Resource::is_available) {
            return Ok(Some(answer(0).build()));
        }
        let Some(seen) = account.resident::<LastSeen>() else {
            return Err(StanzaError::new(Condition::ItemNotFound));
        };
        let away = seen.away_for(run.timestamp()).as_secs();
        Ok(Some(answer(away).text(seen.status()).build()))
    }
}

/// Who may not see the user may not ask the user's clients either,
/// [§4](https://xmpp.org/extensions/xep-0012.html#online).
impl Screen<IqArrived> for LastActivity {
    fn screen(&self, event: &IqArrived, account: &Account, _: &Context<'_>) -> Verdict {
        let envelope = &event.envelope;
        let asks_client = envelope.to().is_full()
            && event.stanza().kind() == Kind::Iq(IqType::Get)
            && event.stanza().has("query", NS);
        match asks_client && !may_see(account, envelope.from()) {
            true => Verdict::Error(forbidden()),
            false => Verdict::Pass,
        }
    }
}

/// The last resource went.
impl On<SessionUnavailable> for LastActivity {
    fn on(&self, event: &mut SessionUnavailable, account: &mut Account, cx: &Context<'_>) {
        let status = event.stanza.child("status", Ns::Content);
        let status = status.map(|status| status.tree().root().text().into_owned());
        seen::went(account, cx, status.unwrap_or_default());
    }
}

/// A crash of the server ended the last resource; it was there at most until now.
impl On<SessionTakenBack> for LastActivity {
    fn on(&self, _: &mut SessionTakenBack, account: &mut Account, cx: &Context<'_>) {
        seen::went(account, cx, String::new());
    }
}

fn may_see(account: &Account, asker: &Jid) -> bool {
    asker.bare_str() == account.jid().as_str() || account.is_seen_by(asker)
}

fn answer(seconds: u64) -> Builder {
    Builder::new("query", NS).attr("seconds", seconds.to_string())
}

fn forbidden() -> StanzaError {
    StanzaError::new(Condition::Forbidden)
}
