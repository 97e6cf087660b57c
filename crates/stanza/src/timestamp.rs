//! Points in time as users see them, and their written form, [XEP-0082] 1.1.1.
//!
//! A [`Timestamp`] is a number; where it comes from is the caller's business (this crate reads no clock). Time zones
//! exist only while parsing: what is kept and written is UTC.
//!
//! [XEP-0082]: https://xmpp.org/extensions/xep-0082.html

use std::fmt;

use thiserror::Error;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A point in time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

/// Why a text is no DateTime of XEP-0082.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TimestampError {
    /// Not of the form `CCYY-MM-DDThh:mm:ss[.sss]TZD`.
    #[error("not a date and time as CCYY-MM-DDThh:mm:ss[.sss]TZD")]
    Form,
    /// A month, day, hour, minute, second or offset that does not exist.
    #[error("a part of the date or time is out of range")]
    Range,
}

impl Timestamp {
    /// The first moment that the four-digit years can write: 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_167_219_200 * MICROS_PER_SECOND);

    /// The last one: 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// From microseconds since 1970 in UTC. Values beyond [`Timestamp::MIN`] and [`Timestamp::MAX`] are cut to them.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// From whole seconds since 1970 in UTC, cut like [`Timestamp::from_micros`].
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds since 1970 in UTC.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 in UTC, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The same moment without its fraction of a second.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.as_seconds() * MICROS_PER_SECOND)
    }

    /// This much later, cut at [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// This much earlier, cut at [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> std::time::Duration {
        let micros = self.0.saturating_sub(earlier.0);
        std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Reads a DateTime, [XEP-0082 §3.2]: any offset, any number of digits after the second (the first six count).
    ///
    /// A leap second (`:60`) is read as the second that follows, and `24:00:00` as the next midnight, as XML Schema
    /// has it.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] for anything else; the zone is mandatory.
    ///
    /// [XEP-0082 §3.2]: https://xmpp.org/extensions/xep-0082.html
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let mut rest = Cursor(text.trim_matches([' ', '\t', '\n', '\r']).as_bytes());
        let days = rest.date()?;
        rest.expect(b'T')?;
        let micros = rest.time()?;
        let offset_seconds = rest.zone()?;
        if !rest.0.is_empty() {
            return Err(TimestampError::Form);
        }
        let seconds = days * SECONDS_PER_DAY - offset_seconds;
        let moment = seconds * MICROS_PER_SECOND + micros;
        if (Self::MIN.0..=Self::MAX.0).contains(&moment) {
            Ok(Self(moment))
        } else {
            Err(TimestampError::Range)
        }
    }

    /// Reads a Date (`CCYY-MM-DD`), [XEP-0082 §3.1], as its first moment in UTC.
    ///
    /// # Errors
    ///
    /// [`TimestampError`] for anything else.
    ///
    /// [XEP-0082 §3.1]: https://xmpp.org/extensions/xep-0082.html
    pub fn parse_date(text: &str) -> Result<Self, TimestampError> {
        let mut rest = Cursor(text.as_bytes());
        let days = rest.date()?;
        if rest.0.is_empty() {
            Ok(Self(days * SECONDS_PER_DAY * MICROS_PER_SECOND))
        } else {
            Err(TimestampError::Form)
        }
    }
}

/// Writes a DateTime in UTC, with six digits of a fraction only when there is one: `2002-09-10T23:08:25Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_seconds();
        let (year, month, day) = date_of(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )?;
        match self.0.rem_euclid(MICROS_PER_SECOND) {
            0 => f.write_str("Z"),
            micros => write!(f, ".{micros:06}Z"),
        }
    }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn expect(&mut self, byte: u8) -> Result<(), TimestampError> {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                Ok(())
            }
            _ => Err(TimestampError::Form),
        }
    }

    fn digit(&mut self) -> Option<i64> {
        let (first, rest) = self.0.split_first()?;
        first.is_ascii_digit().then(|| {
            self.0 = rest;
            i64::from(first - b'0')
        })
    }

    fn number(&mut self, digits: usize) -> Result<i64, TimestampError> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 10 + self.digit().ok_or(TimestampError::Form)?;
        }
        Ok(value)
    }

    /// `CCYY-MM-DD` as days since 1970.
    fn date(&mut self) -> Result<i64, TimestampError> {
        let year = self.number(4)?;
        self.expect(b'-')?;
        let month = self.number(2)?;
        self.expect(b'-')?;
        let day = self.number(2)?;
        if (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day) {
            Ok(days_since_1970(year, month, day))
        } else {
            Err(TimestampError::Range)
        }
    }

    /// `hh:mm:ss[.sss]` as microseconds since midnight.
    fn time(&mut self) -> Result<i64, TimestampError> {
        let hour = self.number(2)?;
        self.expect(b':')?;
        let minute = self.number(2)?;
        self.expect(b':')?;
        let second = self.number(2)?;
        let micros = self.fraction()?;
        let is_end_of_day = hour == 24 && minute == 0 && second == 0 && micros == 0;
        if (hour <= 23 || is_end_of_day) && minute <= 59 && second <= 60 {
            Ok((hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros)
        } else {
            Err(TimestampError::Range)
        }
    }

    /// `.sss` with any number of digits, of which six count.
    fn fraction(&mut self) -> Result<i64, TimestampError> {
        if self.expect(b'.').is_err() {
            return Ok(0);
        }
        let (mut micros, mut unit) = (0, MICROS_PER_SECOND);
        let digits_before = self.0.len();
        while let Some(digit) = self.digit() {
            unit /= 10;
            micros += digit * unit;
        }
        if self.0.len() == digits_before {
            return Err(TimestampError::Form);
        }
        Ok(micros)
    }

    /// `Z`, `+hh:mm` or `-hh:mm` as seconds ahead of UTC; XML Schema ends at 14 hours.
    fn zone(&mut self) -> Result<i64, TimestampError> {
        let (first, rest) = self.0.split_first().ok_or(TimestampError::Form)?;
        self.0 = rest;
        let sign = match first {
            b'Z' => return Ok(0),
            b'+' => 1,
            b'-' => -1,
            _ => return Err(TimestampError::Form),
        };
        let hours = self.number(2)?;
        self.expect(b':')?;
        let minutes = self.number(2)?;
        if minutes > 59 || hours * 60 + minutes > 14 * 60 {
            return Err(TimestampError::Range);
        }
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. The year is counted from March, so that the leap day is
/// its last, in eras of 400 years, which all have 146,097 days.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let outcome = match Timestamp::parse(text) {
            Ok(moment) => moment.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(outcome, expected, "for {text}");
    }

    #[test]
    fn date_times_are_read_as_xep_0082_writes_them() {
        check("1969-07-21T02:56:15Z", "1969-07-21T02:56:15Z");
        check("1969-07-20T21:56:15-05:00", "1969-07-21T02:56:15Z");
        check("2003-10-06T11:22:00-07:00", "2003-10-06T18:22:00Z");
        check("2024-02-29T23:59:59.5+00:30", "2024-02-29T23:29:59.500000Z");
        check(
            "2024-12-31T23:59:59.1234567Z",
            "2024-12-31T23:59:59.123456Z",
        );
        check("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00Z");
        check(" 2024-01-01T00:30:00Z\n", "2024-01-01T00:30:00Z");
        check("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z");
        check("2016-12-31T24:00:00Z", "2017-01-01T00:00:00Z");
        check("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z");
        check("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_date_time_is_refused() {
        check("", "Form");
        check("2024-01-01", "Form");
        check("2024-01-01T00:00:00", "Form");
        check("2024-01-01 00:00:00Z", "Form");
        check("2024-01-01T00:00:00.Z", "Form");
        check("2024-01-01T00:00:00Zulu", "Form");
        check("20240101T00:00:00", "Form");
        check("2024-1-01T00:00:00Z", "Form");
        check("2024-01-01T00:00:00+0100", "Form");
        check("-001-01-01T00:00:00Z", "Form");
        check("2023-02-29T00:00:00Z", "Range");
        check("1900-02-29T00:00:00Z", "Range");
        check("2024-13-01T00:00:00Z", "Range");
        check("2024-00-01T00:00:00Z", "Range");
        check("2024-01-01T24:00:01Z", "Range");
        check("2024-01-01T00:60:00Z", "Range");
        check("2024-01-01T00:00:61Z", "Range");
        check("2024-01-01T00:00:00+14:01", "Range");
        check("0000-01-01T00:00:00+00:01", "Range");
        check("9999-12-31T23:59:59-00:01", "Range");
    }

    #[test]
    fn a_date_is_its_first_moment() {
        let date = Timestamp::parse_date("1776-07-04").expect("a date");
        assert_eq!(date.to_string(), "1776-07-04T00:00:00Z");
        assert_eq!(
            Timestamp::parse_date("1776-07-04Z"),
            Err(TimestampError::Form)
        );
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let hour = std::time::Duration::from_secs(3600);
        assert_eq!(Timestamp::MAX.plus(hour), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(hour), Timestamp::MIN);
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        let now = Timestamp::from_seconds(1_000_000_000);
        assert_eq!(now.plus(hour).since(now), hour);
        assert_eq!(now.since(now.plus(hour)), std::time::Duration::ZERO);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let moment = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9TZ:.+ -]{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
