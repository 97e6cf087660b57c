//! What was probably meant by an address that is not there.

use std::collections::BTreeSet;

use jid::{BareJid, Domain};
use store::{Owner, StoreError};

use crate::{account::credentials::ACCOUNT, server::Server};

/// Letters that are tried in a name with one mistake.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

/// Longer names are not guessed at.
const NAME_CHARS_MAX: usize = 32;

/// Mistakes in the name of a host that are forgiven.
const HOST_MISTAKES_MAX: usize = 2;

/// The host whose name is most like `wanted`.
pub(super) fn domain(wanted: &Domain, known: &[&Domain]) -> Option<Domain> {
    known
        .iter()
        .map(|domain| {
            (
                strsim::osa_distance(wanted.as_str(), domain.as_str()),
                *domain,
            )
        })
        .filter(|(mistakes, _)| *mistakes <= HOST_MISTAKES_MAX)
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, domain)| domain.clone())
}

/// An account whose name differs from `wanted` by one mistake: a letter too many, too few, another one,
/// or two exchanged. The store is asked for each such name, so it does not matter how many accounts there
/// are.
pub(super) async fn account(
    server: &Server,
    wanted: &BareJid,
) -> Result<Option<BareJid>, StoreError> {
    let domain = wanted.to_domain();
    let candidates: Vec<BareJid> = wanted
        .local()
        .map(variants)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| domain.with_local(name).ok())
        .collect();
    let questions: Vec<_> = candidates
        .iter()
        .map(|jid| ACCOUNT.get(&Owner::Account(jid.clone()), &()))
        .collect();
    let records = server.store().read(questions).await?;
    let mut found = candidates.into_iter().zip(records);
    Ok(found.find_map(|(jid, record)| record.map(|_| jid)))
}

/// All names that differ from `name` by one mistake.
fn variants(name: &str) -> BTreeSet<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut variants = BTreeSet::new();
    if chars.len() > NAME_CHARS_MAX {
        return variants;
    }
    for at in 0..=chars.len() {
        let (before, after) = chars.split_at(at);
        let join = |middle: &[char], after: &[char]| -> String {
            [before, middle, after].concat().into_iter().collect()
        };
        for letter in LETTERS.chars() {
            variants.insert(join(&[letter], after));
            if let Some((_, after)) = after.split_first() {
                variants.insert(join(&[letter], after));
            }
        }
        if let Some((first, after)) = after.split_first() {
            variants.insert(join(&[], after));
            if let Some((second, after)) = after.split_first() {
                variants.insert(join(&[*second, *first], after));
            }
        }
    }
    variants.remove(name);
    variants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_forgiven() {
        check("juliet", "julia", false);
        check("juliet", "julie", true);
        check("juliet", "julieta", true);
        check("juliet", "jiliet", true);
        check("juliet", "juilet", true);
        check("juliet", "romeo", false);
    }

    #[track_caller]
    fn check(known: &str, wanted: &str, near: bool) {
        assert_eq!(variants(wanted).contains(known), near, "{wanted}");
    }

    #[test]
    fn a_host_like_the_one_named_is_suggested() {
        let known = [Domain::parse("example.org"), Domain::parse("montague.lit")];
        let known: Vec<Domain> = known.into_iter().flatten().collect();
        let near = |wanted| {
            let wanted = Domain::parse(wanted).expect("a domain");
            domain(&wanted, &known.iter().collect::<Vec<_>>())
        };
        assert_eq!(near("exmaple.org"), known.first().cloned());
        assert_eq!(near("capulet.lit"), None);
    }
}
