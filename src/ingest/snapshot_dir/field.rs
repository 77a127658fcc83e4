//! Values from a field's bytes. Pure; nothing is allocated unless the value is wrong.

use std::fmt;

/// The largest size or rate: 2^53, up to which every whole number is exact in JSON and in a 64-bit float. It is 9 PB,
/// or 9 PB a second: more than any disk holds or network carries.
pub(super) const NUMBER_MAX: u64 = 1 << 53;

/// Why bytes are not the number that a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    /// Not a number at all.
    NotANumber,
    /// A number with a fraction where whole ones are taken.
    NotWhole,
    /// `NaN` or infinite.
    NotFinite,
    /// Below zero, or below the column's least.
    Negative,
    /// Above the column's most.
    TooLarge {
        /// The most.
        max: u64,
    },
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => write!(f, "is not a number"),
            Self::NotWhole => write!(f, "is not a whole number"),
            Self::NotFinite => write!(f, "is not finite"),
            Self::Negative => write!(f, "is negative"),
            Self::TooLarge { max } => write!(f, "is above {max}"),
        }
    }
}

/// Up to this many digits always fit 64 bits.
const DIGITS_SAFE: usize = 19;

/// A whole number from 0 to `max`. Exponents and fractions of zero (`1e12`, `5.0`) are taken, as exporters write them.
pub(super) fn whole(bytes: &[u8], max: u64) -> Result<u64, NumberError> {
    let value = match digits(bytes) {
        Some(value) => value,
        None => whole_by_float(bytes, max)?,
    };
    if value > max { Err(NumberError::TooLarge { max }) } else { Ok(value) }
}

/// A number from 0 to `max`, with a fraction or not.
pub(super) fn real(bytes: &[u8], max: u64) -> Result<f64, NumberError> {
    let value = match digits(bytes) {
        Some(value) => value as f64,
        None => float(bytes)?,
    };
    if value < 0.0 {
        Err(NumberError::Negative)
    } else if value > max as f64 {
        Err(NumberError::TooLarge { max })
    } else {
        // Turns −0 into 0, which prints and compares the same everywhere.
        Ok(value.abs())
    }
}

/// A whole number from −1 to `max`, −1 being Kafka's "none" or "without limit".
pub(super) fn whole_or_minus_one(bytes: &[u8], max: u64) -> Result<Option<u64>, NumberError> {
    if bytes == b"-1" { Ok(None) } else { whole(bytes, max).map(Some) }
}

fn digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > DIGITS_SAFE {
        return None;
    }
    let mut value = 0_u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

fn float(bytes: &[u8]) -> Result<f64, NumberError> {
    let value: f64 = std::str::from_utf8(bytes).ok().and_then(|t| t.parse().ok()).ok_or(NumberError::NotANumber)?;
    // A literal too large for a float parses as infinite: that is a number, but too large a one.
    let named = bytes.iter().any(|b| b.eq_ignore_ascii_case(&b'n'));
    match value.is_finite() {
        true => Ok(value),
        false if named => Err(NumberError::NotFinite),
        false if value < 0.0 => Err(NumberError::Negative),
        false => Err(NumberError::TooLarge { max: NUMBER_MAX }),
    }
}

fn whole_by_float(bytes: &[u8], max: u64) -> Result<u64, NumberError> {
    let value = float(bytes)?;
    if value < 0.0 {
        Err(NumberError::Negative)
    } else if value.fract() != 0.0 {
        Err(NumberError::NotWhole)
    } else if value > NUMBER_MAX as f64 {
        // Beyond 2^53 a float no longer says which whole number was meant; plain digits still do.
        plain_digits(bytes).ok_or(NumberError::TooLarge { max })
    } else {
        Ok(value as u64)
    }
}

fn plain_digits(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// `bytes` without blanks on either side.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    match bytes {
        // Nearly every field: nothing to trim on either side.
        [first, .., last] if !first.is_ascii_whitespace() && !last.is_ascii_whitespace() => bytes,
        _ => bytes.trim_ascii(),
    }
}

/// How many characters of a value a message shows.
const SHOWN_CHARS_MAX: usize = 60;

/// `bytes` as a message shows them: quoted, control characters escaped, long ones cut.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
    let cut = if chars.next().is_some() { "…" } else { "" };
    format!("{head:?}{cut}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_exactly() {
        assert_eq!(whole(b"0", NUMBER_MAX), Ok(0));
        assert_eq!(whole(b"9007199254740992", NUMBER_MAX), Ok(NUMBER_MAX));
        assert_eq!(whole(b"1e12", NUMBER_MAX), Ok(1_000_000_000_000));
        assert_eq!(whole(b"5.0", NUMBER_MAX), Ok(5));
        assert_eq!(whole(b"9223372036854775807", i64::MAX as u64), Ok(i64::MAX as u64));
    }

    #[test]
    fn what_is_no_whole_number_is_refused_by_its_kind() {
        assert_eq!(whole(b"12x", NUMBER_MAX), Err(NumberError::NotANumber));
        assert_eq!(whole(b"", NUMBER_MAX), Err(NumberError::NotANumber));
        assert_eq!(whole(b"1.5", NUMBER_MAX), Err(NumberError::NotWhole));
        assert_eq!(whole(b"-1", NUMBER_MAX), Err(NumberError::Negative));
        assert_eq!(whole(b"NaN", NUMBER_MAX), Err(NumberError::NotFinite));
        assert_eq!(whole(b"-inf", NUMBER_MAX), Err(NumberError::NotFinite));
        assert_eq!(whole(b"9007199254740993", NUMBER_MAX), Err(NumberError::TooLarge { max: NUMBER_MAX }));
        assert_eq!(whole(b"99999999999999999999999", 7), Err(NumberError::TooLarge { max: 7 }));
        assert_eq!(whole(b"1e999", NUMBER_MAX), Err(NumberError::TooLarge { max: NUMBER_MAX }));
    }

    #[test]
    fn rates_may_have_fractions_and_never_a_sign() {
        assert_eq!(real(b"0.25", NUMBER_MAX), Ok(0.25));
        assert!(real(b"-0", NUMBER_MAX).is_ok_and(f64::is_sign_positive));
        assert_eq!(real(b"-0.1", NUMBER_MAX), Err(NumberError::Negative));
        assert_eq!(real(b"1e17", NUMBER_MAX), Err(NumberError::TooLarge { max: NUMBER_MAX }));
    }

    #[test]
    fn minus_one_means_none_only_where_it_is_asked_for() {
        assert_eq!(whole_or_minus_one(b"-1", 9), Ok(None));
        assert_eq!(whole_or_minus_one(b"7", 9), Ok(Some(7)));
        assert_eq!(whole_or_minus_one(b"-2", 9), Err(NumberError::Negative));
    }

    #[test]
    fn messages_show_values_escaped_and_cut() {
        assert_eq!(shown(b"a\tb"), "\"a\\tb\"");
        assert_eq!(shown(&[b'x'; 100]).chars().count(), SHOWN_CHARS_MAX + 3);
    }
}
