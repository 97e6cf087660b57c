//! Numbers and texts in one text: how what is kept for long is kept in little memory.
//!
//! A number is written in digits of six bits, the lowest first; all but the last have another bit set. Every digit is
//! ASCII, so that what is made of numbers and texts is a text itself.

/// Appends a number.
pub fn push_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 64 {
        out.push(64 | (number % 64) as u8);
        number /= 64;
    }
    out.push(number as u8);
}

/// Appends how long a text is, and the text.
pub fn push_text(text: &str, out: &mut Vec<u8>) {
    push_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Reads what was written, in the same order. At the end there are only zeros and empty texts.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    rest: &'a str,
}

impl<'a> Numbers<'a> {
    /// From the beginning of `text`.
    #[must_use]
    #[inline]
    pub fn of(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What was not read yet.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next number.
    #[inline]
    pub fn number(&mut self) -> u64 {
        let (mut number, mut read) = (0, 0);
        for digit in self.rest.bytes().take(11) {
            number |= u64::from(digit % 64) << (6 * read);
            read += 1;
            if digit < 64 {
                break;
            }
        }
        self.rest = self.rest.get(read..).unwrap_or_default();
        number
    }

    /// The next text of [`push_text`].
    #[inline]
    pub fn text(&mut self) -> &'a str {
        let len = self.number();
        self.take(len)
    }

    /// The next bytes as a text.
    #[inline]
    pub fn take(&mut self, len: u64) -> &'a str {
        let (text, rest) = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
            .unwrap_or_default();
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let numbers = [0, 1, 63, 64, 4095, 4096, u64::from(u32::MAX), u64::MAX];
        let mut out = Vec::new();
        for number in numbers {
            push_number(number, &mut out);
            push_text("ünï", &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        let mut read = Numbers::of(&text);
        for number in numbers {
            assert_eq!((read.number(), read.text()), (number, "ünï"));
        }
        assert_eq!((read.number(), read.text(), read.rest()), (0, "", ""));
    }
}
