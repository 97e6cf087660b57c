//! What a command has at hand: the server, and in whose name it runs.

use std::{fmt, sync::Arc};

use jid::{BareJid, Domain};

use super::{Audience, CommandError, Concern, Control, nearest};
use crate::{
    account::AccountRecord,
    host::{Authentication, Host},
    permission::{Action, Role, may, may_everybody},
    server::Server,
};

/// In whose name a command runs.
#[derive(Clone, Debug)]
pub enum Who {
    /// Whoever runs the server: the admin socket is theirs alone.
    Operator,
    /// An account of ours, with its role on its own host.
    Account {
        /// Whose.
        jid: BareJid,
        /// What it is there.
        role: Role,
    },
}

impl Who {
    /// Whether they may do `action` on what it concerns. What everybody may do, they may do anywhere; the
    /// rest an operator may everywhere, and others on their own host as far as their role goes.
    #[must_use]
    pub fn may(&self, action: Action, concern: &Concern) -> bool {
        let Self::Account { jid, role } = self else {
            return true;
        };
        let is_own = match concern {
            Concern::Server => false,
            Concern::Host(domain) => jid.domain() == domain.as_str(),
        };
        may_everybody(action) || ((is_own || *role == Role::Operator) && may(*role, action))
    }
}

/// For the log.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("the operator"),
            Self::Account { jid, .. } => jid.fmt(f),
        }
    }
}

/// What a command has at hand. It owns it all, so that it runs to its end whatever becomes of the one who
/// asked.
#[derive(Clone)]
pub struct AdminContext {
    server: Arc<Server>,
    who: Who,
    control: Option<Arc<dyn Control>>,
    audience: Option<Arc<dyn Audience>>,
}

impl AdminContext {
    /// For a command in the name of `who`. Without `control` no server runs, and only the store is there.
    #[must_use]
    pub fn new(server: Arc<Server>, who: Who, control: Option<Arc<dyn Control>>) -> Self {
        Self {
            server,
            who,
            control,
            audience: None,
        }
    }

    /// The same where somebody hears what a command says before it ends.
    #[must_use]
    pub fn with_audience(self, audience: Arc<dyn Audience>) -> Self {
        Self {
            audience: Some(audience),
            ..self
        }
    }

    /// Who hears what a command says before it ends.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoAudience`] where a command can only be asked and answered.
    pub fn audience(&self) -> Result<&dyn Audience, CommandError> {
        self.audience.as_deref().ok_or(CommandError::NoAudience)
    }

    /// For a command that the running `server` was asked for by somebody it talks to.
    #[must_use]
    pub fn of_running(server: Arc<Server>, who: Who) -> Self {
        let control = server.control();
        Self::new(server, who, control)
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// In whose name this runs.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Whether a server runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.control.is_some()
    }

    /// The serving process.
    ///
    /// # Errors
    ///
    /// [`CommandError::NotRunning`].
    pub fn control(&self) -> Result<&dyn Control, CommandError> {
        self.control.as_deref().ok_or(CommandError::NotRunning)
    }

    /// A host of ours.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoHost`] with what was probably meant.
    pub fn host(&self, domain: &Domain) -> Result<Arc<Host>, CommandError> {
        self.server.host(domain.as_str()).ok_or_else(|| {
            let hosts = self.server.hosts();
            let domains: Vec<_> = hosts.iter().map(|host| host.domain()).collect();
            let served: Vec<_> = domains.iter().map(|domain| domain.as_str()).collect();
            CommandError::NoHost {
                domain: domain.clone(),
                nearest: nearest::domain(domain, &domains),
                served: served.join(", "),
            }
        })
    }

    /// The host of an account, which there need not be.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoHost`], [`CommandError::NoAccounts`].
    pub fn host_of(&self, user: &BareJid) -> Result<Arc<Host>, CommandError> {
        let host = self.host(&user.to_domain())?;
        match host.facts().authentication {
            Authentication::Accounts => Ok(host),
            Authentication::Anonymous => Err(CommandError::NoAccounts(user.to_domain())),
        }
    }

    /// An account that is there.
    ///
    /// # Errors
    ///
    /// [`CommandError::NoUser`] with what was probably meant, or why it can't be read.
    pub async fn account(&self, user: &BareJid) -> Result<AccountRecord, CommandError> {
        self.host_of(user)?;
        match self.server.account_record(user).await? {
            Some(record) => Ok(record),
            None => Err(CommandError::NoUser {
                user: user.clone(),
                nearest: nearest::account(&self.server, user).await?,
            }),
        }
    }

    /// The same, for a command that takes something from the account, or takes it over. Nobody may do that to
    /// somebody with a higher role.
    ///
    /// # Errors
    ///
    /// As [`AdminContext::account`]; [`CommandError::Outranked`].
    pub async fn account_below(&self, user: &BareJid) -> Result<AccountRecord, CommandError> {
        let record = self.account(user).await?;
        self.must_be_below(user, Some(&record))?;
        Ok(record)
    }

    /// Refuses to touch an account, which may not be there yet, whose role is higher than that of who asks.
    ///
    /// # Errors
    ///
    /// [`CommandError::Outranked`], [`CommandError::NoHost`], [`CommandError::NoAccounts`].
    pub fn must_be_below(
        &self,
        user: &BareJid,
        record: Option<&AccountRecord>,
    ) -> Result<(), CommandError> {
        let host = self.host_of(user)?;
        match &self.who {
            Who::Account { role, .. } if self.server.role_of(&host, user, record) > *role => {
                Err(CommandError::Outranked(user.clone()))
            }
            Who::Account { .. } | Who::Operator => Ok(()),
        }
    }

    /// Whether the one who asks may do `action` on what the command concerns.
    pub(super) fn permit(&self, action: Action, concern: &Concern) -> Result<(), CommandError> {
        if self.who.may(action, concern) {
            return Ok(());
        }
        let on = match concern {
            Concern::Server => None,
            Concern::Host(domain) => Some(domain.clone()),
        };
        Err(CommandError::NotAllowed { on })
    }
}
