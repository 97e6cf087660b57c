//! One element that owns its bytes.

use std::fmt;

use crate::{
    chars::{self, SPACE},
    element::Element,
    fault::Fault,
    limits::Limits,
    scan::{Context, Progress, Work},
    scanner::{lead_len, no_bindings},
    tape::{NsCode, Span, Tape},
};

/// One owned element, to be read at leisure. Its `Debug` form shows no content.
#[derive(Clone)]
pub struct Tree {
    text: Box<str>,
    tape: Tape,
}

impl Tree {
    /// Reads a whole document: names without a prefix are in no namespace unless it says otherwise.
    /// An XML declaration and white space around it are taken.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the document but those of limits.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, Fault> {
        let bytes = bytes.as_ref();
        let lead = lead_len(bytes)?;
        Self::read(bytes.get(lead..).unwrap_or_default(), NsCode::NONE, None)
    }

    /// Reads an element in detached form: names without a prefix are in the content namespace.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text but those of limits.
    pub fn parse_fragment(bytes: impl AsRef<[u8]>) -> Result<Self, Fault> {
        Self::read(bytes.as_ref(), NsCode::CONTENT, None)
    }

    /// Reads an element that declares its content namespace, `content_ns`, such as the stanza in `<forwarded/>`:
    /// what is in it becomes [`Ns::Content`](crate::Ns::Content).
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text but those of limits.
    pub fn parse_content(bytes: impl AsRef<[u8]>, content_ns: &str) -> Result<Self, Fault> {
        Self::read(bytes.as_ref(), NsCode::CONTENT, Some(content_ns))
    }

    /// A tree without an element: what it says of itself is empty.
    pub(crate) fn nothing() -> Self {
        Self {
            text: "".into(),
            tape: Tape::default(),
        }
    }

    /// The element.
    pub fn root(&self) -> Element<'_> {
        Element::root(&self.text, &self.tape)
    }

    fn read(bytes: &[u8], default: NsCode, content_ns: Option<&str>) -> Result<Self, Fault> {
        let mut work = Work::default();
        let span = scan_whole(bytes, default, content_ns, &mut work)?;
        let text = str::from_utf8(span.of_bytes(bytes)).map_err(|_| Fault::InvalidUtf8)?;
        Ok(Self {
            text: text.into(),
            tape: work.tape,
        })
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

/// Reads the one element that `bytes` hold besides white space; says where it is. The tape's offsets count from
/// its beginning.
pub(crate) fn scan_whole(
    bytes: &[u8],
    default: NsCode,
    content_ns: Option<&str>,
    work: &mut Work,
) -> Result<Span, Fault> {
    let cx = Context {
        limits: &Limits::OWN,
        content_ns,
        bindings: no_bindings(),
        root_name: None,
        header: false,
    };
    let start = bytes
        .iter()
        .position(|&byte| !chars::is(byte, SPACE))
        .ok_or(Fault::Incomplete)?;
    let body = bytes.get(start..).unwrap_or_default();
    if body.len() > Limits::OWN.element_bytes_max {
        return Err(Fault::TooLarge {
            bytes_max: Limits::OWN.element_bytes_max,
        });
    }
    if body.first() != Some(&b'<') {
        return Err(Fault::StrayText);
    }
    work.begin(default);
    let end = match work.scan(body, &cx)? {
        Progress::Element(end) => end,
        Progress::More | Progress::Close(_) => return Err(Fault::Incomplete),
    };
    let rest = body.get(end..).unwrap_or_default();
    if rest.iter().any(|&byte| !chars::is(byte, SPACE)) {
        return Err(Fault::AfterEnd);
    }
    Ok(Span::new(start, start + end))
}
