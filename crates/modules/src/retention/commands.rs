//! `archive show` and `archive keep`. Neither shows what was said.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
};
use jid::BareJid;
use mailbox::{Class, LOG};
use serde::{Deserialize, Serialize};
use stanza::Timestamp;
use store::{Batch, Owner, Page};

use super::bounds::{DECIDED, Decided, Keep};

/// Tells how much an archive holds.
#[derive(Debug, Deserialize)]
pub(super) struct ShowArchive {
    user: BareJid,
}

impl Command for ShowArchive {
    const PATH: &'static str = "archive show";
    const ABOUT: &'static str =
        "Tell how many messages a user's archive holds, and from when to when";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[Field::USER];
    const READS_ONLY: bool = true;
    type Output = Shown;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Shown, CommandError> {
        cx.account(&self.user).await?;
        let owner = Owner::Account(self.user.clone());
        let all = Page {
            class: Some(Class::Archive.column()),
            ..Page::default()
        };
        let end = |backwards| Page {
            backwards,
            entries_max: 1,
            without_bodies: true,
            ..all.clone()
        };
        let question = (
            LOG.page_size(&owner, all.clone()),
            LOG.page(&owner, end(false)),
            LOG.page(&owner, end(true)),
            DECIDED.get(&owner, &()),
        );
        let (size, oldest, newest, decided) = cx.server().store().read(question).await?;
        let at = |page: store::Entries<mailbox::Data>| {
            let at = page.found.first()?.entry.at;
            Some(Timestamp::from_micros(at).whole_seconds().to_string())
        };
        Ok(Shown {
            user: self.user,
            messages: size.entries,
            bytes: size.bytes,
            oldest: at(oldest),
            newest: at(newest),
            decided: decided.unwrap_or_default(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Shown {
    user: BareJid,
    messages: u64,
    bytes: u64,
    oldest: Option<String>,
    newest: Option<String>,
    /// What was decided for this account.
    #[serde(flatten)]
    decided: Decided,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "messages  {}", self.messages)?;
        writeln!(f, "bytes     {}", self.bytes)?;
        if let (Some(oldest), Some(newest)) = (&self.oldest, &self.newest) {
            writeln!(f, "oldest    {oldest}")?;
            writeln!(f, "newest    {newest}")?;
        }
        if let Some(keep) = self.decided.keep {
            writeln!(f, "kept      {keep}, for this account")?;
        }
        match self.decided.bytes_max {
            None => Ok(()),
            Some(0) => writeln!(f, "at most   as many bytes as there are, for this account"),
            Some(bytes) => writeln!(f, "at most   {bytes} bytes, for this account"),
        }
    }
}

/// Decides for one account how long its archive is kept.
#[derive(Debug, Deserialize)]
pub(super) struct KeepArchive {
    user: BareJid,
    time: Option<String>,
    bytes: Option<String>,
}

impl Command for KeepArchive {
    const PATH: &'static str = "archive keep";
    const ABOUT: &'static str = "Decide for one account how long and how much of its archive is kept; without options, as for its host";
    const NEEDS: Action = Action::ManageAccounts;
    const FIELDS: &'static [Field] = &[
        Field::USER,
        Field::option(
            "time",
            FieldKind::Text,
            "how long, such as \"30 days\" or \"for ever\"",
        ),
        Field::option(
            "bytes",
            FieldKind::Text,
            "how many bytes; 0 for as many as there are",
        ),
    ];
    type Output = Kept;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Kept, CommandError> {
        cx.account_below(&self.user).await?;
        let keep = self.time.as_deref().map(str::parse::<Keep>).transpose();
        let keep =
            keep.map_err(|expected| CommandError::Arguments(format!("time is {expected}")))?;
        let bytes_max = self.bytes.as_deref().map(str::parse::<u64>).transpose();
        let bytes_max = bytes_max
            .map_err(|_| CommandError::Arguments("bytes is a number of bytes".to_owned()))?;
        let decided = Decided { keep, bytes_max };
        let owner = Owner::Account(self.user.clone());
        let mut batch = Batch::new();
        match decided == Decided::default() {
            true => batch.delete(DECIDED, &owner, &()),
            false => batch.put(DECIDED, &owner, &(), &decided),
        }
        // An account that went meanwhile takes nothing more.
        let change = |_: &mut engine::account::Account, cx: &engine::pipeline::Context<'_>| {
            cx.batch().extend(batch);
        };
        cx.server().change_account(&self.user, change).await?;
        Ok(Kept {
            user: self.user,
            decided,
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Kept {
    user: BareJid,
    #[serde(flatten)]
    decided: Decided,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user;
        match (self.decided.keep, self.decided.bytes_max) {
            (None, None) => {
                return writeln!(f, "The archive of {user} is kept as its host's are.");
            }
            (Some(keep), None) => write!(f, "The archive of {user} is kept: {keep}")?,
            (None, Some(bytes)) => write!(f, "The archive of {user} holds {}", Bytes(bytes))?,
            (Some(keep), Some(bytes)) => write!(
                f,
                "The archive of {user} is kept: {keep}, and holds {}",
                Bytes(bytes)
            )?,
        }
        writeln!(f, ". It is looked at once a day.")
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("as many bytes as there are"),
            bytes => write!(f, "at most {bytes} bytes"),
        }
    }
}
