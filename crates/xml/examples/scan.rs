//! Scanning, to be counted: `scan CASE ROUNDS` does one case so many times.
//!
//! `cargo xtask perf-check` runs it under callgrind and compares what a round costs with the committed figures. It
//! prints nothing and measures nothing by itself.

use std::{env, hint::black_box, process::ExitCode};

use xml::{Event, Framing, Limits, Scanner, Scratch, ns};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

/// A chat message of exactly 100 bytes.
const MESSAGE: &str = "<message to='juliet@example.org' type='chat' id='k1'><body>Neither, fair saint, if.</body></message>";

/// How many different messages the mix has, and how long they are on average.
const MIX_MESSAGES: usize = 4096;
const MIX_MEAN_BYTES: usize = 192;

/// The big stanza.
const BIG_BYTES: usize = 256 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [case, rounds] => rounds.parse().is_ok_and(|rounds| run(case, rounds)),
        _ => false,
    };
    if done {
        return ExitCode::SUCCESS;
    }
    eprintln!("usage: scan message|mix|whole|text|bytewise|filling|cutting ROUNDS");
    ExitCode::FAILURE
}

/// One case, so many times; `false` when there is no such case.
fn run(case: &str, rounds: u32) -> bool {
    let big = if case == "text" { big_text() } else { roster() };
    let (messages, piece, limits) = match case {
        "message" => (vec![MESSAGE.to_owned()], usize::MAX, Limits::default()),
        "mix" => (mix(), usize::MAX, Limits::default()),
        "whole" | "text" => (vec![big], usize::MAX, roomy()),
        "bytewise" | "cutting" => (vec![big], 1, roomy()),
        "filling" => (vec![big], 1, Limits::default()),
        _ => return false,
    };
    if case == "cutting" {
        for _ in 0..rounds {
            messages
                .iter()
                .for_each(|message| cut(message, piece, |input| *black_box(input) = &[]));
        }
        return true;
    }
    let mut scanner = Scanner::new(Framing::Stream, ns::CLIENT, limits);
    let mut scratch = Scratch::default();
    scan(HEADER, piece, &mut scanner, &mut scratch);
    for _ in 0..rounds {
        for message in &messages {
            let children = scan(message, piece, &mut scanner, &mut scratch);
            assert_eq!(children, 1, "each message is one child");
        }
    }
    true
}

fn roomy() -> Limits {
    Limits {
        element_bytes_max: 4 * BIG_BYTES,
        ..Limits::default()
    }
}

/// Gives `text` to the scanner piece by piece; how many children it found.
fn scan(text: &str, piece: usize, scanner: &mut Scanner, scratch: &mut Scratch) -> u32 {
    let mut children = 0;
    cut(text, piece, |input| {
        loop {
            match scanner.receive(input, scratch) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    children += u32::from(matches!(event, Event::Child(_)));
                    black_box(event);
                }
                Err(fault) => unreachable!("the cases are well-formed: {fault}"),
            }
        }
    });
    children
}

/// Cuts `text` into pieces.
fn cut<'a>(text: &'a str, piece: usize, mut take: impl FnMut(&mut &'a [u8])) {
    for mut input in text.as_bytes().chunks(piece) {
        take(&mut input);
    }
}

/// Messages as clients send them: bodies of all lengths, chat states, receipts, ids, some beyond ASCII.
fn mix() -> Vec<String> {
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

/// A roster of 256 KiB.
fn roster() -> String {
    let mut out = String::from(
        "<iq type='result' id='r1' to='juliet@example.org/balcony'><query xmlns='jabber:iq:roster'>",
    );
    let tail = "</query></iq>";
    for index in 0.. {
        let item = format!(
            "<item jid='user{index}@example.org' name='User {index}' subscription='both'><group>Friends</group></item>"
        );
        if out.len() + item.len() + tail.len() > BIG_BYTES {
            break;
        }
        out.push_str(&item);
    }
    let rest = BIG_BYTES - out.len() - tail.len();
    out.extend(std::iter::repeat_n(' ', rest));
    out.push_str(tail);
    out
}

/// An element of 256 KiB that is nearly all text.
fn big_text() -> String {
    let (head, tail) = ("<message><data xmlns='u'>", "</data></message>");
    let text = "QUJD".repeat((BIG_BYTES - head.len() - tail.len()) / 4);
    format!("{head}{text}{tail}")
}
