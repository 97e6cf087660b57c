//! `may(who, action, where)`: the one question that decides every permission.
//!
//! Roles are those of Prosody: guest, registered, member, admin, operator, each including the one
//! before. Features ask by naming an [`Action`]; nobody compares roles.

use serde::{Deserialize, Serialize};

/// What a user is to a virtual host.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Anonymous users, and everybody from other servers.
    #[default]
    Guest,
    /// Accounts people registered themselves.
    Registered,
    /// Accounts an operator made.
    Member,
    /// Administers one virtual host.
    Admin,
    /// Administers the server: `admins` in the configuration, and the admin socket.
    Operator,
}

impl Role {
    /// Its name, as stored and as operators write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Registered => "registered",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

/// Something a user may be allowed to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Ask what the server tells everybody: how long it has been running.
    AskServer,
    /// Keep a roster, offline messages and other data between sessions.
    StoreData,
    /// Exchange stanzas with other servers.
    Federate,
    /// Have the server send one stanza to several addresses.
    Multicast,
    /// Change the own password or remove the own account.
    ManageOwnAccount,
    /// Create, change and remove accounts of the host.
    ManageAccounts,
    /// List and end sessions of the host's users.
    ManageSessions,
    /// Change the server's configuration and stop it.
    OperateServer,
}

/// Whether a user of role `who` may do `action` on the host where it has that role.
#[must_use]
pub fn may(who: Role, action: Action) -> bool {
    let least = match action {
        Action::AskServer => Role::Guest,
        Action::StoreData | Action::Federate | Action::Multicast | Action::ManageOwnAccount => {
            Role::Registered
        }
        Action::ManageAccounts | Action::ManageSessions => Role::Admin,
        Action::OperateServer => Role::Operator,
    };
    who >= least
}

/// Whether everybody may do `action`, strangers included.
pub(crate) fn may_everybody(action: Action) -> bool {
    may(Role::Guest, action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_it_may() {
        check(Role::Guest, Action::AskServer, true);
        check(Role::Guest, Action::StoreData, false);
        check(Role::Guest, Action::Federate, false);
        check(Role::Guest, Action::ManageOwnAccount, false);
        check(Role::Registered, Action::StoreData, true);
        check(Role::Registered, Action::ManageAccounts, false);
        check(Role::Member, Action::ManageOwnAccount, true);
        check(Role::Member, Action::ManageSessions, false);
        check(Role::Admin, Action::ManageSessions, true);
        check(Role::Admin, Action::OperateServer, false);
        check(Role::Operator, Action::OperateServer, true);
    }

    #[track_caller]
    fn check(who: Role, action: Action, allowed: bool) {
        assert_eq!(may(who, action), allowed, "{who:?} {action:?}");
    }
}
