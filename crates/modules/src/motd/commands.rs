//! `motd ...`.

use std::fmt;

use engine::{
    Action,
    command::{AdminContext, Command, CommandError, Concern, Field, FieldKind},
    module::Prepare,
};
use jid::Domain;
use serde::{Deserialize, Serialize};

use super::{
    MessageOfTheDay,
    text::{self, Text},
};

/// Sets the message.
#[derive(Debug, Deserialize)]
pub(super) struct SetMotd {
    host: Domain,
    text: String,
}

impl Command for SetMotd {
    const PATH: &'static str = "motd set";
    const ABOUT: &'static str = "Set what every user of a host gets to read once";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[
        Field::HOST,
        Field::required("text", FieldKind::Text, "what to say"),
    ];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#set-motd");
    type Output = Motd;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Motd, CommandError> {
        if Text::new(self.text.clone()).is_none() {
            let problem =
                "there is nothing to read in an empty text; \"motd clear\" ends the message";
            return Err(CommandError::Arguments(problem.to_owned()));
        }
        change(cx, &self.host, Some(&self.text)).await?;
        Ok(Motd {
            host: self.host,
            text: Some(self.text),
        })
    }
}

/// Ends the message.
#[derive(Debug, Deserialize)]
pub(super) struct ClearMotd {
    host: Domain,
}

impl Command for ClearMotd {
    const PATH: &'static str = "motd clear";
    const ABOUT: &'static str = "End the message of the day of a host";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[Field::HOST];
    const NODE: Option<&'static str> = Some("http://jabber.org/protocol/admin#delete-motd");
    type Output = Motd;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Motd, CommandError> {
        change(cx, &self.host, None).await?;
        Ok(Motd {
            host: self.host,
            text: None,
        })
    }
}

/// Shows the message.
#[derive(Debug, Deserialize)]
pub(super) struct ShowMotd {
    host: Domain,
}

impl Command for ShowMotd {
    const PATH: &'static str = "motd show";
    const ABOUT: &'static str = "Show the message of the day of a host";
    const NEEDS: Action = Action::ManageSessions;
    const FIELDS: &'static [Field] = &[Field::HOST];
    const READS_ONLY: bool = true;
    type Output = Motd;

    fn concerns(&self) -> Concern {
        Concern::Host(self.host.clone())
    }

    async fn run(self, cx: &AdminContext) -> Result<Motd, CommandError> {
        let host = cx.host(&self.host)?;
        let feature = host.feature::<MessageOfTheDay>();
        let feature = feature.ok_or_else(|| is_off(&self.host))?;
        let configured = feature.configured.as_ref();
        let text = text::in_force(cx.server(), &host, configured).await?;
        Ok(Motd {
            host: self.host,
            text: text.map(|text| text.as_str().to_owned()),
        })
    }
}

async fn change(
    cx: &AdminContext,
    domain: &Domain,
    text: Option<&str>,
) -> Result<(), CommandError> {
    let host = cx.host(domain)?;
    let feature = host.feature::<MessageOfTheDay>();
    let feature = feature.ok_or_else(|| is_off(domain))?;
    text::set(cx.server(), &host, feature.configured.as_ref(), text).await?;
    feature.prepare(&host, cx.server()).await?;
    Ok(())
}

fn is_off(domain: &Domain) -> CommandError {
    CommandError::Arguments(format!(
        "the host {domain} has no message of the day: motd = false"
    ))
}

/// What there is to read now.
#[derive(Debug, Serialize)]
pub(super) struct Motd {
    host: Domain,
    text: Option<String>,
}

impl fmt::Display for Motd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => writeln!(f, "Every user of {} gets to read once: {text}", self.host),
            None => writeln!(f, "There is no message of the day on {}.", self.host),
        }
    }
}
