//! What a scanner says of a stream, as lines that can be compared, whatever the split.

use xml::{Element, Event, Fault, Framing, Limits, Ns, Scanner, Scratch};

/// How a stream is cut into pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Whole,
    /// In two pieces, the first of so many bytes.
    At(usize),
    /// In pieces of so many bytes.
    Every(usize),
}

/// Every event of `bytes`, then `fault ...` if it ends with one.
pub(crate) fn events(bytes: &[u8], cut: Cut, scanner: &mut Scanner) -> Vec<String> {
    let pieces: Vec<&[u8]> = match cut {
        Cut::Whole => vec![bytes],
        Cut::At(at) => {
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            vec![first, second]
        }
        Cut::Every(len) => bytes.chunks(len.max(1)).collect(),
    };
    let mut scratch = Scratch::default();
    let mut lines = Vec::new();
    for mut piece in pieces {
        loop {
            match scanner.receive(&mut piece, &mut scratch) {
                Ok(Some(Event::Open(element))) => lines.push(format!("open {}", line(&element))),
                Ok(Some(Event::Child(element))) => lines.push(line(&element)),
                Ok(Some(Event::Close)) => lines.push("close".to_owned()),
                Ok(None) => break,
                Err(fault) => {
                    lines.push(format!("fault {fault:?}"));
                    return lines;
                }
            }
        }
        assert!(piece.is_empty(), "a piece is taken whole");
    }
    lines
}

/// The events, which must be the same for every cut.
#[track_caller]
pub(crate) fn all_cuts(bytes: &[u8], scanner: &dyn Fn() -> Scanner) -> Vec<String> {
    let whole = events(bytes, Cut::Whole, &mut scanner());
    let cuts = (0..=bytes.len())
        .map(Cut::At)
        .chain([1, 2, 3, 7].map(Cut::Every));
    for cut in cuts {
        let cut_events = events(bytes, cut, &mut scanner());
        assert_eq!(
            cut_events,
            whole,
            "{cut:?} of {}",
            String::from_utf8_lossy(bytes)
        );
    }
    whole
}

pub(crate) fn client() -> Scanner {
    Scanner::new(Framing::Stream, xml::ns::CLIENT, Limits::default())
}

pub(crate) fn fault(fault: Fault) -> String {
    format!("fault {fault:?}")
}

/// An element as one line: names in Clark form, attributes sorted, text quoted.
pub(crate) fn line(element: &Element<'_>) -> String {
    let mut out = String::new();
    write(element, &mut out);
    out
}

fn write(element: &Element<'_>, out: &mut String) {
    out.push('<');
    match element.ns() {
        Ns::Content => {}
        Ns::Uri(uri) => out.push_str(&format!("{{{uri}}}")),
    }
    out.push_str(element.name());
    let mut attributes: Vec<String> = element
        .attrs()
        .map(|attribute| match attribute.ns() {
            "" => format!(" {}={:?}", attribute.name(), attribute.value()),
            ns => format!(" {{{ns}}}{}={:?}", attribute.name(), attribute.value()),
        })
        .collect();
    attributes.sort();
    out.push_str(&attributes.concat());
    out.push('>');
    let text = element.text();
    if !text.is_empty() {
        out.push_str(&format!("{text:?}"));
    }
    for child in element.children() {
        write(&child, out);
    }
    out.push_str("</>");
}
