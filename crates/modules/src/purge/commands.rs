//! `archive purge`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, Who},
    period::Period,
};
use jid::BareJid;
use mailbox::Forget;
use serde::{Deserialize, Serialize};

/// Deletes messages of an archive.
#[derive(Debug, Deserialize)]
pub(super) struct PurgeArchive {
    user: BareJid,
    with: Option<BareJid>,
    older: Option<String>,
}

impl Command for PurgeArchive {
    const PATH: &'static str = "archive purge";
    const ABOUT: &'static str = "Delete messages from a user's archive, for good";
    const NEEDS: Action = Action::ManageOwnAccount;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::option(
            "with",
            FieldKind::Text,
            "only messages with this address, such as romeo@example.net",
        ),
        Field::option(
            "older",
            FieldKind::Text,
            "only messages older than this, such as \"30 days\"",
        ),
    ];
    type Output = Purged;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Purged, CommandError> {
        let is_own = is_own_or_below(cx, &self.user).await?;
        let now = cx.server().environment().timestamp();
        let older = self.older.as_deref().map(str::parse::<Period>).transpose();
        let older =
            older.map_err(|expected| CommandError::Arguments(format!("older is {expected}")))?;
        let forget = Forget {
            peer: self.with.as_ref().map(BareJid::to_string),
            before: older.map(|older| now.minus(older.0)),
            // What somebody else sent and the user has not got yet is not for an administrator to lose.
            spares_due: !is_own,
            ..Forget::all(now)
        };
        let messages = cx.server().forget(&self.user, forget).await?;
        Ok(Purged {
            user: self.user,
            messages,
        })
    }
}

/// Whether it is the own archive of the one who asks. Everybody may with that; with others' whoever manages accounts.
async fn is_own_or_below(cx: &AdminContext, user: &BareJid) -> Result<bool, CommandError> {
    match cx.who() {
        Who::Account { jid, .. } if jid == user => {
            cx.account(user).await?;
            Ok(true)
        }
        who if who.may(Action::ManageAccounts, &Concern::host_of(user)) => {
            cx.account_below(user).await?;
            Ok(false)
        }
        _ => {
            let on = Some(user.to_domain());
            Err(CommandError::NotAllowed { on })
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Purged {
    user: BareJid,
    messages: u64,
}

impl fmt::Display for Purged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.messages {
            0 => writeln!(f, "There was nothing to delete."),
            1 => writeln!(
                f,
                "1 message was deleted from the archive of {}.",
                self.user
            ),
            count => writeln!(
                f,
                "{count} messages were deleted from the archive of {}.",
                self.user
            ),
        }
    }
}
