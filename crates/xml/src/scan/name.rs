//! Names: `NCName` or `NCName:NCName`, [Namespaces §4](https://www.w3.org/TR/xml-names/#ns-qualnames).

use crate::{
    chars::{self, Decoded, NAME, NAME_START},
    fault::Fault,
    scan::{Context, Work},
    tape::offset,
};

impl Work {
    /// A name begins where the pass stands.
    #[inline]
    pub(super) fn begin_name(&mut self) {
        self.token = self.pos;
        self.part = self.pos;
        self.prefix_len = 0;
    }

    /// Takes the bytes of a name. `true` when something else stands behind it, `false` when more bytes are needed.
    #[inline]
    pub(super) fn name(&mut self, bytes: &[u8], cx: &Context<'_>) -> Result<bool, Fault> {
        let mut pos = self.pos;
        loop {
            if pos == self.part {
                match bytes.get(pos) {
                    Some(&byte) if chars::is(byte, NAME_START) => pos += 1,
                    _ => {
                        self.pos = pos;
                        self.name_limit(self.token, cx)?;
                        if !self.odd_start(bytes)? {
                            return Ok(false);
                        }
                        pos = self.pos;
                    }
                }
            }
            let rest = bytes.get(pos..).unwrap_or_default();
            pos += rest
                .iter()
                .position(|&byte| !chars::is(byte, NAME))
                .unwrap_or(rest.len());
            self.pos = pos;
            // Before anything else is said of the name, so that it does not depend on where it was cut.
            self.name_limit(self.token, cx)?;
            match bytes.get(pos) {
                None => return Ok(false),
                Some(b':') => {
                    if self.prefix_len != 0 {
                        return Err(Fault::BadQualifiedName);
                    }
                    pos += 1;
                    self.pos = pos;
                    self.part = pos;
                    self.prefix_len = offset(pos - self.token);
                }
                Some(0x80..) => match chars::decode(bytes.get(pos..).unwrap_or_default())? {
                    Decoded::Partial => return Ok(false),
                    Decoded::Char(char, len) if chars::is_name(char) => pos += len,
                    Decoded::Char(..) => return Err(Fault::BadName),
                },
                Some(_) => return Ok(true),
            }
        }
    }

    /// Takes a first character that is not a plain letter. `false` when more bytes are needed.
    fn odd_start(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        match bytes.get(self.pos) {
            None => Ok(false),
            Some(0x80..) => match chars::decode(bytes.get(self.pos..).unwrap_or_default())? {
                Decoded::Partial => Ok(false),
                Decoded::Char(char, len) if chars::is_name_start(char) => {
                    self.pos += len;
                    Ok(true)
                }
                Decoded::Char(..) => Err(Fault::BadName),
            },
            Some(b':') => Err(Fault::BadQualifiedName),
            Some(_) if self.prefix_len != 0 => Err(Fault::BadQualifiedName),
            Some(_) => Err(Fault::BadName),
        }
    }

    /// Holds what began at `start` to the limit for names.
    #[inline]
    pub(super) fn name_limit(&self, start: usize, cx: &Context<'_>) -> Result<(), Fault> {
        if self.pos - start > cx.limits.name_bytes_max {
            return Err(Fault::NameTooLong {
                bytes_max: cx.limits.name_bytes_max,
            });
        }
        Ok(())
    }
}
