//! `user undelete`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field},
};
use jid::BareJid;
use serde::{Deserialize, Serialize};

/// Takes back an account that is to be deleted.
#[derive(Debug, Deserialize)]
pub(super) struct UndeleteUser {
    user: BareJid,
}

impl Command for UndeleteUser {
    const PATH: &'static str = "user undelete";
    const ABOUT: &'static str = "Take back a deleted account, while its host's grace period lasts";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    type Output = Undeleted;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Undeleted, CommandError> {
        let record = cx.account_below(&self.user).await?;
        match cx.server().undelete_account(&self.user).await? {
            true => Ok(Undeleted {
                disabled: record.disabled,
                user: self.user,
            }),
            false => Err(CommandError::Arguments(format!(
                "{} is not to be deleted",
                self.user
            ))),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Undeleted {
    user: BareJid,
    /// It was disabled before, and still is.
    disabled: bool,
}

impl fmt::Display for Undeleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The account {} is as it was", self.user)?;
        match self.disabled {
            true => writeln!(f, ": disabled. \"user enable\" lets its user sign in."),
            false => writeln!(f, "; its user can sign in again."),
        }
    }
}
