//! Figures as people write them: binary units, percent, durations, grouped counts. Pure functions from numbers to short
//! text of three significant digits or so; JSON and CSV never use them.

use std::fmt::Write as _;

/// Narrow no-break space between groups of three digits (ISO 31-0): it cannot be taken for a decimal mark anywhere.
const DIGIT_GROUP_SEPARATOR: char = '\u{202f}';

/// Binary prefixes, as disks and throttles are counted.
const BYTE_UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// Bytes in the largest binary unit that keeps a whole part: `4.21 TiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    bytes_f64(bytes as f64)
}

/// The same for a computed number of bytes.
#[must_use]
pub fn bytes_f64(bytes: f64) -> String {
    let mut value = bytes;
    for (step, unit) in BYTE_UNITS.iter().enumerate() {
        // What would be rounded to 1024 is one of the next unit.
        if value.abs() < 1023.5 || step + 1 == BYTE_UNITS.len() {
            let digits = if step == 0 { format!("{value:.0}") } else { three_digits(value) };
            return format!("{digits} {unit}");
        }
        value /= 1024.0;
    }
    format!("{bytes:.0} B")
}

/// Bytes per second: `12.3 MiB/s`.
#[must_use]
pub fn rate(bytes_per_sec: f64) -> String {
    format!("{}/s", bytes_f64(bytes_per_sec))
}

/// A fraction as percent: `41.2 %`, from 100 on without decimals.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", percent_digits(share))
}

/// Two fractions as a range of percent: `27.9–34.1 %`.
#[must_use]
pub fn percent_range(low: f64, high: f64) -> String {
    format!("{}–{} %", percent_digits(low), percent_digits(high))
}

fn percent_digits(share: f64) -> String {
    let percent = share * 100.0;
    if percent.abs() >= 99.95 { format!("{percent:.0}") } else { format!("{percent:.1}") }
}

/// A signed fraction as percent: `+3.1 %`, `−0.4 %`.
#[must_use]
pub fn signed_percent(share: f64) -> String {
    let sign = if share < 0.0 { '−' } else { '+' };
    format!("{sign}{}", percent(share.abs()))
}

/// A count with its digits in groups of three.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (offset, digit) in digits.chars().enumerate() {
        if offset > 0 && (digits.len() - offset).is_multiple_of(3) {
            text.push(DIGIT_GROUP_SEPARATOR);
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted, in the plural where it is not one: `1 broker`, `12 brokers`.
#[must_use]
pub fn counted(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", count(number))
}

/// A mean of counts: whole where it is whole, else one decimal.
#[must_use]
pub fn mean_count(value: f64) -> String {
    if value.fract() == 0.0 && value >= 0.0 { count(value as u64) } else { format!("{value:.1}") }
}

/// A plain figure, not negative, with about three significant digits: `15.5`, `0.42`, `0`; `<0.01` for the least.
#[must_use]
pub fn figure(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value < 0.005 {
        "<0.01".to_owned()
    } else {
        three_digits(value)
    }
}

/// US dollars: whole from a hundred on, else with cents.
#[must_use]
pub fn usd(value: f64) -> String {
    format!("${}", money(value))
}

/// An amount of money without its unit: whole from a hundred on, else with cents.
#[must_use]
pub fn money(value: f64) -> String {
    if value >= 99.995 { count(value.round() as u64) } else { format!("{value:.2}") }
}

/// A duration in its two largest units: `3 d 4 h`, `2 h 10 min`, `45 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let total = seconds.max(0.0).round() as u64;
    let Some(first) = UNITS.iter().position(|(size, _)| total >= *size) else { return "0 s".to_owned() };
    let (size, unit) = UNITS[first];
    let mut text = format!("{} {unit}", count(total / size));
    if let Some((next_size, next_unit)) = UNITS.get(first + 1) {
        let rest = total % size / next_size;
        if rest > 0 {
            let _ = write!(text, " {rest} {next_unit}");
        }
    }
    text
}

/// `text` shortened to `width` characters, the last of them an ellipsis.
#[must_use]
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `text` in lines of at most `width` characters, broken between words; a longer word has a line of its own.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_the_unit_that_keeps_them_readable() {
        let cases = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.00 KiB"),
            (1_048_575, "1.00 MiB"),
            (500_000_000_000, "466 GiB"),
            (4_629_000_000_000, "4.21 TiB"),
            (u64::MAX, "16384 PiB"),
        ];
        for (value, text) in cases {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(rate(12_900_000.0), "12.3 MiB/s");
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!(percent(0.412), "41.2 %");
        assert_eq!(percent(1.22), "122 %");
        assert_eq!(percent_range(0.279, 0.341), "27.9–34.1 %");
        assert_eq!(signed_percent(-0.004), "−0.4 %");
        assert_eq!(signed_percent(0.031), "+3.1 %");
    }

    #[test]
    fn counts_are_grouped_and_agree_with_their_noun() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "broker"), "1 broker");
        assert_eq!(counted(0, "broker"), "0 brokers");
        assert_eq!(mean_count(2.5), "2.5");
        assert_eq!(mean_count(4_000.0), "4\u{202f}000");
    }

    #[test]
    fn money_has_cents_where_they_matter() {
        assert_eq!(usd(0.005), "$0.01");
        assert_eq!(usd(65_229.4), "$65\u{202f}229");
        assert_eq!(money(99.994), "99.99");
    }

    #[test]
    fn durations_have_their_two_largest_units() {
        assert_eq!(duration(0.2), "0 s");
        assert_eq!(duration(45.0), "45 s");
        assert_eq!(duration(7_800.0), "2 h 10 min");
        assert_eq!(duration(273_600.0), "3 d 4 h");
        assert_eq!(duration(86_400.0), "1 d");
    }

    #[test]
    fn figures_never_round_to_nothing() {
        assert_eq!(figure(15.523), "15.5");
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(0.000_12), "<0.01");
    }

    #[test]
    fn running_text_is_broken_between_words() {
        assert_eq!(wrapped("one two three verylongword x", 9), ["one two", "three", "verylongword", "x"]);
        assert!(wrapped(" ", 9).is_empty());
    }

    #[test]
    fn long_text_is_cut_at_characters_not_bytes() {
        assert_eq!(shorten("größer", 4), "grö…");
        assert_eq!(shorten("kurz", 4), "kurz");
    }
}
