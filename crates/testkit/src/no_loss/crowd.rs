//! Who there is, and what they do.

use super::{
    client::{Client, Kind},
    verdict::{self, Figures, Mistakes, Promises},
};
use crate::world::Random;

/// How big a test is.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// How many accounts; each has two clients.
    pub accounts: usize,
    /// How many messages are sent in all.
    pub messages: usize,
    /// Some go to two accounts at once (XEP-0033), for which there must be three.
    pub has_multicast: bool,
}

/// So many accounts are each other's contacts.
const TEAM: usize = 5;
/// One client has at most so many stanzas on their way.
const WINDOW: usize = 24;

/// All clients.
#[derive(Debug)]
pub struct Crowd {
    clients: Vec<Client>,
    scale: Scale,
    domain: String,
    sent: usize,
}

impl Crowd {
    /// Nobody has a connection yet.
    #[must_use]
    pub fn new(scale: Scale, promises: &Promises) -> Self {
        let clients = (0..2 * scale.accounts).map(|number| {
            let kind = match number % 2 {
                0 => Kind::Resuming,
                _ => Kind::Syncing,
            };
            Client::new(number, Self::account_of(number), kind, promises.clone())
        });
        Self {
            clients: clients.collect(),
            scale,
            domain: promises.domain.clone(),
            sent: 0,
        }
    }

    /// The names of the accounts that are to be each other's contacts.
    pub fn teams(accounts: usize) -> impl Iterator<Item = Vec<String>> {
        let teams = (0..accounts).step_by(TEAM);
        teams.map(move |first| {
            let members = first..accounts.min(first + TEAM);
            members.map(Client::name_of).collect()
        })
    }

    pub(super) const fn account_of(client: usize) -> usize {
        client / 2
    }

    /// All clients.
    #[must_use]
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// All clients, to move their bytes.
    pub fn clients_mut(&mut self) -> &mut [Client] {
        &mut self.clients
    }

    /// The one that resumes and the one that syncs.
    pub(super) fn clients_of(&self, account: usize) -> [&Client; 2] {
        let client = |number| {
            let client = self.clients.get(number);
            client.expect("each account has two clients, next to each other")
        };
        [client(2 * account), client(2 * account + 1)]
    }

    /// The server was killed.
    pub fn server_died(&mut self) {
        for client in &mut self.clients {
            client.server_died();
        }
    }

    /// One of those who are online does something.
    pub fn act(&mut self, random: &mut Random) {
        let count = self.clients.len();
        let who = random.below(count);
        let account = Self::account_of(who);
        let other = (account + 1 + random.below(self.scale.accounts - 1)) % self.scale.accounts;
        let team = account - account % TEAM;
        let contact = (team + random.below(TEAM)).min(self.scale.accounts - 1);
        let domain = &self.domain;
        let bare = format!("{}@{domain}", Client::name_of(other));
        let full = Client::full_jid(other, Kind::Resuming, domain);
        let contact = Client::full_jid(contact, Kind::Resuming, domain);
        let may_send = self.sent < self.scale.messages;
        let Some(client) = self
            .clients
            .get_mut(who)
            .filter(|client| client.is_online())
        else {
            return;
        };
        if client.sent.len() >= WINDOW {
            client.ask_for_ack();
            return;
        }
        // What matters is what those send who are promised something.
        let is_worth_it = client.kind() == Kind::Resuming || random.one_in(4);
        match random.below(100) {
            0..70 if may_send && is_worth_it && self.scale.has_multicast && random.one_in(4) => {
                let third = (account + 1..account + self.scale.accounts)
                    .map(|next| next % self.scale.accounts)
                    .find(|next| *next != other)
                    .unwrap_or(other);
                self.sent += 2;
                client.send_multicast(&[other, third]);
            }
            0..70 if may_send && is_worth_it => {
                self.sent += 1;
                let to = if random.one_in(8) { full } else { bare };
                client.send_message(other, &to);
            }
            0..70 => client.ask_for_ack(),
            70..80 => {
                let show = ["away", "chat", "dnd", "xa"];
                let show = show.get(random.below(4)).copied().unwrap_or("away");
                client.say(&format!("<presence><show>{show}</show></presence>"));
            }
            80..87 => client.ask(&contact),
            87..92 => client.ask(domain),
            92..97 => client.say(&format!(
                "<message to='{bare}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
            )),
            _ => client.ask_for_ack(),
        }
    }

    /// Whether everybody is online, and the server knows: who only just said so is not owed what came a moment before.
    #[must_use]
    pub fn is_online(&self) -> bool {
        let is_known = |client: &Client| client.is_online() && client.sent.len() == 0;
        self.clients.iter().all(is_known)
    }

    /// Whether all messages were sent.
    #[must_use]
    pub fn has_sent_all(&self) -> bool {
        self.sent >= self.scale.messages
    }

    /// How many messages were sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// How many messages were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        let acknowledged = self.clients.iter();
        acknowledged
            .map(|client| client.sent.acknowledged.len())
            .sum()
    }

    /// Those who wait for acknowledgements ask for them.
    pub fn ask_for_acks(&mut self) {
        let waiting = self.clients.iter_mut();
        waiting
            .filter(|client| client.is_online() && client.sent.len() > 0)
            .for_each(Client::ask_for_ack);
    }

    /// Those who sync read what came since, or the whole archive.
    pub fn sync(&mut self, whole: bool) {
        let syncing = self.clients.iter_mut();
        syncing
            .filter(|client| client.kind() == Kind::Syncing && client.promises.has_archive)
            .for_each(|client| client.sync_again(whole));
    }

    /// Whether nothing is under way that somebody knows of.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.clients.iter().all(|client| {
            let is_synced = client.kind() == Kind::Resuming || client.sync.is_done;
            let has_answers = client.asked.values().all(|asked| asked.answers > 0);
            client.is_online() && client.sent.len() == 0 && is_synced && has_answers
        })
    }

    /// Whether nobody lacks anything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        verdict::lost(self).is_empty()
    }

    /// What everybody did.
    #[must_use]
    pub fn figures(&self) -> Figures {
        verdict::figures(&self.clients)
    }

    /// Once all are at rest and whole archives were read.
    ///
    /// # Errors
    ///
    /// [`Mistakes`], when there are any.
    pub fn verdict(&self) -> Result<Figures, Mistakes> {
        match verdict::mistakes(self) {
            none if none.is_empty() => Ok(self.figures()),
            some => Err(Mistakes(some)),
        }
    }
}
