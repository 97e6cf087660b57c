//! Faults put in on purpose, to prove that the simulation would notice them. Only tests set one.

/// One fault.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Sabotage {
    /// None: the server as it is.
    #[default]
    None,
    /// Every gate is open: frames are seen before what they rest on is durable.
    SkipGate,
    /// An account's stanzas leave in another order than they were made.
    ReorderDrain,
    /// The end of a session is not told to contacts.
    DropUnavailable,
    /// Requests are answered twice.
    AnswerTwice,
    /// A `from` the client wrote is believed.
    DontStamp,
    /// A session's queue has no bound.
    UnboundedQueue,
    /// Stanzas are acknowledged before what they did is durable.
    AckBeforeCommit,
    /// Messages are delivered before they are durable.
    DeliverBeforeCommit,
    /// How many stanzas a session has handled is not in the batch of the message that is one of them.
    CountOutsideBatch,
}

impl Sabotage {
    /// Faults that show only when the server dies in the wrong moment.
    pub const AT_DEATH: [Self; 3] = [
        Self::AckBeforeCommit,
        Self::DeliverBeforeCommit,
        Self::CountOutsideBatch,
    ];

    /// All others.
    pub const ALL: [Self; 6] = [
        Self::SkipGate,
        Self::ReorderDrain,
        Self::DropUnavailable,
        Self::AnswerTwice,
        Self::DontStamp,
        Self::UnboundedQueue,
    ];
}
