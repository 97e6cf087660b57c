//! What stands between tags: text, references, CDATA sections, and what must not stand there.

use crate::{
    chars::{self, Decoded, TEXT_ENDS},
    fault::Fault,
    reference,
    scan::{Context, Mode, Progress, Work, pass::Stop},
};

impl Work {
    #[inline]
    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        loop {
            match self.plain(bytes, TEXT_ENDS)? {
                Stop::End => return Ok(Some(Progress::More)),
                Stop::Byte(b'<') => {
                    self.pos += 1;
                    self.mode = Mode::Markup;
                    return Ok(None);
                }
                Stop::Byte(b'&') => {
                    self.begin_reference(false);
                    return Ok(None);
                }
                // A run of text begins behind a `>` or `;`, so what is looked back at is of this run.
                Stop::Byte(b'>') if self.is_behind(bytes, b"]]") => {
                    return Err(Fault::CdataEndInText);
                }
                Stop::Byte(b'>') => self.pos += 1,
                Stop::Byte(_) => return Err(Fault::ForbiddenCharacter),
            }
        }
    }

    /// Behind `<!`. At most seven bytes are looked at again when they come in pieces.
    pub(super) fn bang(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        const CDATA: &[u8] = b"[CDATA[";
        const EXPECTED: Fault = Fault::BadMarkup {
            expected: "'[CDATA['",
        };
        let come = bytes.get(self.token..).unwrap_or_default();
        match come {
            [] | [b'-'] => Ok(Some(Progress::More)),
            [b'-', b'-', ..] => Err(Fault::Comment),
            [b'D', ..] => Err(Fault::Doctype),
            _ if come.starts_with(CDATA) => {
                if self.stack.is_empty() {
                    return Err(Fault::StrayText);
                }
                self.pos = self.token + CDATA.len();
                self.mode = Mode::Cdata;
                Ok(None)
            }
            _ if CDATA.starts_with(come) => Ok(Some(Progress::More)),
            _ => Err(EXPECTED),
        }
    }

    pub(super) fn cdata(&mut self, bytes: &[u8]) -> Result<Option<Progress>, Fault> {
        loop {
            match self.plain(bytes, TEXT_ENDS)? {
                Stop::End => return Ok(Some(Progress::More)),
                // The section begins behind a `[`, so what is looked back at is of this section.
                Stop::Byte(b'>') if self.is_behind(bytes, b"]]") => break,
                Stop::Byte(b'<' | b'&' | b'>') => self.pos += 1,
                Stop::Byte(_) => return Err(Fault::ForbiddenCharacter),
            }
        }
        self.pos += 1;
        self.mode = Mode::Text;
        Ok(None)
    }

    pub(super) fn begin_reference(&mut self, in_value: bool) {
        self.pos += 1;
        self.reference = self.pos;
        self.in_value = in_value;
        self.mode = Mode::Reference;
    }

    /// Behind `&`.
    pub(super) fn reference(
        &mut self,
        bytes: &[u8],
        cx: &Context<'_>,
    ) -> Result<Option<Progress>, Fault> {
        loop {
            self.name_limit(self.reference, cx)?;
            match bytes.get(self.pos) {
                None => return Ok(Some(Progress::More)),
                Some(b';') => break,
                Some(b'#' | b':') => self.pos += 1,
                Some(&byte) if chars::is(byte, chars::NAME) => self.pos += 1,
                Some(0x80..) => match self.decode(bytes)? {
                    Decoded::Partial => return Ok(Some(Progress::More)),
                    Decoded::Char(char, len) if chars::is_name(char) => self.pos += len,
                    Decoded::Char(..) => return Err(Fault::BadReference),
                },
                Some(_) => return Err(Fault::BadReference),
            }
        }
        reference::resolve(bytes.get(self.reference..self.pos).unwrap_or_default())?;
        self.pos += 1;
        self.mode = if self.in_value {
            Mode::Value
        } else {
            Mode::Text
        };
        Ok(None)
    }

    pub(super) fn is_behind(&self, bytes: &[u8], what: &[u8]) -> bool {
        bytes
            .get(..self.pos)
            .is_some_and(|come| come.ends_with(what))
    }
}
