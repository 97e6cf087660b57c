//! What may stand before a document: a byte order mark and an XML declaration, [XML §2.8](https://www.w3.org/TR/xml/#sec-prolog-dtd).
//!
//! The few bytes until it is complete are held and read again with each piece that comes, at most
//! [`BYTES_MAX`] of them; nothing else of a stream is.

use crate::{
    chars::{self, SPACE},
    fault::Fault,
};

/// Bytes of a byte order mark and declaration together. The longest useful one takes 60.
pub(super) const BYTES_MAX: usize = 256;

const MARK: &[u8] = b"\xef\xbb\xbf";
const BEGIN: &[u8] = b"<?xml";

/// What the first bytes of a document are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lead {
    /// More bytes are needed to tell.
    More,
    /// This many bytes stand before the document, and have been checked.
    Taken(usize),
}

/// Reads a byte order mark and an XML declaration.
pub(super) fn read(bytes: &[u8]) -> Result<Lead, Fault> {
    if bytes.len() < MARK.len() && MARK.starts_with(bytes) {
        return Ok(Lead::More);
    }
    let rest = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let mark_len = bytes.len() - rest.len();
    if rest.len() <= BEGIN.len() && BEGIN.starts_with(rest) {
        return Ok(Lead::More);
    }
    let Some(body) = rest.strip_prefix(BEGIN) else {
        return Ok(Lead::Taken(mark_len));
    };
    let mut reader = Reader { rest: body };
    match reader.declaration() {
        Ok(()) => Ok(Lead::Taken(bytes.len() - reader.rest.len())),
        Err(Stop::Fault(fault)) => Err(fault),
        Err(Stop::More) if bytes.len() >= BYTES_MAX => Err(Fault::BadDeclaration),
        Err(Stop::More) => Ok(Lead::More),
    }
}

/// Why reading stopped early.
enum Stop {
    More,
    Fault(Fault),
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// `S 'version' Eq '1.0' (S 'encoding' Eq name)? (S 'standalone' Eq yes|no)? S? '?>'`
    fn declaration(&mut self) -> Result<(), Stop> {
        if !self.space()? {
            return Err(Stop::Fault(Fault::ProcessingInstruction));
        }
        self.literal(b"version")?;
        if self.value()? != b"1.0" {
            return Err(Stop::Fault(Fault::BadDeclaration));
        }
        let mut spaced = self.space()?;
        if spaced && self.peek()? == b'e' {
            self.literal(b"encoding")?;
            if !self.value()?.eq_ignore_ascii_case(b"utf-8") {
                return Err(Stop::Fault(Fault::UnsupportedEncoding));
            }
            spaced = self.space()?;
        }
        if spaced && self.peek()? == b's' {
            self.literal(b"standalone")?;
            if !matches!(self.value()?, b"yes" | b"no") {
                return Err(Stop::Fault(Fault::BadDeclaration));
            }
            self.space()?;
        }
        self.literal(b"?>")
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.rest.first().copied().ok_or(Stop::More)
    }

    fn literal(&mut self, expected: &[u8]) -> Result<(), Stop> {
        if let Some(rest) = self.rest.strip_prefix(expected) {
            self.rest = rest;
            return Ok(());
        }
        if expected.starts_with(self.rest) {
            return Err(Stop::More);
        }
        Err(Stop::Fault(Fault::BadDeclaration))
    }

    /// Takes white space; whether there was any. What follows it must have come.
    fn space(&mut self) -> Result<bool, Stop> {
        let len = self
            .rest
            .iter()
            .position(|&byte| !chars::is(byte, SPACE))
            .ok_or(Stop::More)?;
        self.rest = self.rest.get(len..).unwrap_or_default();
        Ok(len > 0)
    }

    /// `Eq` and a quoted value of the bytes that versions and encodings are made of.
    fn value(&mut self) -> Result<&'a [u8], Stop> {
        self.space()?;
        self.literal(b"=")?;
        self.space()?;
        let quote = self.peek()?;
        if !matches!(quote, b'\'' | b'"') {
            return Err(Stop::Fault(Fault::BadDeclaration));
        }
        let inside = self.rest.get(1..).unwrap_or_default();
        let len = inside
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !b"._-:".contains(byte))
            .ok_or(Stop::More)?;
        if inside.get(len) != Some(&quote) {
            return Err(Stop::Fault(Fault::BadDeclaration));
        }
        self.rest = inside.get(len + 1..).unwrap_or_default();
        Ok(inside.get(..len).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_taken_whole() {
        check("<?xml version='1.0'?><a/>", Ok(Lead::Taken(21)));
        check("\u{feff}<?xml version='1.0'?><a/>", Ok(Lead::Taken(24)));
        check("\u{feff}<a/>", Ok(Lead::Taken(3)));
        check("<a/>", Ok(Lead::Taken(0)));
        check(
            "<?xml version=\"1.0\" encoding='Utf-8' standalone = 'yes' ?>",
            Ok(Lead::Taken(58)),
        );
    }

    #[test]
    fn a_wrong_declaration_is_named_what_it_is() {
        check("<?xml version='1.1'?>", Err(Fault::BadDeclaration));
        check("<?xml ?>", Err(Fault::BadDeclaration));
        check("<?xml version='1.0'>", Err(Fault::BadDeclaration));
        check(
            "<?xml version='1.0' encoding='latin1'?>",
            Err(Fault::UnsupportedEncoding),
        );
        check(
            "<?xml version='1.0'encoding='utf-8'?>",
            Err(Fault::BadDeclaration),
        );
        check(
            "<?xml version='1.0' standalone='maybe'?>",
            Err(Fault::BadDeclaration),
        );
        check(
            "<?xml-stylesheet href='a'?>",
            Err(Fault::ProcessingInstruction),
        );
    }

    #[test]
    fn a_declaration_may_come_byte_by_byte() {
        let whole = "\u{feff}<?xml version='1.0' encoding='utf-8' standalone='no' ?>".as_bytes();
        for len in 0..whole.len() {
            assert_eq!(read(&whole[..len]), Ok(Lead::More), "{len} bytes");
        }
        assert_eq!(read(whole), Ok(Lead::Taken(whole.len())));
    }

    #[track_caller]
    fn check(text: &str, expected: Result<Lead, Fault>) {
        assert_eq!(read(text.as_bytes()), expected, "{text}");
    }
}
