//! Short cuts for what is usual. Each takes a thing whole or leaves it alone, for the pass to take it step by step
//! and say what is wrong with it; so that no rule is written here that is not in the pass too.

use crate::{
    chars::{self, APOSTROPHE_ENDS, NAME, NAME_START, QUOTE_ENDS, TEXT},
    limits::Limits,
    scan::{Context, Mode, Work},
    tape::Span,
};

impl Work {
    /// Takes `name='value'` without a prefix, white space or references, of ASCII only.
    #[inline]
    pub(super) fn whole_attribute(&mut self, bytes: &[u8], cx: &Context<'_>) -> bool {
        self.try_attribute(bytes, cx).is_some()
    }

    #[inline]
    fn try_attribute(&mut self, bytes: &[u8], cx: &Context<'_>) -> Option<()> {
        let start = self.pos;
        let rest = bytes.get(start..)?;
        if !chars::is(*rest.first()?, NAME_START) {
            return None;
        }
        let name_len = rest.iter().position(|&byte| !chars::is(byte, NAME))?;
        let (ends, quote) = match rest.get(name_len..name_len + 2)? {
            b"='" => (APOSTROPHE_ENDS, b'\''),
            b"=\"" => (QUOTE_ENDS, b'"'),
            _ => return None,
        };
        if name_len > cx.limits.name_bytes_max {
            return None;
        }
        let value = start + name_len + 2;
        let mut end = value;
        loop {
            let eight = bytes.get(end..)?.first_chunk::<8>()?;
            match ends.first_in(*eight) {
                None => end += 8,
                Some(index) if eight.get(index) == Some(&quote) => {
                    end += index;
                    break;
                }
                Some(_) => return None,
            }
        }
        self.attribute_name = Span::new(start, start + name_len);
        self.attribute_prefix_len = 0;
        self.pos = end + 1;
        self.attribute(bytes, Span::new(value, end));
        Some(())
    }

    /// Behind `</`: takes the name that must stand here and the `>` behind it.
    #[inline]
    pub(super) fn whole_end_name(&mut self, bytes: &[u8]) -> bool {
        let Some(open) = self.stack.last() else {
            return false;
        };
        let expected = open.name.of_bytes(bytes);
        let rest = bytes.get(self.pos..).unwrap_or_default();
        let is_whole = rest.get(expected.len()) == Some(&b'>') && rest.starts_with(expected);
        if is_whole {
            self.pos += expected.len() + 1;
        }
        is_whole
    }

    /// Takes the byte that comes behind `come`, if that needs no more than to go on: what nearly all bytes do when
    /// they come one by one. Start tags end in the pass, and so does the outermost element.
    #[inline]
    pub(crate) fn single_byte(&mut self, come: &[u8], byte: u8, limits: &Limits) -> bool {
        let pos = self.pos;
        // Where a character has come in part, the pass stands before it.
        if pos != come.len() {
            return false;
        }
        // Most are in the middle of text or a value; there is no quote to meet in text.
        if matches!(self.mode, Mode::Text | Mode::Value)
            && chars::is(byte, TEXT)
            && byte != self.quote
        {
            self.pos = pos + 1;
            return true;
        }
        let in_name = pos - self.token;
        match self.mode {
            Mode::Value if byte == self.quote => {
                self.quote = 0;
                self.attribute(come, Span::new(self.token, pos));
                self.mode = Mode::Tag;
            }
            Mode::Text if byte == b'<' => self.mode = Mode::Markup,
            Mode::StartName | Mode::AttributeName
                if chars::is(byte, NAME) && pos > self.part && in_name < limits.name_bytes_max => {}
            Mode::StartName
                if byte == b' ' && pos > self.part && in_name <= limits.name_bytes_max =>
            {
                self.begin_tag(Span::new(self.token, pos));
                self.mode = Mode::TagSpace;
            }
            Mode::AttributeName
                if byte == b'=' && pos > self.part && in_name <= limits.name_bytes_max =>
            {
                self.attribute_name = Span::new(self.token, pos);
                self.attribute_prefix_len = self.prefix_len;
                self.mode = Mode::Quote;
            }
            Mode::Quote if matches!(byte, b'\'' | b'"') => {
                self.quote = byte;
                self.token = pos + 1;
                self.mode = Mode::Value;
            }
            Mode::Tag if byte == b' ' => self.mode = Mode::TagSpace,
            Mode::TagSpace
                if chars::is(byte, NAME_START) && self.found.len() < limits.attributes_max =>
            {
                self.begin_name();
                self.mode = Mode::AttributeName;
            }
            Mode::Markup if byte == b'/' => {
                self.token = pos + 1;
                self.mode = Mode::EndName;
            }
            Mode::Markup if chars::is(byte, NAME_START) && self.stack.len() < limits.depth_max => {
                self.begin_name();
                self.mode = Mode::StartName;
            }
            Mode::EndName
                if self.stack.last().is_some_and(|open| {
                    in_name < open.name.len()
                        && come.get(open.name.start as usize + in_name) == Some(&byte)
                }) => {}
            Mode::EndName
                if byte == b'>'
                    && self.stack.len() > 1
                    && self
                        .stack
                        .last()
                        .is_some_and(|open| in_name == open.name.len()) =>
            {
                self.pos = pos + 1;
                self.mode = Mode::Text;
                self.close();
            }
            _ => return false,
        }
        self.pos = pos + 1;
        true
    }
}
