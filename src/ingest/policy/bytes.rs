//! Amounts of bytes as people write them.

/// The units, longest names first: decimal and binary ones mean what they say.
const UNITS: [(&str, u64); 11] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
];

/// Reads an amount such as `1073741824`, `500GiB`, `1.5 TB` or `0`; fractions of a byte are dropped.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let found = UNITS.iter().find_map(|&(unit, bytes)| Some((trimmed.strip_suffix(unit)?, bytes)));
    let (number, unit_bytes) = found.unwrap_or((trimmed.strip_suffix('B').unwrap_or(trimmed), 1));
    let number = number.trim();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let plain = digits > 0 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !plain {
        let units = "kB, MB, GB, TB, PB, KiB, MiB, GiB, TiB, PiB";
        return Err(format!("{text:?} is not an amount of bytes: write digits, with a unit or not ({units})"));
    }
    let too_large = || format!("{text:?} is more than {} bytes", u64::MAX);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit_bytes).ok_or_else(too_large);
    }
    let value = number.parse::<f64>().map_err(|_| format!("{text:?} is not an amount of bytes"))? * unit_bytes as f64;
    // Below 2^64 the conversion only drops the fraction.
    if value < u64::MAX as f64 { Ok(value as u64) } else { Err(too_large()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_and_without_units() {
        assert_eq!(parse_bytes("0"), Ok(0));
        assert_eq!(parse_bytes("500GiB"), Ok(500 << 30));
        assert_eq!(parse_bytes("2TB"), Ok(2_000_000_000_000));
        assert_eq!(parse_bytes(" 1.5 TiB "), Ok(3 << 39));
        assert_eq!(parse_bytes("17 B"), Ok(17));
        assert_eq!(parse_bytes("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "GiB", "-1", "1e3", "5 G", "1.2.3", "NaN", "5gib"] {
            assert!(parse_bytes(text).is_err_and(|e| e.contains("is not an amount of bytes")), "{text}");
        }
        for text in ["18446744073709551616", "99999999PiB", "99999999999999999999.5"] {
            assert!(parse_bytes(text).is_err_and(|e| e.contains("is more than")), "{text}");
        }
    }
}
