//! The operator's commands a transcript may give.

use std::sync::Arc;

use engine::Server;
use jid::BareJid;

/// Runs `words` as an operator would write them after `couplet`.
pub(super) async fn run(server: &Arc<Server>, words: &[String]) -> Result<(), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let jid = |text: &str| BareJid::parse(text).map_err(|error| error.to_string());
    match words.as_slice() {
        ["user", "delete", account] => server
            .delete_account(&jid(account)?)
            .await
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
        _ => Err(format!("there is no such command: {}", words.join(" "))),
    }
}
