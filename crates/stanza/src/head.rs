//! A text of a stanza's head: where it is kept. Not what it means.

use std::sync::Arc;

/// A text of the head, unescaped.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// Part of the stanza's block, where it stands as sent.
    Block { start: u32, end: u32 },
    /// A text of its own: it was escaped on the wire, comes from the stream, or was set by us.
    Shared(Arc<str>),
}

impl Text {
    /// A text that was found in `block`: refers into it when it stands there literally.
    pub(crate) fn found(block: &str, text: &str) -> Self {
        match offset_in(block, text) {
            Some((start, end)) => Self::Block { start, end },
            None => Self::Shared(text.into()),
        }
    }

    /// The text, given the block of its stanza.
    pub(crate) fn resolve<'a>(&'a self, block: &'a str) -> &'a str {
        match self {
            Self::Block { start, end } => slice(block, *start, *end),
            Self::Shared(text) => text,
        }
    }
}

/// What few stanzas have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    /// Attributes other than those of the head, ready to be written: ` name='value'` each.
    pub(crate) attributes: String,
    /// What to write as `from` when it is no valid address: the answer to a malformed `to` comes "from" it.
    pub(crate) unparsed_from: Option<Box<str>>,
}

/// A range of the block.
pub(crate) fn slice(block: &str, start: u32, end: u32) -> &str {
    block
        .get(start as usize..end as usize)
        .expect("a stanza keeps offsets of names and values in its own block")
}

/// Where `part` stands in `whole`, if it is a borrowed part of it.
pub(crate) fn offset_in(whole: &str, part: &str) -> Option<(u32, u32)> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    if end > whole.len() {
        return None;
    }
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_borrowed_part_has_an_offset() {
        let whole = String::from("one two three");
        let part = whole.get(4..7).expect("in range");
        assert_eq!(offset_in(&whole, part), Some((4, 7)));
        assert_eq!(offset_in(&whole, &String::from("two")), None);
        assert_eq!(offset_in(part, &whole), None);
    }

    #[test]
    fn a_text_that_does_not_stand_in_the_block_is_kept_apart() {
        let block = String::from("<message id='a&amp;b'/>");
        let text = Text::found(&block, "a&b");
        assert!(matches!(text, Text::Shared(_)));
        assert_eq!(text.resolve(&block), "a&b");
    }
}
