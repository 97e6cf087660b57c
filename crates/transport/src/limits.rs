//! Every bound of this crate, with its reason.

use std::time::Duration;

/// How much one read takes from a socket. A full TLS record and its header fit.
pub(crate) const READ_BYTES: usize = 18 * 1024;

/// How much one turn of a connection may read or write before it lets others run.
pub(crate) const TURN_BYTES_MAX: usize = 128 * 1024;

/// A worker's buffers are given back to the allocator when they grew past this.
pub(crate) const BUFFER_BYTES_KEPT: usize = 256 * 1024;

/// A peer that takes nothing for this long is gone. Prosody's `send_timeout`.
pub(crate) const WRITE_STALL_MAX: Duration = Duration::from_secs(180);

/// A TLS handshake must end within this. Prosody's `ssl_handshake_timeout`.
pub(crate) const HANDSHAKE_MAX: Duration = Duration::from_secs(60);

/// What a client may send before its handshake is over, all in all; past this TLS ends with an alert. A sign-in by token
/// has less than 2 KiB, and some requests behind it fit.
pub(crate) const EARLY_DATA_BYTES_MAX: u32 = 16 * 1024;

/// What is kept of sessions that clients may resume with early data, in two halves: when the younger is full, the older is
/// forgotten, and its clients shake hands anew. Room for more than 40,000 clients without certificates.
pub(crate) const REMEMBERED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a session that is remembered takes besides its key and its value.
pub(crate) const REMEMBERED_OVERHEAD: usize = 128;

/// A session that has more than this, because of its client's certificates, is not remembered: that client shakes hands anew
/// each time.
pub(crate) const REMEMBERED_SESSION_BYTES_MAX: usize = 8 * 1024;

/// After our side of a connection is closed we wait this long for the peer's, so that the
/// kernel does not answer its last bytes with a reset that destroys our own last bytes.
pub(crate) const LINGER_MAX: Duration = Duration::from_secs(2);

/// The same while the server stops: a peer that is slow to close must not hold that up.
pub(crate) const LINGER_STOPPING_MAX: Duration = Duration::from_millis(300);

/// What a peer may still send while we linger; past this the reset is deserved.
pub(crate) const LINGER_BYTES_MAX: usize = 64 * 1024;

/// Connections the kernel holds for us between two accepts.
pub(crate) const BACKLOG: i32 = 1024;

/// The pauses after an accept that failed for want of descriptors or memory: the first, and the
/// longest it doubles to.
pub(crate) const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(50);
/// See [`ACCEPT_PAUSE_MIN`].
pub(crate) const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Connections a worker polls before it sends the wake-ups it collected for other workers,
/// unless it goes idle first. Bounds the delay at some hundred microseconds.
pub(crate) const TURNS_PER_WAKE: u32 = 16;

/// How deep a certificate folder is searched. Let's Encrypt's layout needs two.
pub(crate) const CERTIFICATE_FOLDER_DEPTH_MAX: usize = 3;

/// A larger file in a certificate folder is no PEM file we want.
pub(crate) const PEM_BYTES_MAX: u64 = 256 * 1024;

/// Files looked at in a certificate folder: somebody pointed us at the wrong one.
pub(crate) const CERTIFICATE_FILES_MAX: usize = 10_000;

/// The longest HTTP request for a page; programs that watch servers send less than a kilobyte.
pub(crate) const PAGE_REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Requests for a page that are answered at once. One program asks every few seconds.
pub(crate) const PAGE_REQUESTS_MAX: usize = 4;

/// How long a request for a page and its answer may take together.
pub(crate) const PAGE_PATIENCE: Duration = Duration::from_secs(10);
