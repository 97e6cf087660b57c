//! A feature that keeps data with accounts, owns a domain, asks, takes elements of the stream, hears of the
//! life of accounts, and works by itself.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{
    Envelope, Host, HostFacts, Identity, Server,
    account::{Account, Resident, ResidentKind},
    module::{
        Answer, AnswerIq, AtSession, ConfigError, Entry, HandleIq, IqContext, IqJob, Job, Method,
        Module, NoConfig, On, Payload, Screen, Service, Spec, StreamElement, To, Wiring, entry,
    },
    pipeline::{
        Context, Stage, Verdict,
        events::{
            AccountCreated, AccountDeleted, AccountDisabled, MessageArrived, PasswordChanged,
        },
    },
    session::SessionId,
};
use jid::{BareJid, Domain, Jid};
use stanza::{Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};
use store::{Collection, Map, Version};
use stream::StreamFault;
use xml::{Builder, Element, Fragment};

use super::{NS, check};
use crate::disco::ServiceDiscovery;

const WITH: &[Entry] = &[entry::<Keeper>(), entry::<ServiceDiscovery>()];
const WITHOUT: &[Entry] = &[entry::<ServiceDiscovery>()];

struct Keeper;

impl Module for Keeper {
    const NAME: &'static str = "keeper";
    const SPECS: &'static [Spec] = &[];
    const RESIDENT: &'static [ResidentKind] = &[ResidentKind::of::<Shut>()];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let identity = Identity {
            category: "component",
            kind: "generic",
            name: Some("Echo"),
        };
        wiring
            .iq::<SetShut>(To::OwnAccount)
            .screen::<MessageArrived>()
            .service(echo(), identity, |service| {
                service
                    .disco_feature(NS)
                    .iq::<Count>()
                    .iq_waiting::<Probe>();
            })
            .stream_element::<Hail>()
            .on::<AccountCreated>(Stage::Listen)
            .on::<AccountDisabled>(Stage::Listen)
            .on::<AccountDeleted>(Stage::Listen)
            .on::<PasswordChanged>(Stage::Listen)
            .job(Duration::from_secs(24 * 60 * 60));
    }
}

fn echo() -> Domain {
    Domain::parse("echo.example").unwrap()
}

/// Senders whose messages an account takes not, as it said.
#[derive(Default)]
struct Shut(BTreeMap<BareJid, ()>);

impl Resident for Shut {
    type Key = BareJid;
    type Value = ();
    const COLLECTION: Collection<Map<BareJid, ()>> = Collection::new("keeper.shut", Version(1));

    fn load(entries: Vec<(BareJid, ())>) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// `<shut jid='…'/>`.
struct SetShut(BareJid);

impl Payload for SetShut {
    const ELEMENT: &'static str = "shut";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(shut: &Element<'_>) -> Result<Self, StanzaError> {
        let jid = shut.attr("jid").and_then(|jid| BareJid::parse(&jid).ok());
        jid.map(Self)
            .ok_or_else(|| StanzaError::new(Condition::BadRequest))
    }
}

impl AnswerIq<SetShut> for Keeper {
    fn answer_iq(&self, SetShut(jid): SetShut, cx: &mut IqContext<'_>) -> Answer {
        let Some((account, run)) = cx.account() else {
            return Err(StanzaError::new(Condition::InternalServerError));
        };
        run.batch()
            .put(Shut::COLLECTION, account.owner(), &jid, &());
        account.resident_mut::<Shut>().0.insert(jid.clone(), ());
        run.undo_if_lost(Box::new(move |account| {
            account.resident_mut::<Shut>().0.remove(&jid);
        }));
        Ok(None)
    }
}

impl Screen<MessageArrived> for Keeper {
    fn screen(&self, event: &MessageArrived, account: &Account, _: &Context<'_>) -> Verdict {
        let sender = event.envelope.from().bare();
        match account.resident::<Shut>() {
            Some(shut) if shut.0.contains_key(&sender) => Verdict::Drop,
            _ => Verdict::Pass,
        }
    }
}

/// Says back what it is told, and tells the first admin who left it.
impl Service for Keeper {
    fn take(&self, envelope: &Envelope, cx: &Context<'_>) {
        if envelope.stanza().kind() == Kind::Presence(PresenceType::Unavailable) {
            let left = Stanza::message(MessageType::Chat)
                .with_child(Builder::content("body").text("left").build());
            let admin = cx.host().facts().admins.first().unwrap().clone();
            let note = Envelope::from_service(&echo(), envelope.to().clone(), admin.into(), left);
            cx.route(note.unwrap());
        }
        let Kind::Message(MessageType::Chat) = envelope.stanza().kind() else {
            return;
        };
        let said = envelope.stanza().as_ref().clone();
        let back = Envelope::from_service(
            &echo(),
            envelope.to().clone(),
            envelope.from().clone(),
            said,
        );
        cx.route(back.unwrap());
    }
}

/// `<count/>`, answered by the service at once.
struct Count;

impl Payload for Count {
    const ELEMENT: &'static str = "count";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Count> for Keeper {
    fn answer_iq(&self, _: Count, cx: &mut IqContext<'_>) -> Answer {
        let domain = cx.service().map(|service| service.domain().to_string());
        Ok(Some(
            Builder::new("count", NS).text(&domain.unwrap()).build(),
        ))
    }
}

/// `<probe jid='…'/>`: the service asks that address and says what came of it.
struct Probe(Jid);

impl Payload for Probe {
    const ELEMENT: &'static str = "probe";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(probe: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self(Jid::parse(&probe.attr("jid").unwrap()).unwrap()))
    }
}

impl HandleIq<Probe> for Keeper {
    async fn handle_iq(&self, Probe(jid): Probe, job: IqJob) -> Answer {
        let question = Stanza::iq(IqType::Get, "").with_child(Builder::new("who", NS).build());
        let question = Envelope::from_service(&echo(), echo().into(), jid, question);
        let answer = job
            .server()
            .ask(question.unwrap(), Duration::from_secs(10))
            .await;
        let said = match answer {
            Ok(answer) if answer.kind() == Kind::Iq(IqType::Result) => "answered",
            Ok(_) => "refused",
            Err(_) => "silent",
        };
        Ok(Some(Builder::new(said, NS).build()))
    }
}

/// `<hail/>` on the stream.
struct Hail;

impl StreamElement for Hail {
    const ELEMENT: &'static str = "hail";
    const NS: &'static str = NS;

    fn parse(hail: &Element<'_>) -> Result<Self, StreamFault> {
        match hail.attr("bad") {
            None => Ok(Self),
            Some(_) => Err(StreamFault::InvalidXml),
        }
    }
}

impl AtSession<Hail> for Keeper {
    fn at_session(
        &self,
        _: Hail,
        session: SessionId,
        account: &mut Account,
        _: &Context<'_>,
    ) -> Result<Option<Fragment>, StreamFault> {
        let who = account.resource(session).map(|one| one.full_jid().clone());
        let resource = who.as_ref().map_or("", |jid| jid.resource());
        Ok(Some(Builder::new("hailed", NS).text(resource).build()))
    }
}

/// Admins hear of it.
fn note(account: &Account, cx: &Context<'_>, what: &str) {
    note_from(account.jid().clone().into(), cx.host(), what, |envelope| {
        cx.route(envelope);
    });
}

fn note_from(from: Jid, host: &Arc<Host>, what: &str, route: impl FnOnce(Envelope)) {
    let text = format!("{from} {what}");
    let note = Stanza::message(MessageType::Headline)
        .with_child(Builder::new("note", NS).text(&text).build());
    let admin = host.facts().admins.first().unwrap().clone();
    route(Envelope::from_host(host.domain(), admin.into(), note));
}

impl On<AccountCreated> for Keeper {
    fn on(&self, _: &mut AccountCreated, account: &mut Account, cx: &Context<'_>) {
        note(account, cx, "was made");
    }
}

impl On<AccountDisabled> for Keeper {
    fn on(&self, event: &mut AccountDisabled, account: &mut Account, cx: &Context<'_>) {
        note(
            account,
            cx,
            if event.disabled { "is shut" } else { "is open" },
        );
    }
}

impl On<AccountDeleted> for Keeper {
    fn on(&self, _: &mut AccountDeleted, account: &mut Account, cx: &Context<'_>) {
        note(account, cx, "is gone");
    }
}

impl On<PasswordChanged> for Keeper {
    fn on(&self, _: &mut PasswordChanged, account: &mut Account, cx: &Context<'_>) {
        note(account, cx, "has another password");
    }
}

impl Job for Keeper {
    async fn run(&self, host: &Arc<Host>, server: &Arc<Server>) {
        note_from(host.domain().clone().into(), host, "is well", |envelope| {
            server.route(envelope);
        });
    }
}

#[test]
fn what_is_kept_owned_asked_and_done_alone_works() {
    check(WITH, include_str!("keeping_with.transcript"));
}

#[test]
fn without_its_line_nothing_of_it_is_left() {
    check(WITHOUT, include_str!("keeping_without.transcript"));
}
