//! The datatypes of [XEP-0122 §7.2.2]: whether a text is a value of one, and whether it lies within a range.
//!
//! Datatypes we do not know count as `xs:string`, as [§4.1] asks.
//!
//! [XEP-0122 §7.2.2]: https://xmpp.org/extensions/xep-0122.html#registrar
//! [§4.1]: https://xmpp.org/extensions/xep-0122.html#impl-req

use std::cmp::Ordering;

use crate::Timestamp;

/// A value in a form that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) enum Value {
    Integer(i128),
    Real(f64),
    Moment(Timestamp),
    /// Of a type that has no order.
    Unordered,
}

/// Reads a text as a value of a datatype; nothing when it is none.
pub(super) fn read(datatype: &str, text: &str) -> Option<Value> {
    let integer = |min: i128, max: i128| {
        let value = text.parse::<i128>().ok()?;
        (min..=max)
            .contains(&value)
            .then_some(Value::Integer(value))
    };
    match datatype {
        "xs:byte" => integer(i8::MIN.into(), i8::MAX.into()),
        "xs:short" => integer(i16::MIN.into(), i16::MAX.into()),
        "xs:int" => integer(i32::MIN.into(), i32::MAX.into()),
        "xs:long" => integer(i64::MIN.into(), i64::MAX.into()),
        "xs:unsignedByte" => integer(0, u8::MAX.into()),
        "xs:unsignedShort" => integer(0, u16::MAX.into()),
        "xs:unsignedInt" => integer(0, u32::MAX.into()),
        "xs:unsignedLong" => integer(0, u64::MAX.into()),
        "xs:integer" => integer(i128::MIN, i128::MAX),
        "xs:nonNegativeInteger" => integer(0, i128::MAX),
        "xs:positiveInteger" => integer(1, i128::MAX),
        "xs:decimal" => real(text, false),
        "xs:double" | "xs:float" => real(text, true),
        "xs:boolean" => flag(text).map(|_| Value::Unordered),
        "xs:dateTime" => Timestamp::parse(text).ok().map(Value::Moment),
        "xs:date" => Timestamp::parse_date(text).ok().map(Value::Moment),
        // A time of day is ordered like the moment at which it comes on one fixed day.
        "xs:time" => time_of_day(text).map(Value::Moment),
        "xs:anyURI" => (!text.contains(char::is_whitespace)).then_some(Value::Unordered),
        "xs:language" => is_language(text).then_some(Value::Unordered),
        _ => Some(Value::Unordered),
    }
}

/// Whether a value lies within limits of the same datatype. A limit that cannot be read or compared is no limit.
pub(super) fn is_within(
    datatype: &str,
    value: Value,
    min: Option<&str>,
    max: Option<&str>,
) -> bool {
    let compared = |limit: Option<&str>| value.partial_cmp(&read(datatype, limit?)?);
    compared(min) != Some(Ordering::Less) && compared(max) != Some(Ordering::Greater)
}

/// Reads an `xs:boolean`.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn real(text: &str, with_exponent: bool) -> Option<Value> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    let fits = text
        .bytes()
        .all(|byte| plain(byte) || with_exponent && matches!(byte, b'e' | b'E'));
    if !fits {
        return None;
    }
    text.parse::<f64>().ok().map(Value::Real)
}

fn time_of_day(text: &str) -> Option<Timestamp> {
    let has_zone = text.ends_with('Z') || text.get(8..)?.contains(['+', '-']);
    let zone = if has_zone { "" } else { "Z" };
    Timestamp::parse(&format!("1970-01-01T{text}{zone}")).ok()
}

fn is_language(text: &str) -> bool {
    text.split('-').all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(datatype: &str, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(read(datatype, text).is_some(), "{text} is a {datatype}");
        }
        for text in bad {
            assert!(read(datatype, text).is_none(), "{text} is no {datatype}");
        }
    }

    #[test]
    fn datatypes_take_what_xml_schema_allows() {
        check(
            "xs:byte",
            &["-128", "127", "+5", "007"],
            &["128", "-129", "", "1.0", "x", "++1"],
        );
        check("xs:int", &["2147483647"], &["2147483648"]);
        check("xs:positiveInteger", &["1"], &["0", "-1"]);
        check("xs:unsignedLong", &["18446744073709551615"], &["-1"]);
        check("xs:decimal", &["1.5", "-2"], &["1e5", "inf", "NaN"]);
        check("xs:double", &["1e5", "-2.5E-3"], &["infinity", "one"]);
        check("xs:boolean", &["0", "1", "true", "false"], &["yes", ""]);
        check(
            "xs:dateTime",
            &["2003-10-06T11:22:00-07:00"],
            &["2003-10-06", "now"],
        );
        check("xs:date", &["2003-10-06"], &["2003-10-32"]);
        check(
            "xs:time",
            &["16:00:00", "16:00:00Z", "16:00:00.5+01:00"],
            &["25:00:00", "16:00", "é6:00:00"],
        );
        check("xs:anyURI", &["http://example.org/"], &["two words"]);
        check(
            "xs:language",
            &["en", "de-AT"],
            &["", "en_GB", "muchtoolong"],
        );
        check("xs:string", &["", "anything"], &[]);
        check("x:ours", &["anything"], &[]);
    }

    #[test]
    fn ranges_compare_by_value() {
        let within = |datatype: &str, text: &str, min, max| {
            is_within(datatype, read(datatype, text).expect("a value"), min, max)
        };
        assert!(within("xs:int", "10", Some("9"), Some("100")));
        assert!(!within("xs:int", "8", Some("9"), None));
        assert!(!within("xs:int", "101", None, Some("100")));
        let (from, to) = ("2003-10-05T00:00:00-07:00", "2003-10-24T23:59:59-07:00");
        assert!(within(
            "xs:dateTime",
            "2003-10-06T11:22:00-07:00",
            Some(from),
            Some(to)
        ));
        assert!(!within(
            "xs:dateTime",
            "2003-10-25T06:59:60Z",
            Some(from),
            Some(to)
        ));
        assert!(within(
            "xs:time",
            "12:00:00",
            Some("09:00:00"),
            Some("17:00:00")
        ));
        assert!(within("xs:int", "5", Some("no number"), None));
    }
}
