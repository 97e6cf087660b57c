//! What a stream offers, [RFC 6120 §4.3.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.3.2): before
//! authentication STARTTLS and SASL, after it binding; always its limits and what the caller adds.

use std::sync::Arc;

use sasl::Offer;
use xml::{Fragment, Ns, ns};

use super::authenticate::PIPELINING;
use crate::wire::{Wire, attr, write_element, write_text_child};
use crate::{C2sSettings, Channel, HostPolicy, StreamFault};

/// The namespace of [XEP-0440](https://xmpp.org/extensions/xep-0440.html).
const SASL_CB: &str = "urn:xmpp:sasl-cb:0";

/// The namespace of [XEP-0478](https://xmpp.org/extensions/xep-0478.html).
const LIMITS: &str = "urn:xmpp:stream-limits:0";

/// What of the policy holds on this stream: without TLS nothing that needs it.
pub(crate) fn offer(policy: &HostPolicy, tls: Option<Channel>, offers_tls: bool) -> Offer {
    let mut mechanisms = policy.mechanisms.clone();
    if tls.is_none() {
        // A token that was overheard is as good as a password, XEP-0484 §6.
        mechanisms.retain(|mechanism| !mechanism.is_token());
    }
    let offer = match tls {
        Some(channel) => Offer::new(mechanisms, channel.bindings).over_tls(channel.tls_version),
        None if policy.requires_tls => Offer::new(Vec::new(), Vec::new()).after_tls(mechanisms),
        None if offers_tls => Offer::new(mechanisms.clone(), Vec::new()).after_tls(mechanisms),
        None => Offer::new(mechanisms, Vec::new()),
    };
    offer.hashed()
}

/// Writes what a stream offers before authentication. Gives the version of the offer where SASL2 is part of it: only on
/// a stream that is secure, [XEP-0388 §Security](https://xmpp.org/extensions/xep-0388.html#security).
pub(crate) fn before_authentication(
    policy: &HostPolicy,
    offer: &Offer,
    (is_secure, offers_tls): (bool, bool),
    settings: &C2sSettings,
    wire: &mut Wire,
) -> Result<Option<Arc<str>>, StreamFault> {
    let mut version = None;
    let has_mechanisms = !offer.mechanisms().is_empty();
    if !offers_tls && !has_mechanisms && policy.features.is_empty() {
        return Err(StreamFault::NothingToOffer);
    }
    wire.features(|out| {
        let start = out.len();
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
        if has_mechanisms && is_secure {
            write_authentication(policy, offer, out);
        }
        write_added(&policy.features, out);
        write_limits(
            settings,
            settings.limits_unauthenticated.element_bytes_max,
            out,
        );
        if has_mechanisms && is_secure {
            let written = policy.versions.of(out.get(start..).unwrap_or_default());
            write_version(&written, out);
            version = Some(written);
        }
    });
    Ok(version)
}

/// [XEP-0388 §Mechanism negotiation](https://xmpp.org/extensions/xep-0388.html#mechanism-negotiation).
fn write_authentication(policy: &HostPolicy, offer: &Offer, out: &mut Vec<u8>) {
    write_element(out, "authentication", ns::SASL2, |out| {
        for mechanism in offer.mechanisms() {
            write_text_child(out, "mechanism", mechanism.name());
        }
        if !policy.inline.is_empty() {
            out.extend_from_slice(b"<inline>");
            write_inside(&policy.inline, out);
            out.extend_from_slice(b"</inline>");
        }
        write_inside(&policy.authentication, out);
    });
}

/// What the rest of the offer is, in short: who remembers it need not wait for the rest,
/// [XEP-0509 §Stream Feature](https://xmpp.org/extensions/xep-0509.html#stream-feature).
fn write_version(version: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<config-version");
    attr(out, "xmlns", PIPELINING);
    attr(out, "scheme", "opaque");
    attr(out, "value", version);
    out.extend_from_slice(b"/>");
}

/// Writes elements into one of SASL2.
fn write_inside(elements: &[Fragment], out: &mut Vec<u8>) {
    for element in elements {
        element.write_into(Ns::Uri(ns::SASL2), ns::CLIENT, out);
    }
}

/// Writes what a stream offers that has a resource already, right after its sign-in.
pub(crate) fn after_binding(added: &[Fragment], settings: &C2sSettings, wire: &mut Wire) {
    wire.features(|out| {
        write_added(added, out);
        write_limits(settings, settings.limits.element_bytes_max, out);
    });
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
