//! Bounds of what a peer may send. What goes past one of them is `malformed-request`.

/// The most bytes of one message of an exchange, after base64. Room for a user name and an authorization
/// identity of the greatest length, every character of them escaped.
pub const MESSAGE_BYTES_MAX: usize = 16_384;

/// The most bytes of a user name, before and after preparation: a local part of RFC 7622.
pub const USERNAME_BYTES_MAX: usize = 1023;

/// The most bytes of an authorization identity: a full address of RFC 7622.
pub const AUTHZID_BYTES_MAX: usize = 3071;

/// The most bytes of a password, before and after preparation.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// The most characters of a client's SCRAM nonce. Clients in use send 16 to 64.
pub const NONCE_BYTES_MAX: usize = 512;

/// The most bytes of trace information that ANONYMOUS may carry, RFC 4505 §2: 255 characters.
pub const TRACE_BYTES_MAX: usize = 1020;

/// How many random bytes a salt has.
pub const SALT_BYTES: usize = 16;

/// How many random bytes a server's nonce should be made of.
pub const NONCE_RANDOM_BYTES: usize = 18;

/// The most iterations that stored keys may ask for: a bound on the work of one sign-in.
pub const ITERATIONS_MAX: u32 = 10_000_000;

/// How many random bytes a token has of its own.
pub const TOKEN_NONCE_BYTES: usize = 16;
