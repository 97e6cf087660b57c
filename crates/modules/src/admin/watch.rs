//! `watch`: the stanzas of one address, as they pass.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, Outcome},
    watch::{Look, Seen, Way, shown},
};
use jid::{Domain, FullJid, Jid};
use serde::{Deserialize, Serialize};

use super::said::Done;

/// Shows stanzas until the one who asked has seen enough.
#[derive(Debug, Deserialize)]
pub(super) struct Watch {
    address: String,
    #[serde(default)]
    bodies: bool,
}

impl Command for Watch {
    const PATH: &'static str = "watch";
    const ABOUT: &'static str =
        "Show stanzas as they pass between the server and clients, until Ctrl-C";
    /// An admin of a host has no business with what its users say.
    const NEEDS: Action = Action::OperateServer;
    const FIELDS: &'static [Field] = &[
        Field::required(
            "address",
            FieldKind::Text,
            "of which session, account or host: juliet@example.org/phone, juliet@example.org, example.org",
        ),
        Field::option(
            "bodies",
            FieldKind::Flag,
            "show what users write as well; passwords stay hidden",
        ),
    ];
    const NEEDS_RUNNING: bool = true;
    const LIVE: bool = true;
    /// It is logged when it begins.
    const READS_ONLY: bool = true;
    type Output = Done;

    fn concerns(&self) -> Concern {
        Concern::Server
    }

    async fn run(self, cx: &AdminContext) -> Result<Done, CommandError> {
        let audience = cx.audience()?;
        let address = self.address(cx)?;
        let watcher = cx
            .server()
            .watch(address.clone())
            .ok_or(CommandError::TooManyWatchers)?;
        if self.bodies {
            tracing::warn!(%address, "an operator looks at stanzas, with what users write");
        } else {
            tracing::info!(%address, "an operator looks at stanzas");
        }
        let mut said = Said::Watching(address.clone());
        while audience.hear(Outcome::of(&said)?).await {
            said = match watcher.next().await {
                Look::Stanza(seen) => Said::stanza(&seen, self.bodies),
                Look::Missed(count) => Said::Missed(count),
            };
        }
        Ok(Done::new(format!("No longer watching {address}.")))
    }
}

impl Watch {
    /// What is to be watched, which has to be of a host of ours: nothing else has sessions here.
    fn address(&self, cx: &AdminContext) -> Result<Jid, CommandError> {
        let wrong = |_| {
            CommandError::Arguments(format!(
                "\"{}\" is not an address such as juliet@example.org",
                self.address
            ))
        };
        let address = Jid::parse(&self.address).map_err(wrong)?;
        let domain = Domain::parse(address.domain()).map_err(wrong)?;
        cx.host(&domain)?;
        Ok(address)
    }
}

/// One thing that is told on the way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Watching(Jid),
    /// So many stanzas are not shown here.
    Missed(u64),
    Stanza {
        at: String,
        session: FullJid,
        direction: &'static str,
        xml: String,
    },
}

impl Said {
    fn stanza(seen: &Seen, with_text: bool) -> Self {
        Self::Stanza {
            at: seen.at.to_string(),
            session: seen.session.clone(),
            direction: match seen.way {
                Way::Received => "received",
                Way::Sent => "sent",
            },
            xml: shown(seen, with_text),
        }
    }
}

/// Arrows are as in transcripts: `->` from the client, `<-` to it.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watching(address) => {
                writeln!(f, "Stanzas of {address} as they pass; Ctrl-C ends.")
            }
            Self::Missed(count) => writeln!(
                f,
                "({count} stanzas are missing: they came faster than they were shown)"
            ),
            Self::Stanza {
                at,
                session,
                direction,
                xml,
            } => {
                let arrow = if *direction == "received" { "->" } else { "<-" };
                writeln!(f, "{at} {session} {arrow} {xml}")
            }
        }
    }
}
