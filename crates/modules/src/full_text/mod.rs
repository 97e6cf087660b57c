//! # Full-Text Search
//!
//! Users find what was said by its words, in their own archives: a field of the form by which an archive is asked.
//!
//! Spec: [XEP-0431](https://xmpp.org/extensions/xep-0431.html) 0.2.0, which leaves open what a text means. Here every
//! word must be there, in any order; several words in double quotes stand side by side; a word that ends in `*` is the
//! beginning of one. Accents and capitals don't count. Scripts that put no spaces between words are searched character
//! by character (`docs/design/0016-what-an-archive-forgets.md`).
//!
//! What a query finds comes in the order of the archive. The command `archive search`, which a user's client gives by ad-hoc
//! commands, shows the best matches first (`commands.rs`).
//!
//! It is there where the store offers it. What a user has not searched yet is indexed at the first search; a message
//! costs no more because it can be found. `tests/` holds the transcripts.

mod commands;

use engine::{
    Authentication, HostFacts,
    command::{CommandEntry, command},
    module::{ArchiveField, ConfigError, Module, NoConfig, Spec, Wiring},
};
use stanza::{Condition, StanzaError};
use store::{Needle, Page};

/// The namespace.
const NS: &str = "urn:xmpp:fulltext:0";

/// Bytes of a text that is searched for. Longer ones are refused with `policy-violation`.
const TEXT_BYTES_MAX: usize = 1024;

/// The feature.
pub struct FullText;

impl Module for FullText {
    const NAME: &'static str = "full_text";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0431", "0.2.0")];
    const COMMANDS: &'static [CommandEntry] = &[command::<commands::SearchArchive>()];
    type Config = NoConfig;

    fn new(_: NoConfig, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_archives = host.authentication == Authentication::Accounts;
        Ok((host.full_text && has_archives).then_some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(NS)
            .disco_account_feature(NS)
            .archive_field();
    }
}

/// [§3.1](https://xmpp.org/extensions/xep-0431.html#querying).
impl ArchiveField for FullText {
    const FIELD: &'static str = "{urn:xmpp:fulltext:0}fulltext";
    // COMPAT: what ejabberd called it before there was a specification, and clients written for it still do.
    const ALSO: &'static [&'static str] = &["withtext"];

    fn narrow(&self, value: &str, page: &mut Page) -> Result<(), StanzaError> {
        if value.len() > TEXT_BYTES_MAX {
            return Err(
                StanzaError::new(Condition::PolicyViolation).with_text("the text is too long")
            );
        }
        page.text = Some(Needle::parse(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jid::Domain;

    use super::*;

    #[test]
    fn it_is_there_where_the_store_finds_texts_and_users_have_archives() {
        for (full_text, authentication, is_there) in [
            (true, Authentication::Accounts, true),
            (false, Authentication::Accounts, false),
            (true, Authentication::Anonymous, false),
        ] {
            let mut facts = HostFacts::new(Domain::parse("example").unwrap());
            facts.full_text = full_text;
            facts.authentication = authentication;
            let made = FullText::new(NoConfig::default(), &facts).unwrap();
            assert_eq!(made.is_some(), is_there, "{full_text} {authentication:?}");
        }
    }
}
