//! An outbox and the transport below, for a session that can be resumed: what comes while nobody writes it waits.

use stanza::{Kind, Timestamp};

use super::{Outbox, Pushed, Refused};
use crate::session::{
    frame::{Frame, weight},
    resumption::{Resumption, Standing},
    waiting::{Slot, Waiting},
};

impl Outbox {
    /// What makes the session resumable.
    pub(crate) fn resumption(&self) -> Option<&Resumption> {
        self.acks.as_ref()?.resumption.as_deref()
    }

    pub(crate) fn resumption_mut(&mut self) -> Option<&mut Resumption> {
        self.acks.as_mut()?.resumption.as_deref_mut()
    }

    /// How a transport stands to the session.
    pub(crate) fn standing(&self, transport: u32) -> Standing {
        match self.resumption() {
            _ if self.resting => Standing::Ended,
            None => Standing::Here,
            Some(resumption) => resumption.standing(transport),
        }
    }

    /// Whether the session waits to be resumed.
    pub(crate) fn is_detached(&self) -> bool {
        self.resumption().is_some_and(|it| it.is_detached)
    }

    /// The transport is gone, if it is the session's newest: what was to be written waits. Whether it is so.
    pub(crate) fn detach(&mut self, transport: u32, at: Timestamp) -> bool {
        match self.standing(transport) {
            Standing::Here if self.resumption().is_some() => self.put_aside(at),
            Standing::Dropped if !self.is_detached() => {}
            _ => return false,
        }
        if let Some(resumption) = self.resumption_mut() {
            resumption.is_detached = true;
        }
        true
    }

    /// The session goes on to another transport, whatever it sat on before: its number. Nothing is written there before
    /// [`Outbox::retransmit`].
    pub(crate) fn take_over(&mut self, at: Timestamp) -> Option<u32> {
        self.resumption()?;
        self.put_aside(at);
        let resumption = self.resumption_mut()?;
        resumption.transport = resumption.transport.wrapping_add(1);
        resumption.is_detached = false;
        Some(resumption.transport)
    }

    /// The session sits on its new transport: what the client did not ack is written again, as `again` makes it.
    pub(crate) fn retransmit(&mut self, mut again: impl FnMut(Frame) -> Frame) {
        let Some(acks) = &mut self.acks else { return };
        let unacked = acks.begin_anew();
        if let Some(resumption) = acks.resumption.as_deref_mut() {
            resumption.is_attached = true;
        }
        for frame in unacked {
            self.append(again(frame));
        }
    }

    /// What came first of what waits, if there is room for it.
    pub(crate) fn next_waiting(&mut self) -> Option<Slot> {
        if self.room() == 0 {
            return None;
        }
        self.resumption_mut()?.waiting.pop()
    }

    /// Puts what waited behind what is to be written.
    pub(crate) fn append(&mut self, frame: Frame) {
        self.bytes += weight(&frame);
        self.frames.push_back(frame);
    }

    /// Takes what waits for a session that is not written to, in order: behind what [`Outbox::rest`] will give.
    pub(crate) fn rest_waiting(&mut self) -> Waiting {
        self.resumption_mut()
            .map(|resumption| std::mem::take(&mut resumption.waiting))
            .unwrap_or_default()
    }

    /// Whether frames wait elsewhere for now.
    pub(super) fn must_wait(&self) -> bool {
        self.resumption()
            .is_some_and(|resumption| !resumption.is_attached || !resumption.waiting.is_empty())
    }

    /// Keeps `frame` until the session can be written to.
    pub(super) fn keep(&mut self, frame: Frame, at: Timestamp) -> Result<Pushed, (Refused, Frame)> {
        let unread = self.acks.as_ref().map_or(0, |acks| acks.unreadable_bytes());
        let (bytes, bytes_max) = (self.bytes, self.bytes_max);
        let Some(resumption) = self.resumption_mut() else {
            return Err((Refused::Full, frame));
        };
        let cost = Waiting::cost(&frame);
        let fits = |waiting: &Waiting| {
            let held = bytes + unread + waiting.bytes();
            held == 0 || cost == 0 || held + cost <= bytes_max
        };
        let mut dropped = 0;
        if !fits(&resumption.waiting) {
            let had_presence;
            (dropped, had_presence) = resumption.waiting.thin_out();
            resumption.lost_presence |= had_presence;
            if !fits(&resumption.waiting) {
                if !Waiting::is_droppable(&frame) {
                    return Err((Refused::Full, frame));
                }
                resumption.lost_presence |= matches!(frame.stanza.kind(), Kind::Presence(_));
                return Ok(Pushed {
                    needs_wake: false,
                    dropped: dropped + 1,
                });
            }
        }
        resumption.waiting.push(frame, at);
        Ok(Pushed {
            needs_wake: false,
            dropped,
        })
    }

    /// The session is not written to from now on: what was to be, waits.
    pub(super) fn put_aside(&mut self, at: Timestamp) {
        let frames = self.frames.take();
        let lull = self.lull.take();
        self.bytes = 0;
        let Some(resumption) = self.resumption_mut() else {
            return;
        };
        resumption.is_attached = false;
        // It comes before what waits already, for a client that had not caught up.
        let mut waiting = std::mem::take(&mut resumption.waiting);
        for frame in frames {
            resumption.waiting.push(frame, at);
        }
        if let Some(mut lull) = lull {
            while let Some((frame, at)) = lull.pop() {
                resumption.waiting.push(frame, at);
            }
        }
        while let Some(slot) = waiting.pop() {
            resumption.waiting.push_slot(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use stanza::{IqType, Stanza};
    use store::{EntryId, Gate};

    use super::*;
    use crate::{
        pipeline::Gates,
        session::{Acks, frame::Fate, resumption::SmId},
    };

    #[test]
    fn who_reads_too_little_loses_the_transport_and_keeps_the_session() {
        let mut outbox = resumable(5_000);
        let mut pushed = 0;
        while outbox.standing(0) == Standing::Here {
            outbox.push(message(pushed), at).unwrap();
            pushed += 1;
            assert!(pushed < 1_000, "it never ends");
        }
        assert_eq!(outbox.standing(0), Standing::Dropped);
        assert!(
            outbox.pop_due(|_| Gate::Durable).is_none(),
            "nothing is written"
        );
        // Entries of the mailbox take no room now.
        for number in pushed..pushed + 100 {
            outbox.push(message(number), at).unwrap();
        }
        assert!(outbox.detach(0, at()));
        assert!(!outbox.detach(0, at()), "once");
        assert_eq!(ids_of(&mut outbox).len(), pushed + 100);
    }

    #[test]
    fn what_cannot_be_read_again_has_a_bound_while_nobody_is_there() {
        let mut outbox = resumable(5_000);
        assert!(outbox.detach(0, at()));
        let refused = (0..1_000).find(|number| outbox.push(request(*number), at).is_err());
        assert!(refused.is_some_and(|number| number > 2), "{refused:?}");
        let fault = outbox.push(request(0), at).unwrap_err().0;
        assert_eq!(fault, Refused::Full);
    }

    #[test]
    fn a_session_that_cannot_be_resumed_is_full() {
        let mut outbox = Outbox::new(1_000);
        let refused = (0..1_000).find_map(|number| outbox.push(message(number), at).err());
        assert_eq!(refused.map(|(why, _)| why), Some(Refused::Full));
    }

    #[test]
    fn another_transport_goes_on_where_the_client_was() {
        let mut outbox = resumable(100_000);
        for number in 0..3 {
            outbox.push(request(number), at).unwrap();
        }
        for _ in 0..2 {
            let frame = outbox.pop_due(|_| Gate::Durable).unwrap();
            outbox.acks.as_mut().unwrap().wrote(frame);
        }
        // It is taken over while a third waits to be written, and a fourth comes meanwhile.
        outbox.acks.as_mut().unwrap().acked(1).unwrap();
        assert_eq!(outbox.take_over(at()), Some(1));
        assert_eq!(outbox.standing(0), Standing::TakenOver);
        assert_eq!(outbox.standing(1), Standing::Dropped);
        outbox.push(request(3), at).unwrap();
        assert!(!outbox.detach(0, at()), "the old one has no say");
        outbox.retransmit(|frame| frame);
        assert_eq!(outbox.standing(1), Standing::Here);
        let mut ids = Vec::new();
        while let Some(frame) = outbox.pop_due(|_| Gate::Durable) {
            ids.push(frame.stanza.id().unwrap().to_owned());
        }
        assert_eq!(ids, ["1"]);
        assert_eq!(ids_of(&mut outbox), ["2", "3"]);
    }

    fn resumable(bytes_max: usize) -> Outbox {
        let resumption = Resumption::new(SmId(1), Duration::from_secs(60));
        let mut outbox = Outbox::new(bytes_max);
        outbox.acks = Some(Box::new(Acks::new(Some(resumption))));
        outbox
    }

    /// What waits.
    fn ids_of(outbox: &mut Outbox) -> Vec<String> {
        let mut ids = Vec::new();
        let mut waiting = outbox.rest_waiting();
        while let Some(slot) = waiting.pop() {
            ids.push(match slot {
                Slot::Frame { frame, .. } => frame.stanza.id().unwrap_or_default().to_owned(),
                Slot::Entry { id, .. } => id.0.to_string(),
            });
        }
        ids
    }

    fn message(number: usize) -> Frame {
        let entry = EntryId(u64::try_from(number).unwrap());
        Frame {
            fate: Fate::Reroute {
                delivery: None,
                entry: Some(entry),
            },
            ..frame(&Stanza::message(stanza::MessageType::Chat).with_id(&number.to_string()))
        }
    }

    fn request(number: usize) -> Frame {
        frame(&Stanza::iq(IqType::Get, &number.to_string()))
    }

    fn frame(stanza: &Stanza) -> Frame {
        Frame {
            stanza: Arc::new(stanza.clone()),
            to: None,
            gates: Gates::OPEN,
            fate: Fate::Drop,
        }
    }

    fn at() -> Timestamp {
        Timestamp::MIN
    }
}
