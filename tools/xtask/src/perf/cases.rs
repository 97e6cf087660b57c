//! Which cases are counted, and what the design allows them to cost.

/// The program that has the server's.
pub(super) const SERVER: (&str, &str) = ("modules", "inprocess");

/// The programs that have them: package and example.
pub(super) const PROGRAMS: [(&str, &str); 2] = [("xml", "scan"), SERVER];

/// One case.
#[derive(Debug)]
pub(super) struct Case {
    /// How the figures call it.
    pub(super) name: &'static str,
    /// The example that has it.
    pub(super) program: &'static str,
    /// How that example calls it.
    pub(super) argument: &'static str,
    /// How many rounds are few; twice as many are many.
    pub(super) rounds: u32,
    /// What a round is divided by.
    pub(super) units_per_round: f64,
    /// More than this is refused, whatever the figures say.
    pub(super) instructions_max: f64,
    /// The same for allocations.
    pub(super) allocations_max: f64,
}

impl Case {
    /// A case of the server's that nothing is compared with.
    pub(super) const fn uncompared(name: &'static str, rounds: u32) -> Self {
        server(name, rounds, ANY)
    }
}

/// How much more than another a case may cost.
#[derive(Debug)]
pub(super) struct Ratio {
    /// What is divided.
    pub(super) of: &'static str,
    /// What is no part of it.
    pub(super) without: Option<&'static str>,
    /// By what.
    pub(super) to: &'static str,
    /// The bound.
    pub(super) most: f64,
}

/// Nobody said how much.
const ANY: f64 = f64::INFINITY;

/// All of them. A routed message is three allocations: its block, its `to`, and the count of who shares it. A broadcast
/// has no `to`, but is kept, packed. What it costs beyond the first recipient is the growth of its run's list, six for
/// fifty, and the addresses of each page of contacts, three.
pub(super) const CASES: &[Case] = &[
    scan("scan: message", "message", 2_000, 1.0, 3_000.0, 0.0),
    scan("scan: mix", "mix", 2, 4_096.0, 6_000.0, 0.0),
    scan("scan: cutting", "cutting", 2, 1.0, ANY, ANY),
    big("scan: roster, whole", "whole roster", ANY),
    big("scan: roster, byte by byte", "bytewise roster", ANY),
    big("scan: roster, filling the limit", "filling roster", ANY),
    big("scan: tiny, whole", "whole tiny elements", ANY),
    big("scan: tiny, byte by byte", "bytewise tiny elements", ANY),
    big(
        "scan: tiny, filling the limit",
        "filling tiny elements",
        ANY,
    ),
    big("scan: attributes, whole", "whole attributes", ANY),
    big("scan: attributes, byte by byte", "bytewise attributes", ANY),
    big(
        "scan: attributes, filling the limit",
        "filling attributes",
        ANY,
    ),
    big("scan: text, whole", "whole text", ANY),
    big("scan: text, byte by byte", "bytewise text", LONE_BYTES_MAX),
    big(
        "scan: attribute, byte by byte",
        "bytewise attribute",
        LONE_BYTES_MAX,
    ),
    big("scan: references, byte by byte", "bytewise references", ANY),
    big("scan: references, whole", "whole references", ANY),
    server("message", 500, 3.0),
    server("presence-0", 500, 3.0),
    server("presence-50", 20, 18.0),
    server("ping", 500, ANY),
    server("login", 50, ANY),
];

/// What 256 KiB may cost at most byte by byte where the whole costs next to nothing. Text is passed eight bytes at a
/// time, for four instructions a byte; to be called for one byte, cut off and kept takes more than three times as many.
const LONE_BYTES_MAX: f64 = 36.0 * 256.0 * 1024.0;

/// What byte by byte may cost more than whole. A stanza of many elements that fills its limit has no room for a tape,
/// which is made when it is complete: one pass more.
pub(super) const RATIOS: &[Ratio] = &[
    apart("scan: roster, byte by byte", "scan: roster, whole", 3.0),
    apart(
        "scan: roster, filling the limit",
        "scan: roster, whole",
        3.7,
    ),
    apart("scan: tiny, byte by byte", "scan: tiny, whole", 3.0),
    apart("scan: tiny, filling the limit", "scan: tiny, whole", 3.0),
    apart(
        "scan: attributes, byte by byte",
        "scan: attributes, whole",
        3.0,
    ),
    apart(
        "scan: attributes, filling the limit",
        "scan: attributes, whole",
        3.6,
    ),
    apart(
        "scan: references, byte by byte",
        "scan: references, whole",
        3.0,
    ),
];

/// What it costs this program to cut a stanza into bytes is no part of it.
const fn apart(of: &'static str, to: &'static str, most: f64) -> Ratio {
    Ratio {
        of,
        without: Some("scan: cutting"),
        to,
        most,
    }
}

const fn big(name: &'static str, argument: &'static str, instructions_max: f64) -> Case {
    scan(name, argument, 2, 1.0, instructions_max, ANY)
}

const fn scan(
    name: &'static str,
    argument: &'static str,
    rounds: u32,
    units_per_round: f64,
    instructions_max: f64,
    allocations_max: f64,
) -> Case {
    Case {
        name,
        program: "scan",
        argument,
        rounds,
        units_per_round,
        instructions_max,
        allocations_max,
    }
}

const fn server(name: &'static str, rounds: u32, allocations_max: f64) -> Case {
    Case {
        name,
        program: SERVER.1,
        argument: name,
        rounds,
        units_per_round: 1.0,
        instructions_max: ANY,
        allocations_max,
    }
}
