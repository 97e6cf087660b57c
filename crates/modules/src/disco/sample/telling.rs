//! A feature that tells other accounts something: a run over one account, or of a service, says it, and a run over
//! the other hears it.

use std::collections::BTreeMap;

use engine::{
    Envelope, HostFacts, Identity,
    account::{Account, Resident, ResidentKind},
    module::{
        AccountMessage, Answer, AnswerIq, ConfigError, Entry, IqContext, Method, Module, NoConfig,
        OnAccountMessage, Payload, Service, Spec, To, Wiring, entry,
    },
    pipeline::Context,
};
use jid::{BareJid, Domain, Jid};
use serde::{Deserialize, Serialize};
use stanza::{Condition, Stanza, StanzaError};
use store::{Collection, Map, Version};
use xml::{Builder, Element, Fragment};

use super::{NS, check, check_in};
use crate::disco::ServiceDiscovery;

const WITH: &[Entry] = &[entry::<Teller>(), entry::<ServiceDiscovery>()];
const WITHOUT: &[Entry] = &[entry::<ServiceDiscovery>()];

struct Teller;

impl Module for Teller {
    const NAME: &'static str = "teller";
    const SPECS: &'static [Spec] = &[];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<Heard>()];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let identity = Identity {
            category: "component",
            kind: "generic",
            name: None,
        };
        wiring
            .iq::<Tell>(To::OwnAccount)
            .iq::<Recall>(To::OwnAccount)
            .iq::<Counts>(To::Host)
            .account_message::<Rumour>()
            .account_message::<Thanks>()
            .service(town(), identity, |_| {});
    }
}

fn town() -> Domain {
    Domain::parse("town.example").unwrap()
}

/// What one account tells another.
#[derive(Deserialize, Serialize)]
#[serde(default)]
struct Rumour {
    text: String,
}

impl Default for Rumour {
    fn default() -> Self {
        let text = "something".to_owned();
        Self { text }
    }
}

impl AccountMessage for Rumour {
    const NAME: &'static str = "teller.rumour";
}

/// What the other says to that.
#[derive(Deserialize, Serialize)]
struct Thanks {}

impl AccountMessage for Thanks {
    const NAME: &'static str = "teller.thanks";
}

/// An earlier server told it like this.
#[derive(Deserialize, Serialize)]
struct EarlyRumour {}

impl AccountMessage for EarlyRumour {
    const NAME: &'static str = "teller.rumour";
}

/// What nobody here takes.
#[derive(Deserialize, Serialize)]
struct Secret {}

impl AccountMessage for Secret {
    const NAME: &'static str = "teller.secret";
}

/// What an account was told, by whom.
#[derive(Default)]
struct Heard(BTreeMap<BareJid, String>);

impl Resident for Heard {
    type Key = BareJid;
    type Value = String;
    const COLLECTION: Collection<Map<BareJid, String>> =
        Collection::new("teller.heard", Version(1));

    fn load(entries: Vec<(BareJid, String)>) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// What an account told, to whom.
const TOLD: Collection<Map<BareJid, String>> = Collection::new("teller.told", Version(1));

/// `<tell jid='…' how='…'>text</tell>`.
struct Tell {
    jid: BareJid,
    how: String,
    text: String,
}

impl Payload for Tell {
    const ELEMENT: &'static str = "tell";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(tell: &Element<'_>) -> Result<Self, StanzaError> {
        let jid = tell.attr("jid").and_then(|jid| BareJid::parse(&jid).ok());
        Ok(Self {
            jid: jid.ok_or_else(|| StanzaError::new(Condition::BadRequest))?,
            how: tell.attr("how").map(Into::into).unwrap_or_default(),
            text: tell.text().into_owned(),
        })
    }
}

impl AnswerIq<Tell> for Teller {
    fn answer_iq(&self, tell: Tell, cx: &mut IqContext<'_>) -> Answer {
        let Tell { jid, how, text } = tell;
        let Some((account, run)) = cx.account() else {
            return Err(StanzaError::new(Condition::InternalServerError));
        };
        run.batch().put(TOLD, account.owner(), &jid, &text);
        let said = match how.as_str() {
            "early" => run.tell_account(&jid, &EarlyRumour {}),
            "secretly" => run.tell_account(&jid, &Secret {}),
            "at length" => {
                let text = "hear, hear! ".repeat(30_000);
                run.tell_account(&jid, &Rumour { text })
            }
            _ => run.tell_account(&jid, &Rumour { text }),
        };
        match said {
            Ok(()) => Ok(None),
            Err(error) => {
                Err(StanzaError::new(Condition::NotAcceptable).with_text(error.to_string()))
            }
        }
    }
}

impl OnAccountMessage<Rumour> for Teller {
    fn on_account_message(
        &self,
        Rumour { text }: Rumour,
        from: &BareJid,
        account: &mut Account,
        cx: &Context<'_>,
    ) {
        cx.batch()
            .put(Heard::COLLECTION, account.owner(), from, &text);
        let heard = &mut account.resident_mut::<Heard>().0;
        heard.insert(from.clone(), text.clone());
        say(account, cx, "rumour", from, &text);
        // A service can't be told anything: it has its own domain, which is no account.
        let _ = cx.tell_account(from, &Thanks {});
    }
}

impl OnAccountMessage<Thanks> for Teller {
    fn on_account_message(
        &self,
        _: Thanks,
        from: &BareJid,
        account: &mut Account,
        cx: &Context<'_>,
    ) {
        say(account, cx, "thanks", from, "");
    }
}

/// Shows the user's sessions what was told.
fn say(account: &Account, cx: &Context<'_>, what: &str, from: &BareJid, text: &str) {
    let shown = shown(what, from, text);
    let note = Stanza::message(stanza::MessageType::Headline)
        .with_from(Jid::from(account.jid().clone()))
        .with_child(shown);
    let note = std::sync::Arc::new(note);
    for resource in account.resources() {
        cx.push(resource.session(), &note);
    }
}

fn shown(what: &str, from: &BareJid, text: &str) -> Fragment {
    Builder::new(what, NS)
        .attr("by", from.as_str())
        .text(text)
        .build()
}

/// `<recall/>`: what the own account was told.
struct Recall;

impl Payload for Recall {
    const ELEMENT: &'static str = "recall";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Recall> for Teller {
    fn answer_iq(&self, _: Recall, cx: &mut IqContext<'_>) -> Answer {
        let Some((account, _)) = cx.account() else {
            return Err(StanzaError::new(Condition::InternalServerError));
        };
        let mut all = Builder::new("recall", NS);
        for (from, text) in account
            .resident::<Heard>()
            .into_iter()
            .flat_map(|one| &one.0)
        {
            all = all.child(shown("rumour", from, text));
        }
        Ok(Some(all.build()))
    }
}

/// `<counts/>`: what became of all messages.
struct Counts;

impl Payload for Counts {
    const ELEMENT: &'static str = "counts";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Counts> for Teller {
    fn answer_iq(&self, _: Counts, cx: &mut IqContext<'_>) -> Answer {
        let counts = cx.server().account_messages();
        let answer = Builder::new("counts", NS)
            .attr("handled", counts.handled.to_string())
            .attr("dropped", counts.dropped.to_string());
        Ok(Some(answer.build()))
    }
}

/// Tells whom it is asked about, its local part, what is said there.
impl Service for Teller {
    fn take(&self, envelope: &Envelope, cx: &Context<'_>) {
        let (Some(name), Some(text)) = (envelope.to().local(), envelope.stanza().body()) else {
            return;
        };
        let account = cx.host().domain().with_local(name).unwrap();
        cx.tell_account(&account, &Rumour { text }).unwrap();
    }
}

#[test]
fn what_is_told_is_heard_in_order_once_it_is_stored() {
    check(WITH, include_str!("telling_with.transcript"));
}

#[test]
fn what_is_told_is_heard_wherever_the_accounts_live() {
    for homes in 1..=3 {
        check_in(WITH, include_str!("telling_homes.transcript"), homes);
    }
}

#[test]
fn without_its_line_nobody_tells_anything() {
    check(WITHOUT, include_str!("telling_without.transcript"));
}
