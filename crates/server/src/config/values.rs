//! How each kind of value is written in the file.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use jid::BareJid;
use sasl::Hash;
use toml::de::DeValue;
use transport::Endpoint;

use super::table::{Value, choice};

/// `one of "a", "b"`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [first, second] => format!("\"{first}\" or \"{second}\""),
        _ => format!("one of \"{}\"", words.join("\", \"")),
    }
}

/// A text in TOML's basic form.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Value for bool {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value
            .as_bool()
            .ok_or_else(|| "true or false, without quotes".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// A whole number from the file, in any base TOML knows.
fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

impl Value for NonZeroU32 {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        whole(value)
            .and_then(|number| u32::try_from(number).ok())
            .and_then(Self::new)
            .ok_or_else(|| "a whole number from 1 on".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for u8 {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        whole(value)
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| "a whole number from 0 to 255".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for PathBuf {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value.as_str() {
            Some(text) if !text.is_empty() => Ok(text.into()),
            _ => Err("a path in quotes".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl<T: Value> Value for Option<T> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        T::read(value).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(Value::show)
    }
}

/// A list; its elements say of themselves what they must be.
fn list<T: Value>(value: &DeValue<'_>, what: &str) -> Result<Vec<T>, String> {
    let items = value
        .as_array()
        .ok_or_else(|| format!("a list of {what}, in brackets"))?;
    items
        .iter()
        .map(|item| {
            T::read(item.get_ref()).map_err(|expected| format!("a list of {what}, each {expected}"))
        })
        .collect()
}

fn show_list<T: Value>(items: &[T]) -> Option<String> {
    let items: Vec<_> = items.iter().filter_map(Value::show).collect();
    Some(format!("[{}]", items.join(", ")))
}

impl Value for BareJid {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| Self::parse(text).ok())
            .filter(|jid| jid.local().is_some())
            .ok_or_else(|| "an address such as \"admin@example.org\"".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.as_str()))
    }
}

impl Value for Vec<BareJid> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        list(value, "accounts")
    }

    fn show(&self) -> Option<String> {
        show_list(self)
    }
}

impl Value for Endpoint {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| {
                "an address and port such as \"127.0.0.1:5222\", \"[::1]:5222\" or \"*:5222\""
                    .to_owned()
            })
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

impl Value for Vec<Endpoint> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        list(value, "addresses to listen on")
    }

    fn show(&self) -> Option<String> {
        show_list(self)
    }
}

impl Value for Hash {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        value
            .as_str()
            .and_then(Self::from_name)
            .ok_or_else(|| one_of(&Self::ALL.map(Self::name)))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(self.name()))
    }
}

impl Value for Vec<Hash> {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let hashes: Self = list(value, "hashes")?;
        if hashes.is_empty() {
            return Err("a list of at least one hash".to_owned());
        }
        Ok(hashes)
    }

    fn show(&self) -> Option<String> {
        show_list(self)
    }
}

/// How many worker threads: `"auto"` or a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Workers(pub(crate) Option<NonZeroUsize>);

impl Value for Workers {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        const WORKERS_MAX: u64 = 1024;
        if value.as_str() == Some("auto") {
            return Ok(Self(None));
        }
        whole(value)
            .filter(|number| *number <= WORKERS_MAX)
            .and_then(|number| usize::try_from(number).ok())
            .and_then(NonZeroUsize::new)
            .map(|number| Self(Some(number)))
            .ok_or_else(|| format!("\"auto\" or a number from 1 to {WORKERS_MAX}"))
    }

    fn show(&self) -> Option<String> {
        Some(
            self.0
                .map_or_else(|| "\"auto\"".to_owned(), |number| number.to_string()),
        )
    }
}

/// A span of time, written with its unit: `"10 seconds"`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Period(pub(crate) Duration);

impl Period {
    /// `count` seconds.
    pub(super) const fn seconds(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }
}

impl Value for Period {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = value.as_str().ok_or(engine::period::NoPeriod.to_string())?;
        let period: engine::period::Period = text
            .parse()
            .map_err(|expected: engine::period::NoPeriod| expected.to_string())?;
        Ok(Self(period.0))
    }

    fn show(&self) -> Option<String> {
        let seconds = self.0.as_secs();
        if self.0.subsec_nanos() != 0 {
            return Some(format!("\"{} milliseconds\"", self.0.as_millis()));
        }
        let (name, unit) = engine::period::UNITS
            .iter()
            .rev()
            .find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit))
            .unwrap_or(&("second", 1));
        let count = seconds / unit;
        let plural = if count == 1 { "" } else { "s" };
        Some(format!("\"{count} {name}{plural}\""))
    }
}

/// Where to connect, as [RFC 6120 §4.9.3.19] writes it: a host name or an address, an IPv6 one in brackets, and a port.
///
/// [RFC 6120 §4.9.3.19]: https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3.19
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Location(pub(crate) String);

impl Value for Location {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let is_host = |host: &str| match host.strip_prefix('[') {
            Some(rest) => rest
                .strip_suffix(']')
                .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
            None => jid::Domain::parse(host).is_ok() && !host.contains(':'),
        };
        value
            .as_str()
            .filter(|text| {
                text.rsplit_once(':').is_some_and(|(host, port)| {
                    is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
                })
            })
            .map(|text| Self(text.to_owned()))
            .ok_or_else(|| "a host and a port such as \"xmpp.example.org:5222\"".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

/// A size in bytes: a number, or with a unit in quotes: `"256 KiB"`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bytes(pub(crate) u64);

impl Value for Bytes {
    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let expected = || "a number of bytes, or a size in quotes such as \"256 KiB\"".to_owned();
        if let Some(number) = whole(value) {
            return Ok(Self(number));
        }
        let text = value.as_str().ok_or_else(expected)?;
        let (number, unit) = text.trim().split_once(' ').ok_or_else(expected)?;
        let number: u64 = number.parse().map_err(|_| expected())?;
        let factor = match unit.trim() {
            "B" | "bytes" => 1,
            "KB" | "kB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            _ => return Err(expected()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(expected)
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

choice! {
    /// How the log is written.
    LogFormat {
        /// For people on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}
