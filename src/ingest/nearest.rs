//! The known name nearest to a mistyped one, for advice in faults.

/// The name in `known` that takes the fewest edits to become from `name`; the earlier of equals, none where `known` is
/// empty. Edits are Damerau's: insertions, deletions, substitutions and swaps of neighbours, upper case counting as lower.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let name = shortened(name).to_lowercase();
    known.into_iter().min_by_key(|candidate| strsim::damerau_levenshtein(&name, &candidate.to_lowercase()))
}

/// Up to `count` names of `known`, nearest to `name` first; equals keep their order.
#[must_use]
pub fn nearest_few<'k>(name: &str, known: impl IntoIterator<Item = &'k str>, count: usize) -> Vec<&'k str> {
    let name = shortened(name).to_lowercase();
    let mut ranked: Vec<(usize, &str)> =
        known.into_iter().map(|k| (strsim::damerau_levenshtein(&name, &k.to_lowercase()), k)).collect();
    ranked.sort_by_key(|&(edits, _)| edits);
    ranked.into_iter().take(count).map(|(_, k)| k).collect()
}

/// The distance is quadratic in the names' lengths, and no known name is longer than this: the rest of a longer one is
/// cut off before it costs time.
const NAME_CHARS_MAX: usize = 100;

fn shortened(name: &str) -> &str {
    name.char_indices().nth(NAME_CHARS_MAX).map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_with_the_fewest_edits_is_nearest() {
        assert_eq!(nearest("brokr_id", ["topic", "broker_id", "rack"]), Some("broker_id"));
        assert_eq!(nearest("RACK", ["topic", "broker_id", "rack"]), Some("rack"));
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn a_few_names_come_nearest_first() {
        assert_eq!(
            nearest_few("i4i.4xl", ["m7g.large", "i4i.4xlarge", "i3en.3xlarge"], 2),
            ["i4i.4xlarge", "m7g.large"]
        );
    }
}
