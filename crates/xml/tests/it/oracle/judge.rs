//! What `rxml` says of a stream, in our words.

use rxml::{Event, Parse, error::EndOrError};

/// What a parser makes of a stream: the header and each complete child as one line, and how it ends.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Outcome {
    pub(super) lines: Vec<String>,
    pub(super) refused: bool,
    /// Which fault, in the parser's own words; it doesn't count for equality but for the differences.
    pub(super) why: Why,
}

/// A reason that equals any other.
#[derive(Debug)]
pub(super) struct Why(pub(super) String);

impl PartialEq for Why {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Why {}

impl Outcome {
    /// From the lines that [`events`](crate::events::events) gives.
    pub(super) fn new(mut lines: Vec<String>) -> Self {
        let fault = lines.pop_if(|line| line.starts_with("fault "));
        for line in &mut lines {
            *line = line.replace("<{jabber:client}", "<");
        }
        Self {
            lines,
            refused: fault.is_some(),
            why: Why(fault.unwrap_or_default()),
        }
    }
}

/// Asks `rxml`.
pub(super) fn judge(bytes: &[u8]) -> Outcome {
    let mut parser = rxml::Parser::default();
    let mut input = bytes;
    let mut lines = Vec::new();
    let mut open: Vec<Node> = Vec::new();
    let why = loop {
        match parser.parse(&mut input, false) {
            Ok(Some(event)) => take(event, &mut open, &mut lines),
            Ok(None) | Err(EndOrError::NeedMoreData) => break String::new(),
            Err(EndOrError::Error(error)) => break format!("{error:?}"),
        }
    };
    Outcome {
        lines,
        refused: !why.is_empty(),
        why: Why(why),
    }
}

/// An element that is open: its line so far in three parts.
struct Node {
    head: String,
    text: String,
    children: String,
}

impl Node {
    fn line(&self) -> String {
        let text = if self.text.is_empty() {
            String::new()
        } else {
            format!("{:?}", self.text)
        };
        format!("{}{text}{}</>", self.head, self.children)
    }
}

/// A namespace in front of a name. Which declarations of the content namespace count as relative is our own
/// affair, so that here they are all alike.
fn clark(ns: &str) -> String {
    if ns == xml::ns::CLIENT {
        String::new()
    } else {
        format!("{{{ns}}}")
    }
}

fn take(event: Event, open: &mut Vec<Node>, lines: &mut Vec<String>) {
    match event {
        Event::XmlDeclaration(..) => {}
        Event::StartElement(_, (ns, name), attributes) => {
            let mut list: Vec<String> = attributes
                .iter()
                .map(|((ns, name), value)| match ns.as_str() {
                    "" => format!(" {name}={value:?}"),
                    ns => format!(" {{{ns}}}{name}={value:?}"),
                })
                .collect();
            list.sort();
            let node = Node {
                head: format!("<{}{name}{}>", clark(&ns), list.concat()),
                text: String::new(),
                children: String::new(),
            };
            if open.is_empty() {
                lines.push(format!("open {}", node.line()));
            }
            open.push(node);
        }
        Event::Text(_, text) => {
            if let Some(node) = open.last_mut() {
                node.text.push_str(&text);
            }
        }
        Event::EndElement(_) => {
            let Some(node) = open.pop() else {
                return;
            };
            match open.as_mut_slice() {
                [] => lines.push("close".to_owned()),
                [_] => lines.push(node.line()),
                [.., parent] => parent.children.push_str(&node.line()),
            }
        }
    }
}
