//! What no file of the project says, because it means something on one machine or in one conversation only.

use super::{Complaint, TextFile};

/// Beginnings of paths as they look on somebody's machine.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// Words that a number after them turns into a pointer to somewhere else.
const NUMBERED: [&str; 4] = ["issue", "ticket", "task", "pull request"];

const PATH_ADVICE: &str = "The project is read and built elsewhere: use a path relative to it, or /var/lib/couplet in examples.";
const NUMBER_ADVICE: &str =
    "A reader has the project and the specifications only: give the reason, not the number.";

pub(super) fn check(files: &[TextFile]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(path) = MACHINE_PATHS.iter().find(|path| has_path(line, path)) {
                let what = format!("has a path that begins with {path}");
                complaints.push(Complaint::at(&file.path, number + 1, what, PATH_ADVICE));
            }
            if let Some(word) = NUMBERED.iter().find(|word| has_number(line, word)) {
                let what = format!("refers to an {word} by its number");
                complaints.push(Complaint::at(&file.path, number + 1, what, NUMBER_ADVICE));
            }
        }
    }
    complaints
}

/// Whether the line has the path from the root on, not in the middle of a longer one or of an address.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '/' | '.' | '-' | '_' | '~' | '}' | '>')
        })
    })
}

fn has_number(line: &str, word: &str) -> bool {
    let lower = line.to_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let before = lower.get(..at).and_then(|text| text.chars().next_back());
        let after = lower.get(at + word.len()..).unwrap_or_default();
        let number = after.strip_prefix(' ').unwrap_or(after);
        let number = number.strip_prefix('#').unwrap_or(number);
        before.is_none_or(|c| !c.is_alphanumeric())
            && number.len() < after.len()
            && number.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine_are_found() {
        one(concat!("see /wo", "rk/notes"));
        one(concat!("\"/ho", "me/juliet/couplet\""));
        none("/var/lib/couplet");
        none(concat!("https://example.org/wo", "rk/"));
        none(concat!("./wo", "rk/"));
        none("homework/");
    }

    #[test]
    fn numbers_that_point_elsewhere_are_found() {
        one(concat!("as iss", "ue 12 says"));
        one(concat!("fixes iss", "ue #12"));
        one(concat!("Tas", "k 3: done"));
        none("the issue is 12 bytes long");
        none("a tissue 12");
        none("task3");
        none("session 2 of juliet");
    }

    #[track_caller]
    fn one(line: &str) {
        assert_eq!(check(&[TextFile::new("a.md", line)]).len(), 1, "{line}");
    }

    #[track_caller]
    fn none(line: &str) {
        assert_eq!(check(&[TextFile::new("a.md", line)]), [], "{line}");
    }
}
