//! A feature of each kind, for tests: that what is wired shows and works, and that without its line in
//! the list nothing of it is left.

mod keeping;
mod telling;

use engine::{
    ClientSettings, HostFacts, HostSettings, Identity, Item, Limits, Node, Server, Settings,
    account::Account,
    metrics::Counter,
    module::{
        Answer, AnswerIq, AtStream, ConfigError, DiscoNodes, Entry, FanOut, HandleIq, IqContext,
        IqJob, Method, Module, NoConfig, On, Payload, Screen, Spec, To, Wiring, entry,
    },
    pipeline::{
        Context, Stage, Verdict,
        events::{MessageArrived, MessageSent, SessionAvailable, SessionEnded, StanzaEvent},
    },
    session::Session,
};
use jid::{BareJid, Domain, Jid};
use stanza::{
    Condition, Stanza, StanzaError,
    form::{Field, Form},
};
use testkit::{
    transcript::{Script, play},
    world::InProcess,
};
use xml::{Builder, Element, Framing};

use super::ServiceDiscovery;

const WITH: &[Entry] = &[entry::<Sample>(), entry::<ServiceDiscovery>()];
const WITHOUT: &[Entry] = &[entry::<ServiceDiscovery>()];

const NS: &str = "urn:sample";

/// Screens, annotates, copies, listens, answers at once and after waiting, and shows in every place.
struct Sample;

impl Module for Sample {
    const NAME: &'static str = "sample";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0000", "1.0")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        let jid = Jid::parse("sample.example").unwrap();
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .disco_form(Form::data(NS).field(Field::data("colour", ["green"])))
            .disco_item(Item {
                jid,
                node: None,
                name: None,
            })
            .disco_nodes()
            .fan_out()
            .stream_feature(AtStream::BeforeSignIn, |_, _| {
                Some(Builder::new("before", NS).build())
            })
            .stream_feature(AtStream::AfterSignIn, |_, _| {
                Some(Builder::new("after", NS).build())
            })
            .iq::<Ask>(To::Host)
            .iq::<Ask>(To::OtherAccount)
            .iq_waiting::<Wait>(To::OwnAccount)
            .screen::<MessageSent>()
            .screen::<MessageArrived>()
            .on::<MessageSent>(Stage::Annotate)
            .on::<MessageArrived>(Stage::Fork)
            .on::<SessionAvailable>(Stage::Listen)
            .on::<SessionEnded>(Stage::Listen)
            .counter(&ASKED)
            .gauge("sample_streams", "Streams of the host", |_, host, _| {
                f64::from(host.streams())
            });
    }
}

static ASKED: Counter = Counter::new("sample_asked", "Questions answered");

struct Ask;
struct Wait;

impl Payload for Ask {
    const ELEMENT: &'static str = "ask";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(ask: &Element<'_>) -> Result<Self, StanzaError> {
        match ask.attr("bad") {
            None => Ok(Self),
            Some(_) => Err(StanzaError::new(Condition::BadRequest)),
        }
    }
}

impl Payload for Wait {
    const ELEMENT: &'static str = "wait";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Ask> for Sample {
    fn answer_iq(&self, _: Ask, cx: &mut IqContext<'_>) -> Answer {
        cx.server().metrics().count(&ASKED);
        let answer = match (cx.asked(), cx.account()) {
            (To::Host, None) => "host",
            (To::OtherAccount, Some(_)) => "account",
            (To::OtherAccount, None) => "nobody",
            _ => return Err(StanzaError::new(Condition::InternalServerError)),
        };
        Ok(Some(Builder::new("answer", NS).text(answer).build()))
    }
}

impl HandleIq<Wait> for Sample {
    async fn handle_iq(&self, _: Wait, job: IqJob) -> Answer {
        let environment = job.server().environment();
        let later = environment.now() + std::time::Duration::from_secs(1);
        environment.sleep_until(later).await;
        Ok(None)
    }
}

/// One node, which not everybody may see.
impl DiscoNodes for Sample {
    fn disco_node(&self, node: &str, cx: &IqContext<'_>) -> Option<Result<Node, StanzaError>> {
        if node != NS {
            return None;
        }
        if cx.from().local() != Some("romeo") {
            return Some(Err(Condition::Forbidden.into()));
        }
        let identities = vec![Identity {
            category: "hierarchy",
            kind: "leaf",
            name: None,
        }];
        let items = vec![Item {
            jid: cx.host().domain().clone().into(),
            node: Some("inside".to_owned()),
            name: None,
        }];
        Some(Ok(Node {
            identities,
            features: vec![NS],
            items,
        }))
    }
}

/// `<pass-on/>` with an address: the message goes there, under whatever name it claims.
impl FanOut for Sample {
    fn fan_out(
        &self,
        stanza: &Stanza,
        _: &Session,
        _: &Server,
    ) -> Option<Result<Vec<(Jid, Stanza)>, StanzaError>> {
        let to = Jid::parse(&stanza.child("pass-on", NS)?.text());
        let forged = stanza.clone().with_from(Jid::parse("juliet@example").ok());
        Some(match to {
            Ok(to) => Ok(vec![(to.clone(), forged.clone()), (to, forged)]),
            Err(_) => Err(StanzaError::new(Condition::JidMalformed)),
        })
    }
}

/// Stops what is marked for it.
fn verdict(event: &impl StanzaEvent, drop: &str, refuse: &str) -> Verdict {
    let stanza = event.envelope().stanza();
    match (stanza.has(drop, NS), stanza.has(refuse, NS)) {
        (true, _) => Verdict::Drop,
        (_, true) => Verdict::Error(StanzaError::new(Condition::PolicyViolation)),
        (false, false) => Verdict::Pass,
    }
}

impl Screen<MessageSent> for Sample {
    fn screen(&self, event: &MessageSent, _: &Account, _: &Context<'_>) -> Verdict {
        verdict(event, "drop-sent", "refuse-sent")
    }
}

impl Screen<MessageArrived> for Sample {
    fn screen(&self, event: &MessageArrived, _: &Account, _: &Context<'_>) -> Verdict {
        verdict(event, "drop-arrived", "refuse-arrived")
    }
}

impl On<MessageSent> for Sample {
    fn on(&self, event: &mut MessageSent, _: &mut Account, _: &Context<'_>) {
        let stanza = event.envelope.stanza_mut();
        stanza.retain_children(|child| !child.is("note", NS));
        stanza.push_child(Builder::new("note", NS).build());
    }
}

impl On<MessageArrived> for Sample {
    fn on(&self, event: &mut MessageArrived, account: &mut Account, cx: &Context<'_>) {
        let copy = std::sync::Arc::new(
            Stanza::message(stanza::MessageType::Headline)
                .with_from(Jid::from(account.jid().clone()))
                .with_child(Builder::new("copy", NS).build()),
        );
        for resource in account.resources() {
            if !event.recipients.contains(&resource.session().id()) {
                cx.push(resource.session(), &copy);
            }
        }
    }
}

impl On<SessionAvailable> for Sample {
    fn on(&self, event: &mut SessionAvailable, account: &mut Account, cx: &Context<'_>) {
        let Some(resource) = account.resource(event.session) else {
            return;
        };
        let hello = Stanza::message(stanza::MessageType::Headline)
            .with_from(Jid::from(account.jid().clone()))
            .with_child(Builder::new("hello", NS).build());
        cx.push(resource.session(), &std::sync::Arc::new(hello));
    }
}

impl On<SessionEnded> for Sample {
    fn on(&self, event: &mut SessionEnded, account: &mut Account, cx: &Context<'_>) {
        let bye = Stanza::message(stanza::MessageType::Headline)
            .with_from(Jid::from(account.jid().clone()))
            .with_child(
                Builder::new("bye", NS)
                    .text(event.full_jid.resource())
                    .build(),
            );
        let bye = std::sync::Arc::new(bye);
        for resource in account.resources() {
            cx.push(resource.session(), &bye);
        }
    }
}

#[test]
fn what_is_wired_shows_and_works() {
    check(WITH, include_str!("sample/with.transcript"));
}

#[test]
fn without_its_line_nothing_of_a_feature_is_left() {
    check(WITHOUT, include_str!("sample/without.transcript"));
}

#[track_caller]
fn check(entries: &'static [Entry], text: &str) {
    check_in(entries, text, 1);
}

/// With the accounts in so many homes.
#[track_caller]
fn check_in(entries: &'static [Entry], text: &str, homes: usize) {
    let script = Script::parse("sample", text).unwrap();
    for framing in [Framing::Stream, Framing::Document] {
        for seed in 0..3 {
            let mut actors = InProcess::new(seed, framing, entries, configure).with_homes(homes);
            if let Err(failure) = play(&script, &mut actors) {
                panic!("{framing:?}, seed {seed}: {failure}");
            }
        }
    }
}

fn configure(_: &str) -> Result<(Settings, ClientSettings), String> {
    let domain = Domain::parse("example").map_err(|error| error.to_string())?;
    let mut facts = HostFacts::new(domain);
    facts.scram_iterations = std::num::NonZeroU32::MIN;
    facts.admins = vec![BareJid::parse("admin@example").map_err(|error| error.to_string())?];
    let host = HostSettings {
        facts,
        modules: std::collections::BTreeMap::new(),
    };
    let clients = ClientSettings::default();
    let settings = Settings {
        hosts: vec![host],
        limits: Limits::default(),
        ..Settings::default()
    };
    Ok((settings, clients))
}
