//! What a user's archive (XEP-0313) must have in the end: whatever came with an id of it, once and under that id, and
//! whatever the user sent and the server acknowledged.
//!
//! Hosts of the simulation archive nothing by themselves; one user in four wants it (XEP-0441). Who binds by Bind 2 then
//! is not given what the archive has, and so finds it there.

use std::collections::{BTreeMap, BTreeSet};

use xml::Element;

use super::{
    oracle::{Oracle, User, Violation},
    user::{VirtualUser, parse_body},
};
use crate::world::World;

const MAM: &str = "urn:xmpp:mam:2";
const IDS: &str = "urn:xmpp:sid:0";
const FORWARD: &str = "urn:xmpp:forward:0";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// How the wish for an archive is said, at each sign-in.
pub(super) const PREFERENCES: &str = "<iq type='set' id='prefs'><prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs></iq>";
pub(super) const PREFERENCES_ID: &str = "prefs";

/// One user in so many wants an archive.
const ONE_IN: usize = 4;

/// What one user knows of the own archive.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// The server said that it archives.
    is_on: bool,
    /// What came with an id of the archive.
    came: BTreeMap<String, (User, u32)>,
    /// What was sent since the archive is on: to whom, which.
    sent: BTreeSet<(User, u32)>,
    /// What was found at the end, by sender, recipient and number.
    found: BTreeMap<(User, User, u32), String>,
    /// Up to where it was read, and whether that is the end.
    last: Option<String>,
    is_read: bool,
    pages: u32,
}

impl Archive {
    pub(super) fn is_wanted_by(user: User) -> bool {
        user % ONE_IN == 1
    }

    /// Its owner sent a message.
    pub(super) fn sent(&mut self, to: User, number: u32) {
        if self.is_on {
            self.sent.insert((to, number));
        }
    }

    /// A message came live.
    pub(super) fn came(&mut self, owner: User, message: Element<'_>, which: (User, u32)) {
        let by = VirtualUser::bare_jid(owner);
        let id = message
            .children()
            .filter(|child| child.is("stanza-id", IDS))
            .find(|child| child.attr("by").as_deref() == Some(&*by))
            .and_then(|child| child.attr("id").map(|id| id.into_owned()));
        self.came.extend(id.map(|id| (id, which)));
    }

    /// Something is answered: that there is an archive now, or the end of a page.
    pub(super) fn answered(&mut self, iq: Element<'_>, id: &str) {
        let is_result = iq.attr("type").as_deref() == Some("result");
        self.is_on |= is_result && id == PREFERENCES_ID;
        let Some(fin) = iq.child("fin", MAM) else {
            return;
        };
        self.is_read = fin.attr("complete").as_deref() == Some("true");
        let last = fin
            .child("set", RSM)
            .and_then(|set| set.child_text("last", RSM))
            .map(|last| last.into_owned());
        self.last = last.or(self.last.take());
    }

    /// Whether a message is something that was found in the archive.
    pub(super) fn reads(
        &mut self,
        oracle: &mut Oracle,
        owner: User,
        message: Element<'_>,
    ) -> Result<bool, Violation> {
        let Some(result) = message.child("result", MAM) else {
            return Ok(false);
        };
        let forwarded = result.child("forwarded", FORWARD);
        let inner = forwarded
            .and_then(|forwarded| forwarded.children().find(|child| child.name() == "message"));
        let body = inner.and_then(|inner| inner.children().find(|child| child.name() == "body"));
        let (Some(id), Some(which)) = (
            result.attr("id"),
            body.and_then(|body| parse_body(&body.text())),
        ) else {
            return Ok(true);
        };
        let (sender, number) = which;
        let to = inner.and_then(|inner| inner.attr("to")).unwrap_or_default();
        let recipient = VirtualUser::number_of(&to).unwrap_or(owner);
        if let Some(other) = self
            .found
            .insert((sender, recipient, number), id.clone().into_owned())
        {
            return Err(Violation::ArchivedTwice {
                owner,
                sender,
                number,
                ids: [other, id.into_owned()],
            });
        }
        if recipient == owner {
            oracle.found(sender, owner, number);
        }
        Ok(true)
    }

    /// What must be there and is not.
    fn check(&self, oracle: &Oracle, owner: User) -> Result<(), Violation> {
        let missing = |sender, recipient, number| Violation::NotArchived {
            owner,
            sender,
            recipient,
            number,
        };
        for (id, (sender, number)) in &self.came {
            if self.found.get(&(*sender, owner, *number)) != Some(id) {
                return Err(missing(*sender, owner, *number));
            }
        }
        for (to, number) in &self.sent {
            let is_there = self.found.contains_key(&(owner, *to, *number));
            if !is_there && oracle.is_acknowledged(owner, *to, *number) {
                return Err(missing(owner, *to, *number));
            }
        }
        Ok(())
    }
}

impl VirtualUser {
    /// Asks for the next page of the archive; `false` when all of it was read, or there is none.
    pub(super) fn read_archive(&mut self, world: &mut World, oracle: &mut Oracle) -> bool {
        let Some(archive) = self.archive.as_mut().filter(|archive| !archive.is_read) else {
            return false;
        };
        archive.pages += 1;
        let id = format!("mam{}", archive.pages);
        let after = match &archive.last {
            Some(last) => format!("<after>{last}</after>"),
            None => String::new(),
        };
        oracle.asked(self.number, &id, "");
        self.send(
            world,
            &format!("<iq type='set' id='{id}'><query xmlns='{MAM}'><set xmlns='{RSM}'><max>50</max>{after}</set></query></iq>"),
        );
        true
    }

    /// How many messages were found in the archive.
    pub(super) fn archived(&self) -> usize {
        self.archive
            .as_ref()
            .map_or(0, |archive| archive.found.len())
    }

    /// Holds what was found against what must be there.
    pub(super) fn check_archive(&self, oracle: &Oracle) -> Result<(), Violation> {
        let mut archive = self.archive.iter();
        archive.try_for_each(|archive| archive.check(oracle, self.number))
    }
}
