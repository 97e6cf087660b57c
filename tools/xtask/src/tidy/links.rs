//! Documents point at what is there: a link to a file finds it, and a link from a name in code style to a Rust file
//! finds that name in it. So a page that says which test holds a rule can't outlive the test.

use std::path::Path;

use super::{Complaint, TextFile};

const MISSING: &str = "Correct the link, or the sentence around it: what it told is no longer so.";

pub(super) fn check(root: &Path, files: &[TextFile]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_markdown()) {
        let folder = file.path.parent().unwrap_or(Path::new(""));
        let mut is_code = false;
        for (number, line) in file.text.lines().enumerate() {
            is_code ^= line.trim_start().starts_with("```");
            if is_code {
                continue;
            }
            for (label, target) in links(line) {
                if let Some(what) = problem(&root.join(folder), label, target) {
                    complaints.push(Complaint::at(&file.path, number + 1, what, MISSING));
                }
            }
        }
    }
    complaints
}

/// The links of a line to files: `[label](target)`, without the anchor.
fn links(line: &str) -> Vec<(&str, &str)> {
    line.match_indices("](")
        .filter_map(|(at, _)| {
            let label = line.get(..at)?.rsplit('[').next()?;
            let target = line.get(at + 2..)?.split(')').next()?;
            let target = target.split('#').next()?;
            let is_elsewhere =
                target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            (!is_elsewhere).then_some((label, target))
        })
        .collect()
}

fn problem(folder: &Path, label: &str, target: &str) -> Option<String> {
    let path = folder.join(target);
    if !path.exists() {
        return Some(format!("links to {target}, which is not there"));
    }
    let name = label
        .strip_prefix('`')?
        .strip_suffix('`')?
        .rsplit("::")
        .next()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name || !target.ends_with(".rs") {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    (!text.contains(name)).then(|| format!("says that {target} has {name}, which it has not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found() {
        check(
            "see [the map](ARCHITECTURE.md#map), [`f`](a.rs)",
            &[("the map", "ARCHITECTURE.md"), ("`f`", "a.rs")],
        );
        check(
            "see [RFC 6120](https://www.rfc-editor.org/rfc/rfc6120) and [above](#map)",
            &[],
        );
        check("no (link) [here]", &[]);
    }

    #[test]
    fn a_link_finds_its_file_and_the_name_in_it() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tidy");
        assert_eq!(
            problem(
                &here,
                "`a_link_finds_its_file_and_the_name_in_it`",
                "links.rs"
            ),
            None
        );
        assert_eq!(problem(&here, "the check", "links.rs"), None);
        assert!(problem(&here, concat!("`a_name", "_that_is_nowhere`"), "links.rs").is_some());
        assert!(problem(&here, "the check", "chains.rs").is_some());
    }

    #[track_caller]
    fn check(line: &str, expected: &[(&str, &str)]) {
        assert_eq!(links(line), expected, "{line}");
    }
}
