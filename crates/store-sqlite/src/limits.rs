//! Every bound of this crate, with what happens at it.

/// How many owners, and how many logs' newest ids, the writer remembers. Past it it forgets all and asks the tables.
pub(crate) const REMEMBERED_MAX: usize = 100_000;

/// How many prepared statements a connection keeps; the least used goes.
pub(crate) const STATEMENTS_MAX: usize = 64;

/// Page cache of the writer, in KiB.
pub(crate) const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// Page cache of each reader, in KiB.
pub(crate) const READER_CACHE_KIB: i64 = 4 * 1024;

/// What the write-ahead log is cut back to after a checkpoint, in bytes.
pub(crate) const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;

/// Bits of the position of an entry in the rowid of its words; entries at higher positions are not found by text.
pub(crate) const POSITION_BITS: u32 = 40;

/// How many logs can be indexed at a time: what the rest of a rowid holds. Further ones find nothing by text.
pub(crate) const SEARCHED_MAX: i64 = (1 << (63 - POSITION_BITS)) - 1;

/// How long a connection waits for a lock somebody else holds, such as an operator's `sqlite3`, in milliseconds.
pub(crate) const BUSY_WAIT_MS: u64 = 5_000;

/// How many bytes of journal are carried over to the tables at once, by a thread beside: past it that begins at once.
pub(crate) const CARRIED_BYTES: u64 = 4 * 1024 * 1024;

/// How large one file of the journal gets. Past it the writer waits until what is in it is in the tables.
pub(crate) const JOURNAL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// What the journal's buffer keeps from one frame to the next, in bytes.
pub(crate) const FRAME_BYTES_KEPT: usize = 256 * 1024;
/// How far a clock may have been set back, all in all, so that what came before and after is found by its times, in
/// microseconds. What came during a longer stretch that a clock counted twice may be missing from pages between times.
pub(crate) const CLOCK_SET_BACK_MAX_US: i64 = 3_600 * 1_000_000;
