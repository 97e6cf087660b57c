//! What the compiler and its lints can't see, checked over the manifests and the text of the project.
//!
//! Every complaint says where, what, and what to do about it. All are collected before the step fails.
//!
//! - `edges.rs`: which crate may see which;
//! - `features.rs`: a feature is one folder and one line;
//! - `dependencies.rs`: licences, unwanted crates, crates in two versions;
//! - `source.rs`: how a Rust file begins and what it does not contain;
//! - `words.rs`: what no file of the project says;
//! - `links.rs`: documents point at what is there;
//! - `code.rs`: the text of a Rust file without its comments and strings.

mod code;
mod dependencies;
mod edges;
mod features;
mod links;
mod source;
mod words;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{book, metadata::Metadata, specs, workspace::Workspace};

/// Runs all checks.
///
/// # Errors
///
/// When one complains, after all have; or when something can't be read.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let metadata = Metadata::read(workspace)?;
    let files = read_files(workspace)?;
    let mut complaints = edges::check(&metadata);
    complaints.extend(dependencies::check(&metadata, workspace.root())?);
    complaints.extend(features::check(&files));
    complaints.extend(source::check(&files));
    complaints.extend(words::check(&files));
    complaints.extend(links::check(workspace.root(), &files));
    complaints.extend(pages_are_current(workspace));
    source::notice_long_files(&files);
    for complaint in &complaints {
        println!("{complaint}");
    }
    match complaints.len() {
        0 => Ok(()),
        1 => bail!("tidy has one complaint"),
        count => bail!("tidy has {count} complaints"),
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Complaint {
    /// A file, with its line where there is one, or a crate.
    place: String,
    /// What is wrong.
    what: String,
    /// Why it matters and what to do.
    advice: &'static str,
}

impl Complaint {
    fn new(place: impl Into<String>, what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            advice,
        }
    }

    fn at(file: &Path, line: usize, what: impl Into<String>, advice: &'static str) -> Self {
        Self::new(format!("{}:{line}", file.display()), what, advice)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    {}", self.place, self.what, self.advice)
    }
}

/// A text file of the project.
#[derive(Debug)]
struct TextFile {
    /// Relative to the project's root.
    path: PathBuf,
    text: String,
}

impl TextFile {
    fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }

    fn is_markdown(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "md")
    }

    #[cfg(test)]
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.to_owned(),
        }
    }
}

/// All files of the project that are text. What is not UTF-8 is a fuzzer's corpus or a certificate.
fn read_files(workspace: &Workspace) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    for path in workspace.files()? {
        if let Ok(text) = std::fs::read_to_string(workspace.root().join(&path)) {
            files.push(TextFile { path, text });
        }
    }
    Ok(files)
}

/// Pages that are written from the code and committed, so that they can be read without building anything.
fn pages_are_current(workspace: &Workspace) -> Vec<Complaint> {
    let specs = is_current(workspace, specs::PAGE, specs::page(workspace), SPECS_STALE);
    let book = book::PAGES
        .iter()
        .map(|(path, name)| is_current(workspace, path, book::page(workspace, name), BOOK_STALE));
    std::iter::once(specs).chain(book).flatten().collect()
}

const SPECS_STALE: &str = "Run `cargo xtask specs` and commit the page with the change.";
const BOOK_STALE: &str = "Run `cargo xtask book` and commit the page with the change.";
const UNMADE: &str = "The page shows users what there is; it must be makeable at any commit.";

fn is_current(
    workspace: &Workspace,
    path: &str,
    page: Result<String>,
    advice: &'static str,
) -> Option<Complaint> {
    let current = std::fs::read_to_string(workspace.root().join(path)).unwrap_or_default();
    match page {
        Ok(page) if page == current => None,
        Ok(_) => Some(Complaint::new(
            path,
            "is not what the code declares",
            advice,
        )),
        Err(error) => Some(Complaint::new(
            path,
            format!("can't be compared: {error:#}"),
            UNMADE,
        )),
    }
}
