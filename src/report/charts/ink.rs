//! The colours of charts: few named inks, each with a light and a dark value. Charts name inks, the page's style sheet
//! gives them values, so that one drawing serves both schemes and print.
//!
//! Hues are Okabe and Ito's (jfly.uni-koeln.de/color), which stay apart for colour-blind readers: blues for below,
//! oranges for above. Every cell colour leaves at least 4:1 to the text that stands in it.

use std::fmt::Write as _;

use plotters::style::RGBColor;

/// What something in a chart is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// Labels.
    Text,
    /// Secondary labels.
    Muted,
    /// Grid lines.
    Grid,
    /// Bars of the snapshot as it stands.
    Before,
    /// Bars of the plan carried out, or of the state after a broker is lost.
    After,
    /// Bars of the state after a rack is lost.
    Worse,
    /// The line that must not be passed; dashed.
    Limit,
    /// A cell below half of the mean.
    FarBelow,
    /// A cell below three quarters of the mean.
    Below,
    /// A cell below the band.
    JustBelow,
    /// A cell inside the band.
    Inside,
    /// A cell above the band.
    JustAbove,
    /// A cell above 1.25 times the mean.
    Above,
    /// A cell above 1.5 times the mean.
    FarAbove,
    /// A cell above twice the mean.
    Beyond,
    /// A cell without a figure.
    Nothing,
    /// Symbols and figures in cells.
    Mark,
}

/// The inks with their light and dark values, and the letter that stands for each in class names.
const INKS: [(Ink, char, u32, u32); 17] = [
    (Ink::Text, 't', 0x001b_2430, 0x00e6_eaf0),
    (Ink::Muted, 'm', 0x0056_6270, 0x009a_a7b5),
    (Ink::Grid, 'g', 0x00d9_dee5, 0x0033_3d49),
    (Ink::Before, 'b', 0x00a9_b4c1, 0x0061_6f80),
    (Ink::After, 'a', 0x0000_72b2, 0x0056_b4e9),
    (Ink::Worse, 'w', 0x00b8_5c92, 0x00d9_8cb8),
    (Ink::Limit, 'l', 0x00c2_4f00, 0x00ff_8a3d),
    (Ink::FarBelow, '0', 0x0056_b4e9, 0x002f_7fb5),
    (Ink::Below, '1', 0x009a_d0f0, 0x001f_5f88),
    (Ink::JustBelow, '2', 0x00d6_ecf9, 0x0016_384d),
    (Ink::Inside, '3', 0x00e3_efe9, 0x001f_3a31),
    (Ink::JustAbove, '4', 0x00fb_e3b5, 0x0045_350f),
    (Ink::Above, '5', 0x00f3_b54a, 0x006e_5200),
    (Ink::FarAbove, '6', 0x00ee_8a2a, 0x009a_4a00),
    (Ink::Beyond, '7', 0x00d5_5e00, 0x00c2_4a00),
    (Ink::Nothing, 'n', 0x00ee_f0f3, 0x0026_2e38),
    (Ink::Mark, 'k', 0x0010_161d, 0x00ff_ffff),
];

impl Ink {
    /// Plotters' colour for this ink: its light value, by which the canvas knows it again.
    #[must_use]
    pub(super) fn color(self) -> RGBColor {
        let value = INKS.iter().find(|(ink, ..)| *ink == self).map_or(0, |(_, _, light, _)| *light);
        let [_, red, green, blue] = value.to_be_bytes();
        RGBColor(red, green, blue)
    }

    /// The ink that plotters was given as `rgb`.
    pub(super) fn of_rgb((red, green, blue): (u8, u8, u8)) -> Self {
        let value = u32::from_be_bytes([0, red, green, blue]);
        INKS.iter().find(|(_, _, light, _)| *light == value).map_or(Self::Text, |(ink, ..)| *ink)
    }

    /// The letter that stands for the ink in class names.
    #[must_use]
    pub fn letter(self) -> char {
        INKS.iter().find(|(ink, ..)| *ink == self).map_or('t', |(_, letter, ..)| *letter)
    }
}

/// The style sheet's part for charts: variables by scheme; `.f…` fills, `.s…` strokes. Print is always light.
#[must_use]
pub fn css() -> String {
    let values = |pick: fn(u32, u32) -> u32| {
        INKS.iter().fold(String::new(), |mut css, (_, letter, light, dark)| {
            let _ = write!(css, "--i{letter}:#{:06x};", pick(*light, *dark));
            css
        })
    };
    let mut css = format!(":root{{{}}}\n", values(|light, _| light));
    let _ = writeln!(css, "@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}", values(|_, dark| dark));
    for (_, letter, ..) in INKS {
        let _ = write!(css, ".f{letter}{{fill:var(--i{letter})}}.s{letter}{{stroke:var(--i{letter});fill:none}}");
    }
    let (limit, after) = (Ink::Limit.letter(), Ink::After.letter());
    let _ = writeln!(css, "\n.s{limit}{{stroke-dasharray:5 3;stroke-width:2}}.s{after}{{stroke-width:2}}");
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2's relative luminance.
    fn luminance(value: u32) -> f64 {
        let [_, red, green, blue] = value.to_be_bytes();
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.03928 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn inks_are_known_again_by_their_colour_and_letter() {
        for (ink, letter, ..) in INKS {
            let RGBColor(red, green, blue) = ink.color();
            assert_eq!(Ink::of_rgb((red, green, blue)), ink);
            assert_eq!(INKS.iter().filter(|(_, other, ..)| *other == letter).count(), 1, "{letter}");
        }
    }

    #[test]
    fn figures_in_cells_can_be_read_in_both_schemes() {
        let cells = INKS.iter().filter(|(ink, ..)| (Ink::FarBelow..=Ink::Nothing).contains(ink));
        let mark = INKS[INKS.len() - 1];
        for (ink, _, light, dark) in cells {
            assert!(contrast(*light, mark.2) >= 4.0, "{ink:?} light {}", contrast(*light, mark.2));
            assert!(contrast(*dark, mark.3) >= 4.0, "{ink:?} dark {}", contrast(*dark, mark.3));
        }
    }
}
