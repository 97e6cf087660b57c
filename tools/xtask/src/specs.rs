//! `SPECS.md`: which specifications are implemented, as the modules declare it.
//!
//! The example `specs` of the crate `modules` prints a line per declaration, its fields separated by tabs: module,
//! specification, version, what is left out. This file makes the page of it.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::{process, workspace::Workspace};

/// The page, relative to the project's root.
pub(crate) const PAGE: &str = "SPECS.md";

/// Writes the page.
///
/// # Errors
///
/// When the declarations can't be had.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    std::fs::write(workspace.root().join(PAGE), page(workspace)?)
        .with_context(|| format!("can't write {PAGE}"))
}

/// The page as it has to be.
///
/// # Errors
///
/// When the declarations can't be had.
pub(crate) fn page(workspace: &Workspace) -> Result<String> {
    // As a part of the whole workspace: alone, its dependencies would have other features and be built again.
    let mut cargo = workspace.cargo();
    process::run(cargo.args(["build", "--quiet", "--workspace", "--example", "specs"]))
        .context("the example `specs` of the crate `modules` prints what the modules declare")?;
    let declared =
        process::output(&mut workspace.command(workspace.target().join("debug/examples/specs")))?;
    render(&declared)
}

fn render(declared: &str) -> Result<String> {
    let mut rows = declared
        .lines()
        .map(Row::parse)
        .collect::<Result<Vec<_>>>()?;
    rows.sort();
    let mut page = String::from(
        "# Specifications\n\n\
         What Couplet implements, and how far. This page is written by `cargo xtask specs` from what each module\n\
         declares in its `SPECS`; do not edit it.\n\n\
         | specification | version | module | left out |\n\
         | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let _ = writeln!(
            page,
            "| {} | {} | `{}` | {} |",
            row.link(),
            row.version,
            row.module,
            row.except
        );
    }
    Ok(page)
}

/// One declaration, ordered by kind, number and section.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Row {
    kind: String,
    number: u32,
    section: String,
    module: String,
    version: String,
    except: String,
}

impl Row {
    fn parse(line: &str) -> Result<Self> {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap_or_default().trim().to_owned();
        let (module, name, version, except) = (field(), field(), field(), field());
        let Some((kind, number)) = name.split_once([' ', '-']) else {
            bail!("{name:?} of the module {module:?} is neither `XEP-0280` nor `RFC 6121`");
        };
        let (number, section) = number.split_once(" §").unwrap_or((number, ""));
        let number = number
            .parse()
            .with_context(|| format!("{name:?} of the module {module:?} has no number"))?;
        Ok(Self {
            kind: kind.to_owned(),
            number,
            section: section.to_owned(),
            module,
            version,
            except,
        })
    }

    fn link(&self) -> String {
        let (number, section) = (self.number, &self.section);
        match (self.kind.as_str(), section.as_str()) {
            ("RFC", "") => format!("[RFC {number}](https://www.rfc-editor.org/rfc/rfc{number})"),
            ("RFC", _) => {
                format!(
                    "[RFC {number} §{section}](https://www.rfc-editor.org/rfc/rfc{number}#section-{section})"
                )
            }
            (kind, _) => {
                format!("[{kind}-{number:04}](https://xmpp.org/extensions/xep-{number:04}.html)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_by_specification() {
        let page = render(
            "carbons\tXEP-0280\t1.0.1\t\nping\tXEP-0199\t2.0.1\t\nroster\tRFC 6121 §2\t\tgroups\nengine\tRFC 6121\t\t\n",
        )
        .unwrap();
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("| ["))
            .collect();
        assert_eq!(
            rows,
            [
                "| [RFC 6121](https://www.rfc-editor.org/rfc/rfc6121) |  | `engine` |  |",
                "| [RFC 6121 §2](https://www.rfc-editor.org/rfc/rfc6121#section-2) |  | `roster` | groups |",
                "| [XEP-0199](https://xmpp.org/extensions/xep-0199.html) | 2.0.1 | `ping` |  |",
                "| [XEP-0280](https://xmpp.org/extensions/xep-0280.html) | 1.0.1 | `carbons` |  |",
            ]
        );
    }

    #[test]
    fn a_declaration_without_a_number_is_refused() {
        assert!(render("ping\tXMPP Ping\t\t").is_err());
        assert!(render("ping\tping\t\t").is_err());
    }
}
