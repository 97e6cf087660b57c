//! A virtual user: one account, at most one session, and what its client knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::TlsFacts;
use xml::{Element, Framing, ns};

use super::oracle::{Oracle, User, Violation};
use crate::{
    transcript::Received,
    world::{Client, World},
};

/// The namespace of XEP-0198.
const SM: &str = "urn:xmpp:sm:3";

/// One user.
pub(super) struct VirtualUser {
    pub(super) number: User,
    pub(super) contacts: BTreeSet<User>,
    pub(super) session: Option<Session>,
    sessions: u32,
    requests: u32,
}

/// A user's session.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) full_jid: String,
    /// It reads what comes.
    pub(super) reads: bool,
    has_acks: bool,
    /// Stanzas it has handled, for its `<a/>`.
    handled: u32,
    /// Messages it got since its last `<a/>`.
    unconfirmed: Vec<(User, u32)>,
    /// What it sent since acks are on, in order: a message, or something else.
    sent: VecDeque<Option<(User, u32)>>,
    /// How many of them the server acknowledged.
    confirmed: u32,
    /// Where it sees others, by user: their full JID.
    pub(super) sees: BTreeMap<User, String>,
}

impl VirtualUser {
    pub(super) fn new(number: User) -> Self {
        Self {
            number,
            contacts: BTreeSet::new(),
            session: None,
            sessions: 0,
            requests: 0,
        }
    }

    pub(super) fn bare_jid(number: User) -> String {
        format!("u{number}@example")
    }

    /// In which home the account lives.
    pub(super) fn home(&self, world: &World) -> usize {
        world.home_of(&Self::bare_jid(self.number))
    }

    fn number_of(jid: &str) -> Option<User> {
        jid.strip_prefix('u')?.split('@').next()?.parse().ok()
    }

    /// Signs in with a resource of its own, asks for the roster and becomes available. Every other time by SASL2.
    pub(super) fn sign_in(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        has_acks: bool,
    ) -> Result<bool, Violation> {
        self.sessions += 1;
        let link = world.connect_to(self.home(world), Some(TlsFacts::default()));
        let mut client = Client::new(link, Framing::Stream);
        let is_sasl2 = self.sessions.is_multiple_of(2);
        let bound = match is_sasl2 {
            true => self.bind_along(world, &mut client, has_acks)?,
            false => self.bind_apart(world, &mut client)?,
        };
        let Some(full_jid) = bound else {
            // A broken store refuses for now.
            world.cut(link);
            return Ok(false);
        };
        let enable = if has_acks && !is_sasl2 {
            format!("<enable xmlns='{SM}'/>")
        } else {
            String::new()
        };
        let opening = format!(
            "{enable}<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>"
        );
        client.send(world, &opening);
        oracle.available(self.number, &full_jid);
        oracle.asked(self.number, "roster", "");
        let sent = VecDeque::from(if has_acks {
            vec![None, None]
        } else {
            Vec::new()
        });
        self.session = Some(Session {
            client,
            full_jid,
            reads: true,
            has_acks,
            handled: 0,
            unconfirmed: Vec::new(),
            sent,
            confirmed: 0,
            sees: BTreeMap::new(),
        });
        Ok(true)
    }

    fn header() -> &'static str {
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example' version='1.0'>"
    }

    fn plain(&self) -> String {
        let name = format!("u{}", self.number);
        sasl::wire::encode(&sasl::client::plain(&name, "secret"))
    }

    /// As RFC 6120 has it: signs in, opens another stream, and binds. The address, if it went well.
    fn bind_apart(
        &self,
        world: &mut World,
        client: &mut Client,
    ) -> Result<Option<String>, Violation> {
        let (header, plain) = (Self::header(), self.plain());
        let resource = format!("r{}", self.sessions);
        let auth = format!(
            "{header}<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            ns::SASL
        );
        self.exchange(world, client, &auth)?;
        let bind = format!(
            "{header}<iq type='set' id='bind'><bind xmlns='{}'><resource>{resource}</resource></bind></iq>",
            ns::BIND
        );
        let got = self.exchange(world, client, &bind)?;
        let is_bound = |received: &Received| {
            matches!(received, Received::Element(tree) if tree.root().is("iq", xml::Ns::Content)
                && tree.root().attr("type").as_deref() == Some("result"))
        };
        let full_jid = format!("{}/{resource}", Self::bare_jid(self.number));
        Ok(got.iter().any(is_bound).then_some(full_jid))
    }

    /// Signs in, binds and turns acks on in one flight. The address, if it went well.
    fn bind_along(
        &self,
        world: &mut World,
        client: &mut Client,
        has_acks: bool,
    ) -> Result<Option<String>, Violation> {
        let (header, plain) = (Self::header(), self.plain());
        let enable = match has_acks {
            true => format!("<enable xmlns='{SM}'/>"),
            false => String::new(),
        };
        let flight = format!(
            "{header}<authenticate xmlns='{ns}' mechanism='PLAIN'><initial-response>{plain}</initial-response><bind xmlns='urn:xmpp:bind:0'><tag>r{}</tag>{enable}</bind></authenticate>",
            self.sessions,
            ns = ns::SASL2
        );
        let got = self.exchange(world, client, &flight)?;
        let address = |received: &Received| match received {
            Received::Element(tree) if tree.root().is("success", ns::SASL2) => {
                let address = tree
                    .root()
                    .child_text("authorization-identifier", ns::SASL2);
                address.map(|address| address.into_owned())
            }
            _ => None,
        };
        Ok(got.iter().find_map(address))
    }

    fn exchange(
        &self,
        world: &mut World,
        client: &mut Client,
        text: &str,
    ) -> Result<Vec<Received>, Violation> {
        client.send(world, text);
        let settled = world.settle();
        settled.map_err(|error| self.unexpected(&error.to_string()))?;
        let mut all = Vec::new();
        while let Some(received) = client
            .take(world)
            .map_err(|error| self.unexpected(&error.to_string()))?
        {
            all.push(received);
        }
        Ok(all)
    }

    /// Sends a message; the oracle counts it. `spoofed`: as if somebody else had.
    pub(super) fn send_message(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        to: User,
        body_bytes: usize,
        spoofed: Option<User>,
    ) {
        let me = self.number;
        let Some(session) = &mut self.session else {
            return;
        };
        let number = oracle.number(me, to);
        let address = session
            .sees
            .get(&to)
            .cloned()
            .unwrap_or_else(|| Self::bare_jid(to));
        let from = spoofed
            .map(|other| format!(" from='{}'", Self::bare_jid(other)))
            .unwrap_or_default();
        let filler = "x".repeat(body_bytes);
        let text = format!(
            "<message{from} to='{address}' type='chat' id='m-{me}-{to}-{number}'><body>{me}>{to}:{number}:{filler}</body></message>"
        );
        session.client.send(world, &text);
        if spoofed.is_some() {
            // The stream ends with it, and an ack on the way may count it or not.
            oracle.uncertain(me, to, number);
            session.count_other();
        } else if session.has_acks {
            session.sent.push_back(Some((to, number)));
            oracle.relied_on(me, to, number);
        }
    }

    /// Asks a contact's resource, or the server, for a ping.
    pub(super) fn ping(&mut self, world: &mut World, oracle: &mut Oracle, to: Option<User>) {
        let Some(session) = &mut self.session else {
            return;
        };
        self.requests += 1;
        let id = format!("p{}", self.requests);
        let address = to
            .and_then(|to| session.sees.get(&to).cloned())
            .unwrap_or_else(|| "example".to_owned());
        session.client.send(
            world,
            &format!("<iq type='get' id='{id}' to='{address}'><ping xmlns='urn:xmpp:ping'/></iq>"),
        );
        session.count_other();
        oracle.asked(self.number, &id, &address);
    }

    /// Sends something that is no message.
    pub(super) fn send(&mut self, world: &mut World, text: &str) {
        if let Some(session) = &mut self.session {
            session.client.send(world, text);
            session.count_other();
        }
    }

    /// Asks for and gives acks.
    pub(super) fn acks(&mut self, world: &mut World) {
        if let Some(session) = self
            .session
            .as_mut()
            .filter(|session| session.has_acks && !world.is_ended(session.client.link()))
        {
            session.unconfirmed.clear();
            session.client.send(
                world,
                &format!("<a xmlns='{SM}' h='{}'/><r xmlns='{SM}'/>", session.handled),
            );
        }
    }

    /// What it got and did not acknowledge yet: from whom, who it is, which.
    pub(super) fn unconfirmed(&self) -> impl Iterator<Item = (User, User, u32)> {
        let session = self.session.iter();
        let unconfirmed = session.flat_map(|session| &session.unconfirmed);
        unconfirmed.map(|(sender, number)| (*sender, self.number, *number))
    }

    /// Reads what has come.
    pub(super) fn read(&mut self, world: &mut World, oracle: &mut Oracle) -> Result<(), Violation> {
        while let Some(session) = self.session.as_mut().filter(|session| session.reads) {
            let received = session
                .client
                .take(world)
                .map_err(|fault| Violation::Unexpected {
                    user: self.number,
                    what: fault.to_string(),
                })?;
            match received {
                None => return Ok(()),
                Some(Received::Element(tree)) => self.element(world, oracle, tree.root())?,
                Some(Received::Header(_) | Received::Closed) => {}
                Some(Received::Cut) => {
                    if !session.has_acks {
                        oracle.cut_off(&session.full_jid);
                    }
                    self.leave(oracle);
                }
            }
        }
        Ok(())
    }

    /// The session is over: what it got and did not confirm may come again.
    pub(super) fn leave(&mut self, oracle: &mut Oracle) {
        let Some(session) = self.session.take() else {
            return;
        };
        for (sender, number) in session.unconfirmed {
            oracle.may_repeat(sender, self.number, number);
        }
        oracle.ended(self.number, &session.full_jid);
    }

    fn element(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        element: Element<'_>,
    ) -> Result<(), Violation> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if element.is("r", SM) {
            self.acks(world);
            return Ok(());
        }
        if element.is("a", SM) {
            let h: u32 = element
                .attr("h")
                .and_then(|h| h.parse().ok())
                .unwrap_or_default();
            return self.acknowledged(oracle, h);
        }
        if element.ns() != xml::Ns::Content {
            return Ok(());
        }
        session.handled += 1;
        let from = element
            .attr("from")
            .map(|from| from.into_owned())
            .unwrap_or_default();
        match element.name() {
            "message" => self.message(oracle, element, &from),
            "presence" => self.presence(oracle, element, &from),
            "iq" => self.iq(world, oracle, element, &from),
            _ => Ok(()),
        }
    }

    fn acknowledged(&mut self, oracle: &mut Oracle, h: u32) -> Result<(), Violation> {
        let number = self.number;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        for _ in session.confirmed..h {
            match session.sent.pop_front() {
                Some(Some((to, message))) => oracle.acknowledged(number, to, message),
                Some(None) => {}
                None => return Err(self.unexpected("the server acknowledged what was never sent")),
            }
        }
        session.confirmed = session.confirmed.max(h);
        Ok(())
    }

    fn message(
        &mut self,
        oracle: &mut Oracle,
        message: Element<'_>,
        from: &str,
    ) -> Result<(), Violation> {
        let me = self.number;
        if message.attr("type").as_deref() == Some("error") {
            let id = message
                .attr("id")
                .map(|id| id.into_owned())
                .unwrap_or_default();
            let mut parts = id
                .split('-')
                .skip(1)
                .filter_map(|part| part.parse::<u32>().ok());
            if let (Some(_), Some(to), Some(number)) = (parts.next(), parts.next(), parts.next()) {
                oracle.bounced(me, usize::try_from(to).unwrap_or_default(), number);
            }
            return Ok(());
        }
        let Some(body) = message.child_text("body", xml::Ns::Content) else {
            return Ok(());
        };
        let Some((sender, number)) = parse_body(&body) else {
            return Ok(());
        };
        if Self::number_of(from) != Some(sender) {
            return Err(Violation::Spoofed {
                sender,
                recipient: me,
                from: from.to_owned(),
            });
        }
        if let Some(session) = self.session.as_mut().filter(|session| session.has_acks) {
            session.unconfirmed.push((sender, number));
        }
        oracle.received(sender, me, number)
    }

    fn presence(
        &mut self,
        oracle: &mut Oracle,
        presence: Element<'_>,
        from: &str,
    ) -> Result<(), Violation> {
        let me = self.number;
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let Some(other) = Self::number_of(from).filter(|_| from.contains('/')) else {
            if presence.attr("type").as_deref() == Some("subscribed") {
                oracle
                    .approved
                    .extend(Self::number_of(from).map(|other| (me, other)));
            }
            return Ok(());
        };
        if other == me {
            return Ok(());
        }
        match presence.attr("type").as_deref() {
            None => {
                let is_contact = self.contacts.contains(&other);
                if is_contact && !oracle.approved.contains(&(me, other)) {
                    return Err(Violation::SeenTooEarly {
                        user: me,
                        full_jid: from.to_owned(),
                    });
                }
                session.sees.insert(other, from.to_owned());
                oracle.saw_available(me, from);
                Ok(())
            }
            Some("unavailable") => {
                session.sees.remove(&other);
                oracle.saw_unavailable(me, from)
            }
            _ => Ok(()),
        }
    }

    fn iq(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        iq: Element<'_>,
        from: &str,
    ) -> Result<(), Violation> {
        let id = iq.attr("id").map(|id| id.into_owned()).unwrap_or_default();
        match iq.attr("type").as_deref() {
            Some("get" | "set") => {
                let reply = if from.is_empty() {
                    String::new()
                } else {
                    format!(" to='{from}'")
                };
                self.send(world, &format!("<iq type='result' id='{id}'{reply}/>"));
                Ok(())
            }
            _ => oracle.answered(self.number, &id),
        }
    }

    fn unexpected(&self, what: &str) -> Violation {
        Violation::Unexpected {
            user: self.number,
            what: what.to_owned(),
        }
    }
}

impl Session {
    fn count_other(&mut self) {
        if self.has_acks {
            self.sent.push_back(None);
        }
    }
}

/// `sender>recipient:number:filler`.
fn parse_body(body: &str) -> Option<(User, u32)> {
    let (sender, rest) = body.split_once('>')?;
    let (_, rest) = rest.split_once(':')?;
    let (number, _) = rest.split_once(':')?;
    Some((sender.parse().ok()?, number.parse().ok()?))
}
