//! The pass over the bytes: from mode to mode, and the tokens of tags. What a tag means is in `tag.rs`, what stands
//! between tags in `text.rs`.

use crate::{
    chars::{self, APOSTROPHE_ENDS, Decoded, Ends, QUOTE_ENDS, SPACE, TEXT},
    fault::Fault,
    scan::{Context, Mode, Progress, Work},
    tape::Span,
};

/// What ends a stretch of plain bytes.
pub(super) enum Stop {
    /// The end of the bytes.
    End,
    /// A byte that is not plain, not taken yet.
    Byte(u8),
}

impl Work {
    /// Goes on over `bytes`, which begin with those of all earlier calls for this element.
    pub(crate) fn scan(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Progress, Fault> {
        loop {
            let progress = match self.mode {
                Mode::Tag | Mode::TagSpace => self.tag(bytes, cx)?,
                Mode::AttributeName => self.attribute_name(bytes, cx)?,
                Mode::Equals => self.equals(bytes)?,
                Mode::Quote => self.open_quote(bytes)?,
                Mode::Value => self.value(bytes)?,
                Mode::Text => self.text(bytes)?,
                Mode::Markup => self.markup(bytes, cx)?,
                Mode::StartName => self.start_name(bytes, cx)?,
                Mode::EndName => self.end_name(bytes, cx)?,
                Mode::EndSpace => self.end_space(bytes)?,
                Mode::Slash => self.slash(bytes, cx)?,
                Mode::Reference => self.reference(bytes, cx)?,
                Mode::Bang => self.bang(bytes)?,
                Mode::Cdata => self.cdata(bytes)?,
            };
            if let Some(progress) = progress {
                return Ok(progress);
            }
        }
    }

    /// Behind `<`.
    #[inline]
    fn markup(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        let Some(&byte) = bytes.get(self.pos) else {
            return Ok(Some(Progress::More));
        };
        match byte {
            b'/' => {
                self.pos += 1;
                if self.whole_end_name(bytes) {
                    self.mode = Mode::Text;
                    return Ok(self.close().then_some(Progress::Element(self.pos)));
                }
                self.token = self.pos;
                self.mode = Mode::EndName;
            }
            b'!' => {
                self.pos += 1;
                self.token = self.pos;
                self.mode = Mode::Bang;
            }
            b'?' => return Err(Fault::ProcessingInstruction),
            _ => {
                if self.stack.len() >= cx.limits.depth_max {
                    return Err(Fault::TooDeep {
                        depth_max: cx.limits.depth_max,
                    });
                }
                self.begin_name();
                self.mode = Mode::StartName;
            }
        }
        Ok(None)
    }

    #[inline]
    fn start_name(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        if !self.name(bytes, cx)? {
            return Ok(Some(Progress::More));
        }
        self.begin_tag(Span::new(self.token, self.pos));
        self.mode = Mode::Tag;
        Ok(None)
    }

    /// Between the parts of a start tag.
    #[inline]
    fn tag(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        loop {
            let Some(&byte) = bytes.get(self.pos) else {
                return Ok(Some(Progress::More));
            };
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    self.pos += 1;
                    self.mode = Mode::TagSpace;
                }
                b'>' => {
                    self.pos += 1;
                    self.mode = Mode::Text;
                    self.open(bytes, cx)?;
                    return Ok(cx.header.then_some(Progress::Element(self.pos)));
                }
                b'/' => {
                    self.pos += 1;
                    self.mode = Mode::Slash;
                    return Ok(None);
                }
                _ if self.mode == Mode::TagSpace => {
                    if self.found.len() >= cx.limits.attributes_max {
                        return Err(Fault::TooManyAttributes {
                            attributes_max: cx.limits.attributes_max,
                        });
                    }
                    if self.whole_attribute(bytes, cx) {
                        self.mode = Mode::Tag;
                        continue;
                    }
                    self.begin_name();
                    self.mode = Mode::AttributeName;
                    return Ok(None);
                }
                _ => {
                    return Err(Fault::BadMarkup {
                        expected: "white space, '/' or '>'",
                    });
                }
            }
        }
    }

    #[inline]
    fn attribute_name(
        &mut self,
        bytes: &[u8],
        cx: &Context<'_>,
    ) -> Result<Option<Progress>, Fault> {
        if !self.name(bytes, cx)? {
            return Ok(Some(Progress::More));
        }
        self.attribute_name = Span::new(self.token, self.pos);
        self.attribute_prefix_len = self.prefix_len;
        self.mode = Mode::Equals;
        Ok(None)
    }

    #[inline]
    fn equals(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        match self.skip_space(bytes) {
            None => return Ok(Some(Progress::More)),
            Some(b'=') => self.pos += 1,
            Some(_) => return Err(Fault::BadMarkup { expected: "'='" }),
        }
        self.mode = Mode::Quote;
        Ok(None)
    }

    #[inline]
    fn open_quote(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        match self.skip_space(bytes) {
            None => return Ok(Some(Progress::More)),
            Some(quote @ (b'\'' | b'"')) => self.quote = quote,
            Some(_) => {
                return Err(Fault::BadMarkup {
                    expected: "a quote",
                });
            }
        }
        self.pos += 1;
        self.token = self.pos;
        self.mode = Mode::Value;
        Ok(None)
    }

    #[inline]
    fn value(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        loop {
            match self.plain(bytes, self.value_ends())? {
                Stop::End => return Ok(Some(Progress::More)),
                Stop::Byte(byte) if byte == self.quote => break,
                Stop::Byte(b'>') => self.pos += 1,
                Stop::Byte(b'&') => {
                    self.begin_reference(true);
                    return Ok(None);
                }
                Stop::Byte(b'<') => return Err(Fault::LessThanInAttribute),
                Stop::Byte(_) => return Err(Fault::ForbiddenCharacter),
            }
        }
        let value = Span::new(self.token, self.pos);
        self.pos += 1;
        self.quote = 0;
        self.attribute(bytes, value);
        self.mode = Mode::Tag;
        Ok(None)
    }

    /// Behind the `/` of an empty element.
    #[inline]
    fn slash(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        match bytes.get(self.pos) {
            None => return Ok(Some(Progress::More)),
            Some(b'>') => self.pos += 1,
            Some(_) => return Err(Fault::BadMarkup { expected: "'>'" }),
        }
        self.mode = Mode::Text;
        self.open(bytes, cx)?;
        Ok(self.close().then_some(Progress::Element(self.pos)))
    }

    /// Behind `</`: the name that must stand here is known.
    #[inline]
    fn end_name(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<Option<Progress>, Fault> {
        let expected = match self.stack.last() {
            Some(open) => open.name.of_bytes(bytes),
            None => cx.root_name.ok_or(Fault::MismatchedEndTag)?,
        };
        let come = bytes.get(self.pos..).unwrap_or_default();
        let missing = expected.get(self.pos - self.token..).unwrap_or_default();
        if let Some(rest) = come.strip_prefix(missing) {
            self.pos += missing.len();
            return match rest.first() {
                None => Ok(Some(Progress::More)),
                Some(byte) if *byte == b'>' || chars::is(*byte, SPACE) => {
                    self.mode = Mode::EndSpace;
                    Ok(None)
                }
                Some(_) => Err(Fault::MismatchedEndTag),
            };
        }
        if missing.starts_with(come) {
            self.pos += come.len();
            return Ok(Some(Progress::More));
        }
        Err(Fault::MismatchedEndTag)
    }

    #[inline]
    fn end_space(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        match self.skip_space(bytes) {
            None => return Ok(Some(Progress::More)),
            Some(b'>') => self.pos += 1,
            Some(_) => return Err(Fault::BadMarkup { expected: "'>'" }),
        }
        if self.stack.is_empty() {
            return Ok(Some(Progress::Close(self.pos)));
        }
        self.mode = Mode::Text;
        Ok(self.close().then_some(Progress::Element(self.pos)))
    }

    /// Takes bytes that are no `ends`, white space of any kind and characters beyond ASCII.
    #[inline]
    pub(super) fn plain(&mut self, bytes: &[u8], ends: Ends) -> Result<Stop, Fault> {
        let mut pos = self.pos;
        loop {
            let rest = bytes.get(pos..).unwrap_or_default();
            let byte = if let Some(eight) = rest.first_chunk::<8>() {
                match ends.first_in(*eight) {
                    None => {
                        pos += 8;
                        continue;
                    }
                    Some(index) => {
                        pos += index;
                        eight.get(index).copied().unwrap_or_default()
                    }
                }
            } else if let Some(&byte) = rest.first() {
                byte
            } else {
                self.pos = pos;
                return Ok(Stop::End);
            };
            if chars::is(byte, TEXT) && byte != self.quote {
                pos += 1;
                continue;
            }
            self.pos = pos;
            if byte < 0x80 {
                return Ok(Stop::Byte(byte));
            }
            match self.decode(bytes)? {
                Decoded::Partial => return Ok(Stop::End),
                Decoded::Char(char, len) if chars::is_allowed(char) => pos += len,
                Decoded::Char(..) => return Err(Fault::ForbiddenCharacter),
            }
        }
    }

    fn value_ends(&self) -> Ends {
        if self.quote == b'"' {
            QUOTE_ENDS
        } else {
            APOSTROPHE_ENDS
        }
    }

    /// The character beyond ASCII at which the pass stands.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Decoded, Fault> {
        chars::decode(bytes.get(self.pos..).unwrap_or_default())
    }

    /// The first byte that is not white space, not taken yet.
    #[inline]
    fn skip_space(&mut self, bytes: &[u8]) -> Option<u8> {
        loop {
            let &byte = bytes.get(self.pos)?;
            if !chars::is(byte, SPACE) {
                return Some(byte);
            }
            self.pos += 1;
        }
    }
}
