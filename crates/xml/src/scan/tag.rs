//! What a complete tag means: its element on the tape, what it opens and closes.

use crate::{
    fault::Fault,
    scan::{Context, Found, Open, Space, Work},
    tape::{Record, Span, offset},
};

impl Work {
    /// A start tag begins with the name just passed.
    #[inline]
    pub(super) fn begin_tag(&mut self, name: Span) {
        self.tag_name = name;
        self.tag_prefix_len = self.prefix_len;
        self.declares = false;
        self.prefixed = false;
        self.found.clear();
    }

    /// Notes the attribute whose value just ended.
    #[inline]
    pub(super) fn attribute(&mut self, bytes: &[u8], value: Span) {
        let name = self.attribute_name;
        let prefix_len = self.attribute_prefix_len;
        let mut space = Space::None;
        if bytes.get(name.start as usize) == Some(&b'x') {
            let text = name.of_bytes(bytes);
            if text == b"xmlns" || (prefix_len == 6 && text.starts_with(b"xmlns:")) {
                self.declares = true;
                space = Space::Xmlns;
            } else if prefix_len == 4 && text.starts_with(b"xml:") {
                space = Space::Xml;
            }
        }
        self.prefixed |= prefix_len != 0;
        self.found.push(Found {
            name,
            prefix_len,
            value,
            space,
        });
    }

    /// The start tag ends here: checks its names and puts its element on the tape.
    #[inline]
    pub(super) fn open(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<(), Fault> {
        let outside = Open {
            name: self.tag_name,
            element: offset(self.tape.elements.len()),
            scope: offset(self.scope.len()),
            spill: offset(self.tape.spill.len()),
            default: self.default,
        };
        let redundant = self.declares && self.declare(bytes, cx)?;
        if self.found.len() > 1 || self.prefixed {
            self.refuse_duplicates(bytes, cx)?;
        }
        let ns = if self.tag_prefix_len == 0 {
            self.default
        } else {
            self.prefix_code(bytes, cx)?
        };
        if redundant && !self.stack.is_empty() {
            self.tape.intricate = true;
        }
        if !self.untaped {
            self.tape.elements.push(Record {
                start: self.tag_name.start - 1,
                tag_end: offset(self.pos),
                end: offset(self.pos),
                next: outside.element + 1,
                ns,
                default: self.default,
                name_len: self.tag_name.len() as u16,
                prefix_len: self.tag_prefix_len as u16,
                redundant,
            });
        }
        self.stack.push(outside);
        Ok(())
    }

    /// The innermost element ends here. `true` when it was the outermost too.
    #[inline]
    pub(super) fn close(&mut self) -> bool {
        let Some(open) = self.stack.pop() else {
            return true;
        };
        let next = offset(self.tape.elements.len());
        if let Some(record) = self.tape.elements.get_mut(open.element as usize) {
            record.end = offset(self.pos);
            record.next = next;
        }
        self.default = open.default;
        self.scope.truncate(open.scope as usize);
        if self.untaped {
            self.tape.spill.truncate(open.spill as usize);
        }
        self.stack.is_empty()
    }
}
