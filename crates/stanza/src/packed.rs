//! A stanza at rest: what is kept for long and looked at seldom, in one block of memory.
//!
//! A stanza as it travels has room for children and addresses in place, and a block with its start tag. Kept for as long
//! as a session lasts, that is more than its text. A packed one is a text that begins with where everything in it is
//! ([`numbers`](crate::numbers)), and goes on with the children as they are written. To unpack it copies nothing: the text is the
//! block of the stanza.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;
use xml::Ns;

use crate::child::{BlockChild, CONTENT, Child};
use crate::head::{Rare, Text, offset_in};
use crate::numbers::{Numbers, push_number};
use crate::stanza::CHILDREN_INLINE;
use crate::{Kind, Stanza};

/// A thread keeps so much memory for packing.
const SCRATCH_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A stanza without its addresses.
#[derive(Clone)]
pub struct Packed {
    kind: Kind,
    names_normal: bool,
    text: Arc<str>,
}

impl Stanza {
    /// Packs it, without `to` and `from`.
    #[must_use]
    pub fn pack(&self) -> Packed {
        let mut scratch = SCRATCH.take();
        scratch.clear();
        self.pack_into(&mut scratch);
        let text = std::str::from_utf8(&scratch).expect("a stanza is made of texts");
        let text = Arc::from(text);
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            SCRATCH.set(scratch);
        }
        Packed {
            kind: self.kind,
            names_normal: self.names_normal,
            text,
        }
    }

    /// First the numbers: of children, how long id, language and what few have are, and for each child how long it is and where its name
    /// and namespace stand, counted from its beginning. Then the texts in the same order, and last those names and
    /// namespaces that are not to be read in their child.
    fn pack_into(&self, out: &mut Vec<u8>) {
        let children = || self.children.iter().map(|child| child.view(&self.block));
        let rare = self.rare.as_deref();
        let texts = [
            self.id(),
            self.lang(),
            rare.map(|rare| rare.attributes.as_str()),
            rare.and_then(|rare| rare.unparsed_from.as_deref()),
        ];
        push_number(self.children.len() as u64, out);
        for text in texts {
            push_number(text.map_or(0, |text| text.len() as u64 + 1), out);
        }
        let mut apart: SmallVec<[&str; 2]> = SmallVec::new();
        let texts_len: usize = texts.iter().flatten().map(|text| text.len()).sum();
        let children_len: usize = children().map(|child| child.as_str().len()).sum();
        let mut apart_at = children_len + texts_len;
        let mut child_at = 0;
        for child in children() {
            let text = child.as_str();
            let mut place = |part| {
                offset_in(text, part).map_or_else(
                    || {
                        apart.push(part);
                        apart_at += part.len();
                        apart_at - part.len() - child_at
                    },
                    |(start, _)| start as usize,
                )
            };
            push_number(text.len() as u64, out);
            push_number(place(child.name()) as u64, out);
            push_number(child.name().len() as u64, out);
            match child.ns() {
                Ns::Content => push_number(0, out),
                Ns::Uri(uri) => {
                    push_number(uri.len() as u64 + 1, out);
                    push_number(place(uri) as u64, out);
                }
            }
            child_at += text.len();
        }
        let texts = texts.into_iter().flatten();
        for text in children()
            .map(|child| child.as_str())
            .chain(texts)
            .chain(apart)
        {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

impl Packed {
    /// The stanza again, but for its addresses.
    #[must_use]
    pub fn unpack(&self) -> Stanza {
        let mut numbers = Numbers::of(&self.text);
        let mut next = || numbers.number() as u32;
        let count = next();
        let lens = [next(), next(), next(), next()];
        let mut children: SmallVec<[BlockChild; CHILDREN_INLINE]> = SmallVec::new();
        let mut end = 0;
        for _ in 0..count {
            let start = end;
            end += next();
            let name = start + next();
            let name = (name, name + next());
            let ns = match next() {
                0 => CONTENT,
                len => {
                    let ns = start + next();
                    (ns, ns + len - 1)
                }
            };
            children.push(BlockChild {
                start,
                end,
                name,
                ns,
            });
        }
        // Now it is known where the texts begin.
        let base = (self.text.len() - numbers.rest().len()) as u32;
        let mut text = |len: u32| {
            let start = base + end;
            end += len.saturating_sub(1);
            (len > 0).then_some(Text::Block {
                start,
                end: base + end,
            })
        };
        let [id, lang, attributes, unparsed_from] = lens.map(&mut text);
        let own = |text: Text| text.resolve(&self.text).to_owned();
        let rare = attributes.map(|attributes| {
            Arc::new(Rare {
                attributes: own(attributes),
                unparsed_from: unparsed_from.map(|from| own(from).into()),
            })
        });
        let moved = |(start, end)| (base + start, base + end);
        let children = children.into_iter().map(|child| {
            Child::Block(BlockChild {
                start: base + child.start,
                end: base + child.end,
                name: moved(child.name),
                ns: match child.ns {
                    CONTENT => CONTENT,
                    ns => moved(ns),
                },
            })
        });
        Stanza {
            kind: self.kind,
            names_normal: self.names_normal,
            block: self.text.clone(),
            to: None,
            from: None,
            id,
            lang,
            rare,
            children: children.collect(),
        }
    }
}

/// Shows as little as a stanza does.
impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.unpack().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use xml::Fragment;

    use super::*;

    #[test]
    fn what_was_packed_comes_back() {
        check("<presence/>");
        check("<presence id='a1' xml:lang='de'><show>away</show><priority>5</priority></presence>");
        check(
            "<presence q='1'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/><x xmlns='vcard-temp:x:update'><photo/></x></presence>",
        );
        check("<presence id='&lt;&amp;'><p:x xmlns:p='a&amp;b'>ünï</p:x><y xmlns=''/></presence>");
        check("<message type='normal'><body>1</body></message>");
        check(&format!(
            "<message><body>{}</body><x xmlns='u'/></message>",
            "long ".repeat(2_000)
        ));
    }

    #[test]
    fn what_was_added_is_packed_too() {
        let added = Fragment::parse("<x xmlns='a&amp;b'>1</x>").unwrap();
        let stanza = Stanza::from_stored(b"<presence><show>xa</show></presence>").unwrap();
        let again = stanza.with_child(added).pack().unpack();
        assert!(again.has("x", "a&b") && again.has("show", Ns::Content));
        assert_eq!(
            String::from_utf8(again.to_stored()).unwrap(),
            "<presence><show>xa</show><x xmlns='a&amp;b'>1</x></presence>"
        );
    }

    #[track_caller]
    fn check(text: &str) {
        let stanza = Stanza::from_stored(text.as_bytes()).unwrap();
        let again = stanza.pack().unpack();
        assert_eq!(
            String::from_utf8(again.to_stored()),
            String::from_utf8(stanza.to_stored())
        );
        assert_eq!(format!("{again:?}"), format!("{stanza:?}"));
        assert_eq!((again.id(), again.lang()), (stanza.id(), stanza.lang()));
        // What was unpacked is a stanza like any other.
        assert_eq!(again.pack().text, stanza.pack().text);
    }
}
