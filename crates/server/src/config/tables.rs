//! The tables of the file that the server itself reads. The doc comments are the manual.

use std::{num::NonZeroU32, path::PathBuf};

use jid::BareJid;
use sasl::Hash;
use transport::Endpoint;

use super::{
    table::{choice, settings},
    values::{Bytes, Location, LogFormat, Period, Workers},
};

settings! {
    /// Couplet's configuration. Every key may be left out and then has the value shown here.
    /// Relative paths are relative to the folder of this file.
    [""]
    General {
        /// Where everything that must survive is kept. One running server per folder.
        data: PathBuf = "./couplet-data".into(),
        /// The accounts that may administer the server. They need not exist yet.
        admins: Vec<BareJid> = BareJid::parse("admin@localhost").into_iter().collect(),
        /// How many threads serve connections: a number, or "auto" for one per processor core
        /// this process may use. Takes effect at the next start.
        workers: Workers = Workers(None),
        /// What an acknowledged message survives: "full" survives a power cut, because every
        /// commit waits for the disk; "process" survives a crash of the server only, and is
        /// faster. Takes effect at the next start.
        durability: Durability = Durability::Full,
    }
}

settings! {
    /// Where to listen: "ADDRESS:PORT", or "*:PORT" for every IPv4 and IPv6 address of this
    /// machine. A listener that is left out keeps its default; [] turns it off. Takes effect at
    /// the next start.
    ["listen"]
    Listen {
        /// For clients that begin TLS by STARTTLS.
        c2s: Vec<Endpoint> = vec![Endpoint::Any(5222)],
        /// For clients that begin with TLS (XEP-0368).
        c2s_tls: Vec<Endpoint> = vec![Endpoint::Any(5223)],
        /// For programs on this machine that watch the server: its metrics, by HTTP under
        /// /metrics. Only addresses of the machine itself, such as "127.0.0.1:9522", because
        /// whoever connects may read them. Off unless an address is given.
        metrics: Vec<Endpoint> = Vec::new(),
    }
}

settings! {
    /// Client connections.
    ["c2s"]
    C2s {
        /// Whether clients must begin TLS before they sign in. Without it, passwords and messages
        /// may travel where others can read them: only for tests on this machine.
        require_tls: bool = true,
        /// How long a client may take to sign in; then its stream ends.
        unauthenticated_timeout: Period = Period::seconds(300),
        /// The longest stanza a client may send, at least 10000 (RFC 6120 §13.12). A longer one
        /// ends its stream.
        stanza_bytes_max: Bytes = Bytes(262_144),
        /// How long a client may be silent before it is sent a whitespace, to see whether the
        /// connection still lives.
        idle_timeout: Period = Period::seconds(840),
        /// How long a client may take to close its stream after we closed ours.
        close_timeout: Period = Period::seconds(5),
        /// After how many failed attempts to sign in a stream ends; 2 to 5 is customary.
        sign_in_failures_max: u8 = 5,
        /// What happens when a client binds a resource that another one has: "kick_old" ends the
        /// other, "kick_new" refuses this one, "random" and "increment" give it another name.
        resource_conflict: ResourceConflict = ResourceConflict::KickOld,
    }
}

settings! {
    /// Sessions that outlive their connections (stream management, XEP-0198): a client whose
    /// connection broke goes on where it was, and nobody sees that it was away.
    ["sm"]
    Sm {
        /// How long a session without a connection waits to be resumed. A client may ask for
        /// less. "0 seconds" lets none be resumed. Takes effect for sessions that begin after it
        /// was changed.
        hold: Period = Period(engine::SmSettings::HOLD),
        /// Where clients that come back shall connect first, "HOST:PORT": useful where only one
        /// of several addresses of a service leads here. Left out, they connect as they did
        /// before.
        location: Option<Location> = None,
    }
}

settings! {
    /// Certificates.
    ["tls"]
    Tls {
        /// A folder with certificates and their keys as PEM files, whatever their names, also in
        /// folders below: which host a certificate is for is read from it. Changes are noticed by
        /// themselves. Left out, the folder "certs" is used if there is one.
        certificates: Option<PathBuf> = None,
        /// For which hosts without a certificate a self-signed one is made: "auto" for those that
        /// only exist for tests (localhost, *.localhost, *.test, *.example, *.invalid), "always",
        /// or "never".
        self_signed: SelfSigned = SelfSigned::Auto,
        /// A PEM file with the authorities whose client certificates are accepted for signing in
        /// without a password (SASL EXTERNAL). Left out, clients are not asked for certificates.
        /// Takes effect at the next start.
        client_authorities: Option<PathBuf> = None,
        /// Whether clients that come back to listen.c2s_tls may sign in with the first thing they
        /// send, before the TLS handshake is over (0-RTT), which saves them one more wait. Only a
        /// token that is not bound to the handshake, and that counts its uses, signs anybody in
        /// so: what was recorded and is sent again does nothing. What clients resume is then kept
        /// in memory, at most 16 MiB, and not by the clients themselves. Takes effect at the next
        /// start.
        early_data: bool = false,
    }
}

settings! {
    /// How passwords are kept. Takes effect for passwords set from then on.
    ["scram"]
    Scram {
        /// The hashes for which keys are kept; clients can sign in with these SCRAM mechanisms.
        hashes: Vec<Hash> = Hash::ALL.to_vec(),
        /// How much work guessing one password costs.
        iterations: NonZeroU32 = sasl::ITERATIONS_DEFAULT,
    }
}

settings! {
    /// The log, on standard error.
    ["log"]
    Log {
        /// The least severe messages to write: "error", "warn", "info", "debug" or "trace". What
        /// users write is never in it above "trace".
        level: LogLevel = LogLevel::Info,
        /// "human", "json", or "auto": human on a terminal, else JSON. Takes effect at the next
        /// start.
        format: LogFormat = LogFormat::Auto,
    }
}

choice! {
    /// What an acknowledged message survives.
    Durability {
        /// A power cut.
        Full = "full",
        /// A crash of the server.
        Process = "process",
    }
}

choice! {
    /// What happens when a resource is taken.
    ResourceConflict {
        /// The session that has it ends.
        KickOld = "kick_old",
        /// The new one is refused.
        KickNew = "kick_new",
        /// The new one gets a random resource.
        Random = "random",
        /// The new one gets the name with a number.
        Increment = "increment",
    }
}

choice! {
    /// Which hosts get a self-signed certificate.
    SelfSigned {
        /// Those that only exist for tests.
        Auto = "auto",
        /// All without a certificate.
        Always = "always",
        /// None.
        Never = "never",
    }
}

choice! {
    /// The least severe messages to write.
    LogLevel {
        /// What needs an operator.
        Error = "error",
        /// What may.
        Warn = "warn",
        /// What happens now and then.
        Info = "info",
        /// What happens to a session.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

impl LogLevel {
    /// The word in the file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
