//! The operator's commands a transcript may give, and the process that they see.

use std::sync::Arc;

use engine::{
    Server,
    command::{AdminContext, CommandEntry, Control, FieldKind, Who},
};
use jid::BareJid;
use serde_json::{Map, Value};

/// The process around a server in a world: its configuration never changes.
pub(super) struct Process;

impl Control for Process {
    fn reload(&self) -> Result<(), String> {
        Ok(())
    }

    fn pid(&self) -> u32 {
        1
    }
}

/// Runs `words` as an operator would write them after `couplet`; a password is one of them. What the engine does
/// itself is there without any feature.
pub(super) async fn run(server: &Arc<Server>, words: &[String]) -> Result<(), String> {
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    let jid = |text: &str| BareJid::parse(text).map_err(|error| error.to_string());
    let done = match texts.as_slice() {
        ["user", "delete", account] => server.delete_account(&jid(account)?, false).await.map(drop),
        ["user", "disable", account] => server.set_disabled(&jid(account)?, true).await,
        ["user", "enable", account] => server.set_disabled(&jid(account)?, false).await,
        ["user", "passwd", account, password] => {
            server.set_password(&jid(account)?, password, None).await
        }
        _ => return run_of_feature(server, words).await,
    };
    done.map_err(|error| error.to_string())
}

async fn run_of_feature(server: &Arc<Server>, words: &[String]) -> Result<(), String> {
    let found = server.commands().find_map(|entry| {
        let path: Vec<&str> = entry.path.split(' ').collect();
        let (first, rest) = words.split_at_checked(path.len())?;
        (first == path).then_some((entry, rest))
    });
    let (entry, rest) =
        found.ok_or_else(|| format!("there is no such command: {}", words.join(" ")))?;
    let arguments = arguments(entry, rest)?;
    let cx = AdminContext::of_running(server.clone(), Who::Operator);
    let outcome = entry.run(arguments, cx).await;
    outcome.map(drop).map_err(|error| error.to_string())
}

fn arguments(entry: &CommandEntry, words: &[String]) -> Result<Map<String, Value>, String> {
    let mut arguments = Map::new();
    let mut by_place = entry.fields.iter().filter(|field| field.positional);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let named = word.strip_prefix("--");
        let field = match named {
            Some(name) => entry.fields.iter().find(|field| field.name == name),
            None => by_place.next(),
        };
        let field = field.ok_or_else(|| format!("\"{}\" takes no {word}", entry.path))?;
        let value = match (field.kind, named) {
            (FieldKind::Flag, _) => Value::Bool(true),
            (_, None) => Value::from(word.as_str()),
            (_, Some(_)) => {
                let value = words
                    .next()
                    .ok_or_else(|| format!("{word} needs a value"))?;
                Value::from(value.as_str())
            }
        };
        arguments.insert(field.name.to_owned(), value);
    }
    Ok(arguments)
}
