//! The questions of [XEP-0133](https://xmpp.org/extensions/xep-0133.html) that a command of ours answers with something
//! more: what of the answer is shown, under the field that the specification names.

use std::collections::BTreeSet;

use jid::Jid;
use serde_json::Value;
use stanza::form::Field;

use super::outcome::ROWS_MAX;

/// One such question.
pub(super) struct View {
    pub(super) node: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// The words of the command that answers it.
    pub(super) of: &'static str,
    /// The field that names the account; `None` when it is about all of the host.
    pub(super) asks: Option<&'static str>,
    show: fn(&Value) -> Shown,
}

/// What of an answer is shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) fields: Vec<Field>,
    /// How many addresses are left out.
    pub(super) left_out: usize,
}

impl View {
    pub(super) fn show(&self, data: &Value) -> Shown {
        (self.show)(data)
    }
}

macro_rules! node {
    ($word:literal) => {
        concat!("http://jabber.org/protocol/admin#", $word)
    };
}

/// All of them.
pub(super) const VIEWS: &[View] = &[
    View {
        node: node!("get-registered-users-list"),
        title: "List registered users",
        of: "user list",
        asks: None,
        show: |data| list("registereduserjids", &users(data, false)),
    },
    View {
        node: node!("get-registered-users-num"),
        title: "Count registered users",
        of: "user list",
        asks: None,
        show: |data| number("registeredusersnum", &users(data, false)),
    },
    View {
        node: node!("get-disabled-users-list"),
        title: "List disabled users",
        of: "user list",
        asks: None,
        show: |data| list("disableduserjids", &users(data, true)),
    },
    View {
        node: node!("get-disabled-users-num"),
        title: "Count disabled users",
        of: "user list",
        asks: None,
        show: |data| number("disabledusersnum", &users(data, true)),
    },
    View {
        node: node!("get-online-users-list"),
        title: "List users who are online",
        of: "session list",
        asks: None,
        show: |data| list("onlineuserjids", &online(data)),
    },
    View {
        node: node!("get-online-users-num"),
        title: "Count users who are online",
        of: "session list",
        asks: None,
        show: |data| number("onlineusersnum", &online(data)),
    },
    View {
        node: node!("get-user-lastlogin"),
        title: "Show when users last signed in",
        of: "user info",
        asks: Some("accountjids"),
        show: |data| {
            let at = data.get("last_sign_in").and_then(Value::as_str);
            fields([
                text("accountjids", data, "jid"),
                Field::data("lastlogin", at),
            ])
        },
    },
    View {
        node: node!("user-stats"),
        title: "Show what a user has and where the user is",
        of: "user info",
        asks: Some("accountjid"),
        show: |data| {
            let size = data.get("contacts").map(Value::to_string);
            let sessions = jids(data.get("sessions"), |session| Some(session));
            let resources = sessions.iter().filter_map(Jid::resource);
            fields([
                Field::data("rostersize", size),
                Field::data("onlineresources", resources),
            ])
        },
    },
];

fn fields(fields: impl IntoIterator<Item = Field>) -> Shown {
    Shown {
        fields: fields.into_iter().collect(),
        left_out: 0,
    }
}

fn text(var: &str, data: &Value, key: &str) -> Field {
    Field::data(var, data.get(key).and_then(Value::as_str))
}

fn list(var: &str, jids: &BTreeSet<Jid>) -> Shown {
    let shown = jids.iter().take(ROWS_MAX);
    Shown {
        fields: vec![Field::data(var, shown.map(Jid::as_str))],
        left_out: jids.len().saturating_sub(ROWS_MAX),
    }
}

fn number(var: &str, jids: &BTreeSet<Jid>) -> Shown {
    fields([Field::data(var, [jids.len().to_string()])])
}

/// The accounts of `user list`, or those of them that are disabled.
fn users(data: &Value, only_disabled: bool) -> BTreeSet<Jid> {
    jids(data.get("users"), |user| {
        let is_disabled = user.get("disabled").and_then(Value::as_bool) == Some(true);
        (is_disabled || !only_disabled).then_some(user)?.get("jid")
    })
}

/// The accounts that have a session in `session list`.
fn online(data: &Value) -> BTreeSet<Jid> {
    let sessions = jids(data.get("sessions"), |session| session.get("jid"));
    sessions.iter().map(|jid| jid.bare().into()).collect()
}

fn jids(list: Option<&Value>, jid: impl Fn(&Value) -> Option<&Value>) -> BTreeSet<Jid> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| Jid::parse(jid(item)?.as_str()?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_question_is_answered_in_its_field() {
        let users = json!({"users": [
            {"jid": "romeo@example", "disabled": false},
            {"jid": "juliet@example", "disabled": true},
        ]});
        let sessions = json!({"sessions": [
            {"jid": "romeo@example/orchard"}, {"jid": "romeo@example/garden"},
        ]});
        let info = json!({
            "jid": "romeo@example", "last_sign_in": "2026-11-26T15:00:00Z", "contacts": 2,
            "sessions": ["romeo@example/orchard"],
        });
        check(
            "get-registered-users-list",
            &users,
            "registereduserjids: juliet@example romeo@example",
        );
        check("get-registered-users-num", &users, "registeredusersnum: 2");
        check(
            "get-disabled-users-list",
            &users,
            "disableduserjids: juliet@example",
        );
        check("get-disabled-users-num", &users, "disabledusersnum: 1");
        check(
            "get-online-users-list",
            &sessions,
            "onlineuserjids: romeo@example",
        );
        check("get-online-users-num", &sessions, "onlineusersnum: 1");
        check(
            "get-user-lastlogin",
            &info,
            "accountjids: romeo@example, lastlogin: 2026-11-26T15:00:00Z",
        );
        check(
            "user-stats",
            &info,
            "rostersize: 2, onlineresources: orchard",
        );
    }

    #[track_caller]
    fn check(word: &str, data: &Value, expected: &str) {
        let is_meant = |view: &&View| view.node.ends_with(&format!("#{word}"));
        let view = VIEWS.iter().find(is_meant).unwrap();
        let shown: Vec<String> = view
            .show(data)
            .fields
            .iter()
            .map(|field| {
                format!(
                    "{}: {}",
                    field.var.as_deref().unwrap(),
                    field.values.join(" ")
                )
            })
            .collect();
        assert_eq!(shown.join(", "), expected, "{word}");
    }

    #[test]
    fn long_lists_are_cut() {
        let users: Vec<Value> = (0..=ROWS_MAX)
            .map(|number| json!({"jid": format!("user{number}@example"), "disabled": false}))
            .collect();
        let shown = list("x", &super::users(&json!({ "users": users }), false));
        assert_eq!(shown.fields[0].values.len(), ROWS_MAX);
        assert_eq!(shown.left_out, 1);
    }
}
