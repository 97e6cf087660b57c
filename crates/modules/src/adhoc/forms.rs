//! The form of a command, made of its table of fields, and the arguments that come back.

use engine::{
    Host, Server,
    command::{CommandEntry, Concern, Field as Argument, FieldKind as ArgumentKind, Who},
};
use jid::Jid;
use serde_json::{Map, Value};
use stanza::form::{Field, FieldKind, Form, Submission};

use super::{
    offers::{Offer, What},
    profile::{self, VERIFY},
    protocol::Fault,
};

/// Addresses that one command acts on. A form with more is refused.
const TARGETS_MAX: usize = 100;

/// One running of a command.
pub(super) struct Run {
    pub(super) entry: &'static CommandEntry,
    pub(super) arguments: Map<String, Value>,
    /// Whom it is about, where a form may name several.
    pub(super) target: Option<Jid>,
}

impl Offer {
    /// What has to be filled in, on `host` by `who`; `None` when nothing has to be asked.
    pub(super) fn form(&self, host: &Host, server: &Server, who: &Who) -> Option<Form> {
        let mut form = match profile::knows(&self.node) {
            true => Form::to_fill_in(profile::NS, self.name()),
            false => {
                let mut form = Form::new(stanza::form::FormKind::Form);
                form.title = Some(self.name().to_owned());
                form
            }
        };
        let asked_before = form.fields.len();
        for (entry, argument) in self.asked() {
            let var = self.var(argument);
            if form.find(&var).is_some() {
                continue;
            }
            let field = self.field(&var, argument, entry, host, server, who);
            form.fields.push(field);
            if argument.kind == ArgumentKind::Password && self.verifies() {
                let again = Field::new(VERIFY, FieldKind::TextPrivate);
                form.fields
                    .push(again.label("The same password again").required());
            }
        }
        (form.fields.len() > asked_before).then_some(form)
    }

    /// What its commands ask for. A host that may be left out is the one that is asked, and so is each in XEP-0133.
    fn asked(&self) -> impl Iterator<Item = (&'static CommandEntry, &'static Argument)> {
        let asks = !matches!(&self.what, What::View(view, _) if view.asks.is_none());
        self.entries()
            .iter()
            .filter(move |_| asks)
            .flat_map(|&entry| entry.fields.iter().map(move |field| (entry, field)))
            .filter(|(_, field)| !self.is_here(field))
    }

    /// Whether an argument is the host that is asked.
    fn is_here(&self, argument: &Argument) -> bool {
        let is_host = argument.kind == ArgumentKind::Host;
        is_host && (!argument.required || profile::knows(&self.node))
    }

    /// What an argument is called in the form.
    fn var(&self, argument: &Argument) -> String {
        match &self.what {
            What::View(view, _) => view.asks.unwrap_or_default().to_owned(),
            What::Commands(_) => profile::var(&self.node, argument),
        }
    }

    fn verifies(&self) -> bool {
        profile::of(&self.node).is_some_and(|profile| profile.verifies)
    }

    fn takes_many(&self) -> bool {
        match &self.what {
            What::View(view, _) => view.asks == Some("accountjids"),
            What::Commands(_) => profile::of(&self.node).is_some_and(|profile| profile.takes_many),
        }
    }

    fn field(
        &self,
        var: &str,
        argument: &Argument,
        entry: &CommandEntry,
        host: &Host,
        server: &Server,
        who: &Who,
    ) -> Field {
        let field = match argument.kind {
            ArgumentKind::Account | ArgumentKind::Session if self.takes_many() => {
                Field::new(var, FieldKind::JidMulti)
            }
            ArgumentKind::Account | ArgumentKind::Session => Field::new(var, FieldKind::JidSingle),
            ArgumentKind::Host => {
                let field = Field::new(var, FieldKind::ListSingle).value(host.domain().as_str());
                hosts(server, entry, who)
                    .iter()
                    .fold(field, |field, domain| field.option(domain, domain))
            }
            ArgumentKind::Text if profile::has_lines(var) => Field::new(var, FieldKind::TextMulti),
            ArgumentKind::Text => Field::new(var, FieldKind::TextSingle),
            ArgumentKind::Password => Field::new(var, FieldKind::TextPrivate),
            ArgumentKind::Choice(words) => {
                let field = Field::new(var, FieldKind::ListSingle);
                words
                    .iter()
                    .fold(field, |field, word| field.option(word, word))
            }
            ArgumentKind::Flag => Field::new(var, FieldKind::Boolean).flag(false),
        };
        let field = field.label(&capitalised(argument.about));
        match argument.required {
            true => field.required(),
            false => field,
        }
    }

    /// What the checked answer to the form asks for.
    ///
    /// # Errors
    ///
    /// [`Fault::BadPayload`] when passwords differ, or too many addresses are named.
    pub(super) fn runs(&self, submission: &Submission, host: &Host) -> Result<Vec<Run>, Fault> {
        let bad = |text: String| Err(Fault::BadPayload(text));
        if self.verifies() && submission.text("password") != submission.text(VERIFY) {
            return bad("the two passwords differ".to_owned());
        }
        let targets = match self.takes_many() {
            true => submission.jids("accountjids").unwrap_or_default(),
            false => Vec::new(),
        };
        if targets.len() > TARGETS_MAX {
            return bad(format!("at most {TARGETS_MAX} addresses at once"));
        }
        let run = |target: Option<Jid>| {
            let entry = self.meant(target.as_ref())?;
            Some(Run {
                entry,
                arguments: self.arguments(entry, submission, host, target.as_ref()),
                target,
            })
        };
        Ok(match targets.is_empty() {
            true => run(None).into_iter().collect(),
            false => targets.into_iter().map(Some).filter_map(run).collect(),
        })
    }

    /// Which of several commands a target is for: one takes the address of a session, another that of an account.
    fn meant(&self, target: Option<&Jid>) -> Option<&'static CommandEntry> {
        let wanted = match target.is_some_and(Jid::is_full) {
            true => ArgumentKind::Session,
            false => ArgumentKind::Account,
        };
        let takes = |entry: &&&'static CommandEntry| {
            let mut fields = entry.fields.iter();
            fields.any(|field| field.kind == wanted)
        };
        let entries = self.entries();
        let entry = entries.iter().find(takes).or(entries.first())?;
        Some(*entry)
    }

    fn arguments(
        &self,
        entry: &CommandEntry,
        submission: &Submission,
        host: &Host,
        target: Option<&Jid>,
    ) -> Map<String, Value> {
        let mut arguments = Map::new();
        for argument in entry.fields {
            let var = self.var(argument);
            // One line, or several.
            let text = || submission.lines(&var).filter(|text| !text.is_empty());
            let value = match (argument.kind, target) {
                (ArgumentKind::Account | ArgumentKind::Session, Some(target)) => {
                    Some(Value::from(target.as_str()))
                }
                _ if self.is_here(argument) => Some(Value::from(host.domain().as_str())),
                (ArgumentKind::Flag, _) => submission.flag(&var).map(Value::from),
                (_, _) => text().map(Value::from),
            };
            if let Some(value) = value {
                arguments.insert(argument.name.to_owned(), value);
            }
        }
        arguments
    }
}

/// The hosts on which `who` may use the command.
fn hosts(server: &Server, entry: &CommandEntry, who: &Who) -> Vec<String> {
    let hosts = server.hosts();
    let may = |host: &&std::sync::Arc<Host>| {
        let concern = Concern::Host(host.domain().clone());
        who.may(entry.needs, &concern)
    };
    hosts
        .iter()
        .filter(may)
        .map(|host| host.domain().to_string())
        .collect()
}

/// As a label begins.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use engine::{
        Action,
        command::{AdminContext, Command, CommandError, command},
    };
    use serde::Deserialize;

    use super::*;

    /// A command as another feature may bring it.
    #[derive(Deserialize)]
    struct SetMotd {}

    impl Command for SetMotd {
        const PATH: &'static str = "motd set";
        const ABOUT: &'static str = "Set the message of the day";
        const NEEDS: Action = Action::ManageAccounts;
        const FIELDS: &'static [Argument] = &[
            Argument::required("host", ArgumentKind::Host, "the host"),
            Argument::required("text", ArgumentKind::Text, "what to say"),
            Argument::option("to", ArgumentKind::Choice(&["all", "online"]), "to whom"),
        ];
        type Output = String;

        fn concerns(&self) -> Concern {
            Concern::Server
        }

        async fn run(self, _: &AdminContext) -> Result<String, CommandError> {
            Ok(String::new())
        }
    }

    #[test]
    fn what_is_asked_depends_on_the_node() {
        const ENTRY: CommandEntry = command::<SetMotd>();
        let asked = |node: &'static str| {
            let offer = Offer {
                node: node.into(),
                what: What::Commands(vec![&ENTRY]),
            };
            let vars: Vec<String> = offer.asked().map(|(_, field)| offer.var(field)).collect();
            vars.join(" ")
        };
        assert_eq!(asked("motd-set"), "host text to");
        assert_eq!(
            asked("http://jabber.org/protocol/admin#set-motd"),
            "motd {urn:couplet:command}to"
        );
    }
}
