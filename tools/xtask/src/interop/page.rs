//! What Smack's suite is not asked, or not held to: the rows of the table in `docs/interop/smack.md`.
//!
//! The page is the list, so that it can't say anything else than what is done.

use std::{fs, str::FromStr};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The page with the table.
pub(crate) const PAGE: &str = "docs/interop/smack.md";

/// What a row is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A specification whose tests are left out.
    Specification,
    /// A kind of connection with which no test is run.
    Connection,
    /// A test that is left out.
    Test,
    /// A test that what an earlier one set off can reach: it has a run, and so accounts, for itself.
    Alone,
    /// A test that can fail by its own fault: the step leaves it out, and the command gives it further chances.
    Racy,
    /// A class of tests that finds out by itself that it can't run here.
    Impossible,
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "specification" => Ok(Self::Specification),
            "connection" => Ok(Self::Connection),
            "test" => Ok(Self::Test),
            "alone" => Ok(Self::Alone),
            "racy" => Ok(Self::Racy),
            "impossible" => Ok(Self::Impossible),
            _ => Err(()),
        }
    }
}

/// One row.
#[derive(Debug)]
struct Row {
    kind: Kind,
    what: String,
    needs: String,
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Page {
    rows: Vec<Row>,
}

impl Page {
    /// Reads the page.
    ///
    /// # Errors
    ///
    /// When a row lacks its reason, or `SPECS.md` says that what it waits for is there.
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.root().join(PAGE)).context(PAGE)?;
        let specs = fs::read_to_string(workspace.root().join("SPECS.md")).context("SPECS.md")?;
        let page = Self::parse(&text)?;
        for row in &page.rows {
            if is_there(&row.needs, &specs) {
                bail!(
                    "{PAGE}: {} waits for {}, which SPECS.md has now: take the row out",
                    row.what,
                    row.needs
                );
            }
        }
        Ok(page)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", kind, what, needs, why, ""] = cells.as_slice() else {
                continue;
            };
            let Ok(kind) = kind.parse() else {
                continue;
            };
            if what.is_empty() || why.is_empty() {
                bail!("{PAGE}: the row {line:?} needs a name and a reason");
            }
            rows.push(Row {
                kind,
                what: what.trim_matches('`').to_owned(),
                needs: (*needs).to_owned(),
            });
        }
        Ok(Self { rows })
    }

    /// The names in the rows of one kind.
    pub(crate) fn names(&self, kind: Kind) -> Vec<&str> {
        self.rows
            .iter()
            .filter(|row| row.kind == kind)
            .map(|row| row.what.as_str())
            .collect()
    }

    /// Whether there is such a row.
    pub(crate) fn has(&self, kind: Kind, name: &str) -> bool {
        self.names(kind).contains(&name)
    }
}

/// Whether `SPECS.md` has what a row waits for: `XEP-0045`, or `XEP-0198: resumption` where only a part is left out.
fn is_there(needs: &str, specs: &str) -> bool {
    let (specification, part) = needs.split_once(": ").unwrap_or((needs, ""));
    if specification.is_empty() {
        return false;
    }
    let cell = format!("| [{specification}](");
    specs
        .lines()
        .find(|line| line.starts_with(&cell))
        .is_some_and(|line| {
            let left_out = line.rsplit('|').nth(1).unwrap_or_default();
            part.is_empty() || !left_out.contains(part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &str = "| [XEP-0198](https://x) | 1.6.3 | `engine` | resumption |\n\
                         | [XEP-0199](https://x) | 2.0.1 | `ping` |  |";

    #[test]
    fn rows_are_read_and_other_tables_are_not() {
        let page = Page::parse(
            "| kind | what | waits for | why |\n\
             | --- | --- | --- | --- |\n\
             | specification | XEP-0045 | XEP-0045 | no rooms yet |\n\
             | racy | `A.b` | | it does not wait |\n\
             | alone | `A.c` | | `A.b` does not clean up |\n\
             | passed | 3 |",
        )
        .unwrap();
        assert_eq!(page.names(Kind::Specification), ["XEP-0045"]);
        assert!(page.has(Kind::Racy, "A.b"));
        assert!(page.has(Kind::Alone, "A.c"));
        assert!(!page.has(Kind::Test, "A.b"));
    }

    #[test]
    fn a_row_without_a_reason_is_refused() {
        assert!(Page::parse("| test | `A.b` | | |").is_err());
    }

    #[test]
    fn a_row_is_out_of_date_once_the_specification_is_there() {
        check("XEP-0045", false);
        check("XEP-0199", true);
        check("XEP-0198: resumption", false);
        check("XEP-0198: acks", true);
        check("", false);
    }

    #[track_caller]
    fn check(needs: &str, expected: bool) {
        assert_eq!(is_there(needs, SPECS), expected, "{needs}");
    }
}
