//! Charts as SVG pictures: data in, markup out, pure. The only user of plotters; owns sizes, category axes and colours,
//! and sees to it that each picture has a role, a title and a description. The page's style sheet must hold [`css`].

pub mod bars;
mod canvas;
pub mod curve;
pub mod curves;
pub mod fan;
pub mod gantt;
pub mod heat_map;
pub mod ink;
pub mod rack_matrix;
pub mod survival;
pub mod thresholds;
pub mod trade_off;

pub use bars::{Axis, BarChart, BarRow};
pub use curve::{Curve, Quantity};
pub use curves::{CurveChart, CurveLine};
pub use fan::{FanChart, FanPoint};
pub use gantt::{Gantt, GanttRow};
pub use heat_map::{HeatCell, HeatGroup, HeatMap, Side};
pub use ink::css;
pub use rack_matrix::RackMatrix;
pub use survival::{SurvivalChart, SurvivalLine, SurvivalPoint};
pub use thresholds::{ThresholdChart, ThresholdRow};
pub use trade_off::{TradeOff, TradeOffPoint};

use canvas::{Area, Drawn};
use ink::Ink;
use plotters::element::Text;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont as _, TextStyle};

/// Pixels of labels.
const LABEL_SIZE: f64 = 12.0;

/// Where a label stands towards its point; always level with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Ends there.
    LeftOf,
    /// Has its middle there.
    On,
    /// Begins there.
    RightOf,
}

/// Writes `text` at `point`.
fn label(area: &Area<'_>, text: &str, point: (i32, i32), ink: Ink, size: f64, place: Place) -> Drawn {
    let horizontal = match place {
        Place::LeftOf => HPos::Right,
        Place::On => HPos::Center,
        Place::RightOf => HPos::Left,
    };
    let style: TextStyle<'_> = ("sans-serif", size).into_font().color(&ink.color());
    area.draw(&Text::new(text, point, style.pos(Pos::new(horizontal, VPos::Center))))
}
