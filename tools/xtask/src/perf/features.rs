//! What each feature costs when it is on: `cargo xtask perf-check --features` counts it and writes it down.
//!
//! The table is a file of its own, `docs/performance/features.md`, which `load compare` takes into the page of figures
//! that it makes; the page as it is gets it at once.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, bail};

use super::{
    Cost, build, callgrind,
    cases::{self, Case},
    measure,
};
use crate::{process, workspace::Workspace};

/// Where the table is.
const TABLE: &str = "docs/performance/features.md";
/// The page that shows it, between two lines.
const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- features -->\n";
const END: &str = "<!-- end of features -->\n";

/// What is compared with what: the first of a group is the work without a feature.
struct Group {
    heading: &'static str,
    rows: &'static [Row],
}

/// A line of a table: how it reads, and what the program calls it.
struct Row(&'static str, &'static str);

const GROUPS: &[Group] = &[
    Group {
        heading: "1:1 message, no archive",
        rows: &[
            Row("nothing else", "talk"),
            Row(
                "the sender acks (XEP-0198) and asks for each",
                "talk-sm-sender",
            ),
            Row("the recipient does", "talk-sm-recipient"),
            Row("both do", "talk-sm"),
            Row("the recipient has a second resource", "talk-second"),
            Row("and that one wants carbons", "talk-carbons"),
            Row("the recipient's client is inactive (CSI)", "talk-inactive"),
            Row(
                "the recipient has push turned on, and is there",
                "talk-push",
            ),
            Row("the recipient blocks 100 others", "talk-blocklist"),
            Row("`strangers = \"block\"`, from a contact", "talk-strangers"),
            Row(
                "a log at level `info`, which is told of no message",
                "talk-logged",
            ),
        ],
    },
    Group {
        heading: "1:1 message that both archives keep",
        rows: &[
            Row("nothing else", "talk-archive"),
            Row("both sides ack", "talk-archive-sm"),
            Row(
                "the recipient has searched the archive (`full_text`)",
                "talk-full-text",
            ),
            Row("`retention`", "talk-retention"),
        ],
    },
    Group {
        heading: "signing in, presence, and the end of the stream",
        rows: &[
            Row("SCRAM-SHA-256, no contacts", "login"),
            Row("the same by SASL2, with Bind 2", "login-bind2"),
            Row("a token (FAST), with Bind 2", "login-fast"),
            Row(
                "SCRAM-SHA-256, a roster of 20 fetched, 10 of them online",
                "login-roster",
            ),
        ],
    },
    Group {
        heading: "a change of presence",
        rows: &[
            Row("nobody else sees it", "presence-0"),
            Row("20 contacts see it", "presence-20"),
            Row("50 contacts see it", "presence-50"),
        ],
    },
];

/// What stands above the tables.
const HEAD: &str = "\
Counted in process, as `cargo xtask perf-check --features` does: instructions and allocations of the server for one unit
of work, everything between the bytes that come and the bytes that go. They do not depend on the machine. The kernel and
TLS are not among them. For messages neither is what the thread of the store does: what is to be stored counts as stored
when it is handed over. Signing in and presence stand on a store in memory, and what that does is counted. *more* is
against the first line of a table.
";

/// Counts all of it, and writes the table and the page.
///
/// # Errors
///
/// When something can't be measured or written.
pub(super) fn write(workspace: &Workspace) -> Result<()> {
    build(workspace, &[cases::SERVER])?;
    let mut table = HEAD.to_owned();
    for group in GROUPS {
        let _ = write!(
            table,
            "\n| {} | instructions | more | allocations | more |\n| --- | ---: | ---: | ---: | ---: |\n",
            group.heading
        );
        let mut without = None;
        for Row(what, argument) in group.rows {
            let case = Case::uncompared(argument, rounds(argument));
            let cost = measure(workspace, &case).with_context(|| *argument)?;
            let line = line(what, cost, without);
            print!("{line}");
            table.push_str(&line);
            without.get_or_insert(cost);
        }
    }
    table.push_str(&held(workspace)?);
    let _ = writeln!(table, "\nCounted with {}.", callgrind::environment()?);
    let file = workspace.root().join(TABLE);
    fs::write(&file, &table).with_context(|| format!("{} can't be written", file.display()))?;
    put_into_page(&workspace.root().join(PAGE), &table)?;
    println!("{TABLE} and {PAGE} are written");
    Ok(())
}

fn rounds(argument: &str) -> u32 {
    match argument {
        "presence-20" | "presence-50" => 20,
        login if login.starts_with("login") => 50,
        _ => 300,
    }
}

fn line(what: &str, cost: Cost, without: Option<Cost>) -> String {
    let mut line = format!("| {what} | {} |", grouped(cost.instructions));
    match without {
        None => {
            let _ = writeln!(line, " | {} | |", cost.allocations.round());
        }
        Some(without) => {
            let more = grouped(cost.instructions - without.instructions);
            let allocations = cost.allocations.round();
            let more_allocations = allocations - without.allocations.round();
            let _ = writeln!(line, " {more} | {allocations} | {more_allocations} |");
        }
    }
    line
}

/// A number with a comma after each three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = if number <= -0.5 { "-" } else { "" }.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What a session holds with a feature, as the memory ledger counts it.
fn held(workspace: &Workspace) -> Result<String> {
    let mut command = workspace.cargo();
    command.args([
        "test",
        "--quiet",
        "--package",
        "modules",
        "--test",
        "ledger",
    ]);
    let said = process::output(command.args(["--", "--nocapture"]))?;
    let mut table = "\n| what an idle session holds | KiB |\n| --- | ---: |\n".to_owned();
    let mut any = false;
    for line in said.lines() {
        let counted = line.split_once(" KiB (at most ");
        if let Some((part, kib)) = counted.and_then(|(line, _)| line.rsplit_once(' ')) {
            any = true;
            let _ = writeln!(table, "| {} | {kib} |", part.trim_end());
        }
    }
    if !any {
        bail!("the memory ledger says nothing");
    }
    Ok(table)
}

/// Puts the table between the two lines of the page.
fn put_into_page(page: &Path, table: &str) -> Result<()> {
    let text =
        fs::read_to_string(page).with_context(|| format!("{} can't be read", page.display()))?;
    let replaced = with_table(&text, table)
        .with_context(|| format!("{} has no place for the features", page.display()))?;
    fs::write(page, replaced).with_context(|| format!("{} can't be written", page.display()))
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(0.4), "0");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(-1_234_567.0), "-1,234,567");
    }

    #[test]
    fn a_line_says_how_much_more_it_is() {
        let cost = |instructions, allocations| Cost {
            instructions,
            allocations,
        };
        assert_eq!(
            line("a", cost(1000.0, 3.0), None),
            "| a | 1,000 | | 3 | |\n"
        );
        assert_eq!(
            line("b", cost(1500.0, 5.02), Some(cost(1000.0, 3.0))),
            "| b | 1,500 | 500 | 5 | 2 |\n"
        );
    }

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let page = format!("a\n{BEGIN}old\n{END}b\n");
        let new = format!("a\n{BEGIN}\nnew\n\n{END}b\n");
        assert_eq!(with_table(&page, "new\n"), Some(new.clone()));
        assert_eq!(with_table(&new, "new\n"), Some(new));
        assert_eq!(with_table("a\n", "new\n"), None);
    }
}
