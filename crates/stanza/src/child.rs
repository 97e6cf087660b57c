//! The children of a stanza: where they are kept, and the view that features get of one.
//!
//! A child is never parsed to be routed: its name and namespace are known from accepting the stanza, and
//! [`ChildRef::tree`] parses it for the feature that wants to look inside.

use std::fmt;

use xml::{Fragment, Ns, Tree};

use crate::head::slice;

/// One child, in detached form.
#[derive(Clone)]
pub(crate) enum Child {
    /// It stands in the stanza's block.
    Block(BlockChild),
    /// It was added.
    Added(Fragment),
}

/// Offsets into the block.
#[derive(Clone, Copy)]
pub(crate) struct BlockChild {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) name: (u32, u32),
    /// The namespace URI; nothing for the content namespace. Offsets are below `u32::MAX`, so that "nothing" costs no
    /// space of its own.
    pub(crate) ns: (u32, u32),
}

/// Stands for the content namespace in [`BlockChild::ns`].
pub(crate) const CONTENT: (u32, u32) = (u32::MAX, u32::MAX);

impl Child {
    pub(crate) fn view<'a>(&'a self, block: &'a str) -> ChildRef<'a> {
        match self {
            Self::Block(child) => ChildRef {
                text: slice(block, child.start, child.end),
                name: slice(block, child.name.0, child.name.1),
                ns: if child.ns == CONTENT {
                    Ns::Content
                } else {
                    Ns::Uri(slice(block, child.ns.0, child.ns.1))
                },
                added: None,
            },
            Self::Added(fragment) => ChildRef {
                text: fragment.as_str(),
                name: fragment.name(),
                ns: fragment.ns(),
                added: Some(fragment),
            },
        }
    }
}

/// A child of a stanza.
///
/// `Debug` shows its name and namespace, never what is in it.
#[derive(Clone, Copy)]
pub struct ChildRef<'a> {
    text: &'a str,
    name: &'a str,
    ns: Ns<'a>,
    added: Option<&'a Fragment>,
}

impl<'a> ChildRef<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Its namespace.
    #[must_use]
    pub fn ns(&self) -> Ns<'a> {
        self.ns
    }

    /// Whether it has this name and namespace.
    #[must_use]
    pub fn is<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> bool {
        self.name == name && self.ns == ns.into()
    }

    /// The child in detached form.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The bytes of the child in detached form.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Parses the child to look inside.
    #[must_use]
    pub fn tree(&self) -> Tree {
        Tree::parse_fragment(self.text).expect("what a stanza holds was checked when it was taken")
    }

    /// The text directly inside the child.
    #[must_use]
    pub fn text(&self) -> String {
        self.tree().root().text().into_owned()
    }

    /// The child as a fragment that can be added to another stanza.
    #[must_use]
    pub fn to_fragment(&self) -> Fragment {
        self.added.cloned().unwrap_or_else(|| {
            Fragment::parse(self.text).expect("what a stanza holds was checked when it was taken")
        })
    }
}

impl fmt::Debug for ChildRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ns {
            Ns::Content => write!(f, "<{}/>", self.name),
            Ns::Uri(uri) => write!(f, "<{} xmlns={uri:?}/>", self.name),
        }
    }
}

/// The children of a stanza in order.
#[derive(Clone, Debug)]
pub struct ChildRefs<'a> {
    pub(crate) block: &'a str,
    pub(crate) children: std::slice::Iter<'a, Child>,
}

impl<'a> Iterator for ChildRefs<'a> {
    type Item = ChildRef<'a>;

    fn next(&mut self) -> Option<ChildRef<'a>> {
        Some(self.children.next()?.view(self.block))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.children.size_hint()
    }
}

impl ExactSizeIterator for ChildRefs<'_> {}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Block(_) => "Block",
            Self::Added(_) => "Added",
        })
    }
}
