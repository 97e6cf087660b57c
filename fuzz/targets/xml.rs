//! The XML scanner against any bytes: nothing panics, no split changes what is found, memory stays within its limit,
//! and detached form means the same. (`rxml` judges in the crate's own tests, which know where the two differ.)
//!
//! The first byte of an input chooses the split and the framing; the rest is the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xml::{Element, Event, Fault, Framing, Limits, Scanner, Scratch, Tree, ns, same};

/// Low, so that inputs of a usual size meet every limit.
const LIMITS: Limits = Limits {
    element_bytes_max: 1024,
    depth_max: 8,
    attributes_max: 20,
    declarations_max: 6,
    name_bytes_max: 64,
    header_bytes_max: 512,
};

/// What a scanner may hold besides an element's bytes and tape: its open elements, the declarations in force and
/// the attributes of one tag.
const HELD_BESIDES: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let framing = if choice & 1 == 0 {
        Framing::Stream
    } else {
        Framing::Document
    };
    let whole = scan(bytes, bytes.len().max(1), framing);
    let split = scan(bytes, usize::from(choice >> 1).max(1), framing);
    assert_eq!(whole, split, "a split changes what is found");
    let single = scan(bytes, 1, framing);
    assert_eq!(whole, single, "single bytes change what is found");
    if let Ok(tree) = Tree::parse_fragment(bytes) {
        check_detached(&tree.root());
    }
});

/// What was found: each element in detached form, and the fault at the end.
#[derive(Debug, PartialEq)]
struct Found {
    elements: Vec<String>,
    fault: Option<Fault>,
}

fn scan(bytes: &[u8], piece: usize, framing: Framing) -> Found {
    let mut scanner = Scanner::new(framing, ns::CLIENT, LIMITS);
    let mut scratch = Scratch::default();
    let mut elements = Vec::new();
    for mut input in bytes.chunks(piece) {
        loop {
            match scanner.receive(&mut input, &mut scratch) {
                Ok(None) => break,
                Ok(Some(Event::Close)) => elements.push("close".to_owned()),
                Ok(Some(Event::Open(element))) => {
                    elements.push(format!("open {}", element.as_str()))
                }
                Ok(Some(Event::Child(element))) => elements.push(check_detached(&element)),
                Err(fault) => {
                    return Found {
                        elements,
                        fault: Some(fault),
                    };
                }
            }
        }
        assert!(input.is_empty(), "a piece is taken whole");
        assert!(
            scanner.held_bytes() <= LIMITS.element_bytes_max + HELD_BESIDES,
            "{} bytes are held",
            scanner.held_bytes()
        );
    }
    Found {
        elements,
        fault: None,
    }
}

/// An element and all below it mean the same in detached form, and are in it then.
fn check_detached(element: &Element<'_>) -> String {
    let mut out = Vec::new();
    element.write_detached(&mut out);
    let tree = Tree::parse_fragment(&out).expect("detached form is well-formed");
    same(element, &tree.root()).expect("detached form means the same");
    assert!(tree.root().is_detached_already());
    for child in element.children() {
        check_detached(&child);
    }
    String::from_utf8(out).expect("what was checked is UTF-8")
}
