//! Rust files: each says first what it is, is named for what it holds, and has no loose ends.

use super::{Complaint, TextFile, code};

const OPENING: &str = "Begin with a sentence that says what the file is and what it is not; a reader decides by it whether to read on.";
const EXPECT: &str = "Write `#[expect(..., reason = \"...\")]`: it fails when the reason has gone.";
const LOOSE_END: &str = "What is not there yet is left out, and the caller is told by the type.";
const DRAWER: &str =
    "A drawer for everything: if its content has no home, the missing noun is the problem.";

/// Past this length it is worth asking which second idea has moved in.
const LINES_TO_NOTICE: usize = 400;

/// File names that say nothing.
const DRAWERS: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
];

pub(super) fn check(files: &[TextFile]) -> Vec<Complaint> {
    files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(check_file)
        .collect()
}

fn check_file(file: &TextFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if !file.text.starts_with("//!") {
        complaints.push(Complaint::at(
            &file.path,
            1,
            "does not open with `//!`",
            OPENING,
        ));
    }
    if file
        .path
        .file_stem()
        .is_some_and(|stem| DRAWERS.iter().any(|drawer| stem == *drawer))
    {
        complaints.push(Complaint::new(
            file.path.display().to_string(),
            "has a name that says nothing",
            DRAWER,
        ));
    }
    let code = code::only_code(&file.text);
    let tokens = code::tokens(&code);
    for window in tokens.windows(3) {
        let [(line, first), (_, second), (_, third)] = window else {
            continue;
        };
        match (*first, *second, *third) {
            ("[", "allow", "(") => {
                complaints.push(Complaint::at(
                    &file.path,
                    *line,
                    "silences a lint for good",
                    EXPECT,
                ));
            }
            (name @ ("todo" | "unimplemented"), "!", "(") => {
                complaints.push(Complaint::at(
                    &file.path,
                    *line,
                    format!("has a `{name}!`"),
                    LOOSE_END,
                ));
            }
            _ => {}
        }
    }
    complaints
}

/// Says which files have grown long. No failure: a long file that is one idea stays one file.
pub(super) fn notice_long_files(files: &[TextFile]) {
    let mut long: Vec<(usize, String)> = files
        .iter()
        .filter(|file| file.is_rust())
        .map(|file| (file.text.lines().count(), file.path.display().to_string()))
        .filter(|(lines, _)| *lines > LINES_TO_NOTICE)
        .collect();
    long.sort_by(|a, b| b.cmp(a));
    if let Some((lines, path)) = long.first() {
        println!(
            "note: {} files have more than {LINES_TO_NOTICE} lines; the longest is {path} with {lines}",
            long.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_first_what_it_is() {
        check("//! A list.\nfn f() {}\n", "list.rs", 0);
        check("fn f() {}\n", "list.rs", 1);
        check("#![no_main]\n//! A list.\n", "list.rs", 1);
        check("", "list.rs", 1);
    }

    #[test]
    fn lints_are_expected_not_allowed() {
        check(
            concat!("//! A.\n#[", "allow(dead_code)]\nfn f() {}"),
            "a.rs",
            1,
        );
        check(concat!("//! A.\n#![", "allow(dead_code)]\n"), "a.rs", 1);
        check(
            "//! A.\n#[expect(dead_code, reason = \"b\")]\nfn f() {}",
            "a.rs",
            0,
        );
        check("//! A.\nlet allowed = allow(1);", "a.rs", 0);
    }

    #[test]
    fn there_are_no_loose_ends_and_no_drawers() {
        check("//! A.\nfn f() { todo!() }", "a.rs", 1);
        check("//! A.\n// todo!()\n", "a.rs", 0);
        check("//! A.\n", "src/utils.rs", 1);
        check("//! A.\n", "src/manager.rs", 1);
    }

    #[track_caller]
    fn check(text: &str, path: &str, count: usize) {
        assert_eq!(
            check_file(&TextFile::new(path, text)).len(),
            count,
            "{text}"
        );
    }
}
