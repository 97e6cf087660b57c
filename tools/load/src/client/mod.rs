//! A client, as far as load needs one.
//!
//! - `mod.rs`: a stream: bytes to elements, elements to whoever is interested, acknowledgements on the way
//! - `connect.rs`: from an address to a stream that is signed in, bound and present
//! - `resume.rs`: a session that is cut and taken up again
//! - `sign_in.rs`, `scram.rs`: SASL
//! - `disco.rs`: what a server offers
//! - `contacts.rs`: rosters and mutual subscriptions
//! - `rooms.rs`: entering a room
//! - `register.rs`: accounts by in-band registration

mod connect;
mod contacts;
mod disco;
mod register;
mod resume;
mod rooms;
mod scram;
mod sign_in;

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::Write as _,
    task::{Context, Poll, ready},
};

use anyhow::{Context as _, Result, bail, ensure};
pub(crate) use connect::{RelayUse, SessionOptions};
pub(crate) use contacts::NS_ROSTER;
pub(crate) use resume::Cut;
use xml::{Element, Event, Framing, Limits, Ns, Scanner, Tree, ns};

use crate::wire::{Buffers, Wire};

/// Stream management, XEP-0198.
pub(crate) const NS_SM: &str = "urn:xmpp:sm:3";

/// One stream of a client.
#[derive(Debug)]
pub(crate) struct Client {
    wire: Wire,
    scanner: Scanner,
    /// What is to be sent at the next flush, as one write.
    out: Vec<u8>,
    /// Elements for [`Client::next`].
    come: VecDeque<Tree>,
    sm: Option<Acknowledgements>,
    /// The full JID, once bound.
    address: String,
    /// What the stream can be resumed with.
    previd: Option<String>,
    asked: u32,
}

/// Counters of XEP-0198, from `<enabled/>` on.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledgements {
    received: u32,
    acknowledged: u64,
}

/// Whether there is more to be heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Heard {
    /// A read brought something, maybe half an element.
    Something,
    /// The stream is over.
    End,
}

impl Client {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            scanner: Scanner::new(Framing::Stream, ns::CLIENT, Limits::default()),
            out: Vec::new(),
            come: VecDeque::new(),
            sm: None,
            address: String::new(),
            previd: None,
            asked: 0,
        }
    }

    /// The full JID.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What came while something else was waited for.
    pub(crate) fn left_over(&mut self) -> VecDeque<Tree> {
        std::mem::take(&mut self.come)
    }

    /// What goes out at the next flush.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// How many stanzas the server has acknowledged since stream management was enabled.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.sm.map_or(0, |sm| sm.acknowledged)
    }

    /// Reads once, and shows each element that came to `each`. What is about acknowledgements is kept from it.
    ///
    /// # Errors
    ///
    /// Of the connection, of XML, a stream error, and those of `each`.
    pub(crate) fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
        each: impl FnMut(Element<'_>) -> Result<()>,
    ) -> Poll<Result<Heard>> {
        Buffers::with(|buffers| {
            if !ready!(self.wire.poll_receive(cx, buffers))? {
                return Poll::Ready(Ok(Heard::End));
            }
            Poll::Ready(self.scan(buffers, each))
        })
    }

    /// Shows what was read to `each`, element by element.
    fn scan(
        &mut self,
        buffers: &mut Buffers,
        mut each: impl FnMut(Element<'_>) -> Result<()>,
    ) -> Result<Heard> {
        let mut input = buffers.plain.as_slice();
        while let Some(event) = self.scanner.receive(&mut input, &mut buffers.xml)? {
            match event {
                Event::Open(_) => {}
                Event::Child(element) if element.is("error", ns::STREAMS) => {
                    let condition = element.children().next().map(|child| child.name());
                    bail!("the server ended the stream: {}", condition.unwrap_or("?"));
                }
                Event::Child(element) => {
                    let is_for_us = match &mut self.sm {
                        None => false,
                        Some(sm) => sm.take(element, &mut self.out)?,
                    };
                    if !is_for_us {
                        each(element)?;
                    }
                }
                Event::Close => return Ok(Heard::End),
            }
        }
        Ok(Heard::Something)
    }

    /// Sends what waits, in one write.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !self.out.is_empty() {
            Buffers::with(|buffers| self.wire.send(&self.out, buffers))?;
            self.out.clear();
        }
        self.wire.poll_flush(cx).map_err(Into::into)
    }

    /// Sends what waits.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends what waits, then waits for the next element.
    ///
    /// # Errors
    ///
    /// As of [`Client::poll_events`]; and the end of the stream is one.
    async fn next(&mut self) -> Result<Tree> {
        self.flush().await?;
        loop {
            if let Some(element) = self.come.pop_front() {
                return Ok(element);
            }
            let mut come = std::mem::take(&mut self.come);
            let heard = poll_fn(|cx| {
                self.poll_events(cx, |element| {
                    come.push_back(owned(element)?);
                    Ok(())
                })
            });
            let heard = heard.await?;
            self.come = come;
            if self.come.is_empty() {
                heard.more()?;
            }
        }
    }

    /// The next element that is called so.
    async fn next_named(&mut self, name: &str) -> Result<Tree> {
        let element = self.next().await?;
        let root = element.root();
        ensure!(
            root.name() == name,
            "the server sent {:?}, not <{name}/>",
            root.as_str()
        );
        Ok(element)
    }

    /// An id for the next IQ.
    fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("ask{}", self.asked)
    }

    /// Sends an IQ with this `id` and waits for its result. Whatever else comes is kept for later.
    async fn ask(&mut self, id: &str, iq: &str) -> Result<Tree> {
        self.out.extend_from_slice(iq.as_bytes());
        let mut others = VecDeque::new();
        let answer = loop {
            let element = self.next().await?;
            let root = element.root();
            if root.is("iq", Ns::Content) && root.attr("id").as_deref() == Some(id) {
                break element;
            }
            others.push_back(element);
        };
        others.append(&mut self.come);
        self.come = others;
        ensure!(
            answer.root().attr("type").as_deref() == Some("result"),
            "the server answered {:?}",
            answer.root().as_str()
        );
        Ok(answer)
    }

    /// Ends the stream and waits until the server has ended it too.
    ///
    /// # Errors
    ///
    /// When the server ends it with an error. A connection that is simply cut is an end.
    pub(crate) async fn close(mut self) -> Result<()> {
        // What is not acknowledged at the end would be delivered again to the next session.
        if let Some(sm) = &self.sm {
            sm.acknowledge(&mut self.out)?;
        }
        self.out.extend_from_slice(b"</stream:stream>");
        self.flush().await?;
        while poll_fn(|cx| self.poll_events(cx, |_| Ok(()))).await? != Heard::End {}
        Ok(())
    }
}

impl Heard {
    /// # Errors
    ///
    /// When there is nothing more to be heard, for those who want more.
    pub(crate) fn more(self) -> Result<()> {
        match self {
            Self::Something => Ok(()),
            Self::End => bail!("the server ended a stream"),
        }
    }
}

impl Acknowledgements {
    fn acknowledge(&self, out: &mut Vec<u8>) -> Result<()> {
        write!(out, "<a xmlns='{NS_SM}' h='{}'/>", self.received)?;
        Ok(())
    }

    /// Counts a stanza; answers a request and reads an answer, which are nobody else's business.
    fn take(&mut self, element: Element<'_>, out: &mut Vec<u8>) -> Result<bool> {
        if element.ns() == Ns::Content {
            self.received = self.received.wrapping_add(1);
            return Ok(false);
        }
        if element.is("r", NS_SM) {
            self.acknowledge(out)?;
            return Ok(true);
        }
        if element.is("a", NS_SM) {
            let h = element.attr("h").and_then(|h| h.parse::<u32>().ok());
            let h = h.context("the server sent <a/> without a number")?;
            // The counter on the wire has 32 bits and wraps.
            self.acknowledged += u64::from(h.wrapping_sub(self.acknowledged as u32));
            return Ok(true);
        }
        Ok(false)
    }
}

fn owned(element: Element<'_>) -> Result<Tree> {
    let mut bytes = Vec::new();
    element.write_detached(&mut bytes);
    Ok(Tree::parse_fragment(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_count_past_32_bits() {
        let mut sm = Acknowledgements {
            received: 0,
            acknowledged: u64::from(u32::MAX) - 1,
        };
        take(&mut sm, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
        assert_eq!(sm.acknowledged, (1 << 32) + 3);
    }

    #[test]
    fn stanzas_are_counted_and_requests_answered() {
        let mut sm = Acknowledgements::default();
        assert_eq!(take(&mut sm, "<message/>"), (false, String::new()));
        assert_eq!(take(&mut sm, "<x xmlns='y'/>"), (false, String::new()));
        let answer = "<a xmlns='urn:xmpp:sm:3' h='1'/>".to_owned();
        assert_eq!(take(&mut sm, "<r xmlns='urn:xmpp:sm:3'/>"), (true, answer));
    }

    fn take(sm: &mut Acknowledgements, xml: &str) -> (bool, String) {
        let tree = Tree::parse_fragment(xml).unwrap();
        let mut out = Vec::new();
        let taken = sm.take(tree.root(), &mut out).unwrap();
        (taken, String::from_utf8(out).unwrap())
    }
}
