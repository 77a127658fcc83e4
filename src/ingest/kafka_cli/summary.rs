//! What an import tells the operator, in words.

use std::fmt;

use crate::ingest::fault::Faults;

/// What was derived, what is missing, what to beware of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How much there is: one line.
    pub contents: String,
    /// What no source says directly, and where it was taken from instead.
    pub derived: Vec<String>,
    /// What is left empty and what that means.
    pub missing: Vec<String>,
    /// Entries of an inventory that would fill what is missing, figures left out.
    pub inventory_lines: Vec<String>,
    /// Warnings, by file and line.
    pub warnings: Faults,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.contents)?;
        for (title, lines) in [("derived", &self.derived), ("left empty", &self.missing)] {
            if lines.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}:")?;
            for line in lines {
                writeln!(f, "  - {}", line.replace('\n', "\n    "))?;
            }
        }
        if !self.inventory_lines.is_empty() {
            writeln!(f, "\nan inventory (--inventory FILE) would say:")?;
        }
        for entry in &self.inventory_lines {
            writeln!(f, "  {}", entry.replace('\n', "\n  "))?;
        }
        Ok(())
    }
}

/// The first names of a list and how many more there are: `a, b and 3 more`.
pub(in crate::ingest) fn few(names: &[String]) -> String {
    const SHOWN_MAX: usize = 3;
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `1 replica`, `2 replicas`.
pub(in crate::ingest) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(few(&names), "a, b, c and 2 more");
        assert_eq!(few(&names[..2]), "a, b");
    }

    #[test]
    fn empty_sections_are_not_shown() {
        let summary =
            Summary { contents: "6 brokers".to_owned(), missing: vec!["x\ny".to_owned()], ..Summary::default() };
        assert_eq!(summary.to_string(), "6 brokers\n\nleft empty:\n  - x\n    y\n");
    }
}
