//! Where `rxml` 0.14 and we do not agree, and why that stays so. An entry that no document meets fails the test.

use super::judge::{Outcome, judge};

/// A kind of document on which the two differ.
pub(super) struct Difference {
    /// Why we do otherwise.
    pub(super) why: &'static str,
    pub(super) on: On,
}

/// What shows that a difference is of this kind.
pub(super) enum On {
    /// The document. It is rewritten into one that means the same to us and that both read alike, so that the rest
    /// of it is still judged.
    Document(fn(&[u8]) -> Vec<u8>),
    /// The document as it was, what we say, and what `rxml` says.
    Outcome(fn(&[u8], &Outcome, &Outcome) -> bool),
}

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        why: "A byte order mark may stand before a document (XML 1.0 §4.3.3, RFC 6120 §11.6); rxml knows none.",
        on: On::Document(|bytes| {
            bytes
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(bytes)
                .to_vec()
        }),
    },
    Difference {
        why: "A carriage return in an attribute value is read as a space (XML 1.0 §2.11, §3.3.3); rxml loses it at the \
              end of a value and refuses what follows it elsewhere.",
        on: On::Document(line_ends),
    },
    Difference {
        why: "White space may stand before the root element with or without an XML declaration (XML 1.0 §2.8); rxml \
              takes it behind one only.",
        on: On::Document(|bytes| bytes.trim_ascii_start().to_vec()),
    },
    Difference {
        why: "U+FEFF may stand in names (XML 1.0 §2.3, fifth edition: #xFDF0 to #xFFFD); rxml refuses it.",
        on: On::Outcome(|_, ours, theirs| {
            theirs.why.0.contains("NameStart), '\\u{feff}'")
                && ours.lines.starts_with(&theirs.lines)
        }),
    },
    Difference {
        why: "Text between the children of a stream is well-formed, which is what rxml judges, but no stream has any: \
              RFC 6120 §4.9.3.1 answers bad-format.",
        on: On::Outcome(|_, ours, theirs| {
            ours.why.0 == "fault StrayText" && theirs.lines.starts_with(&ours.lines)
        }),
    },
    Difference {
        why: "Two default namespace declarations in a tag are one attribute given twice (XML 1.0 §3.1); rxml takes the \
              last one.",
        on: On::Outcome(|_, ours, theirs| {
            ours.why.0 == "fault DuplicateAttribute"
                && !theirs.why.0.contains("DuplicateAttribute")
                && theirs.lines.starts_with(&ours.lines)
        }),
    },
    Difference {
        why: "We judge each byte, rxml a token when it has ended: what it has not refused yet at the end of the bytes \
              it refuses when the token is made to end.",
        on: On::Outcome(|bytes, ours, theirs| {
            let ended = [bytes, b"'\"><x/>"].concat();
            ours.refused && !theirs.refused && ours.lines == theirs.lines && judge(&ended).refused
        }),
    },
];

/// Line ends as a parser reads them.
fn line_ends(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => {}
            b'\r' => out.push(b'\n'),
            _ => out.push(byte),
        }
    }
    out
}
