//! What came of a command, as a form, a table, notes, or the error of the request.

use engine::{
    account::AccountError,
    command::{CommandError, Outcome},
};
use jid::Jid;
use serde_json::{Map, Value};
use stanza::{
    Condition, StanzaError,
    form::{Field, FieldKind, Form, FormKind},
};

use super::{
    offers::{Offer, What},
    profile,
    protocol::{Fault, Note, Said, Weight, forbidden},
    views::{Shown, View},
};

/// Rows of a table, or addresses of a list, that are shown; a note tells how many are not.
pub(super) const ROWS_MAX: usize = 500;

/// What one running of a command led to, with whom it was about.
pub(super) type Ended = (Option<Jid>, Result<Outcome, CommandError>);

/// What is said in the end. Of several, each is told in a note: what was done of them can't be undone.
///
/// # Errors
///
/// The error of the request, when it asked for one thing and that was not done.
pub(super) fn say(offer: &Offer, ended: Vec<Ended>) -> Result<Said, StanzaError> {
    let is_one = ended.len() == 1;
    let mut said = Said::default();
    let mut shown = Vec::new();
    for (target, result) in ended {
        match (result, &offer.what) {
            (Ok(outcome), What::View(view, _)) => shown.push(view.show(&outcome.data)),
            (Ok(outcome), What::Commands(_)) if is_one => said = describe(offer, &outcome),
            (Ok(outcome), What::Commands(_)) => said.note(Weight::Info, outcome.text.trim()),
            (Err(error), _) => {
                let error_text = error.to_string();
                match (is_one, refusal(error)) {
                    (true, Some(refusal)) => return Err(refusal),
                    _ => {
                        let whom = target.map_or_else(String::new, |jid| format!("{jid}: "));
                        said.note(Weight::Error, &format!("{whom}{error_text}"));
                    }
                }
            }
        }
    }
    if let What::View(view, _) = &offer.what {
        said.form = view_form(view, shown, &mut said.notes);
    }
    Ok(said)
}

impl Said {
    fn note(&mut self, weight: Weight, text: &str) {
        self.notes.push(Note {
            weight,
            text: text.to_owned(),
        });
    }
}

/// The error that is the answer to a request; `None` when a failure is to be told in words, as that of a command
/// that was done and did not work.
fn refusal(error: CommandError) -> Option<StanzaError> {
    let text = error.to_string();
    let condition = match error {
        CommandError::Arguments(_) | CommandError::Account(AccountError::Password(_)) => {
            return Some(Fault::BadPayload(text).into());
        }
        CommandError::NotAllowed { .. } | CommandError::Outranked(_) => {
            return Some(forbidden().with_text(text));
        }
        CommandError::NoHost { .. } | CommandError::NoUser { .. } | CommandError::NoSession(_) => {
            Condition::ItemNotFound
        }
        CommandError::NoAccounts(_) | CommandError::NotRunning => Condition::NotAllowed,
        CommandError::Exists(_) => Condition::Conflict,
        CommandError::Store(error) | CommandError::Account(AccountError::Store(error)) => {
            tracing::error!(%error, "the store failed; a command is refused");
            return Some(Condition::InternalServerError.into());
        }
        _ => return None,
    };
    Some(StanzaError::new(condition).with_text(text))
}

/// The fields of XEP-0133; a table when several accounts were asked for.
fn view_form(view: &View, mut shown: Vec<Shown>, notes: &mut Vec<Note>) -> Option<Form> {
    let left_out: usize = shown.iter().map(|shown| shown.left_out).sum();
    if left_out > 0 {
        notes.push(cut(left_out));
    }
    let mut form = Form::new(FormKind::Result).field(Field::form_type(profile::NS));
    form.title = Some(view.title.to_owned());
    if shown.len() > 1 {
        let mut rows = shown.into_iter().map(|shown| shown.fields).peekable();
        let columns = rows.peek().into_iter().flatten();
        form.reported = columns
            .filter_map(|field| Some(Field::new(field.var.as_deref()?, FieldKind::TextSingle)))
            .collect();
        form.items = rows.collect();
    } else {
        form.fields.extend(shown.pop()?.fields);
    }
    Some(form)
}

fn cut(left_out: usize) -> Note {
    Note {
        weight: Weight::Warn,
        text: format!("{left_out} more are not shown."),
    }
}

/// What a command of ours answers: its data as fields or as a table, and its words where they are one sentence or
/// where there is nothing else.
fn describe(offer: &Offer, outcome: &Outcome) -> Said {
    let mut said = Said::default();
    let mut form = Form::new(FormKind::Result);
    if profile::knows(&offer.node) {
        form = form.field(Field::form_type(profile::NS));
    }
    form.title = Some(offer.name().to_owned());
    let empty = Map::new();
    let members = outcome.data.as_object().unwrap_or(&empty);
    let text = outcome.text.trim();
    let form = match only_list(members) {
        Some(rows) => {
            let left_out = rows.len().saturating_sub(ROWS_MAX);
            if left_out > 0 {
                said.notes.push(cut(left_out));
            }
            if rows.is_empty() {
                said.note(Weight::Info, "There are none.");
            }
            table(form, rows)
        }
        None => {
            if !text.is_empty() && !text.contains('\n') {
                said.note(Weight::Info, text);
            }
            // A sentence is no field of a form.
            let is_sentence = members.len() == 1 && members.values().all(Value::is_string);
            (!is_sentence).then(|| flat(form, members)).flatten()
        }
    };
    if form.is_none() && said.notes.is_empty() && !text.is_empty() {
        said.note(Weight::Info, text);
    }
    said.form = form;
    said
}

/// The rows, where the answer is a list of objects and nothing else.
fn only_list(members: &Map<String, Value>) -> Option<&Vec<Value>> {
    let mut values = members.values();
    let rows = values.next()?.as_array()?;
    (values.next().is_none() && rows.iter().all(Value::is_object)).then_some(rows)
}

fn table(mut form: Form, rows: &[Value]) -> Option<Form> {
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    form.reported = columns
        .iter()
        .map(|key| Field::new(key, kind_of(key)).label(&label(key)))
        .collect();
    form.items = rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| {
            let cell = |key: &&str| {
                let values = row.get(*key).and_then(scalars).unwrap_or_default();
                Field::data(key, values)
            };
            columns.iter().map(cell).collect()
        })
        .collect();
    (!form.items.is_empty()).then_some(form)
}

/// One field per member; `None` when one of them is no value or list of values.
fn flat(mut form: Form, members: &Map<String, Value>) -> Option<Form> {
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let field = Field::data(key, scalars(value)?).label(&label(key));
        form.fields.push(field);
    }
    (!members.is_empty()).then_some(form)
}

/// The values of a field; `None` for what can be none.
fn scalars(value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![if *flag { "1" } else { "0" }.to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(scalars).collect();
            items?.into_iter().flatten().collect()
        }
        Value::Object(_) => return None,
    })
}

fn kind_of(key: &str) -> FieldKind {
    match key {
        "jid" => FieldKind::JidSingle,
        _ => FieldKind::TextSingle,
    }
}

fn label(key: &str) -> String {
    key.replace(['_', '-'], " ")
}
