//! A virtual user: one account, at most one session, and what its client knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use xml::Element;

use super::{
    archive::Archive,
    oracle::{Oracle, User, Violation},
};
use crate::{
    transcript::Received,
    world::{Client, World},
};

/// The namespace of XEP-0198.
pub(super) const SM: &str = "urn:xmpp:sm:3";

/// One user.
pub(super) struct VirtualUser {
    pub(super) number: User,
    pub(super) contacts: BTreeSet<User>,
    pub(super) session: Option<Session>,
    /// A session without a connection, which it wants to go on with.
    pub(super) waiting: Option<Session>,
    /// How often it did.
    pub(super) resumed: usize,
    /// What it knows of its archive, if it wants one.
    pub(super) archive: Option<Archive>,
    pub(super) sessions: u32,
    requests: u32,
}

/// A user's session.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) full_jid: String,
    /// It reads what comes.
    pub(super) reads: bool,
    /// Nobody looks at it.
    pub(super) is_inactive: bool,
    /// Presence waited for it for a while: of a contact who came and went meanwhile it hears the end only.
    pub(super) has_missed: bool,
    pub(super) has_acks: bool,
    /// By what it can be resumed.
    pub(super) previd: Option<String>,
    /// Stanzas it has handled, for its `<a/>`.
    pub(super) handled: u32,
    /// Messages it got since its last `<a/>`.
    pub(super) unconfirmed: Vec<(User, u32)>,
    /// What it sent since acks are on, in order: a message, or something else.
    pub(super) sent: VecDeque<Option<(User, u32)>>,
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
            waiting: None,
            resumed: 0,
            archive: Archive::is_wanted_by(number).then(Archive::default),
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

    pub(super) fn number_of(jid: &str) -> Option<User> {
        jid.strip_prefix('u')?.split('@').next()?.parse().ok()
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
        if let Some(archive) = self.archive.as_mut().filter(|_| spoofed.is_none()) {
            archive.sent(to, number);
        }
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

    /// Its user looks away, or looks again.
    pub(super) fn look(&mut self, world: &mut World, is_inactive: bool) {
        if let Some(session) = &mut self.session {
            session.is_inactive = is_inactive;
            session.has_missed |= is_inactive;
            let state = if is_inactive { "inactive" } else { "active" };
            session
                .client
                .send(world, &format!("<{state} xmlns='urn:xmpp:csi:0'/>"));
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
        let sessions = self.session.iter().chain(&self.waiting);
        let unconfirmed = sessions.flat_map(|session| &session.unconfirmed);
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
                Some(Received::Header(_)) => {}
                Some(Received::Closed) => session.previd = None,
                Some(Received::Cut) => {
                    if !session.has_acks {
                        oracle.cut_off(&session.full_jid);
                    }
                    self.lose_connection(oracle);
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
        if element.is("enabled", SM) {
            session.previd = element.attr("id").map(|id| id.into_owned());
            return Ok(());
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

    pub(super) fn acknowledged(&mut self, oracle: &mut Oracle, h: u32) -> Result<(), Violation> {
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
        if let Some(archive) = &mut self.archive
            && archive.reads(oracle, me, message)?
        {
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
        if let Some(archive) = &mut self.archive {
            archive.came(me, message, (sender, number));
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
            let other = Self::number_of(from);
            match presence.attr("type").as_deref() {
                Some("subscribed") => oracle.approved.extend(other.map(|other| (me, other))),
                // Nothing of that account is there: so is told who asks.
                Some("unavailable") => {
                    session.sees.retain(|seen, _| Some(*seen) != other);
                    oracle.saw_nobody(me, from);
                }
                _ => {}
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
                let has_missed = session.has_missed;
                match oracle.saw_unavailable(me, from) {
                    Err(_) if has_missed => Ok(()),
                    told => told,
                }
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
            _ => {
                if let Some(archive) = &mut self.archive {
                    archive.answered(iq, &id);
                }
                oracle.answered(self.number, &id)
            }
        }
    }

    pub(super) fn unexpected(&self, what: &str) -> Violation {
        Violation::Unexpected {
            user: self.number,
            what: what.to_owned(),
        }
    }
}

impl Session {
    /// One that has sent `others` stanzas already.
    pub(super) fn new(client: Client, full_jid: String, has_acks: bool, others: usize) -> Self {
        let others = if has_acks { others } else { 0 };
        Self {
            client,
            full_jid,
            reads: true,
            is_inactive: false,
            has_missed: false,
            has_acks,
            previd: None,
            handled: 0,
            unconfirmed: Vec::new(),
            sent: (0..others).map(|_| None).collect(),
            confirmed: 0,
            sees: BTreeMap::new(),
        }
    }

    fn count_other(&mut self) {
        if self.has_acks {
            self.sent.push_back(None);
        }
    }
}

/// `sender>recipient:number:filler`.
pub(super) fn parse_body(body: &str) -> Option<(User, u32)> {
    let (sender, rest) = body.split_once('>')?;
    let (_, rest) = rest.split_once(':')?;
    let (number, _) = rest.split_once(':')?;
    Some((sender.parse().ok()?, number.parse().ok()?))
}
