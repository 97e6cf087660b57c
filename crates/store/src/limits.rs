//! Every bound of this crate, with what happens at it.

/// Bytes of batches that may wait for the writer. A batch past it settles as failed, in its place in the order, and is
/// not written: senders get an error instead of the process growing.
pub const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many separate ranges of failed batches are remembered. Past it the two oldest become one, so that a very old
/// batch between two failed ones reads as failed: the cautious side.
pub const FAILED_RANGES_MAX: usize = 1024;

/// How many entries one page of a log holds, whatever is asked for.
pub const PAGE_ENTRIES_MAX: usize = 1000;

/// How many bytes of text one page of a log holds. The entry that reaches it is the page's last, whatever is asked for,
/// and [`Entries::more`](crate::Entries::more) says that there are more.
/// Well above what one owner may have due, so that such a page is whole.
pub const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How much of an entry's text can be found, in bytes. What follows is not.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// How much of a word is told apart, in characters. What follows is not looked at.
pub const WORD_CHARS_MAX: usize = 64;

/// How many words and phrases a search has; what follows is not asked for.
pub const NEEDLE_TERMS_MAX: usize = 16;

/// How many words one phrase of a search has; what follows is not asked for.
pub const PHRASE_WORDS_MAX: usize = 32;

/// How many hits, the newest, are looked at for the best among them.
pub const HITS_RANKED_MAX: usize = 500;

/// How many entries become findable in one batch when a log is indexed: some milliseconds of the writer.
pub const INDEX_SLICE: u32 = 500;

/// Entries whose words are taken out of an index in one batch, each word by itself.
pub const UNINDEX_SLICE: u32 = 25;

/// What taking out an entry's words costs, in entries that could be indexed for it.
pub const UNINDEX_COST: u64 = 9;

/// An index of at most so many entries is dropped at once, in some dozens of milliseconds of the writer. A larger one is
/// left entry by entry.
pub const INDEX_DROPPED_MAX: u64 = 200_000;

/// As the number of entries of an [`Op::Unindex`](crate::Op): everybody's, at once.
pub const UNINDEX_ALL: u32 = u32::MAX;

/// The largest entry id and body id: what a signed 64-bit column holds.
pub const ID_MAX: u64 = i64::MAX as u64;

/// How many reads may wait for a reader's thread. Past it a read fails with
/// [`StoreError::Overload`](crate::StoreError::Overload).
pub const READS_WAITING_MAX: usize = 65_536;
