//! Equality modulo serialisation: two elements that mean the same, whatever their bytes.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::element::{Element, push_piece};

/// How two elements differ first.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("at {path}: {what}")]
pub struct Difference {
    path: String,
    what: String,
}

impl Difference {
    /// Where: the names of the elements from the outermost, parted by `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What differs, the left one first.
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// Compares two elements as XML.
///
/// Prefixes, quotes, references, CDATA sections and the order of attributes don't count; nor does white space
/// between elements. Text in an element without children counts exactly, and so does the order of children.
///
/// # Errors
///
/// The first [`Difference`] in document order. It shows content, so it is for tests.
pub fn same(left: &Element<'_>, right: &Element<'_>) -> Result<(), Difference> {
    compare(left, right, left.name())
}

fn compare(left: &Element<'_>, right: &Element<'_>, path: &str) -> Result<(), Difference> {
    let differ = |what: String| {
        Err(Difference {
            path: path.to_owned(),
            what,
        })
    };
    if (left.name(), left.ns()) != (right.name(), right.ns()) {
        return differ(format!("{left:?} is not {right:?}"));
    }
    let (left_attrs, right_attrs) = (attributes(left), attributes(right));
    if left_attrs != right_attrs {
        return differ(format!("attributes {left_attrs:?} are not {right_attrs:?}"));
    }
    let is_leaf = left.children().next().is_none() && right.children().next().is_none();
    if is_leaf {
        if left.text() != right.text() {
            return differ(format!("text {:?} is not {:?}", left.text(), right.text()));
        }
        return Ok(());
    }
    let mut left_texts = left.pieces().map(between);
    let mut right_texts = right.pieces().map(between);
    let (mut left_children, mut right_children) = (left.children(), right.children());
    loop {
        let (left_text, right_text) = (left_texts.next(), right_texts.next());
        if left_text != right_text {
            let (left_text, right_text) = (
                left_text.unwrap_or_default(),
                right_text.unwrap_or_default(),
            );
            return differ(format!("text {left_text:?} is not {right_text:?}"));
        }
        match (left_children.next(), right_children.next()) {
            (Some(left), Some(right)) => {
                compare(&left, &right, &format!("{path}/{}", left.name()))?;
            }
            (Some(left), None) => return differ(format!("{left:?} is missing on the right")),
            (None, Some(right)) => return differ(format!("{right:?} is missing on the left")),
            (None, None) => return Ok(()),
        }
    }
}

/// Attributes by expanded name.
fn attributes<'a>(element: &Element<'a>) -> BTreeMap<(&'a str, &'a str), String> {
    element
        .attrs()
        .map(|attribute| {
            let value = attribute.value().into_owned();
            ((attribute.ns(), attribute.name()), value)
        })
        .collect()
}

/// The text between two elements; none when it is only white space.
fn between(piece: &str) -> String {
    let mut text = String::new();
    push_piece(piece, &mut text);
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        text.clear();
    }
    text
}
