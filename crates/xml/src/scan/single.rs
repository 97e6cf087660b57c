//! Bytes that come one by one. Nearly all need no more than to go on, and making the whole pass ready for each would
//! cost many times what the byte does. As in `fast.rs`, what is not usual is left alone, and no rule is here only.

use crate::{
    chars::{self, APOSTROPHE_TEXT, Decoded, NAME, NAME_START, QUOTE_TEXT, TEXT},
    limits::Limits,
    reference,
    scan::{Context, Mode, Work},
    scanner::no_bindings,
    tape::{Span, offset},
};

impl Work {
    /// The class of the bytes that would do no more behind `bytes`, which are all that came, than bring the pass behind
    /// them; 0 for none. Of [`NAME`] only as many do as [`name_end`](Self::name_end) says.
    #[inline]
    pub(crate) fn quiet_class(&self, bytes: &[u8]) -> u8 {
        match self.mode {
            // Where a character has come in part, the pass stands before it.
            _ if self.pos != bytes.len() => 0,
            Mode::Text | Mode::Cdata => TEXT,
            Mode::Value => value_class(self.quote),
            Mode::StartName | Mode::AttributeName if self.pos > self.part => NAME,
            _ => 0,
        }
    }

    /// Where the name that the pass is in has to end.
    #[inline]
    pub(crate) fn name_end(&self, limits: &Limits) -> usize {
        self.token + limits.name_bytes_max
    }

    /// Goes on to the end of `bytes`, which are quiet from where the pass stands.
    #[inline]
    pub(crate) fn pass_quiet(&mut self, bytes: &[u8]) {
        self.pos = bytes.len();
    }

    /// Takes `byte`, which came last of `bytes`, if that is simple and right, and gives the class of what is quiet
    /// behind it. Else the pass is where it was, or only in the next mode. The outermost element always ends in the
    /// pass, and so do start tags in which there is anything to look up or compare.
    #[inline]
    pub(crate) fn single_byte(&mut self, bytes: &[u8], byte: u8, limits: &Limits) -> Option<u8> {
        let pos = self.pos;
        let next = pos + 1;
        if next != bytes.len() || byte >= 0x80 {
            return self.byte_of_char(bytes);
        }
        let (mode, class) = match self.mode {
            Mode::Text => match byte {
                b'<' => (Mode::Markup, 0),
                b'&' => {
                    self.begin_reference(false);
                    (Mode::Reference, 0)
                }
                b'>' if !self.is_behind(bytes, b"]]") => (Mode::Text, TEXT),
                _ => return None,
            },
            Mode::Markup => match byte {
                b'/' if !self.stack.is_empty() => {
                    self.token = next;
                    (Mode::EndName, 0)
                }
                _ if chars::is(byte, NAME_START) && self.stack.len() < limits.depth_max => {
                    self.begin_name();
                    (Mode::StartName, NAME)
                }
                _ => return None,
            },
            Mode::StartName | Mode::AttributeName if byte == b':' || pos == self.part => {
                return self.byte_of_prefix(byte, limits);
            }
            Mode::StartName if pos <= self.name_end(limits) => {
                let name = Span::new(self.token, pos);
                match byte {
                    b' ' => {
                        self.begin_tag(name);
                        (Mode::TagSpace, 0)
                    }
                    b'/' => {
                        self.begin_tag(name);
                        (Mode::Slash, 0)
                    }
                    b'>' => {
                        self.begin_tag(name);
                        self.mode = Mode::Tag;
                        return self.end_of_tag(bytes, limits);
                    }
                    _ => return None,
                }
            }
            Mode::Tag => match byte {
                b' ' => (Mode::TagSpace, 0),
                b'/' => (Mode::Slash, 0),
                b'>' => return self.end_of_tag(bytes, limits),
                _ => return None,
            },
            Mode::TagSpace
                if chars::is(byte, NAME_START) && self.found.len() < limits.attributes_max =>
            {
                self.begin_name();
                (Mode::AttributeName, NAME)
            }
            Mode::Slash if byte == b'>' => return self.end_of_tag(bytes, limits),
            Mode::AttributeName if byte == b'=' && pos <= self.name_end(limits) => {
                self.attribute_name = Span::new(self.token, pos);
                self.attribute_prefix_len = self.prefix_len;
                (Mode::Quote, 0)
            }
            Mode::Quote if matches!(byte, b'\'' | b'"') => {
                self.quote = byte;
                self.token = next;
                (Mode::Value, value_class(byte))
            }
            Mode::Value => match byte {
                b'&' => {
                    self.begin_reference(true);
                    (Mode::Reference, 0)
                }
                b'>' => (Mode::Value, value_class(self.quote)),
                _ if byte == self.quote => return self.end_of_value(bytes),
                _ => return None,
            },
            Mode::EndName => return self.byte_of_end_name(bytes, byte),
            Mode::Reference => match byte {
                b';' => return self.end_of_reference(bytes),
                _ if pos - self.reference >= limits.name_bytes_max => return None,
                b'#' => (Mode::Reference, 0),
                _ if chars::is(byte, NAME) => (Mode::Reference, 0),
                _ => return None,
            },
            Mode::Cdata => match byte {
                b'>' if self.is_behind(bytes, b"]]") => (Mode::Text, TEXT),
                b'<' | b'&' | b'>' => (Mode::Cdata, TEXT),
                _ => return None,
            },
            _ => return None,
        };
        self.mode = mode;
        self.pos = next;
        Some(class)
    }

    #[inline(never)]
    fn end_of_reference(&mut self, bytes: &[u8]) -> Option<u8> {
        let name = bytes.get(self.reference..self.pos).unwrap_or_default();
        reference::resolve(name).ok()?;
        self.pos += 1;
        self.mode = if self.in_value {
            Mode::Value
        } else {
            Mode::Text
        };
        Some(self.quiet_class(bytes))
    }

    #[inline(never)]
    fn end_of_value(&mut self, bytes: &[u8]) -> Option<u8> {
        self.quote = 0;
        self.attribute(bytes, Span::new(self.token, self.pos));
        self.pos += 1;
        self.mode = Mode::Tag;
        Some(0)
    }

    /// A byte of a character beyond ASCII, in text or a value. Its bytes so far are looked at again, at most three.
    #[inline(never)]
    fn byte_of_char(&mut self, bytes: &[u8]) -> Option<u8> {
        if !matches!(self.mode, Mode::Text | Mode::Value | Mode::Cdata) {
            return None;
        }
        match bytes.get(self.pos..)? {
            // Only the second byte of a character has rules of its own.
            [0xc2..=0xf4] | [0xf0..=0xf4, _, 0x80..=0xbf] => return Some(0),
            // A document may hold all that have four.
            [0xf0..=0xf4, _, _, 0x80..=0xbf] => self.pos = bytes.len(),
            begun => match chars::decode(begun).ok()? {
                Decoded::Partial => return Some(0),
                Decoded::Char(char, _) if chars::is_allowed(char) => self.pos = bytes.len(),
                Decoded::Char(..) => return None,
            },
        }
        Some(self.quiet_class(bytes))
    }

    /// The `>` of a start tag.
    #[inline(never)]
    fn end_of_tag(&mut self, bytes: &[u8], limits: &Limits) -> Option<u8> {
        let is_empty = self.mode == Mode::Slash;
        // The outermost start tag may be all that is asked for.
        if self.declares || self.prefixed || self.tag_prefix_len != 0 || self.stack.is_empty() {
            return None;
        }
        // Where no name has a prefix, nothing is looked up.
        let cx = Context {
            limits,
            content_ns: None,
            bindings: no_bindings(),
            root_name: None,
            header: false,
        };
        self.pos += 1;
        if self.open(bytes, &cx).is_err() {
            self.pos -= 1;
            return None;
        }
        self.mode = Mode::Text;
        if is_empty {
            self.close();
        }
        Some(TEXT)
    }

    /// The colon in a name, and the first letter behind it.
    #[inline(never)]
    fn byte_of_prefix(&mut self, byte: u8, limits: &Limits) -> Option<u8> {
        if self.pos >= self.name_end(limits) {
            return None;
        }
        if self.pos == self.part {
            let begins = chars::is(byte, NAME_START);
            self.pos += usize::from(begins);
            return begins.then_some(NAME);
        }
        if self.prefix_len != 0 {
            return None;
        }
        self.pos += 1;
        self.part = self.pos;
        self.prefix_len = offset(self.pos - self.token);
        Some(0)
    }

    /// Of the name that must stand behind `</`, and the `>` behind it.
    #[inline(never)]
    fn byte_of_end_name(&mut self, bytes: &[u8], byte: u8) -> Option<u8> {
        let open = self.stack.last()?;
        let len = self.pos - self.token;
        if len < open.name.len() {
            if bytes.get(open.name.start as usize + len) != Some(&byte) {
                return None;
            }
            self.pos += 1;
            return Some(0);
        }
        if byte != b'>' || self.stack.len() == 1 {
            return None;
        }
        self.pos += 1;
        self.mode = Mode::Text;
        self.close();
        Some(TEXT)
    }
}

/// The class of what goes on in a value.
#[inline]
fn value_class(quote: u8) -> u8 {
    if quote == b'"' {
        QUOTE_TEXT
    } else {
        APOSTROPHE_TEXT
    }
}
