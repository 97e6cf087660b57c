//! What a stream header leaves behind for the elements that follow: its name and its declarations.

use std::sync::OnceLock;

use crate::{
    ns,
    scan::Work,
    tape::{Bindings, NsCode, NsRef},
};

/// What the stream header declared. Nearly every stream has the same, which is kept once for all.
#[derive(Clone, Debug, Default)]
pub(super) enum Header {
    /// No header, or one without a name to close.
    #[default]
    None,
    /// `stream:stream` with no other prefix than `stream`.
    Usual,
    /// Any other.
    Own(Box<Own>),
}

/// A header that is not the usual one.
#[derive(Clone, Debug)]
pub(super) struct Own {
    name: Box<str>,
    bindings: Bindings,
}

impl Header {
    /// Reads the start tag that `work` just passed. Also gives the default namespace for the children.
    pub(super) fn read(text: &str, work: &Work) -> (Self, NsCode) {
        let name = text
            .get(1..)
            .and_then(|rest| rest.split([' ', '\t', '\n', '\r', '>', '/']).next())
            .unwrap_or_default();
        let mut bindings = Bindings::default();
        for (prefix, uri) in work.declared(text) {
            bindings.push(prefix, uri);
        }
        let default = match work.default.to_ref() {
            NsRef::Content => NsCode::CONTENT,
            NsRef::Declared(_) => {
                bindings.push(
                    "",
                    work.tape.resolve(text, work.default).unwrap_or_default(),
                );
                NsCode::inherited(bindings.len() - 1)
            }
            NsRef::None | NsRef::Xml | NsRef::Inherited(_) => NsCode::NONE,
        };
        if name == "stream:stream" && bindings == *usual() {
            return (Self::Usual, default);
        }
        let name = name.into();
        (Self::Own(Box::new(Own { name, bindings })), default)
    }

    /// The name that the stream's end tag must have.
    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Usual => Some(b"stream:stream"),
            Self::Own(own) => Some(own.name.as_bytes()),
        }
    }

    pub(super) fn bindings(&self) -> &Bindings {
        match self {
            Self::None => none(),
            Self::Usual => usual(),
            Self::Own(own) => &own.bindings,
        }
    }
}

/// No bindings at all.
pub(crate) fn none() -> &'static Bindings {
    static NONE: OnceLock<Bindings> = OnceLock::new();
    NONE.get_or_init(Bindings::default)
}

fn usual() -> &'static Bindings {
    static USUAL: OnceLock<Bindings> = OnceLock::new();
    USUAL.get_or_init(|| {
        let mut bindings = Bindings::default();
        bindings.push("stream", ns::STREAMS);
        bindings
    })
}
