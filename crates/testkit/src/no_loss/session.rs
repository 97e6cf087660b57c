//! What an online client hears and says.

use xml::{Element, Ns};

use super::{
    client::{Client, Kind, SM},
    message::{IDS, MessageId},
    verdict::Mistake,
};

const MAM: &str = "urn:xmpp:mam:2";
const CARBONS: &str = "urn:xmpp:carbons:2";
const FORWARD: &str = "urn:xmpp:forward:0";
const RSM: &str = "http://jabber.org/protocol/rsm";

/// How many messages a page of the archive has.
const PAGE: usize = 50;
/// An acknowledgement is asked for after so many stanzas.
const ASK_EVERY: usize = 6;

/// A request, and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) answers: u32,
    epoch: u32,
}

/// How far a client is with its archive.
#[derive(Debug, Default)]
pub(super) struct Sync {
    /// Everything up to here was read in earlier rounds.
    after: Option<String>,
    /// A page is on its way.
    is_reading: bool,
    /// It has read up to the end in this session.
    pub(super) is_done: bool,
    /// It reads the whole archive, from its beginning; what it finds is kept here, in order.
    pub(super) whole: Option<Vec<MessageId>>,
    rounds: usize,
}

impl Client {
    /// Sends a stanza that is not a counted message.
    pub(super) fn say(&mut self, xml: &str) {
        if let Some(held_back) = &mut self.held_back {
            held_back.push(xml.to_owned());
            return;
        }
        self.out.push_str(xml);
        if self.previd.is_some() {
            self.sent.push(xml, Vec::new());
        }
    }

    /// Sends a message to an account, by this address.
    pub(super) fn send_message(&mut self, account: usize, to: &str) {
        let message = self.next_message(account);
        let xml = message.stanza(to);
        self.send_counted(&xml, vec![message]);
    }

    /// Sends one message to several accounts, for the server to send on.
    pub(super) fn send_multicast(&mut self, accounts: &[usize]) {
        let messages = accounts.iter().map(|account| self.next_message(*account));
        let messages: Vec<MessageId> = messages.collect();
        let xml = MessageId::multicast(&messages, &self.promises.domain);
        self.send_counted(&xml, messages);
    }

    fn send_counted(&mut self, xml: &str, messages: Vec<MessageId>) {
        self.tallies.sent += messages.len();
        self.out.push_str(xml);
        match self.kind {
            Kind::Resuming => {
                self.sent.push(xml, messages);
                if self.sent.len().is_multiple_of(ASK_EVERY) {
                    self.ask_for_ack();
                }
            }
            // It can't know, and does not send it again.
            Kind::Syncing => self.sent.unknown.extend(messages),
        }
    }

    /// Asks somebody for a ping.
    pub(super) fn ask(&mut self, to: &str) {
        let id = format!("ask-{}-{}", self.epoch, self.asked.len());
        self.asked.insert(
            id.clone(),
            Asked {
                answers: 0,
                epoch: self.epoch,
            },
        );
        self.say(&format!(
            "<iq type='get' id='{id}' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>"
        ));
    }

    /// Asks what the server has handled.
    pub(super) fn ask_for_ack(&mut self) {
        if self.kind == Kind::Resuming {
            self.out.push_str(&format!("<r xmlns='{SM}'/>"));
        }
    }

    /// Carbons, presence, and what was missed: in this order, so that nothing falls in between.
    pub(super) fn begin_to_sync(&mut self) {
        self.out.push_str(&format!(
            "<iq type='set' id='carbons'><enable xmlns='{CARBONS}'/></iq><presence/>"
        ));
        self.sync.is_reading = false;
        self.sync.is_done = !self.promises.has_archive;
        self.sync.whole = self.sync.whole.take().map(|_| Vec::new());
        if self.promises.has_archive {
            let after = self.sync.after.clone();
            self.read_page(after.as_deref());
        }
    }

    /// Reads the archive once more, from where it knows it; `whole`: from its beginning.
    pub(super) fn sync_again(&mut self, whole: bool) {
        self.sync.is_done = false;
        self.sync.whole = whole.then(Vec::new);
        let after = self.sync.after.clone().filter(|_| !whole);
        self.read_page(after.as_deref());
    }

    fn read_page(&mut self, after: Option<&str>) {
        self.sync.is_reading = true;
        self.sync.rounds += 1;
        self.tallies.pages += 1;
        let round = self.sync.rounds;
        let after = after.map_or(String::new(), |id| format!("<after>{id}</after>"));
        self.out.push_str(&format!(
            "<iq type='set' id='sync-{round}'><query xmlns='{MAM}' queryid='{round}'><set xmlns='{RSM}'><max>{PAGE}</max>{after}</set></query></iq>"
        ));
    }

    pub(super) fn hear(&mut self, element: Element<'_>) {
        if element.is("r", SM) {
            self.out
                .push_str(&format!("<a xmlns='{SM}' h='{}'/>", self.handled));
            return;
        }
        if element.is("a", SM) {
            match element.attr("h").and_then(|h| h.parse().ok()) {
                Some(h) => self.acknowledged(h),
                None => self.unexpected("<a/> without h"),
            }
            return;
        }
        if element.ns() != Ns::Content {
            return;
        }
        self.handled = self.handled.wrapping_add(1);
        match element.name() {
            "message" => self.message(element),
            "iq" => self.iq(element),
            "presence" => self.presence(element),
            _ => self.unexpected(format!("no stanza: {}", element.as_str())),
        }
    }

    fn message(&mut self, message: Element<'_>) {
        if message.attr("type").as_deref() == Some("error") {
            self.tallies.bounced += 1;
            return;
        }
        if let Some(result) = message.child("result", MAM) {
            return self.archived(result);
        }
        let copy = ["sent", "received"]
            .iter()
            .find_map(|name| message.child(name, CARBONS))
            .and_then(forwarded);
        self.live(copy.unwrap_or(message));
    }

    fn live(&mut self, message: Element<'_>) {
        let Some(id) = id_of(message) else {
            return;
        };
        let own = format!("{}@{}", Self::name_of(self.account), self.promises.domain);
        let mut ids = message
            .children()
            .filter(|child| child.is("stanza-id", IDS));
        let stanza_id = ids
            .find(|child| child.attr("by").as_deref() == Some(own.as_str()))
            .and_then(|child| child.attr("id"))
            .map(|id| id.into_owned());
        let (viewer, epoch) = (self.viewer(), self.epoch);
        let shown = self.shown.live(viewer, id, stanza_id, epoch);
        self.mistakes.extend(shown.err());
    }

    fn archived(&mut self, result: Element<'_>) {
        let message = forwarded(result).and_then(id_of);
        let (Some(message), Some(stanza_id)) = (message, result.attr("id")) else {
            return;
        };
        if let Some(whole) = &mut self.sync.whole {
            whole.push(message);
        }
        let (viewer, epoch) = (self.viewer(), self.epoch);
        let shown = self
            .shown
            .archived(viewer, message, stanza_id.into_owned(), epoch);
        self.mistakes.extend(shown.err());
    }

    fn iq(&mut self, iq: Element<'_>) {
        let id = iq.attr("id").map(|id| id.into_owned()).unwrap_or_default();
        match iq.attr("type").as_deref() {
            Some("get" | "set") => {
                let from = iq.attr("from");
                let to = from.map_or(String::new(), |from| format!(" to='{from}'"));
                self.say(&format!("<iq type='result' id='{id}'{to}/>"));
            }
            _ if id.starts_with("sync-") => self.page_ended(iq),
            _ => self.answered(&id),
        }
    }

    fn answered(&mut self, id: &str) {
        let epoch = self.epoch;
        let Some(asked) = self.asked.get_mut(id) else {
            return;
        };
        self.tallies.answers += 1;
        asked.answers += 1;
        // What was under way when the server died may be done again.
        if asked.answers > 1 && asked.epoch == epoch {
            self.mistakes.push(Mistake::AnsweredTwice {
                client: self.number,
                request: id.to_owned(),
            });
        }
    }

    fn page_ended(&mut self, iq: Element<'_>) {
        let Some(fin) = iq.child("fin", MAM) else {
            self.unexpected(format!("no page of the archive: {}", iq.as_str()));
            return;
        };
        self.sync.is_reading = false;
        let last = fin
            .child("set", RSM)
            .and_then(|set| set.child_text("last", RSM))
            .map(|last| last.into_owned());
        if let Some(last) = last.clone() {
            self.sync.after = Some(last);
        }
        match (fin.attr("complete").as_deref(), last) {
            (Some("true"), _) => self.sync.is_done = true,
            (_, Some(last)) => self.read_page(Some(&last)),
            (_, None) => self.unexpected("a page of the archive is empty and not the last"),
        }
    }

    /// A session that can be resumed does not go away.
    fn presence(&mut self, presence: Element<'_>) {
        let from = presence.attr("from").unwrap_or_default();
        let is_resuming = from.ends_with("/sm");
        if is_resuming && presence.attr("type").as_deref() == Some("unavailable") {
            self.mistakes.push(Mistake::Flickered {
                client: self.number,
                contact: from.into_owned(),
            });
        }
    }
}

/// The message in a copy or a result: it declares the content namespace, which is none to who reads it by itself.
fn forwarded(wrapper: Element<'_>) -> Option<Element<'_>> {
    let forwarded = wrapper.child("forwarded", FORWARD)?;
    forwarded.children().find(|child| child.name() == "message")
}

fn id_of(message: Element<'_>) -> Option<MessageId> {
    let body = message.children().find(|child| child.name() == "body")?;
    let to = message.attr("to").unwrap_or_default();
    MessageId::find(&body.text(), &to)
}
