//! Generated streams: mostly right ones, then damaged with the pieces that matter.

use std::fmt::Write;

/// Decisions, read off a list that the test runner makes and shrinks. Past its end all are 0, the plainest.
pub(super) struct Choices {
    list: Vec<u16>,
    at: usize,
}

impl Choices {
    pub(super) fn new(list: Vec<u16>) -> Self {
        Self { list, at: 0 }
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        let choice = self.list.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(choice) % bound
    }

    fn one_in(&mut self, odds: usize) -> bool {
        self.below(odds) == odds - 1
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const NAMES: &[&str] = &["a", "body", "message", "x-1.y", "é", "日本", "iq", "n_"];
const PREFIXES: &[&str] = &["p", "q", "stream", "xml", "longer", "c"];
const URIS: &[&str] = &[
    "u",
    "v",
    "jabber:client",
    "http://etherx.jabber.org/streams",
    "u&amp;v",
    "&#117;",
    "a b",
    "a&#x20;b",
    "a\tb",
];
const TEXTS: &[&str] = &[
    "x",
    " ",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "&lt;",
    "&amp;",
    "&gt;",
    "&apos;",
    "&quot;",
    "&#65;",
    "&#x1F3AD;",
    "é",
    "日本",
    "🎭",
    "]",
    "]]",
    ">",
    "a long stretch of plain text, more than one word",
    "\u{7f}",
    "\u{85}",
    "&#13;",
    "&#xA;",
];
/// What a document is damaged with.
const DAMAGE: &[&str] = &[
    "<",
    ">",
    "&",
    "'",
    "\"",
    "/",
    "=",
    ":",
    ";",
    " ",
    "x",
    "1",
    "-",
    "!",
    "?",
    "]]>",
    "<!-- c -->",
    "<?pi?>",
    "<!DOCTYPE a>",
    "<![CDATA[",
    "&nbsp;",
    "&#0;",
    "&#xD800;",
    "&#;",
    "&;",
    "\u{1}",
    "\u{fffe}",
    "\u{ffff}",
    "</a>",
    "</stream:stream>",
    "<?xml version='1.0'?>",
    "xmlns:p=''",
    " xmlns:xml='u'",
    " xmlns:xmlns='u'",
    "<p:a/>",
    "<stream:stream>",
    " xmlns='http://www.w3.org/2000/xmlns/'",
    " a='1' a='2'",
    "<a:b:c/>",
    "<:a/>",
    "&#x41",
    "é",
    "\u{b7}",
    "\u{feff}",
    "<xmlns:a/>",
    " z:z=''",
    "<a xmlns:k=''/>",
    "<a xmlns:xml='k'/>",
    "&a\u{37e};",
    "\u{d7}",
    "<a xmlns:xmlns='u'/>",
    " xmlns:p='http://www.w3.org/XML/1998/namespace'",
    "</",
    "<!",
    "<!-",
    "<!x",
    "\r",
];
const RAW_DAMAGE: &[&[u8]] = &[
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xe6\x97",
    b"\xf0\x9f",
    b"\0",
    b"\x80",
    b"\xf5\x80\x80\x80",
];

/// One stream, right or damaged, often unfinished.
pub(super) fn document(choices: &mut Choices) -> Vec<u8> {
    let damages = choices.below(3);
    let mut out = String::new();
    prolog(choices, &mut out);
    header(choices, &mut out);
    for _ in 0..choices.below(4) {
        out.push_str(choices.of(&["", "\n", " \r\n", ""]));
        element(choices, 4, &mut out);
    }
    if choices.one_in(3) {
        let space = choices.of(&["", " ", "\n"]);
        let _ = write!(out, "</stream:stream{space}>");
        out.push_str(choices.of(&["", "\n", " "]));
    }
    let mut bytes = out.into_bytes();
    for _ in 0..damages {
        damage(choices, &mut bytes);
    }
    if choices.one_in(6) {
        let len = choices.below(bytes.len() + 1);
        bytes.truncate(len);
    }
    bytes
}

fn prolog(choices: &mut Choices, out: &mut String) {
    out.push_str(choices.of(&["", "", "", "\u{feff}", "", " "]));
    out.push_str(choices.of(&[
        "",
        "<?xml version='1.0'?>",
        "<?xml version=\"1.0\" encoding='utf-8'?>\n",
        "",
        "<?xml version = '1.0' encoding=\"UTF-8\" standalone='yes' ?>",
        "",
        "",
        "<?xml version='1.0' ?>",
    ]));
    if choices.one_in(40) {
        out.push_str(choices.of(&[
            "<?xml version='1.1'?>",
            "<?xml version='1.0' encoding='latin1'?>",
        ]));
    }
}

fn header(choices: &mut Choices, out: &mut String) {
    out.push_str(choices.of(&[
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'",
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams'",
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='u'",
        "<stream:stream xmlns='u&lt;' xmlns:stream='http://etherx.jabber.org/streams' xmlns:c='jabber:client'",
    ]));
    for index in 0..choices.below(3) {
        let value = choices.of(TEXTS);
        let value = if value.contains(['\'', '"']) {
            ""
        } else {
            value
        };
        let _ = write!(out, " h{index}='{value}'");
    }
    out.push_str(choices.of(&[">", ">", " \n>", ">"]));
}

fn element(choices: &mut Choices, depth: usize, out: &mut String) {
    let start = out.len() + 1;
    out.push('<');
    let prefix = choices.one_in(5).then(|| choices.of(PREFIXES));
    if let Some(prefix) = prefix {
        let _ = write!(out, "{prefix}:");
    }
    out.push_str(choices.of(NAMES));
    let name = out[start..].to_owned();
    if let Some(prefix) = prefix
        && !matches!(prefix, "xml" | "stream")
        && !choices.one_in(8)
    {
        let _ = write!(out, " xmlns:{prefix}='{}'", choices.of(URIS));
    }
    attributes(choices, out);
    if depth == 0 || choices.one_in(3) {
        out.push_str(choices.of(&["/>", " />", "\n/>"]));
        return;
    }
    out.push('>');
    for _ in 0..choices.below(4) {
        match choices.below(6) {
            0 | 1 => element(choices, depth - 1, out),
            2 => {
                out.push_str("<![CDATA[");
                out.push_str(choices.of(&["", "x", "<&>", "]]", "]", "\r\n", "\r", ">", "é"]));
                out.push_str("]]>");
            }
            _ => out.push_str(choices.of(TEXTS)),
        }
    }
    let space = choices.of(&["", "", "", " "]);
    let _ = write!(out, "</{name}{space}>");
}

fn attributes(choices: &mut Choices, out: &mut String) {
    let count = if choices.one_in(40) {
        18
    } else {
        choices.below(4)
    };
    for index in 0..count {
        out.push_str(choices.of(&[" ", " ", "\n", "  "]));
        match choices.below(9) {
            0 => {
                let _ = write!(out, "xmlns='{}'", choices.of(URIS));
                continue;
            }
            1 => {
                let _ = write!(
                    out,
                    "xmlns:{}{index}='{}'",
                    choices.of(PREFIXES),
                    choices.of(URIS)
                );
                continue;
            }
            2 => out.push_str(choices.of(&["xml:", "p:", "stream:", "xml:"])),
            _ => {}
        }
        out.push_str(choices.of(NAMES));
        if !choices.one_in(8) {
            let _ = write!(out, "{index}");
        }
        out.push_str(choices.of(&["=", "=", " = ", "="]));
        let quote = choices.of(&["'", "\""]);
        out.push_str(quote);
        for _ in 0..choices.below(3) {
            out.push_str(choices.of(TEXTS));
        }
        if choices.one_in(6) {
            out.push_str(if quote == "'" { "\"" } else { "'" });
        }
        out.push_str(quote);
    }
}

fn damage(choices: &mut Choices, bytes: &mut Vec<u8>) {
    let at = choices.below(bytes.len() + 1);
    match choices.below(8) {
        0 | 1 => {
            bytes.splice(at..at, choices.of(DAMAGE).bytes());
        }
        // Between elements, where most of it means something.
        2..=4 => {
            let open = bytes.iter().skip(at).position(|&byte| byte == b'<');
            let at = open.map_or(bytes.len(), |open| at + open);
            bytes.splice(at..at, choices.of(DAMAGE).bytes());
        }
        5 => {
            let piece = RAW_DAMAGE[choices.below(RAW_DAMAGE.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        6 => {
            let end = (at + 1 + choices.below(4)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        _ => {
            let end = (at + choices.below(30)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            let to = choices.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
    }
}
