//! What a search can find of a person, and whether it does.

use jid::BareJid;
use xml::{Element, Fragment};

/// The namespace of vCards.
const NS: &str = "vcard-temp";

/// A longer field is cut: it is shown in a table.
const FIELD_BYTES_MAX: usize = 255;

/// The fields of [XEP-0055](https://xmpp.org/extensions/xep-0055.html), in the order they are shown.
pub(super) const FIELDS: [(&str, &str); 4] = [
    ("first", "Given name"),
    ("last", "Family name"),
    ("nick", "Nickname"),
    ("email", "Email address"),
];

/// Somebody who can be found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Person {
    pub(super) jid: BareJid,
    /// In the order of [`FIELDS`].
    values: [String; 4],
    /// The same without regard to case, so that a search has nothing to convert.
    folded: [String; 4],
}

impl Person {
    /// What `vcard` says of the account `jid`. A name that is not in parts counts as a given name, and the name of the
    /// account as a nickname where there is no other.
    pub(super) fn new(jid: &BareJid, vcard: Option<&str>) -> Self {
        let vcard = vcard.and_then(|text| Fragment::parse(text).ok());
        let tree = vcard.map(|vcard| vcard.tree());
        let root = tree.as_ref().map(|tree| tree.root());
        let text = |path: &[&str]| root.map_or_else(String::new, |root| text_at(root, path));
        let (mut first, last) = (text(&["N", "GIVEN"]), text(&["N", "FAMILY"]));
        if first.is_empty() && last.is_empty() {
            first = text(&["FN"]);
        }
        let mut nick = text(&["NICKNAME"]);
        if nick.is_empty() {
            nick = jid.local().unwrap_or_default().to_owned();
        }
        let mut values = [first, last, nick, text(&["EMAIL", "USERID"])];
        for value in &mut values {
            value.truncate(value.floor_char_boundary(FIELD_BYTES_MAX));
        }
        let folded = values.each_ref().map(|value| value.to_lowercase());
        Self {
            jid: jid.clone(),
            values,
            folded,
        }
    }

    /// What stands in a field; empty when nothing does.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let names = FIELDS.iter().map(|(name, _)| *name);
        names.zip(self.values.iter().map(String::as_str))
    }
}

fn text_at(element: Element<'_>, path: &[&str]) -> String {
    let found = path
        .iter()
        .try_fold(element, |element, name| element.child(name, NS));
    let text = found.map(|element| element.text());
    text.as_deref().unwrap_or_default().trim().to_owned()
}

/// What is searched for: part of each field that is filled in, whatever its case.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Wanted([String; 4]);

impl Wanted {
    /// Reads what was filled in. `*` at the ends, as some clients write it, says nothing more.
    pub(super) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        Self(FIELDS.map(|(name, _)| {
            let value = value(name).unwrap_or_default().to_lowercase();
            value.trim().trim_matches('*').trim().to_owned()
        }))
    }

    /// Whether nothing was filled in.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    /// Whether `person` is meant. Who looks for a nickname may know the account's name instead.
    pub(super) fn finds(&self, person: &Person) -> bool {
        let names = FIELDS.iter().map(|(name, _)| *name);
        let mut fields = self.0.iter().zip(names.zip(&person.folded));
        fields.all(|(wanted, (name, value))| {
            // The names of accounts have no case.
            let account = person.jid.local().filter(|_| name == "nick");
            value.contains(wanted) || account.is_some_and(|account| account.contains(wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROMEO: &str = "<vCard xmlns='vcard-temp'><FN>Romeo M.</FN><N><FAMILY>Montague</FAMILY><GIVEN>Romeo</GIVEN></N>\
        <NICKNAME>Ro</NICKNAME><EMAIL><HOME/><USERID>romeo@montague.example</USERID></EMAIL></vCard>";

    #[test]
    fn fields_come_from_the_vcard_and_the_name() {
        shows(
            Some(ROMEO),
            ["Romeo", "Montague", "Ro", "romeo@montague.example"],
        );
        shows(
            Some("<vCard xmlns='vcard-temp'><FN> Romeo M. </FN></vCard>"),
            ["Romeo M.", "", "romeo", ""],
        );
        shows(None, ["", "", "romeo", ""]);
        shows(Some("no vCard"), ["", "", "romeo", ""]);
    }

    #[track_caller]
    fn shows(vcard: Option<&str>, expected: [&str; 4]) {
        let person = person(vcard);
        let values: Vec<&str> = person.values().map(|(_, value)| value).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn every_field_that_is_filled_in_has_to_fit() {
        finds(&[("first", "rom")], true);
        finds(&[("first", "ROM"), ("last", "tag")], true);
        finds(&[("first", "rom"), ("last", "cap")], false);
        finds(&[("nick", "ro")], true);
        finds(&[("nick", "omeo")], true);
        finds(&[("last", "*mont*")], true);
        finds(&[("email", "@montague")], true);
        finds(&[("email", "capulet")], false);
    }

    #[track_caller]
    fn finds(filled_in: &[(&str, &str)], expected: bool) {
        let value = |name: &str| {
            let mut filled_in = filled_in.iter();
            let found = filled_in.find(|(field, _)| *field == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let wanted = Wanted::read(value);
        assert!(!wanted.is_empty());
        assert_eq!(
            wanted.finds(&person(Some(ROMEO))),
            expected,
            "{filled_in:?}"
        );
    }

    #[test]
    fn nothing_filled_in_is_nothing() {
        assert!(Wanted::read(|_| None).is_empty());
        assert!(Wanted::read(|_| Some(" * ".to_owned())).is_empty());
    }

    fn person(vcard: Option<&str>) -> Person {
        Person::new(&BareJid::parse("romeo@example").unwrap(), vcard)
    }
}
