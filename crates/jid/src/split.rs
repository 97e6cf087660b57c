//! From a text to its three parts and back to one prepared text.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{JidError, Strict, prepare_domain, prepare_local, prepare_resource};

/// A prepared address: its text and where its parts end.
///
/// `at` is the position of `@`, 0 when there is no local part (a local part is never empty). `slash` is the
/// end of the domain: the position of `/`, or the end of the text when there is no resource.
pub(crate) struct Prepared {
    pub(crate) text: Arc<str>,
    pub(crate) at: u16,
    pub(crate) slash: u16,
}

/// Splits and prepares an address, [RFC 7622 §3.2].
///
/// The resource is what follows the first `/`, wherever that stands; the local part is what precedes the
/// first `@` of the rest. An address that already is in its prepared form is copied once and not rebuilt.
///
/// [RFC 7622 §3.2]: https://www.rfc-editor.org/rfc/rfc7622#section-3.2
pub(crate) fn prepare(input: &str, strict: Strict) -> Result<Prepared, JidError> {
    let (rest, resource) = match input.split_once('/') {
        Some((rest, resource)) => (rest, Some(resource)),
        None => (input, None),
    };
    let (local, domain) = match rest.split_once('@') {
        Some((local, domain)) => (Some(local), domain),
        None => (None, rest),
    };
    assemble(Some(input), local, domain, resource, strict)
}

/// Prepares three parts and joins them. `input` is the text they were split from, if they were: it is
/// taken over as it is when preparation changes nothing.
pub(crate) fn assemble(
    input: Option<&str>,
    local: Option<&str>,
    domain: &str,
    resource: Option<&str>,
    strict: Strict,
) -> Result<Prepared, JidError> {
    let prepared_local = local.map(|part| prepare_local(part, strict)).transpose()?;
    let prepared_domain = prepare_domain(domain)?;
    let prepared_resource = resource
        .map(|part| prepare_resource(part, strict))
        .transpose()?;

    let at = prepared_local.as_ref().map_or(0, |part| part.len());
    let domain_start = if at == 0 { 0 } else { at + 1 };
    let slash = domain_start + prepared_domain.len();

    // A trimmed trailing dot leaves a borrowed but shorter domain.
    let unchanged = is_borrowed(prepared_local.as_ref())
        && is_borrowed(prepared_resource.as_ref())
        && matches!(prepared_domain, Cow::Borrowed(part) if part.len() == domain.len());
    let text = match input {
        Some(input) if unchanged => Arc::from(input),
        _ => join(
            prepared_local.as_deref(),
            &prepared_domain,
            prepared_resource.as_deref(),
        ),
    };
    Ok(Prepared {
        text,
        at: offset(at),
        slash: offset(slash),
    })
}

fn is_borrowed(part: Option<&Cow<'_, str>>) -> bool {
    !matches!(part, Some(Cow::Owned(_)))
}

/// Joins parts that are prepared already.
pub(crate) fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Arc<str> {
    let bytes = local.map_or(0, |part| part.len() + 1)
        + domain.len()
        + resource.map_or(0, |part| part.len() + 1);
    let mut text = String::with_capacity(bytes);
    if let Some(local) = local {
        text.push_str(local);
        text.push('@');
    }
    text.push_str(domain);
    if let Some(resource) = resource {
        text.push('/');
        text.push_str(resource);
    }
    Arc::from(text)
}

/// Narrows an offset into a prepared address.
pub(crate) fn offset(at: usize) -> u16 {
    u16::try_from(at).expect("three parts of at most 1023 bytes fit a u16")
}
