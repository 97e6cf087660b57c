//! The stanza: a head that routing reads, and children that it only carries along.
//!
//! A stanza that came over a stream lives in one block, a copy of its bytes. Head and children are offsets into that
//! block; what is changed or added afterwards stands beside it, so that a change never copies the block and a clone
//! counts references. `accept.rs` makes stanzas of elements, `write.rs` makes bytes of stanzas.

use std::fmt;
use std::sync::Arc;

use jid::Jid;
use smallvec::SmallVec;
use xml::{Fragment, Ns};

use crate::child::{Child, ChildRef, ChildRefs};
use crate::head::{Rare, Text};
use crate::{IqType, Kind, MessageType, PresenceType};

/// How many children a stanza holds without a further allocation.
pub(crate) const CHILDREN_INLINE: usize = 4;

/// The children of a stanza.
pub(crate) type Children = SmallVec<[Child; CHILDREN_INLINE]>;

/// A message, presence or IQ stanza.
///
/// `Debug` shows the head and the names of the children, never what is in them.
#[derive(Clone)]
pub struct Stanza {
    pub(crate) kind: Kind,
    /// Whether `type='normal'` was written out, which a message may leave out.
    pub(crate) names_normal: bool,
    pub(crate) block: Arc<str>,
    pub(crate) to: Option<Jid>,
    pub(crate) from: Option<Jid>,
    pub(crate) id: Option<Text>,
    pub(crate) lang: Option<Text>,
    pub(crate) rare: Option<Arc<Rare>>,
    pub(crate) children: Children,
}

impl Stanza {
    /// A stanza of a kind, without addresses, id or children.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            names_normal: false,
            block: Arc::default(),
            to: None,
            from: None,
            id: None,
            lang: None,
            rare: None,
            children: Children::new(),
        }
    }

    /// An empty message.
    #[must_use]
    pub fn message(kind: MessageType) -> Self {
        Self::new(Kind::Message(kind))
    }

    /// An empty presence stanza.
    #[must_use]
    pub fn presence(kind: PresenceType) -> Self {
        Self::new(Kind::Presence(kind))
    }

    /// An empty IQ, which needs an id.
    #[must_use]
    pub fn iq(kind: IqType, id: &str) -> Self {
        Self::new(Kind::Iq(kind)).with_id(id)
    }

    /// The kind and type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// To whom it goes; nothing when the sender left it out.
    #[must_use]
    pub fn to(&self) -> Option<&Jid> {
        self.to.as_ref()
    }

    /// From whom it claims to come. Only an origin's stamp makes this true.
    #[must_use]
    pub fn from(&self) -> Option<&Jid> {
        self.from.as_ref()
    }

    /// The `id`, unescaped. Never missing in an IQ.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        Some(self.id.as_ref()?.resolve(&self.block))
    }

    /// The language of its text: its own `xml:lang`, else that of the stream it came over.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        Some(self.lang.as_ref()?.resolve(&self.block))
    }

    /// The children in order.
    #[must_use]
    pub fn children(&self) -> ChildRefs<'_> {
        ChildRefs {
            block: &self.block,
            children: self.children.iter(),
        }
    }

    /// The first child with this name and namespace.
    #[must_use]
    pub fn child<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> Option<ChildRef<'_>> {
        let ns = ns.into();
        self.children().find(|child| child.is(name, ns))
    }

    /// Whether there is a child with this name and namespace.
    #[must_use]
    pub fn has<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> bool {
        self.child(name, ns).is_some()
    }

    /// The first child: of an IQ get or set the only one, which says what is asked for.
    #[must_use]
    pub fn payload(&self) -> Option<ChildRef<'_>> {
        self.children().next()
    }

    /// Whether there is a `<body/>`, in whatever language.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.has("body", Ns::Content)
    }

    /// The text of the first `<body/>`. Must not be logged.
    #[must_use]
    pub fn body(&self) -> Option<String> {
        Some(self.child("body", Ns::Content)?.text())
    }

    /// About how many bytes of memory it keeps alive, for the bounds of queues. Shared parts are counted in full.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        let added = self.children.iter().map(|child| match child {
            Child::Block(_) => 0,
            Child::Added(fragment) => fragment.as_str().len(),
        });
        size_of::<Self>() + self.block.len() + added.sum::<usize>()
    }
}

/// Changes. None of them touches the block.
impl Stanza {
    /// Sets or removes `to`.
    pub fn set_to(&mut self, to: Option<Jid>) {
        self.to = to;
    }

    /// Sets or removes `from`.
    pub fn set_from(&mut self, from: Option<Jid>) {
        self.from = from;
        if let Some(rare) = self.rare.as_mut()
            && rare.unparsed_from.is_some()
        {
            Arc::make_mut(rare).unparsed_from = None;
        }
    }

    /// Sets the kind, such as from `subscribe` to `subscribed`.
    pub fn set_kind(&mut self, kind: Kind) {
        self.kind = kind;
        self.names_normal = false;
    }

    /// Adds a child behind the others, sharing the fragment.
    pub fn push_child(&mut self, child: Fragment) {
        self.children.push(Child::Added(child));
    }

    /// Keeps only the children that `keep` accepts.
    pub fn retain_children(&mut self, mut keep: impl FnMut(ChildRef<'_>) -> bool) {
        let block = &self.block;
        self.children.retain(|child| keep(child.view(block)));
    }

    /// With this `to`, or without any.
    #[must_use]
    pub fn with_to(mut self, to: impl Into<Option<Jid>>) -> Self {
        self.set_to(to.into());
        self
    }

    /// With this `from`, or without any.
    #[must_use]
    pub fn with_from(mut self, from: impl Into<Option<Jid>>) -> Self {
        self.set_from(from.into());
        self
    }

    /// With this id.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(Text::Shared(id.into()));
        self
    }

    /// With this `xml:lang`.
    #[must_use]
    pub fn with_lang(mut self, lang: &str) -> Self {
        self.lang = Some(Text::Shared(lang.into()));
        self
    }

    /// With this kind and type.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.set_kind(kind);
        self
    }

    /// With one more child.
    #[must_use]
    pub fn with_child(mut self, child: Fragment) -> Self {
        self.push_child(child);
        self
    }

    /// Without the children for which `unwanted` says so.
    #[must_use]
    pub fn without(mut self, mut unwanted: impl FnMut(ChildRef<'_>) -> bool) -> Self {
        self.retain_children(|child| !unwanted(child));
        self
    }

    /// Without any children.
    #[must_use]
    pub fn without_children(mut self) -> Self {
        self.children.clear();
        self
    }
}

impl fmt::Debug for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stanza")
            .field("kind", &self.kind)
            .field("to", &self.to.as_ref().map(Jid::as_str))
            .field("from", &self.from.as_ref().map(Jid::as_str))
            .field("id", &self.id())
            .field("children", &self.children().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
