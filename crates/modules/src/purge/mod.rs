//! # Purge
//!
//! Users delete from their own archives: what is older than a message they name, what they said with somebody, or all
//! of it. The other party keeps its own copy; what was shared on disk goes with the last of them, and is overwritten.
//!
//! Spec: [Trim Command](https://xmpp.org/extensions/inbox/xep-mam-trimming.html), a proposal, 0.0.1 of 2026-03-31, as far
//! as it is about the archives of users. It knows no peer: for that there is the command `archive purge`, which a user's
//! client gives by ad-hoc commands as an operator gives it on a terminal. Nobody who gives it sees what was said.
//!
//! Where messages must be kept, `purge = false` takes the feature away, and it is not advertised.
//!
//! `commands.rs` holds the command, `tests/` the transcripts.

mod commands;

use engine::{
    Action, Authentication, HostFacts,
    command::{CommandEntry, command},
    may,
    module::{
        Answer, AnswerIq, ConfigError, HandleIq, IqContext, IqJob, Method, Module, NoConfig,
        Payload, Spec, To, Wiring,
    },
};
use mailbox::{Forget, WireId};
use stanza::{Condition, StanzaError};
use xml::Element;

/// The namespace.
const NS: &str = "urn:xmpp:mamtrim:0";

/// The feature.
pub struct Purge;

impl Module for Purge {
    const NAME: &'static str = "purge";
    const SPECS: &'static [Spec] = &[];
    const COMMANDS: &'static [CommandEntry] = &[command::<commands::PurgeArchive>()];
    type Config = NoConfig;

    fn new(_: NoConfig, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_archives = host.authentication == Authentication::Accounts;
        Ok(has_archives.then_some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .iq_waiting::<Trim>(To::OwnAccount)
            .iq::<Trim>(To::OtherAccount);
    }
}

/// `<trim/>`: up to and with an entry, or all there is.
struct Trim {
    through: Option<String>,
}

impl Payload for Trim {
    const ELEMENT: &'static str = "trim";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(trim: &Element<'_>) -> Result<Self, StanzaError> {
        let mut ids = trim.children().filter(|child| child.is("id", NS));
        let through = ids.next().map(|id| id.text().trim().to_owned());
        match ids.next() {
            None => Ok(Self { through }),
            Some(_) => Err(Condition::BadRequest.into()),
        }
    }
}

/// Answered when all of it is gone.
impl HandleIq<Trim> for Purge {
    async fn handle_iq(&self, trim: Trim, job: IqJob) -> Answer {
        if !may(job.role(), Action::StoreData) {
            return Err(Condition::Forbidden.into());
        }
        let line = job.in_account(|account, _| {
            let mailbox = account.mailbox();
            let through = match &trim.through {
                None => Some(mailbox.newest()),
                Some(id) => WireId::parse(id).and_then(|id| mailbox.position(id)),
            };
            (mailbox.owner().clone(), through)
        });
        let (owner, through) = line.await.map_err(|error| {
            tracing::error!(%error, "an archive can't be reached; nothing is trimmed");
            Condition::InternalServerError
        })?;
        let forget = Forget {
            through: Some(through.ok_or(Condition::ItemNotFound)?),
            ..Forget::all(job.server().environment().timestamp())
        };
        let jid = job.from().bare();
        let gone = job.server().forget(&jid, forget).await.map_err(|error| {
            tracing::error!(%owner, %error, "an archive was not trimmed to the end");
            Condition::InternalServerError
        })?;
        tracing::info!(%owner, gone, "a user trimmed the own archive");
        Ok(None)
    }
}

/// Only the owner may.
impl AnswerIq<Trim> for Purge {
    fn answer_iq(&self, _: Trim, _: &mut IqContext<'_>) -> Answer {
        Err(Condition::Forbidden.into())
    }
}
