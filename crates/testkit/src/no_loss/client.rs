//! One client: its stream, from connecting to being online.

use std::collections::BTreeMap;

use sasl::{Mechanism, Nonce, client::Scram, wire};
use xml::{Element, Ns, ns};

use super::{
    message::MessageId,
    sent::Sent,
    session::{Asked, Sync},
    shown::{Shown, Viewer},
    verdict::{Mistake, Promises},
};
use crate::{incoming::Incoming, transcript::Received};

/// The namespace of XEP-0198.
pub(super) const SM: &str = "urn:xmpp:sm:3";

/// How a client makes up for a lost connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// By stream management.
    Resuming,
    /// By the archive.
    Syncing,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has no connection.
    Away,
    /// The features before the sign-in are due.
    Opening,
    Challenged(Scram),
    Proven(Scram),
    /// The features after it are due.
    SignedIn,
    Resuming,
    Binding,
    Enabling,
    Online,
}

/// One client, without a connection.
#[derive(Debug)]
pub struct Client {
    /// Its number among all clients.
    pub(super) number: usize,
    pub(super) account: usize,
    pub(super) kind: Kind,
    pub(super) promises: Promises,
    pub(super) stage: Stage,
    incoming: Incoming,
    pub(super) out: String,
    /// The server, or the client itself, wants this connection to end.
    is_over: bool,
    /// With which id the session can be resumed.
    pub(super) previd: Option<String>,
    pub(super) sent: Sent,
    /// What it says while it can't be told whether that counts: it waits for `<enabled/>`.
    pub(super) held_back: Option<Vec<String>>,
    /// Stanzas it has handled of the session.
    pub(super) handled: u32,
    pub(super) shown: Shown,
    /// Counts what may make something come again: deaths of the server, and sessions of its own that were lost.
    pub(super) epoch: u32,
    pub(super) numbers: BTreeMap<usize, u32>,
    pub(super) asked: BTreeMap<String, Asked>,
    pub(super) sync: Sync,
    pub(super) tallies: Tallies,
    pub(super) mistakes: Vec<Mistake>,
}

/// What a client counts about itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tallies {
    pub(super) sent: usize,
    pub(super) resumed: usize,
    /// `<failed/>` that said what was handled.
    pub(super) refused_with_h: usize,
    /// `<failed/>` that did not.
    pub(super) refused_without_h: usize,
    /// Sessions begun anew.
    pub(super) bound: usize,
    pub(super) answers: usize,
    pub(super) pages: usize,
    pub(super) bounced: usize,
    /// Sessions lost for good.
    pub(super) broken: usize,
}

impl Client {
    pub(super) fn new(number: usize, account: usize, kind: Kind, promises: Promises) -> Self {
        Self {
            number,
            account,
            kind,
            promises,
            stage: Stage::Away,
            incoming: Incoming::new(),
            out: String::new(),
            is_over: false,
            previd: None,
            sent: Sent::default(),
            held_back: None,
            handled: 0,
            shown: Shown::default(),
            epoch: 0,
            numbers: BTreeMap::new(),
            asked: BTreeMap::new(),
            sync: Sync::default(),
            tallies: Tallies::default(),
            mistakes: Vec::new(),
        }
    }

    /// The name of an account, which is its password too.
    #[must_use]
    pub fn name_of(account: usize) -> String {
        format!("a{account}")
    }

    /// The full JID of the client of this kind.
    pub(super) fn full_jid(account: usize, kind: Kind, domain: &str) -> String {
        format!("a{account}@{domain}/{}", Self::resource(kind))
    }

    pub(super) const fn resource(kind: Kind) -> &'static str {
        match kind {
            Kind::Resuming => "sm",
            Kind::Syncing => "mam",
        }
    }

    pub(super) fn viewer(&self) -> Viewer {
        Viewer {
            client: self.number,
            compares_ids: self.kind == Kind::Syncing,
        }
    }

    /// How it makes up for a lost connection.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it has a connection, in whatever state.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !matches!(self.stage, Stage::Away)
    }

    /// Whether it can say and hear something.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.stage, Stage::Online)
    }

    /// Whether its connection has no more use: whoever drives it takes it away and says [`Client::lost`].
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// It has a connection, with TLS if that is needed.
    pub fn connected(&mut self) {
        self.stage = Stage::Opening;
        self.incoming = Incoming::new();
        self.out.clear();
        self.is_over = false;
        self.open();
    }

    /// Its connection is gone.
    pub fn lost(&mut self) {
        self.stage = Stage::Away;
        self.out.clear();
        self.is_over = false;
        self.held_back = None;
        if self.previd.is_none() {
            self.lose_session();
        }
    }

    /// The server was killed, whether or not this client was connected.
    pub(super) fn server_died(&mut self) {
        self.epoch += 1;
    }

    /// The session can't go on: what it had may come again, and what it asked stays open.
    pub(super) fn lose_session(&mut self) {
        self.tallies.broken += usize::from(self.handled > 0);
        self.epoch += 1;
        self.asked.clear();
        self.shown.begin_session();
    }

    /// What it has to say.
    #[must_use]
    pub fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Hears bytes.
    pub fn receive(&mut self, bytes: &[u8]) {
        if let Err(fault) = self.incoming.feed(bytes) {
            self.unexpected(format!("what came is not XML: {fault}"));
            return;
        }
        while let Some(received) = self.incoming.next() {
            match received {
                Received::Element(tree) => self.element(tree.root()),
                Received::Closed => self.is_over = true,
                Received::Header(_) | Received::Cut => {}
            }
        }
    }

    pub(super) fn unexpected(&mut self, what: impl Into<String>) {
        self.is_over = true;
        self.mistakes.push(Mistake::Unexpected {
            client: self.number,
            what: what.into(),
        });
    }

    fn open(&mut self) {
        let domain = &self.promises.domain;
        self.out.push_str(&format!(
            "<stream:stream xmlns='{}' xmlns:stream='{}' to='{domain}' version='1.0'>",
            ns::CLIENT,
            ns::STREAMS
        ));
    }

    fn element(&mut self, element: Element<'_>) {
        if element.is("error", ns::STREAMS) {
            return self.stream_error(element);
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Away) {
            Stage::Away => Stage::Away,
            Stage::Opening => self.authenticate(),
            Stage::Challenged(scram) => self.challenged(element, scram),
            Stage::Proven(scram) => self.proven(element, &scram),
            Stage::SignedIn => self.resume_or_bind(),
            Stage::Resuming => self.resuming(element),
            Stage::Binding => self.binding(element),
            Stage::Enabling => self.enabling(element),
            Stage::Online => {
                self.stage = Stage::Online;
                return self.hear(element);
            }
        };
    }

    /// Some ends are the server's right; any other is a mistake of the one or the other.
    fn stream_error(&mut self, error: Element<'_>) {
        self.is_over = true;
        let conditions = error.children().map(|child| child.name());
        let conditions: Vec<&str> = conditions.collect();
        let is_fine = ["system-shutdown", "conflict"]
            .iter()
            .any(|fine| conditions.contains(fine));
        if !is_fine {
            self.unexpected(format!("the stream ended with {}", conditions.join(", ")));
        }
    }

    /// SCRAM-SHA-1: the test is about messages, not about mechanisms.
    fn authenticate(&mut self) -> Stage {
        let name = Self::name_of(self.account);
        let nonce = Nonce::from_bytes(format!("{name} {}", self.number).as_bytes());
        let scram = Scram::new(Mechanism::ScramSha1, &name, &name, &nonce, None);
        let scram = scram.expect("the name is plain");
        let first = wire::encode(&scram.first());
        self.out.push_str(&format!(
            "<auth xmlns='{}' mechanism='SCRAM-SHA-1'>{first}</auth>",
            ns::SASL
        ));
        Stage::Challenged(scram)
    }

    fn challenged(&mut self, element: Element<'_>, mut scram: Scram) -> Stage {
        let challenge = wire::decode(&element.text());
        let answer = challenge.ok().and_then(|text| scram.answer(&text).ok());
        match answer.filter(|_| element.is("challenge", ns::SASL)) {
            Some(answer) => {
                let answer = wire::encode(&answer);
                self.out.push_str(&format!(
                    "<response xmlns='{}'>{answer}</response>",
                    ns::SASL
                ));
                Stage::Proven(scram)
            }
            None => self.not_signed_in(element),
        }
    }

    fn proven(&mut self, element: Element<'_>, scram: &Scram) -> Stage {
        let proof = wire::decode(&element.text());
        let is_proven = proof.is_ok_and(|proof| scram.check(&proof).is_ok());
        if !element.is("success", ns::SASL) || !is_proven {
            return self.not_signed_in(element);
        }
        self.open();
        Stage::SignedIn
    }

    fn not_signed_in(&mut self, element: Element<'_>) -> Stage {
        self.unexpected(format!("no sign-in: {}", element.as_str()));
        Stage::Opening
    }

    fn resume_or_bind(&mut self) -> Stage {
        match &self.previd {
            Some(previd) => {
                self.out.push_str(&format!(
                    "<resume xmlns='{SM}' previd='{previd}' h='{}'/>",
                    self.handled
                ));
                Stage::Resuming
            }
            None => self.bind(),
        }
    }

    /// [§5](https://xmpp.org/extensions/xep-0198.html#resumption): what is not covered by `h` is sent again.
    fn resuming(&mut self, element: Element<'_>) -> Stage {
        let h: Option<u32> = element.attr("h").and_then(|h| h.parse().ok());
        if element.is("resumed", SM) {
            self.tallies.resumed += 1;
            match h {
                Some(h) => self.acknowledged(h),
                None => self.unexpected("<resumed/> without h"),
            }
            let again = self.sent.again();
            self.out.push_str(&again);
            self.ask_for_ack();
            return Stage::Online;
        }
        if !element.is("failed", SM) {
            self.unexpected(format!("no answer to <resume/>: {}", element.as_str()));
            return Stage::Resuming;
        }
        match h {
            Some(h) => {
                self.tallies.refused_with_h += 1;
                self.acknowledged(h);
            }
            None => {
                self.tallies.refused_without_h += 1;
                self.sent.give_up();
            }
        }
        self.previd = None;
        self.lose_session();
        self.bind()
    }

    fn bind(&mut self) -> Stage {
        self.tallies.bound += 1;
        let resource = Self::resource(self.kind);
        self.out.push_str(&format!(
            "<iq type='set' id='bind'><bind xmlns='{}'><resource>{resource}</resource></bind></iq>",
            ns::BIND
        ));
        Stage::Binding
    }

    fn binding(&mut self, element: Element<'_>) -> Stage {
        let is_bound = element.is("iq", Ns::Content)
            && element.attr("type").as_deref() == Some("result")
            && element.attr("id").as_deref() == Some("bind");
        if !is_bound {
            self.unexpected(format!("no resource: {}", element.as_str()));
            return Stage::Binding;
        }
        match self.kind {
            Kind::Resuming => {
                self.out
                    .push_str(&format!("<enable xmlns='{SM}' resume='true'/>"));
                self.held_back = Some(Vec::new());
                Stage::Enabling
            }
            Kind::Syncing => {
                self.begin_to_sync();
                Stage::Online
            }
        }
    }

    fn enabling(&mut self, element: Element<'_>) -> Stage {
        if element.ns() == Ns::Content {
            // What comes before the answer is not counted.
            self.hear(element);
            return Stage::Enabling;
        }
        if !element.is("enabled", SM) {
            self.unexpected(format!("no stream management: {}", element.as_str()));
            return Stage::Enabling;
        }
        let is_resumable = matches!(element.attr("resume").as_deref(), Some("true" | "1"));
        self.previd = element
            .attr("id")
            .filter(|_| is_resumable)
            .map(|id| id.into_owned());
        if self.previd.is_none() {
            self.unexpected("a session that can't be resumed");
        }
        self.handled = 0;
        self.sent.begin_session();
        let again = self.sent.again();
        self.out.push_str(&again);
        for held_back in self.held_back.take().unwrap_or_default() {
            self.say(&held_back);
        }
        self.say("<presence/>");
        self.ask_for_ack();
        Stage::Online
    }

    /// The server acknowledges.
    pub(super) fn acknowledged(&mut self, h: u32) {
        if self.sent.acknowledge(h).is_none() {
            self.unexpected(format!("h='{h}' is more than was sent"));
        }
    }

    /// Whether a session of it ended though it could have been resumed.
    pub(super) fn has_broken(&self) -> bool {
        self.tallies.broken > 0
    }

    /// Every counted message it ever sent.
    pub(super) fn all_sent(&self) -> impl Iterator<Item = MessageId> {
        let numbers = self.numbers.iter();
        numbers.flat_map(|(recipient, last)| {
            (1..=*last).map(|number| MessageId {
                sender: self.number,
                recipient: *recipient,
                number,
            })
        })
    }

    /// The message of this client that comes next to `account`.
    pub(super) fn next_message(&mut self, account: usize) -> MessageId {
        let number = self.numbers.entry(account).or_default();
        *number += 1;
        MessageId {
            sender: self.number,
            recipient: account,
            number: *number,
        }
    }
}
