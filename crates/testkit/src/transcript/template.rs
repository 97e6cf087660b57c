//! Text with `{name}` in it: what a transcript sends, and what it expects in a text or an attribute value.

use std::collections::BTreeMap;

use thiserror::Error;

use super::computed::Computed;

/// What `{name}`s have been found to stand for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Captures {
    values: BTreeMap<String, String>,
}

impl Captures {
    /// What `name` stands for, if it was met already.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// A text with places to fill.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Literal(String),
    Capture(String),
    Computed(Computed),
    Any,
}

/// Why a text is no template, or cannot be filled.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TemplateError {
    /// A brace is not closed.
    #[error("a brace is not closed; a brace that is meant is written twice")]
    Unclosed,
    /// What stands in braces is no name.
    #[error("{{{0}}} is no name; write letters, digits, '-' and '_', or a brace twice")]
    Name(String),
    /// Something is to be sent that nothing was received for.
    #[error("{{{0}}} has not been received yet")]
    Unknown(String),
    /// What is to be computed has no value.
    #[error("{0:?} cannot be computed")]
    Uncomputable(Computed),
    /// `{}` cannot be sent.
    #[error("{{}} cannot be sent")]
    AnySent,
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Unclosed`] or [`TemplateError::Name`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(&closing_braces_once(before));
            if let Some(after) = after.strip_prefix('{') {
                literal.push('{');
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(place(name)?);
            rest = after;
        }
        literal.push_str(&closing_braces_once(rest));
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// Whether the whole text is this one literal.
    #[must_use]
    pub fn is_literal(&self, text: &str) -> bool {
        match self.parts.as_slice() {
            [] => text.is_empty(),
            [Part::Literal(literal)] => literal == text,
            _ => false,
        }
    }

    /// The text with every place filled from `captures`.
    ///
    /// # Errors
    ///
    /// [`TemplateError::Unknown`] or [`TemplateError::AnySent`].
    pub fn fill(&self, captures: &Captures) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Capture(name) => match captures.value(name) {
                    Some(value) => text.push_str(value),
                    None => return Err(TemplateError::Unknown(name.clone())),
                },
                Part::Computed(computed) => match computed.value(captures) {
                    Some(value) => text.push_str(&value),
                    None => return Err(TemplateError::Uncomputable(computed.clone())),
                },
                Part::Any => return Err(TemplateError::AnySent),
            }
        }
        Ok(text)
    }

    /// Whether `value` fits, with what is captured already; new captures are added if it does. A place takes as little
    /// as lets the rest fit.
    pub fn matches(&self, value: &str, captures: &mut Captures) -> bool {
        match fit(&self.parts, value, captures.clone()) {
            Some(fitted) => {
                *captures = fitted;
                true
            }
            None => false,
        }
    }
}

fn place(name: &str) -> Result<Part, TemplateError> {
    let is_name_char = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() {
        Ok(Part::Any)
    } else if name.chars().all(is_name_char) {
        Ok(Part::Capture(name.to_owned()))
    } else if let Some(computed) = Computed::parse(name) {
        Ok(Part::Computed(computed))
    } else {
        Err(TemplateError::Name(name.to_owned()))
    }
}

/// `}}` is a brace too, so that doubled ones may come in pairs; a single one needs no doubling.
fn closing_braces_once(text: &str) -> String {
    text.replace("}}", "}")
}

fn fit(parts: &[Part], value: &str, captures: Captures) -> Option<Captures> {
    let Some((first, rest)) = parts.split_first() else {
        return value.is_empty().then_some(captures);
    };
    let name = match first {
        Part::Literal(literal) => {
            return fit(rest, value.strip_prefix(literal.as_str())?, captures);
        }
        Part::Computed(computed) => {
            let known = computed.value(&captures)?;
            return fit(rest, value.strip_prefix(known.as_str())?, captures);
        }
        Part::Capture(name) => Some(name),
        Part::Any => None,
    };
    if let Some(known) = name.and_then(|name| captures.value(name)) {
        return fit(rest, value.strip_prefix(known)?, captures.clone());
    }
    let ends = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    for end in ends {
        let (taken, after) = value.split_at(end);
        let mut captures = captures.clone();
        if let Some(name) = name {
            // A name that stands for nothing would hide a missing value.
            if taken.is_empty() {
                continue;
            }
            captures.values.insert(name.clone(), taken.to_owned());
        }
        if let Some(fitted) = fit(rest, after, captures) {
            return Some(fitted);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_takes_what_it_finds() {
        check(
            "romeo@example/{resource}",
            "romeo@example/orchard",
            &[("resource", "orchard")],
        );
        check(
            "{a}@{b}/{c}",
            "romeo@example/x/y",
            &[("a", "romeo"), ("b", "example"), ("c", "x/y")],
        );
        check("{x}", "one", &[("x", "one")]);
        check("{x}-{x}", "a-a", &[("x", "a")]);
        check("{x}-{x}", "a-b-a-b", &[("x", "a-b")]);
        check("{}", "", &[]);
        check("{}:{port}", "[::1]:5222", &[("port", ":1]:5222")]);
        check("a{{b}}c", "a{b}c", &[]);
        check("{x}}", "1}", &[("x", "1")]);
    }

    #[test]
    fn what_does_not_fit_captures_nothing() {
        let mut captures = Captures::default();
        for (template, value) in [
            ("{x}", ""),
            ("{x}-{x}", "a-b"),
            ("{x}/b", "a/c"),
            ("a", "b"),
            ("", "a"),
        ] {
            assert!(
                !Template::parse(template)
                    .unwrap()
                    .matches(value, &mut captures),
                "{template}"
            );
        }
        assert_eq!(captures, Captures::default());
    }

    #[test]
    fn a_known_name_must_be_equal() {
        let mut captures = Captures::default();
        let template = Template::parse("{id}").unwrap();
        assert!(template.matches("1", &mut captures));
        assert!(!template.matches("2", &mut captures));
        assert!(template.matches("1", &mut captures));
    }

    #[test]
    fn what_a_client_computes_is_computed() {
        let mut captures = Captures::default();
        let known = Template::parse("{salt}").unwrap();
        assert!(known.matches("c2FsdA==", &mut captures));
        let sent = Template::parse("<hash>{salted SHA-1 secret salt 1}</hash>").unwrap();
        let filled = sent.fill(&captures).unwrap();
        assert_eq!(filled, "<hash>fx5hpcmnAtni0yC+k1OBnKL87oc=</hash>");
        assert!(sent.matches(&filled, &mut captures));
        assert!(!sent.matches("<hash>R5Bb</hash>", &mut captures));
        let unknown = Template::parse("{salted MD5 secret salt 1}").unwrap();
        assert!(unknown.fill(&captures).is_err());
        assert!(Template::parse("{salted SHA-1 secret}").is_err());
    }

    #[test]
    fn only_what_is_known_can_be_sent() {
        let mut captures = Captures::default();
        let sent = Template::parse("<iq id='{id}'/>").unwrap();
        assert_eq!(
            sent.fill(&captures),
            Err(TemplateError::Unknown("id".into()))
        );
        assert!(Template::parse("{id}").unwrap().matches("7", &mut captures));
        assert_eq!(sent.fill(&captures).unwrap(), "<iq id='7'/>");
        let any = Template::parse("{}").unwrap();
        assert_eq!(any.fill(&captures), Err(TemplateError::AnySent));
    }

    #[test]
    fn bad_braces_are_errors() {
        assert_eq!(Template::parse("a{b"), Err(TemplateError::Unclosed));
        assert_eq!(
            Template::parse("{a b}"),
            Err(TemplateError::Name("a b".into()))
        );
    }

    #[track_caller]
    fn check(template: &str, value: &str, expected: &[(&str, &str)]) {
        let mut captures = Captures::default();
        assert!(
            Template::parse(template)
                .unwrap()
                .matches(value, &mut captures),
            "{template}"
        );
        let expected: BTreeMap<String, String> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(captures.values, expected, "{template}");
    }
}
