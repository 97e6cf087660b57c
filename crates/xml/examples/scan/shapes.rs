//! What is scanned: messages as clients send them, and big stanzas of every shape.

/// A chat message of exactly 100 bytes.
pub(crate) const MESSAGE: &str = "<message to='juliet@example.org' type='chat' id='k1'><body>Neither, fair saint, if.</body></message>";

/// How many different messages the mix has, and how long they are on average.
const MIX_MESSAGES: usize = 4096;
const MIX_MEAN_BYTES: usize = 192;

/// The size of each big stanza.
pub(crate) const BIG_BYTES: usize = 256 * 1024;

/// Big stanzas of [`BIG_BYTES`]: their names, and what begins them, is repeated, and ends them. What is left over
/// is filled with spaces.
pub(crate) const SHAPES: &[(&str, [&str; 3])] = &[
    (
        "roster",
        [
            "<iq type='result' id='r1' to='juliet@example.org/balcony'><query xmlns='jabber:iq:roster'>",
            "<item jid='user1000@example.org' name='User 1000' subscription='both'><group>Friends</group></item>",
            "</query></iq>",
        ],
    ),
    (
        "text",
        ["<message><data xmlns='u'>", "QUJD", "</data></message>"],
    ),
    ("attribute", ["<message><data a='", "QUJD", "'/></message>"]),
    (
        "attributes",
        [
            "<message>",
            "<a b='' c='' d='' e='' f='' g=''/>",
            "</message>",
        ],
    ),
    ("empty elements", ["<message>", "<a/>", "</message>"]),
    ("tiny elements", ["<message>", "<a>b</a>", "</message>"]),
    (
        "declarations",
        ["<message>", "<a xmlns='b'/>", "</message>"],
    ),
    (
        "prefixes",
        ["<message xmlns:p='p'>", "<p:a p:b=''/>", "</message>"],
    ),
    (
        "references",
        ["<message><body>", "&amp;", "</body></message>"],
    ),
    (
        "numeric references",
        ["<message><body>", "&#x1F3AD;", "</body></message>"],
    ),
    (
        "two-byte characters",
        ["<message><body>", "\u{e9}\u{44f}", "</body></message>"],
    ),
    (
        "three-byte characters",
        [
            "<message><body>",
            "\u{65e5}\u{672c}\u{8a9e}",
            "</body></message>",
        ],
    ),
    (
        "four-byte characters",
        ["<message><body>", "\u{1f3ad}", "</body></message>"],
    ),
    (
        "cdata",
        ["<message><body><![CDATA[", "]]&<", "]]></body></message>"],
    ),
    ("lines", ["<message><body>", "a>\r\n", "</body></message>"]),
];

/// The big stanza of that name.
pub(crate) fn big(name: &str) -> String {
    let Some((_, [head, part, tail])) = SHAPES.iter().find(|(of, _)| *of == name) else {
        unreachable!("no shape {name}")
    };
    let room = BIG_BYTES - head.len() - tail.len();
    let filler = " ".repeat(room % part.len());
    [*head, &part.repeat(room / part.len()), &filler, tail].concat()
}

/// Messages as clients send them: bodies of all lengths, chat states, receipts, ids, some beyond ASCII.
pub(crate) fn mix() -> Vec<String> {
    const WORDS: &[&str] = &[
        "wherefore",
        "art",
        "thou",
        "a",
        "rose",
        "by",
        "any",
        "other",
        "name",
        "would",
        "smell",
        "as",
        "sweet",
        "é",
        "日本語",
        "🎭",
        "&lt;3",
        "it&apos;s",
        "night",
        "hath",
        "been",
        "too",
        "brief",
        "\n",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % bound
    };
    let mut messages = Vec::with_capacity(MIX_MESSAGES);
    let mut total = 0;
    for index in 0..MIX_MESSAGES {
        let mut tail = String::new();
        if below(2) == 0 {
            tail.push_str("<active xmlns='http://jabber.org/protocol/chatstates'/>");
        }
        if below(3) == 0 {
            tail.push_str("<request xmlns='urn:xmpp:receipts'/>");
        }
        let from = below(1000);
        let head = format!("<message to='user{from}@example.org' type='chat' id='m{index}'><body>");
        tail.insert_str(0, "</body>");
        tail.push_str("</message>");
        // Long and short ones; the mean is held by looking at the total.
        let wanted = (MIX_MEAN_BYTES * (index + 1)).saturating_sub(total);
        let length = (wanted / 2 + below(wanted.max(1))).max(head.len() + tail.len() + 4);
        let mut message = head;
        while message.len() + tail.len() < length {
            message.push_str(WORDS.get(below(WORDS.len())).copied().unwrap_or_default());
            message.push(' ');
        }
        message.push_str(&tail);
        total += message.len();
        messages.push(message);
    }
    let mean = total / MIX_MESSAGES;
    assert!((190..=194).contains(&mean), "the mean length is {mean}");
    messages
}
