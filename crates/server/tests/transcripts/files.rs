//! Where the transcripts are: beside the features, and those of the engine's own rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the whole project.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// All transcripts, as paths from the root, sorted; only those whose path has `$TRANSCRIPT` when that is set.
pub(crate) fn transcripts() -> Vec<PathBuf> {
    let only = std::env::var("TRANSCRIPT").unwrap_or_default();
    let mut found = Vec::new();
    for folder in ["crates/modules/src", "crates/modules/tests/transcripts"] {
        collect(Path::new(folder), &mut found);
    }
    found.retain(|path| path.to_string_lossy().contains(&only));
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).expect("the folder is part of the project") {
        let entry = entry.expect("the folder can be read");
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|is| is == "xmpp") {
            found.push(path);
        }
    }
}
