//! # Client State Indication
//!
//! A client says whether its user looks at it. While nobody does, the server sends what matters and keeps the rest: the
//! battery of a phone lasts longer if its radio sleeps.
//!
//! Spec: [XEP-0352](https://xmpp.org/extensions/xep-0352.html) 1.0.0, complete. There is no session mark: the state is
//! that of one stream, and a resumed session is active again ([§5.2]).
//!
//! What waits, and when it goes, is the engine's ([`become_inactive`](engine::session::Session::become_inactive)); what
//! is important is here: `importance.rs`. `tests/` holds the transcripts.
//!
//! [§5.2]: https://xmpp.org/extensions/xep-0352.html#rules

mod importance;

use std::sync::Arc;

use engine::{
    HostFacts,
    account::Account,
    module::{
        AtSession, AtStream, BindElement, BindInline, ConfigError, Key, Module, Spec,
        StreamElement, Wiring,
    },
    pipeline::{Context, events::ActivityChanged},
    session::{Importance, SessionId},
};
use importance::{PayloadName, is_important};
use stream::StreamFault;
use xml::{Builder, Element, Fragment};

/// The namespace.
const NS: &str = "urn:xmpp:csi:0";

/// The feature.
pub struct ClientState {
    is_important: Importance,
}

engine::config! {
    /// `csi = { important_payloads = ["{urn:example:alarm}alarm"] }`.
    #[derive(Clone, Debug)]
    pub struct Config {
        /// Children of messages, as `"{namespace}name"`, for which an inactive client is woken, besides those that
        /// are known to matter: bodies, subjects, encrypted messages, invitations, calls.
        pub important_payloads: Vec<String>,
    }
}

impl Module for ClientState {
    const NAME: &'static str = "csi";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0352", "1.0.0")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let named: Vec<PayloadName> = config
            .important_payloads
            .iter()
            .map(|name| {
                PayloadName::parse(name).ok_or_else(|| ConfigError {
                    key: "csi.important_payloads".to_owned(),
                    problem: format!("{name:?} is not written as \"{{namespace}}name\""),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            is_important: Arc::new(move |stanza| is_important(stanza, &named)),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .stream_feature(AtStream::AfterSignIn, |_, _| {
                Some(Builder::new("csi", NS).build())
            })
            .stream_element::<Active>()
            .stream_element::<Inactive>()
            .bind_inline::<Inactive>();
    }
}

/// `<active/>`, [§4.2](https://xmpp.org/extensions/xep-0352.html#protocol).
struct Active;

impl StreamElement for Active {
    const ELEMENT: &'static str = "active";
    const NS: &'static str = NS;

    fn parse(_: &Element<'_>) -> Result<Self, StreamFault> {
        Ok(Self)
    }
}

/// `<inactive/>`, [§4.2](https://xmpp.org/extensions/xep-0352.html#protocol).
struct Inactive;

impl StreamElement for Inactive {
    const ELEMENT: &'static str = "inactive";
    const NS: &'static str = NS;

    fn parse(_: &Element<'_>) -> Result<Self, StreamFault> {
        Ok(Self)
    }
}

impl BindElement for Inactive {
    const ELEMENT: &'static str = "inactive";
    const NS: &'static str = NS;

    fn parse(_: &Element<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// What waited goes out before anything that the client asks next is answered,
/// [§5.1](https://xmpp.org/extensions/xep-0352.html#rules). There is no answer.
impl AtSession<Active> for ClientState {
    fn at_session(
        &self,
        _: Active,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Result<Option<Fragment>, StreamFault> {
        if let Some(resource) = account.resource(session) {
            resource.session().become_active(cx.server());
        }
        let is_active = true;
        cx.tell(ActivityChanged { session, is_active }, account);
        Ok(None)
    }
}

/// From now on only what is important goes out at once. There is no answer.
impl AtSession<Inactive> for ClientState {
    fn at_session(
        &self,
        _: Inactive,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Result<Option<Fragment>, StreamFault> {
        self.nobody_looks(session, account, cx);
        Ok(None)
    }
}

/// A session may begin inactive, [XEP-0386 §Performing the bind](https://xmpp.org/extensions/xep-0386.html#bind). There is
/// nothing to say to that.
impl BindInline<Inactive> for ClientState {
    fn bind_inline(
        &self,
        _: Inactive,
        session: SessionId,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Option<Fragment> {
        self.nobody_looks(session, account, cx);
        None
    }
}

impl ClientState {
    fn nobody_looks(&self, session: SessionId, account: &mut Account, cx: &Context<'_>) {
        if let Some(resource) = account.resource(session) {
            let is_important = self.is_important.clone();
            resource
                .session()
                .become_inactive(is_important, cx.server());
        }
        let is_active = false;
        cx.tell(ActivityChanged { session, is_active }, account);
    }
}
