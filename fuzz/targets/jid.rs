//! Addresses of any bytes, as from the wire and as to be created here: nothing panics, the parts keep their limits, an
//! address that is printed reads as itself, and addresses are equal when their texts are.
#![no_main]

use jid::{BareJid, Domain, FullJid, Jid, JidError, limits::PART_BYTES_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let lenient = check(&text, Jid::parse);
    let strict = check(&text, Jid::parse_strict);
    if let Ok(strict) = strict {
        assert_eq!(lenient, Ok(strict), "strict accepts less, and nothing else");
    }
    if let Ok(domain) = Domain::parse(&text) {
        let ascii = domain.to_ascii();
        // A-labels take more bytes; a domain that is too long with them is far too long for the DNS.
        if ascii.len() <= PART_BYTES_MAX {
            assert_eq!(Domain::parse(&ascii), Ok(domain));
        }
    }
});

fn check(text: &str, parse: fn(&str) -> Result<Jid, JidError>) -> Result<Jid, JidError> {
    let jid = parse(text)?;
    assert_eq!(
        parse(jid.as_str()).as_ref(),
        Ok(&jid),
        "printed and read again"
    );

    let (local, domain, resource) = (jid.local(), jid.domain(), jid.resource());
    for part in [local, Some(domain), resource].into_iter().flatten() {
        assert!((1..=PART_BYTES_MAX).contains(&part.len()), "{part:?}");
    }
    let mut joined = local.map(|local| format!("{local}@")).unwrap_or_default();
    joined += domain;
    if let Some(resource) = resource {
        joined = joined + "/" + resource;
    }
    assert_eq!(jid.as_str(), joined, "an address is its parts");
    assert_eq!(Jid::from_parts(local, domain, resource).as_ref(), Ok(&jid));

    let bare = jid.bare();
    assert_eq!(bare.as_str(), jid.bare_str());
    assert_eq!(BareJid::parse(bare.as_str()).as_ref(), Ok(&bare));
    assert_eq!(bare == jid, bare.as_str() == jid.as_str());
    assert_eq!(bare.to_domain().as_str(), domain);
    assert_eq!(bare.clone().compact(), bare);
    match jid.as_full() {
        None => assert_eq!(FullJid::parse(text), Err(JidError::NoResource)),
        Some(full) => {
            assert_eq!(FullJid::parse(full.as_str()).as_ref(), Ok(&full));
            assert_eq!((full.bare(), full.as_str()), (bare, jid.as_str()));
        }
    }
    Ok(jid)
}
