//! What must hold, kept apart from how the server does it: numbered messages per (sender, recipient),
//! who may be seen by whom, and open requests.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

/// A user, by number.
pub(super) type User = usize;

/// What the server did wrong.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Violation {
    /// A stanza carries a `from` that is not its sender's.
    #[error("a message of user {sender} came to user {recipient} as from {from}")]
    Spoofed {
        /// Who sent it.
        sender: usize,
        /// Who got it.
        recipient: usize,
        /// Whom it names.
        from: String,
    },
    /// A message came to somebody else.
    #[error("message {number} from user {sender} came to user {recipient}, for whom it was not")]
    Misdelivered {
        /// Who sent it.
        sender: usize,
        /// Who got it.
        recipient: usize,
        /// Its number.
        number: u32,
    },
    /// Messages from one user to another went back.
    #[error("user {recipient} got message {number} from user {sender} after {last}")]
    OutOfOrder {
        /// Who sent it.
        sender: usize,
        /// Who got it.
        recipient: usize,
        /// Its number.
        number: u32,
        /// What came before.
        last: u32,
    },
    /// A message came twice.
    #[error("user {recipient} got message {number} from user {sender} again")]
    Duplicate {
        /// Who sent it.
        sender: usize,
        /// Who got it.
        recipient: usize,
        /// Its number.
        number: u32,
    },
    /// A message was neither delivered nor refused.
    #[error(
        "message {number} from user {sender} to user {recipient} is nowhere (acknowledged: {acknowledged})"
    )]
    Lost {
        /// Who sent it.
        sender: usize,
        /// Who should have got it.
        recipient: usize,
        /// Its number.
        number: u32,
        /// Whether the server had acknowledged it.
        acknowledged: bool,
    },
    /// A session that ended is still shown, or one that is there is not.
    #[error("user {watcher} sees {full_jid} as {shown}, which is wrong")]
    WrongView {
        /// Who looks.
        watcher: usize,
        /// At whom.
        full_jid: String,
        /// What it sees.
        shown: &'static str,
    },
    /// A session's end was told twice, or of one that was not shown.
    #[error("user {watcher} was told again that {full_jid} is unavailable")]
    EndedTwice {
        /// Who was told.
        watcher: usize,
        /// Of whom.
        full_jid: String,
    },
    /// A request has no answer.
    #[error("user {user} has no answer to request {id}")]
    Unanswered {
        /// Who asked.
        user: usize,
        /// The request.
        id: String,
    },
    /// A request has more than one answer.
    #[error("user {user} got another answer to request {id}")]
    AnsweredTwice {
        /// Who asked.
        user: usize,
        /// The request.
        id: String,
    },
    /// Presence came before the approval that permits it.
    #[error("user {user} saw presence of {full_jid} before its subscription was approved")]
    SeenTooEarly {
        /// Who saw.
        user: usize,
        /// Whom.
        full_jid: String,
    },
    /// An archive has a message under two ids.
    #[error("the archive of user {owner} has message {number} from user {sender} twice: {ids:?}")]
    ArchivedTwice {
        /// Whose archive.
        owner: usize,
        /// Who sent it.
        sender: usize,
        /// Its number.
        number: u32,
        /// The ids.
        ids: [String; 2],
    },
    /// An archive lacks a message, or has it under another id.
    #[error(
        "message {number} from user {sender} to user {recipient} is not in the archive of user {owner} as it should be"
    )]
    NotArchived {
        /// Whose archive.
        owner: usize,
        /// Who sent it.
        sender: usize,
        /// Who should have got it.
        recipient: usize,
        /// Its number.
        number: u32,
    },
    /// A queue grew past its bound.
    #[error("{bytes} bytes wait for one session, more than {limit}")]
    QueueTooLong {
        /// What waits.
        bytes: usize,
        /// What may.
        limit: usize,
    },
    /// The server acknowledged more than it was sent, or something else no client expects.
    #[error("user {user}: {what}")]
    Unexpected {
        /// To whom.
        user: usize,
        /// What came.
        what: String,
    },
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default)]
struct Message {
    received: bool,
    bounced: bool,
    acknowledged: bool,
    /// It is in its recipient's archive.
    found: bool,
    /// It was received, and that is on disk.
    done: bool,
    /// Its sender's session has acks on.
    relied_on: bool,
    /// It may have been lost with a killed server or an ended stream before the server had it.
    uncertain: bool,
    /// It may come again: its receiver had not acknowledged it when its session ended.
    may_repeat: bool,
}

/// What is known of one request.
#[derive(Clone, Debug)]
struct Request {
    asked: String,
    answered: bool,
    /// The server was killed meanwhile: the answer may come again, and is an error perhaps.
    may_repeat: bool,
    /// Who was asked may have had it and got no chance to answer.
    may_stay_open: bool,
}

/// The model.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    messages: BTreeMap<(User, User), BTreeMap<u32, Message>>,
    last: BTreeMap<(User, User), u32>,
    /// Full JIDs of the sessions that are available now, with their users.
    available: BTreeMap<String, User>,
    /// Those that wait for their clients, which may find that they are gone.
    waiting: BTreeMap<String, User>,
    views: BTreeMap<User, BTreeSet<String>>,
    requests: BTreeMap<(User, String), Request>,
    pub(super) approved: BTreeSet<(User, User)>,
}

impl Oracle {
    /// The next number from `sender` to `recipient`.
    pub(super) fn number(&mut self, sender: User, recipient: User) -> u32 {
        let messages = self.messages.entry((sender, recipient)).or_default();
        let number = messages.keys().next_back().map_or(1, |last| last + 1);
        messages.insert(number, Message::default());
        number
    }

    pub(super) fn received(
        &mut self,
        sender: User,
        recipient: User,
        number: u32,
    ) -> Result<(), Violation> {
        let Some(message) = self.message(sender, recipient, number) else {
            return Err(Violation::Misdelivered {
                sender,
                recipient,
                number,
            });
        };
        if std::mem::take(&mut message.may_repeat) {
            return Ok(());
        }
        if message.received {
            return Err(Violation::Duplicate {
                sender,
                recipient,
                number,
            });
        }
        message.received = true;
        let last = self.last.entry((sender, recipient)).or_default();
        if number <= *last {
            return Err(Violation::OutOfOrder {
                sender,
                recipient,
                number,
                last: *last,
            });
        }
        *last = number;
        Ok(())
    }

    /// Nothing moves: what was received will not come again, whatever happens now. Given are messages that
    /// `recipient` has and did not acknowledge yet.
    pub(super) fn at_rest(&mut self, unconfirmed: &BTreeSet<(User, User, u32)>) {
        for ((sender, recipient), messages) in &mut self.messages {
            for (number, message) in messages {
                let is_confirmed = !unconfirmed.contains(&(*sender, *recipient, *number));
                message.done |= message.received && is_confirmed;
            }
        }
    }

    /// The receiver's session ended before it had acknowledged these.
    pub(super) fn may_repeat(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.may_repeat = true;
        }
    }

    pub(super) fn bounced(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.bounced = true;
        }
    }

    /// It is in its recipient's archive.
    pub(super) fn found(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.found = true;
        }
    }

    /// Whether the server took it over from its sender, and did not give it back.
    pub(super) fn is_acknowledged(&self, sender: User, recipient: User, number: u32) -> bool {
        let messages = self.messages.get(&(sender, recipient));
        let message = messages.and_then(|messages| messages.get(&number));
        message.is_some_and(|message| message.acknowledged && !message.bounced)
    }

    pub(super) fn acknowledged(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.acknowledged = true;
        }
    }

    /// The sender's stream ended while this was on its way to the server.
    pub(super) fn uncertain(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.uncertain = true;
        }
    }

    /// The sender's session has acks on: while its home lives, the message is not lost.
    pub(super) fn relied_on(&mut self, sender: User, recipient: User, number: u32) {
        if let Some(message) = self.message(sender, recipient, number) {
            message.relied_on = true;
        }
    }

    /// The home of these users was killed: what was under way from them and not acknowledged may be gone, and to them
    /// what was not relied on; what they received a moment ago may come again, because that may not be on disk.
    pub(super) fn killed(&mut self, is_there: impl Fn(User) -> bool) {
        for ((sender, recipient), messages) in &mut self.messages {
            for message in messages.values_mut() {
                if is_there(*recipient) {
                    message.may_repeat |= message.received && !message.done;
                    message.uncertain |= !message.received && !message.relied_on;
                }
                if is_there(*sender) {
                    message.uncertain |= !message.received && !message.acknowledged;
                }
            }
        }
        self.available.retain(|_, user| !is_there(*user));
        let waiting: BTreeSet<User> = self.waiting.values().copied().collect();
        self.views
            .retain(|user, _| !is_there(*user) || waiting.contains(user));
        for ((user, _), request) in &mut self.requests {
            let was_under_way = is_there(*user);
            request.may_repeat |= was_under_way;
            request.may_stay_open |= was_under_way;
        }
    }

    /// A session became available.
    pub(super) fn available(&mut self, user: User, full_jid: &str) {
        self.waiting.remove(full_jid);
        self.available.insert(full_jid.to_owned(), user);
    }

    /// A session has no connection: until its client comes back it may be there or not.
    pub(super) fn waits(&mut self, user: User, full_jid: &str) {
        self.available.remove(full_jid);
        self.waiting.insert(full_jid.to_owned(), user);
    }

    /// A session ended: its own view and requests go with it.
    pub(super) fn ended(&mut self, user: User, full_jid: &str) {
        self.available.remove(full_jid);
        self.waiting.remove(full_jid);
        self.views.remove(&user);
        self.requests.retain(|(asker, _), _| *asker != user);
    }

    pub(super) fn saw_available(&mut self, watcher: User, full_jid: &str) {
        self.views
            .entry(watcher)
            .or_default()
            .insert(full_jid.to_owned());
    }

    pub(super) fn saw_unavailable(
        &mut self,
        watcher: User,
        full_jid: &str,
    ) -> Result<(), Violation> {
        match self.views.entry(watcher).or_default().remove(full_jid) {
            true => Ok(()),
            false => Err(Violation::EndedTwice {
                watcher,
                full_jid: full_jid.to_owned(),
            }),
        }
    }

    /// All resources of an account are unavailable.
    pub(super) fn saw_nobody(&mut self, watcher: User, bare_jid: &str) {
        let is_other = |full_jid: &String| full_jid.split('/').next() != Some(bare_jid);
        self.views.entry(watcher).or_default().retain(is_other);
    }

    /// At quiet: `watcher` sees exactly those it may see that are there.
    pub(super) fn check_view(
        &self,
        watcher: User,
        contacts: &BTreeSet<User>,
    ) -> Result<(), Violation> {
        let empty = BTreeSet::new();
        let view = self.views.get(&watcher).unwrap_or(&empty);
        for full_jid in view {
            let is_there = self.available.contains_key(full_jid);
            if !is_there && !self.waiting.contains_key(full_jid) {
                return Err(Violation::WrongView {
                    watcher,
                    full_jid: full_jid.clone(),
                    shown: "available",
                });
            }
        }
        for (full_jid, user) in &self.available {
            if contacts.contains(user) && !view.contains(full_jid) {
                return Err(Violation::WrongView {
                    watcher,
                    full_jid: full_jid.clone(),
                    shown: "unavailable",
                });
            }
        }
        Ok(())
    }

    pub(super) fn asked(&mut self, user: User, id: &str, asked: &str) {
        let request = Request {
            asked: asked.to_owned(),
            answered: false,
            may_repeat: false,
            may_stay_open: false,
        };
        self.requests.insert((user, id.to_owned()), request);
    }

    /// The server ended the session of `full_jid`, which has no acks: what it had been given counts as taken.
    pub(super) fn cut_off(&mut self, full_jid: &str) {
        for request in self.requests.values_mut() {
            request.may_stay_open |= request.asked == full_jid;
        }
    }

    pub(super) fn answered(&mut self, user: User, id: &str) -> Result<(), Violation> {
        match self.requests.get_mut(&(user, id.to_owned())) {
            Some(request) if !request.answered || request.may_repeat => {
                request.answered = true;
                Ok(())
            }
            _ => Err(Violation::AnsweredTwice {
                user,
                id: id.to_owned(),
            }),
        }
    }

    /// At quiet: every request of `user` has its answer.
    pub(super) fn check_requests(&self, user: User) -> Result<(), Violation> {
        for ((asker, id), request) in &self.requests {
            let waits = self.waiting.contains_key(&request.asked);
            if *asker == user && !request.answered && !request.may_stay_open && !waits {
                return Err(Violation::Unanswered {
                    user,
                    id: id.clone(),
                });
            }
        }
        Ok(())
    }

    /// At the end, when everybody has read everything: nothing is lost that may not be.
    pub(super) fn check_messages(&self) -> Result<(), Violation> {
        for ((sender, recipient), messages) in &self.messages {
            for (number, message) in messages {
                let Message {
                    received,
                    found,
                    bounced,
                    acknowledged,
                    uncertain,
                    ..
                } = *message;
                if !received && !found && !bounced && !uncertain {
                    let (sender, recipient, number) = (*sender, *recipient, *number);
                    return Err(Violation::Lost {
                        sender,
                        recipient,
                        number,
                        acknowledged,
                    });
                }
            }
        }
        Ok(())
    }

    /// How many messages there were.
    pub(super) fn messages(&self) -> usize {
        self.messages.values().map(BTreeMap::len).sum()
    }

    fn message(&mut self, sender: User, recipient: User, number: u32) -> Option<&mut Message> {
        self.messages
            .get_mut(&(sender, recipient))?
            .get_mut(&number)
    }
}
