//! What [XEP-0133](https://xmpp.org/extensions/xep-0133.html) calls the commands it describes and their fields.

use engine::command::{Field, FieldKind};

/// The namespace of its nodes and forms.
pub(super) const NS: &str = "http://jabber.org/protocol/admin";

/// The namespace of what we add to its forms, written as
/// [XEP-0068 §3.3](https://xmpp.org/extensions/xep-0068.html) wants it.
const OWN: &str = "urn:couplet:command";

/// How one of its commands differs from our table of fields.
pub(super) struct Profile {
    /// What follows `#` in its node.
    node: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// It takes several addresses at once.
    pub(super) takes_many: bool,
    /// A password is asked for twice.
    pub(super) verifies: bool,
}

const PROFILES: &[Profile] = &[
    one("add-user", "Add a user", true),
    many("delete-user", "Delete users"),
    many("disable-user", "Disable users"),
    many("reenable-user", "Re-enable users"),
    many("end-user-session", "End sessions"),
    one("change-user-password", "Change a user's password", false),
];

const fn one(node: &'static str, title: &'static str, verifies: bool) -> Profile {
    Profile {
        node,
        title,
        takes_many: false,
        verifies,
    }
}

const fn many(node: &'static str, title: &'static str) -> Profile {
    Profile {
        node,
        title,
        takes_many: true,
        verifies: false,
    }
}

/// The second field of a password.
pub(super) const VERIFY: &str = "password-verify";

/// The registered names that our fields share.
const REGISTERED: &[&str] = &["delay", "password"];

/// What the text of a command is called, which is a text of several lines.
const TEXTS: &[(&str, &str)] = &[
    ("announce", "announcement"),
    ("set-motd", "motd"),
    ("edit-motd", "motd"),
    ("set-welcome", "welcome"),
    ("restart", "announcement"),
    ("shutdown", "announcement"),
];

/// Whether the field `var` holds a text of several lines.
pub(super) fn has_lines(var: &str) -> bool {
    TEXTS.iter().any(|(_, text)| *text == var)
}

/// Whether `node` is one of its nodes, offered or not.
pub(super) fn knows(node: &str) -> bool {
    word(node).is_some()
}

fn word(node: &str) -> Option<&str> {
    node.strip_prefix(NS)?.strip_prefix('#')
}

/// What there is to know of `node`; `None` when it is not one of ours in this profile.
pub(super) fn of(node: &str) -> Option<&'static Profile> {
    let word = word(node)?;
    PROFILES.iter().find(|profile| profile.node == word)
}

/// What `field` of the command at `node` is called in its form.
pub(super) fn var(node: &str, field: &Field) -> String {
    let Some(word) = word(node) else {
        return field.name.to_owned();
    };
    let text = TEXTS.iter().find(|(node, _)| *node == word);
    match field.kind {
        FieldKind::Account | FieldKind::Session => match of(node) {
            Some(profile) if profile.takes_many => "accountjids".to_owned(),
            Some(_) | None => "accountjid".to_owned(),
        },
        FieldKind::Text if field.positional && text.is_some() => {
            text.map_or_else(String::new, |(_, var)| (*var).to_owned())
        }
        _ if REGISTERED.contains(&field.name) => field.name.to_owned(),
        _ => format!("{{{OWN}}}{}", field.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_get_the_names_of_the_profile() {
        let user = Field::required("user", FieldKind::Account, "");
        let reason = Field::option("reason", FieldKind::Text, "");
        let password = Field::required("password", FieldKind::Password, "");
        let check = |node: &str, field: &Field, expected: &str| {
            assert_eq!(var(node, field), expected, "{node}");
        };
        let admin = |word: &str| format!("{NS}#{word}");
        check(&admin("add-user"), &user, "accountjid");
        check(&admin("add-user"), &password, "password");
        check(&admin("delete-user"), &user, "accountjids");
        check(
            &admin("end-user-session"),
            &reason,
            "{urn:couplet:command}reason",
        );
        let text = Field::required("text", FieldKind::Text, "");
        check(&admin("set-motd"), &text, "motd");
        check(&admin("announce"), &text, "announcement");
        check(&admin("announce"), &reason, "{urn:couplet:command}reason");
        check("motd-set", &text, "text");
        check(&admin("something-new"), &user, "accountjid");
        check("user-info", &user, "user");
        check("user-info", &reason, "reason");
    }
}
