//! How local parts and resources are prepared: Nodeprep and Resourceprep (RFC 6122, appendices [A] and [B]),
//! which are profiles of stringprep, [RFC 3454].
//!
//! DEVIATION: RFC 7622 replaces both by PRECIS profiles. We stay with stringprep on the tables of Unicode 3.2, as the
//! servers and clients in use do: two servers that prepare an address differently do not agree who it is.
//! For the same reason code points that Unicode 3.2 does not assign pass through normalisation untouched
//! ([RFC 3454 §7]): a nickname `🄰` written by a room of another server has to come back to it as `🄰`.
//!
//! [A]: https://www.rfc-editor.org/rfc/rfc6122#appendix-A
//! [B]: https://www.rfc-editor.org/rfc/rfc6122#appendix-B
//! [RFC 3454]: https://www.rfc-editor.org/rfc/rfc3454
//! [RFC 3454 §7]: https://www.rfc-editor.org/rfc/rfc3454#section-7

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use stringprep::tables;

use crate::limits::PART_BYTES_MAX;
use crate::{JidError, Part};

/// Whether code points that Unicode 3.2 does not assign are refused.
///
/// What comes from the wire is read with `No`: emoji were assigned later, and are common in resources and
/// nicknames. `Yes` is for names that are created here (accounts, bound resources), which must not come to mean
/// something else when tables change, [RFC 3454 §7].
///
/// [RFC 3454 §7]: https://www.rfc-editor.org/rfc/rfc3454#section-7
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strict {
    /// Unassigned code points are let through, unchanged.
    No,
    /// Unassigned code points are [`JidError::Unassigned`].
    Yes,
}

/// Prepares a local part by Nodeprep: case is folded, compatibility forms are normalised. Borrows when
/// nothing had to be changed.
///
/// # Errors
///
/// [`JidError::Empty`], [`JidError::TooLong`], [`JidError::Prohibited`], [`JidError::Bidi`], and with
/// [`Strict::Yes`] [`JidError::Unassigned`], all of [`Part::Local`].
pub fn prepare_local(input: &str, strict: Strict) -> Result<Cow<'_, str>, JidError> {
    prepare(&NODEPREP, input, strict)
}

/// Prepares a resource by Resourceprep: compatibility forms are normalised, case is kept. Borrows when
/// nothing had to be changed.
///
/// # Errors
///
/// As [`prepare_local`], all of [`Part::Resource`].
pub fn prepare_resource(input: &str, strict: Strict) -> Result<Cow<'_, str>, JidError> {
    prepare(&RESOURCEPREP, input, strict)
}

/// What distinguishes one profile of stringprep from another.
struct Profile {
    part: Part,
    folds_case: bool,
    /// Of ASCII, and beyond the control characters, which every profile prohibits.
    prohibits_ascii: fn(u8) -> bool,
}

/// RFC 6122 appendix A; the list of §A.5 and the space, C.1.1.
const NODEPREP: Profile = Profile {
    part: Part::Local,
    folds_case: true,
    prohibits_ascii: |byte| {
        matches!(
            byte,
            b' ' | b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@'
        )
    },
};

/// RFC 6122 appendix B.
const RESOURCEPREP: Profile = Profile {
    part: Part::Resource,
    folds_case: false,
    prohibits_ascii: |_| false,
};

fn prepare<'a>(
    profile: &Profile,
    input: &'a str,
    strict: Strict,
) -> Result<Cow<'a, str>, JidError> {
    if input.is_empty() {
        return Err(JidError::Empty(profile.part));
    }
    if input.len() > PART_BYTES_MAX {
        return Err(JidError::TooLong(profile.part));
    }
    if input.is_ascii() {
        return prepare_ascii(profile, input);
    }
    if strict == Strict::Yes && input.chars().any(tables::unassigned_code_point) {
        return Err(JidError::Unassigned(profile.part));
    }
    let prepared = normalise(&map(profile, input));
    if prepared.is_empty() {
        return Err(JidError::Empty(profile.part));
    }
    if prepared.len() > PART_BYTES_MAX {
        return Err(JidError::TooLong(profile.part));
    }
    if prepared.chars().any(|c| is_prohibited(profile, c)) {
        return Err(JidError::Prohibited(profile.part));
    }
    if mixes_directions(&prepared) {
        return Err(JidError::Bidi(profile.part));
    }
    Ok(if prepared == input {
        Cow::Borrowed(input)
    } else {
        Cow::Owned(prepared)
    })
}

/// Normalisation leaves ASCII alone, so only case and the list of prohibited characters matter.
fn prepare_ascii<'a>(profile: &Profile, input: &'a str) -> Result<Cow<'a, str>, JidError> {
    let mut has_upper_case = false;
    for byte in input.bytes() {
        if byte.is_ascii_control() || (profile.prohibits_ascii)(byte) {
            return Err(JidError::Prohibited(profile.part));
        }
        has_upper_case |= byte.is_ascii_uppercase();
    }
    Ok(if profile.folds_case && has_upper_case {
        Cow::Owned(input.to_ascii_lowercase())
    } else {
        Cow::Borrowed(input)
    })
}

/// Tables B.1 (mapped to nothing) and, where the profile folds case, B.2.
fn map(profile: &Profile, input: &str) -> String {
    let kept = input
        .chars()
        .filter(|&c| !tables::commonly_mapped_to_nothing(c));
    if profile.folds_case {
        kept.flat_map(tables::case_fold_for_nfkc).collect()
    } else {
        kept.collect()
    }
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

/// Tables C.1.2 to C.9 and the profile's own list.
fn is_prohibited(profile: &Profile, c: char) -> bool {
    if let Ok(byte) = u8::try_from(c)
        && byte.is_ascii()
    {
        return byte.is_ascii_control() || (profile.prohibits_ascii)(byte);
    }
    tables::non_ascii_space_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

/// The rule for writing directions, [RFC 3454 §6]: with one right-to-left character, no left-to-right one may
/// be there, and the text begins and ends with a right-to-left one.
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
