//! Wire forms of [XEP-0077](https://xmpp.org/extensions/xep-0077.html): plain fields and the data form
//! that says the same.

use std::fmt;

use engine::module::{Method, Payload};
use stanza::{
    Condition, StanzaError,
    form::{self, Field, FieldKind, Form, FormKind},
};
use xml::{Builder, Element, Fragment};

/// The namespace.
pub(super) const NS: &str = "jabber:iq:register";

/// The namespace of the stream feature.
pub(super) const NS_STREAM: &str = "http://jabber.org/features/iq-register";

/// What people read who are about to register.
const INSTRUCTIONS: &str = "Choose a username and a password.";

/// A password or name longer than this is cut off here already: nobody types one.
const FIELD_BYTES_MAX: usize = 1_023;

/// Somebody unknown asks what to fill in.
pub(super) struct EarlyGet;

/// Somebody unknown registers.
pub(super) struct EarlySet(pub(super) Change);

/// A user asks what is on file.
pub(super) struct Get;

/// A user changes the password or removes the account.
pub(super) struct Set(pub(super) Change);

/// What a set asks for.
#[derive(Debug)]
pub(super) enum Change {
    /// `<remove/>`.
    Remove,
    /// A name and a password, as far as they are there and not empty.
    Credentials {
        username: Option<String>,
        password: Option<Secret>,
    },
}

/// A password on its way; it refuses to be printed.
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

macro_rules! payload {
    ($name:ident, $method:ident, $parse:expr) => {
        impl Payload for $name {
            const ELEMENT: &'static str = "query";
            const NS: &'static str = NS;
            const METHOD: Method = Method::$method;

            fn parse(query: &Element<'_>) -> Result<Self, StanzaError> {
                let parse: fn(&Element<'_>) -> Result<Self, StanzaError> = $parse;
                parse(query)
            }
        }
    };
}

payload!(EarlyGet, Get, |_| Ok(Self));
payload!(EarlySet, Set, |query| change(query).map(Self));
payload!(Get, Get, |_| Ok(Self));
payload!(Set, Set, |query| change(query).map(Self));

fn change(query: &Element<'_>) -> Result<Change, StanzaError> {
    if query.child("remove", NS).is_some() {
        // [§3.2](https://xmpp.org/extensions/xep-0077.html#usecases-cancel): alone, or it is no request.
        return match query.children().count() {
            1 => Ok(Change::Remove),
            _ => Err(StanzaError::new(Condition::BadRequest)),
        };
    }
    // The form takes precedence, [§6](https://xmpp.org/extensions/xep-0077.html#precedence).
    if let Some(x) = query.child("x", form::NS) {
        let form = Form::parse(&x)?;
        if form.kind != FormKind::Submit {
            return Err(StanzaError::new(Condition::BadRequest));
        }
        return Ok(credentials(
            form.value("username").map(str::to_owned),
            form.value("password").map(str::to_owned),
        ));
    }
    let field = |name| query.child_text(name, NS).map(|text| text.into_owned());
    Ok(credentials(field("username"), field("password")))
}

fn credentials(username: Option<String>, password: Option<String>) -> Change {
    let fits = |text: &String| !text.is_empty() && text.len() <= FIELD_BYTES_MAX;
    Change::Credentials {
        username: username.filter(fits),
        password: password.filter(fits).map(Secret),
    }
}

/// What somebody unknown has to fill in.
pub(super) fn fields() -> Fragment {
    let form = Form::to_fill_in(NS, "Registration")
        .instruction(INSTRUCTIONS)
        .field(
            Field::new("username", FieldKind::TextSingle)
                .label("Username")
                .required(),
        )
        .field(
            Field::new("password", FieldKind::TextPrivate)
                .label("Password")
                .required(),
        );
    Builder::new("query", NS)
        .child_text("instructions", INSTRUCTIONS)
        .child(Builder::new("username", NS))
        .child(Builder::new("password", NS))
        .child(form.to_fragment())
        .build()
}

/// What is on file of a user. No password is on file.
pub(super) fn registered(username: &str) -> Fragment {
    Builder::new("query", NS)
        .child(Builder::new("registered", NS))
        .child_text("username", username)
        .child(Builder::new("password", NS))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_removes_or_names_credentials() {
        check("<remove/>", "remove");
        check("<remove/><username>romeo</username>", "bad-request");
        check(
            "<username>romeo</username><password>x</password>",
            "romeo x",
        );
        check("<username>romeo</username><password/>", "romeo -");
        check("<username/>", "- -");
        check(
            "<x xmlns='jabber:x:data' type='submit'><field var='username'><value>romeo</value></field>\
             <field var='password'><value>x</value></field></x>",
            "romeo x",
        );
        check("<x xmlns='jabber:x:data' type='cancel'/>", "bad-request");
        check("<x xmlns='jabber:x:data'/>", "bad-request");
    }

    #[test]
    fn a_password_is_not_printed() {
        let change = credentials(None, Some("calliope".to_owned()));
        assert!(!format!("{change:?}").contains("calliope"));
    }

    #[track_caller]
    fn check(children: &str, expected: &str) {
        let query = format!("<query xmlns='jabber:iq:register'>{children}</query>");
        let tree = xml::Tree::parse_fragment(query).unwrap();
        let got = match change(&tree.root()) {
            Err(error) => error.condition().name().to_owned(),
            Ok(Change::Remove) => "remove".to_owned(),
            Ok(Change::Credentials { username, password }) => {
                let username = username.as_deref().unwrap_or("-");
                let password = password.as_ref().map_or("-", Secret::as_str);
                format!("{username} {password}")
            }
        };
        assert_eq!(got, expected, "{children}");
    }
}
