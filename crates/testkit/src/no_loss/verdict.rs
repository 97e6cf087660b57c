//! What was promised and not kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    mem::{Discriminant, discriminant},
};

use thiserror::Error;

use super::{
    client::{Client, Kind},
    crowd::Crowd,
    message::MessageId,
};

/// What the server at hand offers, and so what is held against it.
#[derive(Clone, Debug)]
pub struct Promises {
    /// The host the accounts are on.
    pub domain: String,
    /// It has an archive to read (XEP-0313). Without one, what an account got is what any of its clients got.
    pub has_archive: bool,
    /// Sessions can be resumed though the server was killed.
    pub survives_death: bool,
}

/// Something that must not happen.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Mistake {
    /// An acknowledged message is nowhere.
    #[error("{message} was acknowledged, and {whose} has not got it")]
    Lost {
        /// Which.
        message: MessageId,
        /// Whose client or account.
        whose: String,
    },
    /// The sender's archive has not got it.
    #[error(
        "{message} was acknowledged, and is not in the history of account {account}, which sent it"
    )]
    NotInHistory {
        /// Which.
        message: MessageId,
        /// Whose account.
        account: usize,
    },
    /// A message came twice though nothing had happened in between.
    #[error("client {client} shows {message} twice")]
    Twice {
        /// Which client.
        client: usize,
        /// Which.
        message: MessageId,
    },
    /// A message came twice, as two.
    #[error("client {client} got {message} as two: {ids:?}")]
    TwoIds {
        /// Which client.
        client: usize,
        /// Which.
        message: MessageId,
        /// Its `stanza-id`s.
        ids: [String; 2],
    },
    /// The archive has a message more than once.
    #[error("{message} is in the archive of account {account} {times} times")]
    ArchivedTwice {
        /// Whose account.
        account: usize,
        /// Which.
        message: MessageId,
        /// How often.
        times: usize,
    },
    /// A message came, or is archived, before an older one.
    #[error("client {client} got {message} after number {before}")]
    OutOfOrder {
        /// Which client.
        client: usize,
        /// Which.
        message: MessageId,
        /// What came before.
        before: u32,
    },
    /// A message came to somebody else, or one that nobody sent.
    #[error("client {client} got {message}, which is not its business")]
    Misdelivered {
        /// Which client.
        client: usize,
        /// Which.
        message: MessageId,
    },
    /// A message was shown and is not in the archive of the one who got it.
    #[error("client {client} was shown {message}, which is not in the archive of its account")]
    ShownAndGone {
        /// Which client.
        client: usize,
        /// Which.
        message: MessageId,
    },
    /// A request has no answer.
    #[error("client {client} has no answer to {request}")]
    Unanswered {
        /// Who asked.
        client: usize,
        /// What.
        request: String,
    },
    /// A request has two.
    #[error("client {client} got two answers to {request}")]
    AnsweredTwice {
        /// Who asked.
        client: usize,
        /// What.
        request: String,
    },
    /// A contact went away and did not.
    #[error("client {client} saw {contact} go, whose session was resumed")]
    Flickered {
        /// Who saw it.
        client: usize,
        /// Whom.
        contact: String,
    },
    /// The server would not resume a session and not say what it had handled.
    #[error("client {client} was refused {times} times without a word on what was handled")]
    RefusedWithoutH {
        /// Whom.
        client: usize,
        /// How often.
        times: usize,
    },
    /// Something no client expects.
    #[error("client {client}: {what}")]
    Unexpected {
        /// Which client.
        client: usize,
        /// What.
        what: String,
    },
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Mistakes(pub Vec<Mistake>);

/// So many of a kind are shown.
const SHOWN_MAX: usize = 4;

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mistakes) = self;
        writeln!(f, "{} mistakes:", mistakes.len())?;
        // Of each kind the first few: one mistake makes many.
        let mut shown: Vec<Discriminant<Mistake>> = Vec::new();
        for mistake in mistakes {
            let kind = discriminant(mistake);
            let before = shown.iter().filter(|known| **known == kind).count();
            if before < SHOWN_MAX {
                shown.push(kind);
                writeln!(f, "  {mistake}")?;
            }
        }
        Ok(())
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Messages sent, those without a promise too.
    pub sent: usize,
    /// Messages the server acknowledged.
    pub acknowledged: usize,
    /// Sessions resumed.
    pub resumed: usize,
    /// Sessions that were not, with `h`.
    pub refused_with_h: usize,
    /// Without.
    pub refused_without_h: usize,
    /// Sessions begun.
    pub bound: usize,
    /// Messages shown, by all clients together.
    pub shown: usize,
    /// Messages that came again and were recognised.
    pub recognised: usize,
    /// Messages that came back as errors.
    pub bounced: usize,
    /// Requests answered.
    pub answers: usize,
    /// Pages of archives read.
    pub pages: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages sent               {:>7}", self.sent)?;
        writeln!(f, "  acknowledged              {:>7}", self.acknowledged)?;
        writeln!(f, "  shown                     {:>7}", self.shown)?;
        writeln!(f, "  came again, recognised    {:>7}", self.recognised)?;
        writeln!(f, "  came back as errors       {:>7}", self.bounced)?;
        writeln!(f, "sessions begun              {:>7}", self.bound)?;
        writeln!(f, "  resumed                   {:>7}", self.resumed)?;
        writeln!(f, "  refused, with h           {:>7}", self.refused_with_h)?;
        writeln!(
            f,
            "  refused, without h        {:>7}",
            self.refused_without_h
        )?;
        writeln!(f, "requests answered           {:>7}", self.answers)?;
        writeln!(f, "pages of archives read      {:>7}", self.pages)
    }
}

/// Adds up.
pub(super) fn figures(clients: &[Client]) -> Figures {
    let mut all = Figures::default();
    for client in clients {
        let tallies = &client.tallies;
        all.sent += tallies.sent;
        all.acknowledged += client.sent.acknowledged.len();
        all.resumed += tallies.resumed;
        all.refused_with_h += tallies.refused_with_h;
        all.refused_without_h += tallies.refused_without_h;
        all.bound += tallies.bound;
        all.shown += client.shown.messages().count();
        all.recognised += client.shown.recognised;
        all.bounced += tallies.bounced;
        all.answers += tallies.answers;
        all.pages += tallies.pages;
    }
    all
}

/// Every acknowledged message that somebody who should have it has not got.
pub(super) fn lost(crowd: &Crowd) -> Vec<Mistake> {
    let mut lost = Vec::new();
    let acknowledged = crowd.clients().iter();
    let acknowledged = acknowledged.flat_map(|client| &client.sent.acknowledged);
    for message in acknowledged {
        let [resuming, syncing] = crowd.clients_of(message.recipient);
        let whose = |client: &Client| format!("client {}", client.number);
        let (has_resuming, has_syncing) = (resuming.shown.has(message), syncing.shown.has(message));
        let mut lacks = |whose: String| {
            lost.push(Mistake::Lost {
                message: *message,
                whose,
            });
        };
        if syncing.promises.has_archive {
            if !has_syncing {
                lacks(whose(syncing));
            }
        } else if !has_resuming && !has_syncing {
            lacks(format!("account {}", message.recipient));
        }
        // As long as its session went on it got everything; what came after the end is the other's.
        if !resuming.has_broken() && !has_resuming {
            lacks(whose(resuming));
        }
    }
    lost
}

/// All mistakes of a crowd that has come to rest.
pub(super) fn mistakes(crowd: &Crowd) -> Vec<Mistake> {
    let mut all: Vec<Mistake> = Vec::new();
    let sent: BTreeSet<MessageId> = crowd.clients().iter().flat_map(Client::all_sent).collect();
    for client in crowd.clients() {
        all.extend(seen_by(client, crowd).cloned());
        all.extend(strangers(client, &sent));
        all.extend(unanswered(client));
        let times = client.tallies.refused_without_h;
        if times > 0 && client.promises.survives_death {
            all.push(Mistake::RefusedWithoutH {
                client: client.number,
                times,
            });
        }
        if client.promises.has_archive && client.kind == Kind::Syncing {
            all.extend(in_archive(client, crowd));
        }
    }
    all.extend(lost(crowd));
    all
}

/// What it noted itself, less what had a reason that it did not know.
fn seen_by<'a>(client: &'a Client, crowd: &'a Crowd) -> impl Iterator<Item = &'a Mistake> {
    client.mistakes.iter().filter(|mistake| match mistake {
        Mistake::Flickered { contact, .. } => {
            let is_it = |other: &&Client| {
                Client::full_jid(other.account, other.kind, &other.promises.domain) == *contact
            };
            let contact = crowd.clients().iter().find(is_it);
            contact.is_none_or(|contact| !contact.has_broken())
        }
        _ => true,
    })
}

fn strangers(client: &Client, sent: &BTreeSet<MessageId>) -> Vec<Mistake> {
    let is_its = |message: &MessageId| {
        let is_own = Crowd::account_of(message.sender) == client.account;
        sent.contains(message) && (message.recipient == client.account || is_own)
    };
    let strange = client.shown.messages().filter(|message| !is_its(message));
    strange
        .map(|message| Mistake::Misdelivered {
            client: client.number,
            message: *message,
        })
        .collect()
}

fn unanswered(client: &Client) -> impl Iterator<Item = Mistake> {
    let open = client.asked.iter().filter(|(_, asked)| asked.answers == 0);
    open.map(|(request, _)| Mistake::Unanswered {
        client: client.number,
        request: request.clone(),
    })
}

/// The archive by itself: each message once, in order, and what the account sent as well.
fn in_archive(client: &Client, crowd: &Crowd) -> Vec<Mistake> {
    let mut found = Vec::new();
    let whole = client.sync.whole.as_deref().unwrap_or_default();
    let mut times: BTreeMap<MessageId, usize> = BTreeMap::new();
    let mut last: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for message in whole {
        let count = times.entry(*message).or_default();
        *count += 1;
        let last = last.entry((message.sender, message.recipient)).or_default();
        if *count == 1 && message.number < *last {
            found.push(Mistake::OutOfOrder {
                client: client.number,
                message: *message,
                before: *last,
            });
        }
        *last = message.number.max(*last);
    }
    let account = client.account;
    let twice = times.iter().filter(|(_, times)| **times > 1);
    found.extend(twice.map(|(message, times)| Mistake::ArchivedTwice {
        account,
        message: *message,
        times: *times,
    }));
    for shown in crowd.clients_of(account) {
        let gone = shown
            .shown
            .messages()
            .filter(|message| message.recipient == account && !times.contains_key(message));
        found.extend(gone.map(|message| Mistake::ShownAndGone {
            client: shown.number,
            message: *message,
        }));
    }
    for message in crowd
        .clients()
        .iter()
        .flat_map(|other| &other.sent.acknowledged)
    {
        if times.contains_key(message) {
            continue;
        }
        if message.recipient == account {
            found.push(Mistake::Lost {
                message: *message,
                whose: format!("the archive of account {account}"),
            });
        } else if Crowd::account_of(message.sender) == account {
            found.push(Mistake::NotInHistory {
                message: *message,
                account,
            });
        }
    }
    found
}
