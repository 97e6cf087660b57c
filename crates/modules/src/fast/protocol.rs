//! Wire forms of [XEP-0484 §3](https://xmpp.org/extensions/xep-0484.html).

use engine::account::{Issued, TokenUse};
use sasl::{Mechanism, SaslFailure};
use xml::{Builder, Fragment};

/// The namespace.
pub(super) const NS: &str = "urn:xmpp:fast:0";

/// What says that a token is offered, or used.
pub(super) const FAST: &str = "fast";

/// What asks for a token.
pub(super) const REQUEST_TOKEN: &str = "request-token";

/// `<fast/>` of the offer, [§3.1](https://xmpp.org/extensions/xep-0484.html).
pub(super) fn feature(mechanisms: &[Mechanism], takes_early_data: bool) -> Fragment {
    let mechanisms = mechanisms
        .iter()
        .map(|mechanism| Builder::new("mechanism", NS).text(mechanism.name()));
    Builder::new(FAST, NS)
        .attr_opt("tls-0rtt", takes_early_data.then_some("true"))
        .children(mechanisms)
        .build()
}

/// `<fast/>` of a sign-in, which came early or not: how the token is used.
///
/// # Errors
///
/// `malformed-request` for a count that is no number, or something else than a yes or a no.
pub(super) fn used(fast: &Fragment, is_early: bool) -> Result<TokenUse, SaslFailure> {
    let tree = fast.tree();
    let root = tree.root();
    let count = match root.attr("count") {
        None => None,
        Some(count) => Some(count.parse().map_err(|_| SaslFailure::MalformedRequest)?),
    };
    let invalidates = match root.attr("invalidate").as_deref() {
        None | Some("false" | "0") => false,
        Some("true" | "1") => true,
        Some(_) => return Err(SaslFailure::MalformedRequest),
    };
    Ok(TokenUse {
        count,
        is_early,
        invalidates,
    })
}

/// `<request-token/>`: for which mechanism a token is wanted; nothing for one that takes none.
pub(super) fn requested(request: &Fragment) -> Option<Mechanism> {
    let tree = request.tree();
    let name = tree.root().attr("mechanism")?;
    Mechanism::from_name(&name).filter(|mechanism| mechanism.is_token())
}

/// `<token/>`.
pub(super) fn token(issued: &Issued) -> Fragment {
    Builder::new("token", NS)
        .attr("expiry", issued.expiry.to_string())
        .attr("token", issued.token.reveal())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_has_a_count_and_a_yes_or_no() {
        let plain = TokenUse::default();
        let counted = |count| TokenUse {
            count: Some(count),
            ..plain
        };
        let last = TokenUse {
            invalidates: true,
            ..plain
        };
        let malformed = Err(SaslFailure::MalformedRequest);
        check("", Ok(plain));
        check("count='1'", Ok(counted(1)));
        check("count='4294967295'", Ok(counted(u32::MAX)));
        check("count='4294967296'", malformed);
        check("count='-1'", malformed);
        check("count=''", malformed);
        check("invalidate='true'", Ok(last));
        check("invalidate='1'", Ok(last));
        check("invalidate='false'", Ok(plain));
        check("invalidate='0'", Ok(plain));
        check("invalidate='yes'", malformed);

        #[track_caller]
        fn check(attributes: &str, expected: Result<TokenUse, SaslFailure>) {
            let text = format!("<fast xmlns='{NS}' {attributes}/>");
            let fast = Fragment::parse(&text).expect("well-formed");
            assert_eq!(used(&fast, false), expected, "{attributes}");
        }
    }

    #[test]
    fn tokens_are_for_mechanisms_that_take_one() {
        check("mechanism='HT-SHA-256-NONE'", Some(Mechanism::HtSha256));
        check("mechanism='HT-SHA-256-UNIQ'", None);
        check("mechanism='PLAIN'", None);
        check("", None);

        #[track_caller]
        fn check(attributes: &str, expected: Option<Mechanism>) {
            let text = format!("<request-token xmlns='{NS}' {attributes}/>");
            let request = Fragment::parse(&text).expect("well-formed");
            assert_eq!(requested(&request), expected, "{attributes}");
        }
    }
}
