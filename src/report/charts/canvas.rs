//! The SVG that plotters draws on. Plotters' own SVG backend writes an element with colours in hexadecimal per
//! rectangle, measures text by bytes, and knows neither titles nor roles; this one joins neighbouring shapes of one ink
//! into one path (a sixth of the size), names inks by class so that the style sheet decides on colours, measures text by
//! what it takes up, and says what the picture shows.

use std::convert::Infallible;
use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use unicode_width::UnicodeWidthStr as _;

use super::ink::Ink;

/// Mean width of a character in ems, over figures and lower case of common sans-serif fonts; wide ones count twice.
const CHARACTER_WIDTH_EM: f64 = 0.56;

/// What drawing ends in; nothing of the canvas fails, plotters' layout might.
pub(super) type Drawn = Result<(), DrawError>;

/// See [`Drawn`].
pub(super) type DrawError = DrawingAreaErrorKind<Infallible>;

/// Where charts are drawn, in pixels.
pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;

/// What a chart says of itself to those who do not see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caption<'a> {
    /// Unique on the page; letters and digits.
    pub(super) id: &'a str,
    /// What it shows.
    pub(super) title: &'a str,
    /// What is to be seen in it.
    pub(super) description: &'a str,
}

/// The pixels that `text` takes up in a font of `size` pixels.
pub(super) fn text_width(text: &str, size: f64) -> i32 {
    (text.width() as f64 * size * CHARACTER_WIDTH_EM).ceil() as i32
}

/// `text` safe between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// An `<svg>` of `size` pixels with what `draw` draws.
pub(super) fn picture(caption: Caption<'_>, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let Caption { id, title, description } = caption;
    let (width, height) = size;
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n",
        escape(title),
        escape(description)
    );
    {
        let area = Canvas { svg: &mut svg, size, pending: None }.into_drawing_area();
        let drawn = draw(&area).and_then(|()| area.present());
        debug_assert!(drawn.is_ok(), "{title}: {drawn:?}");
    }
    svg.push_str("</svg>");
    svg
}

/// How a path is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brush {
    Fill(Ink),
    Stroke(Ink),
}

/// The backend; see the module.
pub(super) struct Canvas<'a> {
    svg: &'a mut String,
    size: (u32, u32),
    /// Shapes of one brush that are not written yet.
    pending: Option<(Brush, String)>,
}

impl Canvas<'_> {
    /// The path that shapes of `brush` are added to; none where nothing is to be seen.
    fn path(&mut self, color: BackendColor, brush: fn(Ink) -> Brush) -> Option<&mut String> {
        if color.alpha == 0.0 {
            return None;
        }
        let brush = brush(Ink::of_rgb(color.rgb));
        if self.pending.as_ref().is_some_and(|(pending, _)| *pending != brush) {
            self.flush();
        }
        Some(&mut self.pending.get_or_insert_with(|| (brush, String::new())).1)
    }

    fn flush(&mut self) {
        if let Some((brush, path)) = self.pending.take() {
            let class = match brush {
                Brush::Fill(ink) => format!("f{}", ink.letter()),
                Brush::Stroke(ink) => format!("s{}", ink.letter()),
            };
            let _ = writeln!(self.svg, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    fn polyline(path: &mut String, points: impl IntoIterator<Item = BackendCoord>) {
        for (offset, (x, y)) in points.into_iter().enumerate() {
            let _ = write!(path, "{}{x} {y}", if offset == 0 { 'M' } else { 'L' });
        }
    }
}

type Backend = Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Backend {
        Ok(())
    }

    fn present(&mut self) -> Backend {
        self.flush();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Backend {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Backend {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Backend {
        if let Some(path) = self.path(style.color(), if fill { Brush::Fill } else { Brush::Stroke }) {
            let (width, height) = (right - left, bottom - top);
            let _ = write!(path, "M{left} {top}h{width}v{height}h{}z", -width);
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Backend {
        if let Some(pending) = self.path(style.color(), Brush::Stroke) {
            Self::polyline(pending, path);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Backend {
        if let Some(path) = self.path(style.color(), if fill { Brush::Fill } else { Brush::Stroke }) {
            let (r, d) = (i64::from(radius), 2 * i64::from(radius));
            let left = i64::from(x) - r;
            let _ = write!(path, "M{left} {y}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 {} 0z", -d);
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Backend {
        if let Some(path) = self.path(style.color(), Brush::Fill) {
            Self::polyline(path, points);
            path.push('z');
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Backend {
        let color = style.color();
        if color.alpha == 0.0 || text.is_empty() {
            return Ok(());
        }
        self.flush();
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        let lift = match style.anchor().v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.35,
            VPos::Bottom => -0.25,
        };
        let baseline = f64::from(y) + lift * style.size();
        let letter = Ink::of_rgb(color.rgb).letter();
        let size = style.size();
        let _ = writeln!(
            self.svg,
            "<text class=\"f{letter}\" x=\"{x}\" y=\"{baseline:.1}\" font-size=\"{size}\"{anchor}>{}</text>",
            escape(text)
        );
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text_width(text, style.size()).unsigned_abs(), style.size().ceil() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plotters::element::{Circle, Rectangle, Text};
    use plotters::style::{Color as _, IntoFont as _};

    fn drawn(draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
        picture(Caption { id: "c", title: "a < b", description: "\"quoted\"" }, (100, 50), draw)
    }

    #[test]
    fn shapes_of_one_ink_are_one_path_and_others_are_not() {
        let svg = drawn(|area| {
            for x in [0, 10, 20] {
                area.draw(&Rectangle::new([(x, 0), (x + 8, 8)], Ink::Inside.color().filled()))?;
            }
            area.draw(&Circle::new((50, 20), 5, Ink::Above.color().filled()))
        });
        assert!(svg.contains("<path class=\"f3\" d=\"M0 0h8v8h-8zM10 0h8v8h-8zM20 0h8v8h-8z\"/>"), "{svg}");
        assert_eq!(svg.matches("<path").count(), 2);
        assert!(svg.contains("<path class=\"f5\" d=\"M45 20a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z\"/>"), "{svg}");
    }

    #[test]
    fn a_picture_says_what_it_shows_and_lets_no_markup_through() {
        let svg = drawn(|area| {
            let style = ("sans-serif", 12).into_font().color(&Ink::Text.color());
            area.draw(&Text::new("<script>", (1, 2), style))
        });
        assert!(svg.contains("role=\"img\" aria-labelledby=\"c-title c-desc\""));
        assert!(svg.contains("<title id=\"c-title\">a &lt; b</title>"));
        assert!(svg.contains("<desc id=\"c-desc\">&quot;quoted&quot;</desc>"));
        assert!(svg.contains(">&lt;script&gt;</text>") && !svg.contains("<script>"), "{svg}");
    }

    #[test]
    fn text_is_measured_by_what_it_takes_up() {
        assert_eq!(text_width("abcd", 10.0), 23);
        assert_eq!(text_width("東京", 10.0), 23, "two wide characters, six bytes");
    }
}
