//! Why a command was not done, in words for the one who gave it.

use jid::{BareJid, Domain, FullJid};
use store::StoreError;
use thiserror::Error;

use crate::account::AccountError;

/// Why a command was not done. The text says what to do instead.
#[derive(Clone, Debug, Error)]
pub enum CommandError {
    /// An argument is missing, unknown, or not what it should be.
    #[error("{0}")]
    Arguments(String),
    /// The one who asks may not do this, or not there.
    #[error("you may not do this{}", .on.as_ref().map_or(String::new(), |host| format!(" on {host}")))]
    NotAllowed {
        /// The host it was to be done on.
        on: Option<Domain>,
    },
    /// The account has a higher role than the one who asks.
    #[error("you may not do this to {0}, whose role is higher than yours")]
    Outranked(BareJid),
    /// It means something only to a running server.
    #[error("no server is running")]
    NotRunning,
    /// The domain is none of our hosts.
    #[error("the host {domain} is not served here; add [host.\"{domain}\"] to the configuration. {}Served are {served}", .nearest.as_ref().map_or(String::new(), |near| format!("Did you mean {near}? ")))]
    NoHost {
        /// What was named.
        domain: Domain,
        /// What was probably meant.
        nearest: Option<Domain>,
        /// Our hosts, as a list.
        served: String,
    },
    /// The host has no accounts of its own.
    #[error("the host {0} has no accounts: people sign in to it anonymously")]
    NoAccounts(Domain),
    /// There is no such account.
    #[error("there is no account {user}{}", .nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near}? See \"user list\"")))]
    NoUser {
        /// What was named.
        user: BareJid,
        /// What was probably meant.
        nearest: Option<BareJid>,
    },
    /// There is no such session.
    #[error("there is no session {0}; \"session list\" shows them")]
    NoSession(FullJid),
    /// The account exists already.
    #[error("the account {0} exists already; \"user passwd\" sets its password")]
    Exists(BareJid),
    /// An account can't be made or changed.
    #[error(transparent)]
    Account(AccountError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The configuration or the certificates can't be used.
    #[error("{0}")]
    Reload(String),
    /// The server can't be restarted.
    #[error("{0}")]
    Restart(String),
    /// What is logged can't be changed like this.
    #[error("{0}")]
    Log(String),
    /// It shows what happens when it happens, which can't be done here.
    #[error("this shows what happens as it happens; run it on the command line")]
    NoAudience,
    /// Too many do the same already.
    #[error("too many look at stanzas already; end one of them first")]
    TooManyWatchers,
    /// The server runs and is not well.
    #[error("{0}")]
    Unwell(String),
}

impl From<AccountError> for CommandError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Exists(jid) => Self::Exists(jid),
            AccountError::Missing(user) => Self::NoUser {
                user,
                nearest: None,
            },
            other => Self::Account(other),
        }
    }
}
