//! `archive search`: the best matches first, which no query can ask for, because the results of a query are in the order of
//! the archive ([XEP-0313 §4.2](https://xmpp.org/extensions/xep-0313.html#results)).

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind, Who},
};
use jid::BareJid;
use mailbox::{Class, Data, LOG, STATE, message_of};
use serde::{Deserialize, Serialize};
use stanza::{Stanza, Timestamp};
use store::{Found, Needle, Owner, Page};
use xml::Ns;

use super::{FullText, TEXT_BYTES_MAX};

/// So many messages are shown, and so much of each.
const SHOWN_MAX: usize = 20;
const SHOWN_CHARS_MAX: usize = 500;

/// Searches an archive: for its user, and for nobody else.
#[derive(Debug, Deserialize)]
pub(super) struct SearchArchive {
    user: BareJid,
    text: String,
    with: Option<BareJid>,
}

impl Command for SearchArchive {
    const PATH: &'static str = "archive search";
    const ABOUT: &'static str = "Search your own archive for words, the best matches first";
    const NEEDS: Action = Action::ManageOwnAccount;
    const NEEDS_RUNNING: bool = true;
    const READS_ONLY: bool = true;
    const FIELDS: &'static [Field] = &[
        Field::required(
            "user",
            FieldKind::Account,
            "you, such as juliet@example.org",
        ),
        Field::required(
            "text",
            FieldKind::Text,
            "words that must be there; several in double quotes stand side by side, and one that ends in * is a beginning",
        ),
        Field::option(
            "with",
            FieldKind::Text,
            "only messages with this address, such as romeo@example.net",
        ),
    ];
    type Output = Hits;

    fn concerns(&self) -> Concern {
        Concern::host_of(&self.user)
    }

    async fn run(self, cx: &AdminContext) -> Result<Hits, CommandError> {
        let is_own = matches!(cx.who(), Who::Account { jid, .. } if *jid == self.user);
        if !is_own {
            let on = Some(self.user.to_domain());
            return Err(CommandError::NotAllowed { on });
        }
        if cx.host_of(&self.user)?.feature::<FullText>().is_none() {
            let problem = format!("archives of {} can't be searched", self.user.to_domain());
            return Err(CommandError::Arguments(problem));
        }
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(CommandError::Arguments("the text is too long".to_owned()));
        }
        let (store, owner) = (cx.server().store(), Owner::Account(self.user.clone()));
        store.index(LOG, &owner).await?;
        let page = Page {
            text: Some(Needle::parse(&self.text)),
            class: Some(Class::Archive.column()),
            peer: self.with.as_ref().map(BareJid::to_string),
            entries_max: SHOWN_MAX,
            ..Page::default()
        };
        let question = (STATE.get(&owner, &()), LOG.best(&owner, page));
        let (state, best) = store.read(question).await?;
        let hit = |found: &Found<Data>| {
            let message = message_of(found).ok()?;
            Some(Hit {
                id: state.as_ref()?.key.seal(found.entry.id).to_string(),
                at: Timestamp::from_micros(found.entry.at).to_string(),
                from: message.from()?.to_string(),
                to: message.to().map(ToString::to_string),
                text: text_of(&message),
            })
        };
        Ok(Hits {
            messages: best.found.iter().filter_map(hit).collect(),
        })
    }
}

/// What it says, as far as there is room.
fn text_of(message: &Stanza) -> String {
    let bodies = message
        .children()
        .filter(|child| child.ns() == Ns::Content && child.name() == "body");
    let text = bodies.map(|body| body.text()).collect::<Vec<_>>();
    let mut text = text.join("\n");
    if let Some((end, _)) = text.char_indices().nth(SHOWN_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The best first.
#[derive(Debug, Serialize)]
pub(super) struct Hits {
    messages: Vec<Hit>,
}

#[derive(Debug, Serialize)]
struct Hit {
    at: String,
    from: String,
    to: Option<String>,
    text: String,
    /// By which a client finds it in the archive.
    id: String,
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.messages.is_empty() {
            return writeln!(f, "Nothing was found.");
        }
        for hit in &self.messages {
            let to = hit.to.as_deref().unwrap_or_default();
            writeln!(f, "{}  {} to {to}: {}", hit.at, hit.from, hit.text)?;
        }
        Ok(())
    }
}
