//! How a domain part is prepared, [RFC 7622 §3.2].
//!
//! A name is mapped by [UTS 46] without transitional processing and kept with its labels in Unicode, so that
//! `bücher.example` and `xn--bcher-kva.example` are one domain. One trailing dot is removed. An IPv6 address
//! stands in brackets and is kept in its shortest form. Label lengths of the DNS are not asked for: a domain
//! that is never looked up need not fit there.
//!
//! DEVIATION: `_` is let through, which IDNA2008 does not; names in container networks use it.
//!
//! [RFC 7622 §3.2]: https://www.rfc-editor.org/rfc/rfc7622#section-3.2
//! [UTS 46]: https://www.unicode.org/reports/tr46/

use std::borrow::Cow;
use std::net::Ipv6Addr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::limits::PART_BYTES_MAX;
use crate::{JidError, Part};

/// Everything of ASCII but letters, digits, `-`, `.` and `_`.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// Prepares a domain part. Borrows when nothing had to be changed, or only a trailing dot removed.
///
/// # Errors
///
/// [`JidError::Empty`], [`JidError::TooLong`], or [`JidError::InvalidDomain`] for all else: a character that a
/// name may not have (a space, say), an empty label, a label that begins or ends with a hyphen, a broken
/// A-label, a broken IPv6 address, mixed writing directions.
pub fn prepare_domain(input: &str) -> Result<Cow<'_, str>, JidError> {
    let given = input;
    let input = given.strip_suffix('.').unwrap_or(given);
    if input.is_empty() {
        return Err(JidError::Empty(Part::Domain));
    }
    if input.len() > PART_BYTES_MAX {
        return Err(JidError::TooLong(Part::Domain));
    }
    if is_prepared_ascii(input.as_bytes()) {
        return Ok(Cow::Borrowed(input));
    }
    if let Some(rest) = input.strip_prefix('[') {
        return prepare_ipv6(input, rest.strip_suffix(']'));
    }
    // Other dots than ASCII's are mapped to it, so a trailing one may appear only then.
    prepare_name(input, given.len() == input.len())
}

/// Whether a name is plain lower-case ASCII that preparation would leave as it is. A label that begins with
/// `xn--` may be an A-label and is left to the slow path, as is every label with a hyphen at an end.
fn is_prepared_ascii(name: &[u8]) -> bool {
    let mut before = b'.';
    let mut label_bytes = 0_usize;
    let mut label_is_xn = true;
    for &byte in name {
        match byte {
            b'.' if label_bytes == 0 || before == b'-' => return false,
            b'.' => label_bytes = 0,
            b'-' if label_bytes == 0 => return false,
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {
                label_is_xn = match label_bytes {
                    0 => byte == b'x',
                    1 => label_is_xn && byte == b'n',
                    2 | 3 => label_is_xn && byte == b'-',
                    _ => label_is_xn,
                };
                label_bytes += 1;
                if label_is_xn && label_bytes == 4 {
                    return false;
                }
            }
            _ => return false,
        }
        before = byte;
    }
    before != b'.' && before != b'-'
}

fn prepare_ipv6<'a>(input: &'a str, address: Option<&str>) -> Result<Cow<'a, str>, JidError> {
    let address: Ipv6Addr = address
        .and_then(|text| text.parse().ok())
        .ok_or(JidError::InvalidDomain)?;
    let shortest = format!("[{address}]");
    Ok(if shortest == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(shortest)
    })
}

fn prepare_name(input: &str, may_end_in_dot: bool) -> Result<Cow<'_, str>, JidError> {
    let (mapped, outcome) =
        Uts46::new().to_unicode(input.as_bytes(), DENIED, Hyphens::CheckFirstLast);
    if outcome.is_err() {
        return Err(JidError::InvalidDomain);
    }
    let name = match mapped.strip_suffix('.') {
        Some(name) if may_end_in_dot => name,
        _ => &mapped,
    };
    // An A-label stands for a U-label, never for another A-label, and so does not come out of the mapping.
    let is_wrong = |label: &str| label.is_empty() || label.starts_with("xn--");
    if name.split('.').any(is_wrong) {
        return Err(JidError::InvalidDomain);
    }
    if name.len() > PART_BYTES_MAX {
        return Err(JidError::TooLong(Part::Domain));
    }
    Ok(if name == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(name.to_owned())
    })
}

/// The A-label form of a prepared domain.
pub(crate) fn to_ascii(domain: &str) -> String {
    if domain.is_ascii() {
        return domain.to_owned();
    }
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        DENIED,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    ascii
        .expect("what was valid as Unicode is valid as A-labels")
        .into_owned()
}
