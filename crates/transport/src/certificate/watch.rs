//! Noticing that a certificate folder changed, by looking at it now and then.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::folder::pem_files;

/// Remembers what a folder looked like.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    seen: Option<Vec<(PathBuf, SystemTime, u64)>>,
}

impl Watch {
    /// Watches `folder` from its present state on.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: look(folder),
        }
    }

    /// Whether files came, went or changed since the last call. Follows symbolic links, so that
    /// a renewal by Let's Encrypt, which moves one, is seen.
    pub fn changed(&mut self) -> bool {
        let now = look(&self.folder);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn look(folder: &Path) -> Option<Vec<(PathBuf, SystemTime, u64)>> {
    let mut seen = Vec::new();
    for path in pem_files(folder).ok()?.into_values().flatten() {
        let metadata = fs::metadata(&path).ok()?;
        seen.push((path, metadata.modified().ok()?, metadata.len()));
    }
    seen.sort();
    Some(seen)
}
