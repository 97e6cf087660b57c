//! From an element to a [`Stanza`]: the checks of RFC 6120 §8 and the one copy.

use std::borrow::Cow;
use std::sync::Arc;

use jid::{Jid, JidError};
use xml::{Attribute, Element, Ns};

use crate::child::{BlockChild, CONTENT, Child};
use crate::head::{Rare, Text, offset_in, slice};
use crate::stanza::Children;
use crate::write::write_attribute;
use crate::{IqType, Kind, MessageType, PresenceType, RejectReason, Rejected, Stanza};

impl Stanza {
    /// Whether an element is a stanza at all: `message`, `presence` or `iq` in its stream's content namespace.
    #[must_use]
    pub fn is_stanza(element: &Element<'_>) -> bool {
        matches!(element.name(), "message" | "presence" | "iq") && element.ns() == Ns::Content
    }

    /// Takes a stanza from its stream. Copies its bytes once; beyond that only addresses are allocated.
    ///
    /// `stream_lang` is the `xml:lang` of the stream, which a stanza without its own has ([RFC 6120 §4.7.4]). Text
    /// between the children is dropped. A message type that is not defined counts as none ([RFC 6121 §5.2.2]).
    ///
    /// # Errors
    ///
    /// [`Rejected`], which knows the answer: an undefined presence or IQ type, an IQ without an id, an IQ get or set
    /// without exactly one child ([RFC 6120 §8.2.3]), a `to` or `from` that is no address.
    ///
    /// [RFC 6120 §4.7.4]: https://www.rfc-editor.org/rfc/rfc6120#section-4.7.4
    /// [RFC 6120 §8.2.3]: https://www.rfc-editor.org/rfc/rfc6120#section-8.2.3
    /// [RFC 6121 §5.2.2]: https://www.rfc-editor.org/rfc/rfc6121#section-5.2.2
    pub fn accept(element: &Element<'_>, stream_lang: Option<&Arc<str>>) -> Result<Self, Rejected> {
        let head = Head::read(element);
        match head.check(element) {
            Ok(checked) => Ok(head.keep(element, checked, stream_lang)),
            Err(reason) => Err(head.reject(element, reason)),
        }
    }
}

/// The attributes of a stanza that mean something, found in one pass.
#[derive(Default)]
struct Head<'a> {
    to: Option<Cow<'a, str>>,
    from: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    lang: Option<Cow<'a, str>>,
    rare: Option<Rare>,
}

/// What was checked.
struct Checked {
    kind: Kind,
    to: Option<Jid>,
    from: Option<Jid>,
}

impl<'a> Head<'a> {
    fn read(element: &Element<'a>) -> Self {
        let mut head = Self::default();
        for attribute in element.attrs() {
            // A name without a prefix is in no namespace, and the prefix `xml` has one meaning only.
            match attribute.qualified_name() {
                "to" => head.to = Some(attribute.value()),
                "from" => head.from = Some(attribute.value()),
                "id" => head.id = Some(attribute.value()),
                "type" => head.kind = Some(attribute.value()),
                "xml:lang" => head.lang = Some(attribute.value()),
                _ => keep_attribute(head.rare.get_or_insert_default(), &attribute),
            }
        }
        head
    }

    fn check(&self, element: &Element<'_>) -> Result<Checked, RejectReason> {
        let kind = self.kind(element)?;
        let to = address(self.to.as_deref()).map_err(RejectReason::ToMalformed)?;
        let from = address(self.from.as_deref()).map_err(RejectReason::FromMalformed)?;
        Ok(Checked { kind, to, from })
    }

    fn kind(&self, element: &Element<'_>) -> Result<Kind, RejectReason> {
        if !Stanza::is_stanza(element) {
            return Err(RejectReason::NotAStanza);
        }
        let name = self.kind.as_deref();
        Ok(match element.name() {
            "message" => Kind::Message(name.map_or(MessageType::Normal, MessageType::parse)),
            "presence" => Kind::Presence(match name {
                None => PresenceType::Available,
                Some(name) => PresenceType::parse(name).ok_or(RejectReason::UnknownType)?,
            }),
            _ => {
                let kind = name
                    .and_then(IqType::parse)
                    .ok_or(RejectReason::UnknownType)?;
                if self.id.is_none() {
                    return Err(RejectReason::IdMissing);
                }
                if Kind::Iq(kind).is_request() && element.children().count() != 1 {
                    return Err(RejectReason::NotOneChild);
                }
                Kind::Iq(kind)
            }
        })
    }

    fn keep(
        self,
        element: &Element<'_>,
        checked: Checked,
        stream_lang: Option<&Arc<str>>,
    ) -> Stanza {
        let (block, children) = copy(element);
        // Offsets are found in the bytes as sent, which the block begins with.
        let sent = element.as_str();
        let lang = self.lang.map(|lang| Text::found(sent, &lang));
        Stanza {
            kind: checked.kind,
            names_normal: self.kind.as_deref() == Some(MessageType::Normal.name()),
            to: checked.to,
            from: checked.from,
            id: self.id.map(|id| Text::found(sent, &id)),
            lang: lang.or_else(|| stream_lang.cloned().map(Text::Shared)),
            rare: self.rare.map(Arc::new),
            children,
            block,
        }
    }

    fn reject(self, element: &Element<'_>, reason: RejectReason) -> Rejected {
        let answer = match element.name() {
            _ if reason == RejectReason::NotAStanza => None,
            "message" => Some(Kind::Message(MessageType::Error)),
            "presence" => Some(Kind::Presence(PresenceType::Error)),
            _ => Some(Kind::Iq(IqType::Error)),
        };
        let is_answer = matches!(
            (element.name(), self.kind.as_deref()),
            (_, Some("error")) | ("iq", Some("result"))
        );
        Rejected {
            reason,
            to: self.to.map(|to| to.as_ref().into()),
            from: self.from.map(|from| from.as_ref().into()),
            id: self.id.map(|id| id.as_ref().into()),
            answer: answer.filter(|_| !is_answer),
        }
    }
}

fn address(text: Option<&str>) -> Result<Option<Jid>, JidError> {
    text.map(Jid::parse).transpose()
}

/// Keeps an attribute that has no place in the head, together with the declaration its prefix needs.
fn keep_attribute(rare: &mut Rare, attribute: &Attribute<'_>) {
    let name = attribute.qualified_name();
    if let Some((prefix, _)) = name.split_once(':')
        && prefix != "xml"
    {
        let declaration = format!("xmlns:{prefix}");
        if !rare.attributes.contains(&format!(" {declaration}='")) {
            push_attribute(&mut rare.attributes, &declaration, attribute.ns());
        }
    }
    push_attribute(&mut rare.attributes, name, &attribute.value());
}

fn push_attribute(attributes: &mut String, name: &str, value: &str) {
    let mut out = Vec::new();
    write_attribute(name, value, &mut out);
    attributes.push_str(std::str::from_utf8(&out).expect("made of texts"));
}

/// The block and the children in it: the bytes as sent where all children are in detached form already.
fn copy(element: &Element<'_>) -> (Arc<str>, Children) {
    let sent = element.as_str();
    let in_place: Option<Children> = element
        .children()
        .map(|child| in_place(sent, &child).map(Child::Block))
        .collect();
    match in_place {
        Some(children) => (Arc::from(sent), children),
        None => rewrite(sent, element),
    }
}

/// The offsets of a child that is in detached form as it was sent.
fn in_place(sent: &str, child: &Element<'_>) -> Option<BlockChild> {
    if !child.is_detached_already() {
        return None;
    }
    let (start, end) = offset_in(sent, child.as_str())?;
    Some(BlockChild {
        start,
        end,
        name: offset_in(sent, child.name())?,
        ns: match child.ns() {
            Ns::Content => CONTENT,
            Ns::Uri(uri) => offset_in(sent, uri)?,
        },
    })
}

/// A block for a stanza that was sent with declarations around its children: behind the bytes as sent come those
/// children in detached form, each with its namespace.
fn rewrite(sent: &str, element: &Element<'_>) -> (Arc<str>, Children) {
    let mut block = sent.to_owned();
    let children = element
        .children()
        .map(|child| in_place(sent, &child).unwrap_or_else(|| append(&mut block, &child)))
        .map(Child::Block)
        .collect();
    (block.into(), children)
}

fn append(block: &mut String, child: &Element<'_>) -> BlockChild {
    let mut detached = Vec::with_capacity(child.bytes().len());
    child.write_detached(&mut detached);
    let (start, end) = push(
        block,
        std::str::from_utf8(&detached).expect("made of texts"),
    );
    let name = slice(block, start, end);
    let qualified_end = name
        .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
        .and_then(|end| u32::try_from(end).ok())
        .expect("a start tag ends");
    let name_end = start + qualified_end;
    let name_bytes = u32::try_from(child.name().len()).expect("within an element");
    BlockChild {
        start,
        end,
        name: (name_end - name_bytes, name_end),
        ns: match child.ns() {
            Ns::Content => CONTENT,
            Ns::Uri(uri) => push(block, uri),
        },
    }
}

fn push(block: &mut String, text: &str) -> (u32, u32) {
    let start = block.len();
    block.push_str(text);
    let offset = |at: usize| u32::try_from(at).expect("the limit of an element is far below 4 GiB");
    (offset(start), offset(block.len()))
}
