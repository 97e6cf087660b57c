//! `announce`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
};
use jid::{BareJid, Domain};
use serde::{Deserialize, Serialize};
use stanza::MessageType;

/// Says something to the users of a host, or of all hosts.
#[derive(Debug, Deserialize)]
pub(super) struct Announce {
    text: String,
    host: Option<Domain>,
    #[serde(default)]
    to: Audience,
}

/// Who gets it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Audience {
    /// Whoever is signed in.
    #[default]
    Online,
    /// Every account.
    All,
}

impl Command for Announce {
    const PATH: &'static str = "announce";
    const ABOUT: &'static str = "Say something to the users of a host, or of all";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[
        Field::required("text", FieldKind::Text, "what to say"),
        Field::option("host", FieldKind::Host, "only to the users of this host"),
        Field::option(
            "to",
            FieldKind::Choice(&["online", "all"]),
            "to those who are signed in, which is the default, or to every account",
        ),
    ];
    const NEEDS_RUNNING: bool = true;
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#announce");
    type Output = Announced;

    fn concerns(&self) -> Concern {
        self.host.clone().map_or(Concern::Server, Concern::Host)
    }

    async fn run(self, cx: &AdminContext) -> Result<Announced, CommandError> {
        if self.text.trim().is_empty() {
            let problem = "there is nothing to say in an empty text".to_owned();
            return Err(CommandError::Arguments(problem));
        }
        let server = cx.server();
        let hosts = match &self.host {
            None => server.hosts(),
            Some(domain) => vec![cx.host(domain)?],
        };
        let mut accounts = 0;
        for host in hosts {
            let (told, kind): (Vec<BareJid>, _) = match self.to {
                Audience::Online => (server.accounts_online(&host), MessageType::Headline),
                Audience::All => {
                    let known = server.accounts(&host).await?;
                    let known = known.into_iter().map(|(account, _)| account);
                    (known.collect(), MessageType::Normal)
                }
            };
            server.notify(&host, &told, kind, &self.text).await;
            accounts += told.len();
        }
        Ok(Announced { accounts })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Announced {
    accounts: usize,
}

impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.accounts {
            1 => writeln!(f, "One account was told."),
            count => writeln!(f, "{count} accounts were told."),
        }
    }
}
