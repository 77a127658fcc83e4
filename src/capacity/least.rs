//! The least number for which something holds, where each question is dear and the answer is near the start.

/// The least of `start..=end` for which `holds`: from `start` in growing steps until it does, then by halving. Where
/// `holds` is not monotone, one that holds and whose predecessor does not, or that is `start`; none where the last does
/// not hold. Source: exponential search, Bentley and Yao 1976.
pub fn least(start: usize, end: usize, mut holds: impl FnMut(usize) -> bool) -> Option<usize> {
    if start > end {
        return None;
    }
    let (mut failed, mut next, mut step) = (None, start, 1);
    while !holds(next) {
        if next == end {
            return None;
        }
        failed = Some(next);
        next = next.saturating_add(step).min(end);
        step *= 2;
    }
    let Some(mut low) = failed else { return Some(next) };
    let mut high = next;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_holds_in_an_empty_range_or_below_the_threshold() {
        assert_eq!(least(3, 2, |_| true), None);
        assert_eq!(least(0, 9, |_| false), None);
    }

    proptest! {
        #[test]
        fn it_is_the_threshold_wherever_that_is_and_few_are_asked(start in 0_usize..50, length in 0_usize..400, at in 0_usize..500) {
            let (end, mut asked) = (start + length, 0_u32);
            let found = least(start, end, |n| { asked += 1; n >= at });
            let wanted = (start..=end).find(|&n| n >= at);
            prop_assert_eq!(found, wanted);
            prop_assert!(asked <= 2 * (usize::BITS - length.leading_zeros()) + 2, "{} of {}", asked, length);
        }
    }
}
