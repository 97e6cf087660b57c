//! Messages between accounts: what a feature has to say to an account other than the one at hand.
//!
//! A handler has one account and no way to a second. What concerns another account is a stanza where its user shall
//! see it, and an [`AccountMessage`] where only the feature does. It takes the way of a stanza: through the queue of
//! the account or service that says it, so in order with the stanzas between the same two, and into a run of its own
//! over the account it is for, which is loaded if need be. Screens do not see it.
//!
//! It is written as JSON from the start, so that the way is the same wherever that account is. It goes out once the
//! batch of the run that said it is durable, and not at all if that batch fails. Nobody is told when it can't be
//! handled (there is no such account, or the feature is off there): [`AccountMessageCounts`] counts it, and who must
//! know is told by another message. A crash may lose one on its way: what must not be lost is kept by the feature
//! that says it, and said again.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jid::BareJid;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::Module;
use crate::{
    account::Account,
    pipeline::{Context, Gates},
    session::Held,
};

/// The most that one message may have, in bytes as it is written: as much as a stanza may usually.
pub(crate) const ACCOUNT_MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// What a feature says to another account.
///
/// Values are read as those of the store's maps are: JSON, whose new fields have defaults.
pub trait AccountMessage: Serialize + DeserializeOwned + 'static {
    /// `feature.what`, the same for ever and unique over the server.
    const NAME: &'static str;
}

/// Takes messages for an account.
pub trait OnAccountMessage<M: AccountMessage>: Module {
    /// Acts on what `from`, an account or service of ours, has to say to `account`. Never waits.
    fn on_account_message(
        &self,
        message: M,
        from: &BareJid,
        account: &mut Account,
        cx: &Context<'_>,
    );
}

/// A message can't be put on its way.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TellError {
    /// There can be no account with that address here.
    #[error("the address is not one of an account of ours")]
    NoAccount,
    /// It is too long.
    #[error("the message has {bytes} bytes, more than {ACCOUNT_MESSAGE_BYTES_MAX}")]
    TooLong {
        /// As it is written.
        bytes: usize,
    },
    /// It does not write as JSON.
    #[error("the message does not write as JSON")]
    Unwritable,
}

/// What became of messages between accounts since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AccountMessageCounts {
    /// Those that a feature has taken.
    pub handled: u64,
    /// Those that went no further: there is no such account, the feature is off there, what they rest on was not
    /// stored, or too much waits for that account.
    pub dropped: u64,
}

/// The same, while it is counted.
#[derive(Default)]
pub(crate) struct AccountMessageCounters {
    handled: AtomicU64,
    dropped: AtomicU64,
}

impl AccountMessageCounters {
    pub(crate) fn handled(&self) {
        self.handled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> AccountMessageCounts {
        AccountMessageCounts {
            handled: self.handled.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}

/// A message that a run made. Who says it is stamped when the run is handed over, so that no feature can name
/// somebody else.
pub(crate) struct Saying {
    to: BareJid,
    name: &'static str,
    value: String,
}

impl Saying {
    pub(crate) fn new<M: AccountMessage>(to: &BareJid, message: &M) -> Result<Self, TellError> {
        let value = serde_json::to_string(message).map_err(|_| TellError::Unwritable)?;
        if value.len() > ACCOUNT_MESSAGE_BYTES_MAX {
            let bytes = value.len();
            return Err(TellError::TooLong { bytes });
        }
        Ok(Self {
            to: to.clone(),
            name: M::NAME,
            value,
        })
    }

    pub(crate) fn stamped(self, from: &BareJid, gates: Gates) -> Told {
        Told {
            from: from.clone(),
            to: self.to,
            name: Cow::Borrowed(self.name),
            value: self.value,
            gates,
            held: None,
        }
    }
}

/// A message on its way to an account.
pub(crate) struct Told {
    pub(crate) from: BareJid,
    pub(crate) to: BareJid,
    pub(crate) name: Cow<'static, str>,
    /// As it is written; a feature's data, and so not printed.
    pub(crate) value: String,
    /// What must be durable before anybody handles it.
    pub(crate) gates: Gates,
    /// A session that waits until it is handled.
    pub(crate) held: Option<Held>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Told({} from {} to {})", self.name, self.from, self.to)
    }
}

/// Reads a message and hands it to its feature; `Err` when it does not read.
type Handle = Box<
    dyn Fn(&str, &BareJid, &mut Account, &Context<'_>) -> Result<(), serde_json::Error>
        + Send
        + Sync,
>;

/// Who takes messages of one name.
pub(crate) struct AccountMessageHandler {
    pub(crate) name: &'static str,
    handle: Handle,
}

impl AccountMessageHandler {
    pub(crate) fn new<M, A>(module: &Arc<M>) -> Self
    where
        M: OnAccountMessage<A>,
        A: AccountMessage,
    {
        let module = module.clone();
        Self {
            name: A::NAME,
            handle: Box::new(move |value, from, account, cx| {
                module.on_account_message(serde_json::from_str(value)?, from, account, cx);
                Ok(())
            }),
        }
    }

    pub(crate) fn handle(
        &self,
        told: &Told,
        account: &mut Account,
        cx: &Context<'_>,
    ) -> Result<(), serde_json::Error> {
        (self.handle)(&told.value, &told.from, account, cx)
    }
}
