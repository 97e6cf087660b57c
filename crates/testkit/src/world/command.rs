//! The operator's commands a transcript may give.

use std::sync::Arc;

use engine::{
    Server,
    command::{AdminContext, CommandEntry, Control, Field, FieldKind, Who},
};
use jid::BareJid;
use serde_json::{Map, Value};

/// Runs `words` as an operator would write them after `couplet`. Those that the engine itself can do are known without
/// the feature that offers them.
pub(super) async fn run(server: &Arc<Server>, words: &[String]) -> Result<(), String> {
    let jid = |text: &str| BareJid::parse(text).map_err(|error| error.to_string());
    let shown: Vec<&str> = words.iter().map(String::as_str).collect();
    match shown.as_slice() {
        ["user", "delete", account] => server
            .delete_account(&jid(account)?, false)
            .await
            .map(|_| ())
            .map_err(|error| error.to_string()),
        ["user", "disable", account] => server
            .set_disabled(&jid(account)?, true)
            .await
            .map_err(|error| error.to_string()),
        ["user", "enable", account] => server
            .set_disabled(&jid(account)?, false)
            .await
            .map_err(|error| error.to_string()),
        ["user", "passwd", account, password] => server
            .set_password(&jid(account)?, password, None)
            .await
            .map_err(|error| error.to_string()),
        _ => offered(server, words).await,
    }
}

/// A command that a feature offers.
async fn offered(server: &Arc<Server>, words: &[String]) -> Result<(), String> {
    let is_meant = |entry: &&CommandEntry| {
        let mut path = entry.path.split(' ');
        let mut written = words.iter();
        path.all(|word| written.next().is_some_and(|written| written == word))
    };
    let entry = server
        .commands()
        .find(is_meant)
        .ok_or_else(|| format!("there is no such command: {}", words.join(" ")))?;
    let rest = words.get(entry.path.split(' ').count()..);
    let arguments = arguments(entry.fields, rest.unwrap_or_default())?;
    let cx = AdminContext::new(server.clone(), Who::Operator, Some(Arc::new(Bench)));
    let outcome = entry.run(arguments, cx).await;
    outcome.map(|_| ()).map_err(|error| error.to_string())
}

/// Words as the command line takes them: by their place, or behind `--name`.
fn arguments(fields: &[Field], words: &[String]) -> Result<Map<String, Value>, String> {
    let mut arguments = Map::new();
    let mut places = fields.iter().filter(|field| field.positional);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (field, value) = match word.strip_prefix("--") {
            None => (places.next(), Some(word)),
            Some(name) => {
                let field = fields.iter().find(|field| field.name == name);
                let is_flag = field.is_some_and(|field| field.kind == FieldKind::Flag);
                (field, if is_flag { None } else { words.next() })
            }
        };
        let field = field.ok_or_else(|| format!("there is no place for \"{word}\""))?;
        let value = value.map_or(Value::Bool(true), |value| Value::from(value.as_str()));
        arguments.insert(field.name.to_owned(), value);
    }
    Ok(arguments)
}

/// The process that serves, as far as a bench has one.
struct Bench;

impl Control for Bench {
    fn reload(&self) -> Result<(), String> {
        Err("there is no file to read anew on a bench".to_owned())
    }

    fn pid(&self) -> u32 {
        0
    }
}
