//! What a stream offers, [RFC 6120 §4.3.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.3.2): before
//! authentication STARTTLS and SASL, after it binding; always its limits and what the caller adds.

use sasl::{ChannelBinding, Offer};
use xml::{Fragment, Ns, ns};

use crate::wire::{Wire, attr, write_element, write_text_child};
use crate::{C2sSettings, HostPolicy, StreamFault};

/// The namespace of [XEP-0440](https://xmpp.org/extensions/xep-0440.html).
const SASL_CB: &str = "urn:xmpp:sasl-cb:0";

/// The namespace of [XEP-0478](https://xmpp.org/extensions/xep-0478.html).
const LIMITS: &str = "urn:xmpp:stream-limits:0";

/// What of the policy holds on this stream: without TLS nothing that needs it.
pub(crate) fn offer(
    policy: &HostPolicy,
    tls: Option<Vec<ChannelBinding>>,
    offers_tls: bool,
) -> Offer {
    let mut mechanisms = policy.mechanisms.clone();
    if tls.is_none() {
        // A token that was overheard is as good as a password, XEP-0484 §6.
        mechanisms.retain(|mechanism| !mechanism.is_token());
    }
    let offer = match tls {
        Some(bindings) => Offer::new(mechanisms, bindings),
        None if policy.requires_tls => Offer::new(Vec::new(), Vec::new()).after_tls(mechanisms),
        None if offers_tls => Offer::new(mechanisms.clone(), Vec::new()).after_tls(mechanisms),
        None => Offer::new(mechanisms, Vec::new()),
    };
    offer.hashed()
}

/// Writes what a stream offers before authentication.
pub(crate) fn before_authentication(
    policy: &HostPolicy,
    offer: &Offer,
    offers_tls: bool,
    settings: &C2sSettings,
    wire: &mut Wire,
) -> Result<(), StreamFault> {
    let has_mechanisms = !offer.mechanisms().is_empty();
    if !offers_tls && !has_mechanisms && policy.features.is_empty() {
        return Err(StreamFault::NothingToOffer);
    }
    wire.features(|out| {
        if offers_tls {
            write_element(out, "starttls", ns::TLS, |out| {
                if policy.requires_tls {
                    out.extend_from_slice(b"<required/>");
                }
            });
        }
        if has_mechanisms {
            write_mechanisms(offer, out);
        }
        write_added(&policy.features, out);
        write_limits(
            settings,
            settings.limits_unauthenticated.element_bytes_max,
            out,
        );
    });
    Ok(())
}

/// Writes what a stream offers after authentication. The session request of RFC 3921 is still asked for by old
/// clients, unless it is said to be optional.
pub(crate) fn after_authentication(added: &[Fragment], settings: &C2sSettings, wire: &mut Wire) {
    wire.features(|out| {
        write_element(out, "bind", ns::BIND, |_| {});
        write_element(out, "session", ns::SESSION, |out| {
            out.extend_from_slice(b"<optional/>");
        });
        write_added(added, out);
        write_limits(settings, settings.limits.element_bytes_max, out);
    });
}

fn write_added(features: &[Fragment], out: &mut Vec<u8>) {
    for feature in features {
        feature.write_into(Ns::Content, ns::CLIENT, out);
    }
}

/// Mechanisms, and before them what they can bind to.
fn write_mechanisms(offer: &Offer, out: &mut Vec<u8>) {
    if offer.binding_names().next().is_some() {
        write_element(out, "sasl-channel-binding", SASL_CB, |out| {
            for name in offer.binding_names() {
                out.extend_from_slice(b"<channel-binding");
                attr(out, "type", name);
                out.extend_from_slice(b"/>");
            }
        });
    }
    write_element(out, "mechanisms", ns::SASL, |out| {
        for mechanism in offer.mechanisms() {
            write_text_child(out, "mechanism", mechanism.name());
        }
    });
}

/// What the stream takes.
fn write_limits(settings: &C2sSettings, bytes_max: usize, out: &mut Vec<u8>) {
    write_element(out, "limits", LIMITS, |out| {
        write_text_child(out, "max-bytes", &bytes_max.to_string());
        let seconds = settings.idle_timeout.as_secs();
        write_text_child(out, "idle-seconds", &seconds.to_string());
    });
}
