//! What scanning costs, in instructions and allocations, which do not depend on how busy the machine is.
//!
//! Run it without arguments: `cargo run --release -p xml --example cost`. It runs itself under `valgrind` (callgrind
//! for instructions, memcheck for allocations), each case with few and with many rounds, so that what start-up
//! costs falls out; prints a line per case, and fails when one is over its allowance.

use std::{
    env,
    hint::black_box,
    process::{Command, ExitCode},
};

use xml::{Event, Framing, Limits, Scanner, Scratch, ns};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

/// A chat message of exactly 100 bytes.
const MESSAGE: &str = "<message to='juliet@example.org' type='chat' id='k1'><body>Neither, fair saint, if.</body></message>";

/// How many different messages the mix has, and how long they are on average.
const MIX_MESSAGES: usize = 4096;
const MIX_MEAN_BYTES: usize = 192;

/// The big stanza.
const BIG_BYTES: usize = 256 * 1024;

const MESSAGE_MAX: f64 = 3_000.0;
const MIX_MAX: f64 = 6_000.0;
const BYTEWISE_MAX: f64 = 3.0;
/// A stanza that fills its limit has no room for a tape, which is made when it is complete: one pass more.
const FILLING_MAX: f64 = 4.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => match measure() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        [case, rounds] => {
            run(case, rounds.parse().unwrap_or(1));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: cost [CASE ROUNDS]");
            ExitCode::FAILURE
        }
    }
}

/// Runs every case and prints what it costs. `false` when one is over its allowance.
fn measure() -> Result<bool, String> {
    let mut good = true;
    let mut line = |name: &str, value: f64, unit: &str, max: f64| {
        let verdict = if value <= max { "" } else { "  OVER" };
        println!("{name:<44} {value:>12.1} {unit} (at most {max}){verdict}");
        good &= value <= max;
    };
    line(
        "100-byte message",
        per_round("message", 2_000, instructions)?,
        "instructions",
        MESSAGE_MAX,
    );
    line(
        "100-byte message",
        per_round("message", 2_000, allocations)?,
        "allocations",
        0.0,
    );
    let messages = MIX_MESSAGES as f64;
    line(
        "mixed message of 192 bytes",
        per_round("mix", 2, instructions)? / messages,
        "instructions",
        MIX_MAX,
    );
    line(
        "mixed message of 192 bytes",
        per_round("mix", 2, allocations)? / messages,
        "allocations",
        0.0,
    );
    let whole = per_round("whole", 2, instructions)?;
    println!(
        "{:<44} {:>12.1} instructions",
        "256 KiB whole, per byte",
        whole / BIG_BYTES as f64
    );
    // What it costs this program to cut the stanza is no part of it.
    let cutting = per_round("cutting", 2, instructions)?;
    let bytewise = (per_round("bytewise", 2, instructions)? - cutting) / whole;
    line(
        "256 KiB byte by byte / whole",
        bytewise,
        "times",
        BYTEWISE_MAX,
    );
    let filling = (per_round("filling", 2, instructions)? - cutting) / whole;
    line("the same, filling its limit", filling, "times", FILLING_MAX);
    let text = per_round("text", 2, instructions)? / BIG_BYTES as f64;
    println!(
        "{:<44} {text:>12.1} instructions",
        "256 KiB of text whole, per byte"
    );
    Ok(good)
}

/// What one more round costs.
fn per_round(
    case: &str,
    rounds: u32,
    count: fn(&str, u32) -> Result<f64, String>,
) -> Result<f64, String> {
    let few = count(case, rounds)?;
    let many = count(case, rounds * 2)?;
    Ok((many - few) / f64::from(rounds))
}

fn instructions(case: &str, rounds: u32) -> Result<f64, String> {
    valgrind(
        &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
        "Collected : ",
        case,
        rounds,
    )
}

fn allocations(case: &str, rounds: u32) -> Result<f64, String> {
    valgrind(&["--tool=memcheck"], "total heap usage: ", case, rounds)
}

/// Runs this program under valgrind and reads the number behind `label` in its report.
fn valgrind(options: &[&str], label: &str, case: &str, rounds: u32) -> Result<f64, String> {
    let own = env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let output = Command::new("valgrind")
        .args(options)
        .arg(own)
        .args([case, &rounds.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}; install it to measure costs"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    report
        .split_once(label)
        .map(|(_, rest)| {
            rest.chars()
                .take_while(|char| char.is_ascii_digit() || *char == ',')
        })
        .and_then(|digits| {
            digits
                .filter(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .ok()
        })
        .ok_or_else(|| format!("valgrind reported no {label:?}:\n{report}"))
}

/// One case, so many times.
fn run(case: &str, rounds: u32) {
    let big = if case == "text" { big_text() } else { roster() };
    let (messages, piece, limits) = match case {
        "message" => (vec![MESSAGE.to_owned()], usize::MAX, Limits::default()),
        "mix" => (mix(), usize::MAX, Limits::default()),
        "whole" | "text" => (vec![big], usize::MAX, roomy()),
        "bytewise" | "cutting" => (vec![big], 1, roomy()),
        "filling" => (vec![big], 1, Limits::default()),
        _ => unreachable!("no case {case}"),
    };
    if case == "cutting" {
        for _ in 0..rounds {
            messages
                .iter()
                .for_each(|message| cut(message, piece, |input| *black_box(input) = &[]));
        }
        return;
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
