//! # vCards
//!
//! What users say of themselves: a name, a picture, an address. Everybody may read it, also while its
//! user is away.
//!
//! Spec: [XEP-0054](https://xmpp.org/extensions/xep-0054.html) 1.3.0 for accounts. The vCard is kept as it was
//! written; what is in it is between clients, and so is the picture's hash in presence (XEP-0153).
//!
//! `tests/` holds the transcripts.

use engine::{
    Action, HostFacts,
    account::VCARD,
    may,
    module::{
        Answer, AnswerIq, ConfigError, HandleIq, IqContext, IqJob, Method, Module, NoConfig,
        Payload, Spec, To, Wiring,
    },
    pipeline::events::VCardChanged,
};
use stanza::{Condition, StanzaError};
use store::Owner;
use xml::{Builder, Element, Fragment};

/// The namespace.
const NS: &str = "vcard-temp";

/// The element.
const ELEMENT: &str = "vCard";

/// The feature.
pub struct VCard;

impl Module for VCard {
    const NAME: &'static str = "vcard";
    const SPECS: &'static [Spec] =
        &[Spec::new("XEP-0054", "1.3.0").except("a vCard of the server")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .iq_waiting::<Get>(To::OwnAccount)
            .iq_waiting::<Get>(To::OtherAccount)
            .iq::<Set>(To::OwnAccount)
            .iq::<Set>(To::OtherAccount);
    }
}

/// `<vCard/>` in a get.
struct Get;

impl Payload for Get {
    const ELEMENT: &'static str = ELEMENT;
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

/// `<vCard/>` in a set: all of it; an empty one says that there is none.
struct Set {
    text: String,
    is_empty: bool,
}

impl Payload for Set {
    const ELEMENT: &'static str = ELEMENT;
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(vcard: &Element<'_>) -> Result<Self, StanzaError> {
        let mut bytes = Vec::new();
        vcard.write_detached(&mut bytes);
        let text = String::from_utf8(bytes);
        Ok(Self {
            text: text.map_err(|_| StanzaError::new(Condition::BadRequest))?,
            is_empty: vcard.children().next().is_none(),
        })
    }
}

/// The own vCard, [§3.1](https://xmpp.org/extensions/xep-0054.html#usecases), an empty one where none was set;
/// or another's, §3.3, where the lack of one looks like the lack of an account.
impl HandleIq<Get> for VCard {
    async fn handle_iq(&self, _: Get, job: IqJob) -> Answer {
        let account = job.account().ok_or_else(nobody)?;
        let is_own = *account == job.from().bare();
        let owner = Owner::Account(account.clone());
        let store = job.server().store();
        if is_own {
            // What the asker has just set is shown, or has failed.
            let _fate = store.settled(store.submitted()).await;
        }
        let kept = store.get(VCARD, &owner, &()).await.map_err(|error| {
            tracing::error!(%error, account = %account, "a vCard can't be read; the request is refused");
            StanzaError::new(Condition::InternalServerError)
        })?;
        match kept.and_then(|text| Fragment::parse(&text).ok()) {
            Some(vcard) => Ok(Some(vcard)),
            None if is_own => Ok(Some(Builder::new(ELEMENT, NS).build())),
            None => Err(nobody()),
        }
    }
}

/// A user writes the whole of the own vCard, [§3.2](https://xmpp.org/extensions/xep-0054.html#usecases), and nobody
/// another's.
impl AnswerIq<Set> for VCard {
    fn answer_iq(&self, set: Set, cx: &mut IqContext<'_>) -> Answer {
        if cx.asked() != To::OwnAccount || !may(cx.role(), Action::StoreData) {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let (account, run) = cx.account().ok_or_else(nobody)?;
        let bytes_max = run.server().limits().vcard_bytes_max;
        if set.text.len() > bytes_max {
            let text = format!("a vCard may have {bytes_max} bytes");
            return Err(StanzaError::new(Condition::NotAcceptable).with_text(text));
        }
        match set.is_empty {
            true => run.batch().delete(VCARD, account.owner(), &()),
            false => run.batch().put(VCARD, account.owner(), &(), &set.text),
        }
        let vcard = (!set.is_empty).then(|| set.text.into());
        run.tell(VCardChanged { vcard }, account);
        Ok(None)
    }
}

/// What is said for an account that does not exist.
fn nobody() -> StanzaError {
    StanzaError::new(Condition::ServiceUnavailable)
}
