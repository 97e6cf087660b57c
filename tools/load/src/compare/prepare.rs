//! Accounts, before anything is measured.

use std::{fs, rc::Rc};

use anyhow::{Context as _, Result};

use crate::{
    client::Client,
    scenario::gather,
    servers::{Kind, Server},
    target::ServerArgs,
};

/// How many accounts are made at a time.
const AT_ONCE: u32 = 16;

/// Ranges of numbers, as first and count, without overlaps.
pub(super) fn ranges(mut wanted: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    wanted.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (first, count) in wanted {
        match merged.last_mut() {
            Some((begin, known)) if first <= *begin + *known => {
                *known = (*known).max(first + count - *begin);
            }
            _ => merged.push((first, count)),
        }
    }
    merged
}

/// Makes these accounts by in-band registration, unless they were made before. Leaves the server stopped.
pub(super) async fn accounts(
    server: &mut Server,
    args: &ServerArgs,
    ranges: &[(u32, u32)],
) -> Result<()> {
    if matches!(server.kind(), Kind::Relay) {
        return Ok(());
    }
    let wanted = format!("{ranges:?}");
    let note = server.folder().join("accounts");
    if fs::read_to_string(&note).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    eprintln!("{}: making accounts {wanted}", server.kind().name());
    server.restart(false).await?;
    for (first, count) in ranges {
        let args = server.args(&args.without_tls())?.beginning_at(*first);
        let target = Rc::new(args.target(server.kind().name())?);
        let make = move |place| {
            let target = Rc::clone(&target);
            async move { Client::register(&target, place).await }
        };
        gather(*count, AT_ONCE, make).await?;
    }
    server.stop().await;
    fs::write(&note, wanted).context("can't note that accounts were made")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(ranges(vec![(10, 5), (0, 4), (3, 7)]), [(0, 15)]);
        assert_eq!(ranges(vec![(100, 1), (0, 9), (2, 3)]), [(0, 9), (100, 1)]);
        assert_eq!(ranges(vec![]), []);
    }
}
