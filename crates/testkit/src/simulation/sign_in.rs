//! How a user gets a session: by either way to sign in and bind.

use engine::TlsFacts;
use xml::{Framing, ns};

use super::{
    archive::{PREFERENCES, PREFERENCES_ID},
    oracle::{Oracle, Violation},
    resumption::ENABLE,
    user::{SM, Session, VirtualUser},
};
use crate::{
    transcript::Received,
    world::{Client, World},
};

impl VirtualUser {
    /// Goes on with the session it had, if it can. Or signs in with a resource of its own, asks for the roster and becomes available. Every other time by SASL2.
    pub(super) fn sign_in(
        &mut self,
        world: &mut World,
        oracle: &mut Oracle,
        has_acks: bool,
    ) -> Result<bool, Violation> {
        if self.resume(world, oracle)? {
            return Ok(true);
        }
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
        // What homes say to one that is down is not kept for sessions that wait there.
        let can_resume = world.homes() == 1;
        let enable = match has_acks && !is_sasl2 {
            true if can_resume => ENABLE.to_owned(),
            true => format!("<enable xmlns='{SM}'/>"),
            false => String::new(),
        };
        let prefs = self.archive.as_ref().map(|_| PREFERENCES);
        let opening = format!(
            "{enable}<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>{}<presence/>",
            prefs.unwrap_or_default()
        );
        client.send(world, &opening);
        oracle.available(self.number, &full_jid);
        oracle.asked(self.number, "roster", "");
        if prefs.is_some() {
            oracle.asked(self.number, PREFERENCES_ID, "");
        }
        let others = 2 + usize::from(prefs.is_some());
        self.session = Some(Session::new(client, full_jid, has_acks, others));
        Ok(true)
    }

    pub(super) fn header() -> &'static str {
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
        self.authenticate(world, client)?;
        let header = Self::header();
        let resource = format!("r{}", self.sessions);
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

    /// As RFC 6120 has it; what comes next is on another stream.
    pub(super) fn authenticate(
        &self,
        world: &mut World,
        client: &mut Client,
    ) -> Result<(), Violation> {
        let (header, plain) = (Self::header(), self.plain());
        let auth = format!(
            "{header}<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            ns::SASL
        );
        self.exchange(world, client, &auth).map(drop)
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
}
