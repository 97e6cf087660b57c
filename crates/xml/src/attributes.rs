//! The attributes of an element, found again in its start tag.

use std::borrow::Cow;

use memchr::memchr;

use crate::{
    chars::{self, SPACE},
    element::Element,
    ns, reference,
};

/// One attribute. Namespace declarations are no attributes.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    element: Element<'a>,
    raw: RawAttribute<'a>,
}

impl<'a> Attribute<'a> {
    /// The name without its prefix.
    pub fn name(&self) -> &'a str {
        self.raw.local_name()
    }

    /// The namespace URI; `""` for an attribute without a prefix, which is in none.
    pub fn ns(&self) -> &'a str {
        self.raw
            .prefix()
            .map_or("", |prefix| self.element.prefix_uri(prefix))
    }

    /// The prefix and name as sent.
    pub fn qualified_name(&self) -> &'a str {
        self.raw.name
    }

    /// The value, unescaped.
    pub fn value(&self) -> Cow<'a, str> {
        reference::value(self.raw.value)
    }

    /// The value as sent between its quotes, still escaped.
    pub fn raw_value(&self) -> &'a str {
        self.raw.value
    }
}

/// The attributes of an element in the order sent.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    element: Element<'a>,
    raw: RawAttributes<'a>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(element: Element<'a>) -> Self {
        Self {
            element,
            raw: element.raw_attributes(),
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let raw = self.raw.find(|raw| !raw.is_declaration())?;
        Some(Attribute {
            element: self.element,
            raw,
        })
    }
}

/// An attribute or declaration as it stands in the start tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawAttribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// Where it stands: from behind the token before it to behind its quote.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> RawAttribute<'a> {
    pub(crate) fn prefix(&self) -> Option<&'a str> {
        memchr(b':', self.name.as_bytes()).and_then(|colon| self.name.get(..colon))
    }

    pub(crate) fn local_name(&self) -> &'a str {
        memchr(b':', self.name.as_bytes())
            .and_then(|colon| self.name.get(colon + 1..))
            .unwrap_or(self.name)
    }

    pub(crate) fn is_declaration(&self) -> bool {
        self.name.starts_with("xmlns")
            && (self.name.len() == 5 || self.name.as_bytes().get(5) == Some(&b':'))
    }

    /// What its prefix must be resolved for: neither a declaration nor an `xml:` attribute has one.
    pub(crate) fn foreign_prefix(&self) -> Option<&'a str> {
        self.prefix()
            .filter(|prefix| !matches!(*prefix, "xml" | "xmlns"))
    }
}

/// Walks over a start tag that the scanner has checked.
#[derive(Clone, Debug)]
pub(crate) struct RawAttributes<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> RawAttributes<'a> {
    /// `at` is behind the element's name in `text`.
    pub(crate) fn new(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    fn skip_space(&self, mut at: usize) -> usize {
        while let Some(&byte) = self.text.as_bytes().get(at)
            && chars::is(byte, SPACE)
        {
            at += 1;
        }
        at
    }
}

impl<'a> Iterator for RawAttributes<'a> {
    type Item = RawAttribute<'a>;

    fn next(&mut self) -> Option<RawAttribute<'a>> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let name_start = self.skip_space(start);
        if matches!(bytes.get(name_start)?, b'>' | b'/') {
            return None;
        }
        let mut name_end = name_start;
        while let Some(&byte) = bytes.get(name_end)
            && byte != b'='
            && !chars::is(byte, SPACE)
        {
            name_end += 1;
        }
        let equals = self.skip_space(name_end);
        let quote_at = self.skip_space(equals + 1);
        let quote = *bytes.get(quote_at)?;
        let value_start = quote_at + 1;
        let value_end = value_start + memchr(quote, bytes.get(value_start..)?)?;
        self.at = value_end + 1;
        Some(RawAttribute {
            name: self.text.get(name_start..name_end)?,
            value: self.text.get(value_start..value_end)?,
            start,
            end: self.at,
        })
    }
}

impl<'a> Element<'a> {
    /// The URI that `prefix` is bound to at this element.
    pub(crate) fn prefix_uri(&self, prefix: &str) -> &'a str {
        if prefix == "xml" {
            return ns::XML;
        }
        match self.prefix_declaration(prefix) {
            Some(index) => self
                .tape
                .declarations
                .get(index)
                .map_or("", |declaration| self.tape.uri(self.text, declaration.uri)),
            None => self
                .tape
                .inherited
                .find(prefix.as_bytes())
                .map_or("", |index| self.tape.inherited.uri(index)),
        }
    }

    /// The innermost declaration of `prefix` in force at this element, if one is on the tape.
    pub(crate) fn prefix_declaration(&self, prefix: &str) -> Option<usize> {
        self.tape.declarations.iter().rposition(|declaration| {
            declaration.prefix.of(self.text) == prefix
                && declaration.element <= self.at
                && self
                    .tape
                    .elements
                    .get(declaration.element as usize)
                    .is_some_and(|by| self.at < by.next)
        })
    }
}
