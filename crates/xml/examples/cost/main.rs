//! What scanning costs, in instructions and allocations, which do not depend on how busy the machine is.
//!
//! Run it without arguments: `cargo run --release -p xml --example cost`. It runs itself under `valgrind` (callgrind
//! for instructions, memcheck for allocations), each case with few and with many rounds, so that what start-up
//! costs falls out; prints a line per case, and fails when one is over its allowance.

mod shapes;

use std::{
    env,
    hint::black_box,
    process::{Command, ExitCode},
};

use shapes::{BIG_BYTES, MESSAGE, MIX_MESSAGES, SHAPES, big, mix};
use xml::{Event, Framing, Limits, Scanner, Scratch, ns};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

const MESSAGE_MAX: f64 = 3_000.0;
const MIX_MAX: f64 = 6_000.0;
/// How many times as much as the whole a big stanza may cost byte by byte.
const BYTEWISE_MAX: f64 = 3.0;
/// What a byte that comes alone may cost at most where the whole costs next to nothing. Text is passed eight bytes at
/// a time, for four instructions a byte; to be called for one byte and keep it takes more than three times as many.
const LONE_BYTE_MAX: f64 = 24.0;
/// Shapes whose elements leave no room for a tape when they fill their limit. It is made when all has come: one pass
/// more.
const TAPED_LATE: [&str; 2] = ["roster", "attributes"];
const TAPED_LATE_MAX: f64 = 3.7;

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
    // What it costs this program to cut a stanza is no part of it.
    let cutting = per_round("cutting text", 1, instructions)?;
    for (shape, _) in SHAPES {
        let whole = per_round(&format!("whole {shape}"), 1, instructions)?;
        println!(
            "{:<44} {:>12.1} instructions",
            format!("256 KiB of {shape}, per byte"),
            whole / BIG_BYTES as f64
        );
        for how in ["bytewise", "filling"] {
            let cost = per_round(&format!("{how} {shape}"), 1, instructions)? - cutting;
            let per_byte = cost / BIG_BYTES as f64;
            if per_byte <= LONE_BYTE_MAX {
                line(
                    &format!("  {how}, per byte"),
                    per_byte,
                    "instructions",
                    LONE_BYTE_MAX,
                );
                continue;
            }
            let is_taped_late = how == "filling" && TAPED_LATE.contains(shape);
            let max = if is_taped_late {
                TAPED_LATE_MAX
            } else {
                BYTEWISE_MAX
            };
            line(&format!("  {how} / whole"), cost / whole, "times", max);
        }
    }
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
    let (how, shape) = case.split_once(' ').unwrap_or((case, ""));
    let (messages, piece, limits) = match how {
        "message" => (vec![MESSAGE.to_owned()], usize::MAX, Limits::default()),
        "mix" => (mix(), usize::MAX, Limits::default()),
        "whole" => (vec![big(shape)], usize::MAX, roomy()),
        "bytewise" | "cutting" => (vec![big(shape)], 1, roomy()),
        // The limit is just what the stanza takes, so that there is no room for a tape besides it.
        "filling" => (vec![big(shape)], 1, Limits::default()),
        _ => unreachable!("no case {case}"),
    };
    if how == "cutting" {
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
