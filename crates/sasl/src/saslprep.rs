//! SASLprep, [RFC 4013]: how user names and passwords are prepared.
//!
//! Code points that Unicode 3.2 does not assign pass unchanged: we are asked with them, [RFC 3454 §7], and an
//! emoji in a password is the user's affair. Normalisation knows Unicode 3.2 only, as clients' does.
//!
//! [RFC 4013]: https://www.rfc-editor.org/rfc/rfc4013
//! [RFC 3454 §7]: https://www.rfc-editor.org/rfc/rfc3454#section-7

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use stringprep::tables;
use thiserror::Error;

/// Why a text cannot be a user name or password.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PrepareError {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// It is longer than its bound.
    #[error("it is too long")]
    TooLong,
    /// It has a character that SASLprep prohibits, such as a control character.
    #[error("it has a prohibited character")]
    Prohibited,
    /// It mixes writing directions, RFC 3454 §6.
    #[error("it mixes writing directions")]
    Bidi,
}

/// Prepares a user name or password. Borrows when nothing had to be changed.
///
/// # Errors
///
/// [`PrepareError::Prohibited`] and [`PrepareError::Bidi`]. An empty text is prepared to an empty one.
pub fn saslprep(input: &str) -> Result<Cow<'_, str>, PrepareError> {
    if input.is_ascii() {
        return if input.bytes().any(|byte| byte.is_ascii_control()) {
            Err(PrepareError::Prohibited)
        } else {
            Ok(Cow::Borrowed(input))
        };
    }
    let mapped: String = input
        .chars()
        .filter(|&c| !tables::commonly_mapped_to_nothing(c) || is_space(c))
        .map(|c| if is_space(c) { ' ' } else { c })
        .collect();
    let prepared = normalise(&mapped);
    if prepared.chars().any(is_prohibited) {
        return Err(PrepareError::Prohibited);
    }
    if mixes_directions(&prepared) {
        return Err(PrepareError::Bidi);
    }
    Ok(if prepared == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(prepared)
    })
}

/// Prepares what may be neither empty nor longer than `bytes_max`, before or after.
pub(crate) fn prepare_bounded(input: &str, bytes_max: usize) -> Result<Cow<'_, str>, PrepareError> {
    if input.len() > bytes_max {
        return Err(PrepareError::TooLong);
    }
    let prepared = saslprep(input)?;
    if prepared.is_empty() {
        return Err(PrepareError::Empty);
    }
    if prepared.len() > bytes_max {
        return Err(PrepareError::TooLong);
    }
    Ok(prepared)
}

/// Table C.1.2, which §2.1 maps to the ASCII space. U+200B is in it and in B.1 too; the RFC's order of rules
/// makes it a space.
fn is_space(c: char) -> bool {
    tables::non_ascii_space_character(c)
}

/// NFKC as Unicode 3.2 knew it: what it did not assign stays as it is and joins with nothing.
fn normalise(mapped: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let mut out = String::with_capacity(mapped.len());
    let mut rest = mapped;
    while !rest.is_empty() {
        let known = run(rest, |c| !tables::unassigned_code_point(c));
        let (assigned, after) = rest.split_at(known);
        let unknown = run(after, tables::unassigned_code_point);
        let (unassigned, after) = after.split_at(unknown);
        out.push_str(&nfkc.normalize(assigned));
        out.push_str(unassigned);
        rest = after;
    }
    out
}

/// How many bytes at the front of `text` are characters that fulfil `condition`.
fn run(text: &str, condition: impl Fn(char) -> bool) -> usize {
    text.find(|c| !condition(c)).unwrap_or(text.len())
}

/// The tables of [RFC 4013 §2.3].
///
/// [RFC 4013 §2.3]: https://www.rfc-editor.org/rfc/rfc4013#section-2.3
fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

/// The rule for writing directions, [RFC 3454 §6].
///
/// [RFC 3454 §6]: https://www.rfc-editor.org/rfc/rfc3454#section-6
fn mixes_directions(text: &str) -> bool {
    let known = |c: char| !tables::unassigned_code_point(c);
    let is_rtl = |c: char| tables::bidi_r_or_al(c) && known(c);
    if !text.chars().any(is_rtl) {
        return false;
    }
    let ends_right =
        text.chars().next().is_some_and(is_rtl) && text.chars().next_back().is_some_and(is_rtl);
    !ends_right || text.chars().any(|c| tables::bidi_l(c) && known(c))
}
