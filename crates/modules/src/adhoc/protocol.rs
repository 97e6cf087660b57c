//! Wire forms of [XEP-0050](https://xmpp.org/extensions/xep-0050.html): `<command/>` both ways, and the errors of its
//! own.

use engine::module::{Method, Payload};
use stanza::{
    Condition, ErrorType, StanzaError,
    form::{Form, FormKind},
};
use thiserror::Error;
use xml::{Builder, Element, Fragment};

/// The namespace, and the node under which all commands stand.
pub(super) const NS: &str = "http://jabber.org/protocol/commands";

/// The language of everything we say.
const LANG: &str = "en";

/// What is to be done with a command, [§4.1](https://xmpp.org/extensions/xep-0050.html#desc-command).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Execute,
    Cancel,
    Prev,
    Next,
    Complete,
}

/// `<command/>` of whoever asks.
pub(super) struct Request {
    pub(super) node: String,
    pub(super) step: Step,
    pub(super) id: Option<String>,
    /// The language the element itself names.
    pub(super) lang: Option<String>,
    pub(super) form: Option<Form>,
}

impl Payload for Request {
    const ELEMENT: &'static str = "command";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Set;

    fn parse(command: &Element<'_>) -> Result<Self, StanzaError> {
        let node = command.attr("node").filter(|node| !node.is_empty());
        let Some(node) = node else {
            let text = "a command needs a node";
            return Err(StanzaError::new(Condition::BadRequest).with_text(text));
        };
        let step = match command.attr("action").as_deref() {
            None | Some("execute") => Step::Execute,
            Some("cancel") => Step::Cancel,
            Some("prev") => Step::Prev,
            Some("next") => Step::Next,
            Some("complete") => Step::Complete,
            Some(_) => return Err(Fault::MalformedAction.into()),
        };
        let form = Form::within(command)
            .map_err(|error| Fault::BadPayload(error.text().unwrap_or_default().to_owned()))?;
        Ok(Self {
            node: node.into_owned(),
            step,
            id: command.attr("sessionid").map(|id| id.into_owned()),
            lang: command.lang().map(|lang| lang.into_owned()),
            form: form.map(as_submission),
        })
    }
}

/// A form that was given up counts as one that was filled in,
/// [§3.5.1](https://xmpp.org/extensions/xep-0050.html#impl-forms): to give up, a command is cancelled.
fn as_submission(mut form: Form) -> Form {
    if form.kind == FormKind::Cancel {
        form.kind = FormKind::Submit;
    }
    form
}

/// The errors of [§4.4](https://xmpp.org/extensions/xep-0050.html#desc) that have a condition of their own.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(super) enum Fault {
    #[error("there is no such action")]
    MalformedAction,
    #[error("this action is not possible now")]
    BadAction,
    #[error("this is not the tag of a language")]
    BadLocale,
    #[error("{0}")]
    BadPayload(String),
    #[error("there is no such command session")]
    BadSessionId,
    #[error("the command session is over")]
    SessionExpired,
}

impl From<Fault> for StanzaError {
    fn from(fault: Fault) -> Self {
        let (condition, specific) = match &fault {
            Fault::MalformedAction => (Condition::BadRequest, "malformed-action"),
            Fault::BadAction => (Condition::BadRequest, "bad-action"),
            Fault::BadLocale => (Condition::BadRequest, "bad-locale"),
            Fault::BadPayload(_) => (Condition::BadRequest, "bad-payload"),
            Fault::BadSessionId => (Condition::BadRequest, "bad-sessionid"),
            Fault::SessionExpired => (Condition::NotAllowed, "session-expired"),
        };
        Self::new(condition)
            .with_text(fault.to_string())
            .with_application(Builder::new(specific, NS).build())
    }
}

/// Who asks may not do this. The table of §4.4 gives it another type than RFC 6120.
pub(super) fn forbidden() -> StanzaError {
    StanzaError::new(Condition::Forbidden).with_type(ErrorType::Cancel)
}

/// Refuses what is no language at all.
///
/// DEVIATION: §3.7 asks for `bad-locale` also where a language is one we don't speak. Clients name the language
/// of their user unasked, so all but English users would be shut out; they are answered in English, which
/// the answer says.
pub(super) fn check_locale(lang: Option<&str>) -> Result<(), Fault> {
    let is_subtag = |tag: &str| {
        (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match lang {
        Some(lang) if !lang.is_empty() && !lang.split('-').all(is_subtag) => Err(Fault::BadLocale),
        Some(_) | None => Ok(()),
    }
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    /// It waits for its form.
    Executing,
    Completed,
    Canceled,
}

/// How serious a note is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weight {
    Info,
    Warn,
    Error,
}

/// Something said beside or instead of a form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Note {
    pub(super) weight: Weight,
    pub(super) text: String,
}

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) notes: Vec<Note>,
    pub(super) form: Option<Form>,
}

impl Said {
    /// `<command/>` of ours.
    pub(super) fn to_fragment(&self, node: &str, id: &str, status: Status) -> Fragment {
        let name = match status {
            Status::Executing => "executing",
            Status::Completed => "completed",
            Status::Canceled => "canceled",
        };
        // Each command has one form, so that there is no way forth or back: to send it is to complete.
        let actions = (status == Status::Executing).then(|| {
            Builder::new("actions", NS)
                .attr("execute", "complete")
                .child(Builder::new("complete", NS))
        });
        let notes = self.notes.iter().map(|note| {
            let weight = match note.weight {
                Weight::Info => "info",
                Weight::Warn => "warn",
                Weight::Error => "error",
            };
            Builder::new("note", NS)
                .attr("type", weight)
                .text(&note.text)
        });
        Builder::new("command", NS)
            .attr("node", node)
            .attr("sessionid", id)
            .attr("status", name)
            .attr("xml:lang", LANG)
            .child_opt(actions)
            .children(notes)
            .child_opt(self.form.as_ref().map(Form::to_fragment))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_taken_and_nonsense_is_not() {
        for lang in ["en", "de-AT", "fr-ca", "zh-Hant-TW", ""] {
            assert_eq!(check_locale(Some(lang)), Ok(()), "{lang}");
        }
        for lang in ["en_GB", "much-toolongatag", "de-", "!"] {
            assert_eq!(check_locale(Some(lang)), Err(Fault::BadLocale), "{lang}");
        }
        assert_eq!(check_locale(None), Ok(()));
    }
}
