//! Short cuts for what is usual. Each takes a thing whole or leaves it alone, for the pass to take it step by step
//! and say what is wrong with it; so that no rule is written here that is not in the pass too.

use crate::{
    chars::{self, APOSTROPHE_ENDS, NAME, NAME_START, QUOTE_ENDS},
    scan::{Context, Work},
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
}
