//! Whether text can be told from what is behind it: relative luminance and contrast ratio as in WCAG 2.2
//! (success criteria 1.4.3, 1.4.6 and 1.4.11).

use super::reduce::rgb;
use super::{Role, Theme};

/// Least contrast of text, of text that is meant to stand back, and of lines and gauges.
pub const TEXT: f64 = 4.5;
pub const FAINT: f64 = 3.0;
/// Least contrast of text that the theme "high-contrast" is held to.
pub const ENHANCED: f64 = 7.0;

/// What a role draws, and so how much it has to stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Text,
    /// Text that is meant to stand back: nothing is lost to who cannot read it.
    Faint,
    /// Borders and gauges that say something.
    Shape,
    /// Lines that only divide.
    Ornament,
}

impl Weight {
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Faint | Role::LineNumber | Role::SyntaxComment => Self::Faint,
            Role::PopupBorder | Role::Gauge | Role::GaugeHigh => Self::Shape,
            Role::Rule | Role::GaugeEmpty => Self::Ornament,
            _ => Self::Text,
        }
    }
}

/// A role that is too close to what is behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weak {
    pub role: Role,
    /// The role whose background it stands on.
    pub ground: Role,
    pub ratio: f64,
    pub wanted: f64,
}

/// What other roles are drawn upon.
const GROUNDS: [Role; 6] =
    [Role::Text, Role::Bar, Role::Popup, Role::CursorLine, Role::SelectionUnfocused, Role::Selection];

/// Every role that stands out too little, on every background that it can have. `text` is what text must reach;
/// colours that are the terminal's own are not known and not judged.
pub fn weak(theme: &Theme, text: f64) -> Vec<Weak> {
    let mut found = Vec::new();
    for (role, _) in Role::ALL {
        let Some(ink) = theme.style(*role).fg.and_then(rgb) else { continue };
        let own = theme.style(*role).bg.and_then(rgb).map(|ground| (*role, ground));
        let grounds: Vec<(Role, (u8, u8, u8))> = match own {
            Some(own) => vec![own],
            None => GROUNDS.iter().filter_map(|on| Some((*on, rgb(theme.style(*on).bg?)?))).collect(),
        };
        for (ground, behind) in grounds {
            let wanted = match (Weight::of(*role), ground) {
                (Weight::Ornament, _) => continue,
                // The chosen row is told by its mark and its background too.
                (Weight::Faint, Role::Selection) => continue,
                (Weight::Text | Weight::Shape, Role::Selection)
                    if text < ENHANCED && *role != Role::Selection =>
                {
                    FAINT
                }
                (Weight::Text | Weight::Shape, Role::Selection) if *role != Role::Selection => TEXT,
                (Weight::Text, _) => text,
                (Weight::Faint | Weight::Shape, _) if text >= ENHANCED => text,
                (Weight::Faint | Weight::Shape, _) => FAINT,
            };
            let ratio = ratio(ink, behind);
            if ratio < wanted {
                found.push(Weak { role: *role, ground, ratio, wanted });
            }
        }
    }
    found
}

/// Contrast ratio of two colours, from 1 to 21.
pub fn ratio(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance, from 0 for black to 1 for white.
pub fn luminance(colour: (u8, u8, u8)) -> f64 {
    let [r, g, b] = linear(colour);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The parts of a colour in sRGB as amounts of light (IEC 61966-2-1).
pub fn linear((r, g, b): (u8, u8, u8)) -> [f64; 3] {
    [r, g, b].map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_guideline() {
        assert!((ratio((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        // Values that the guideline's own techniques give: #767676 on white is the faintest grey that passes.
        assert!(ratio((0x76, 0x76, 0x76), (255, 255, 255)) >= 4.5);
        assert!(ratio((0x77, 0x77, 0x77), (255, 255, 255)) < 4.5);
        assert!((ratio((0x76, 0x76, 0x76), (255, 255, 255)) - 4.54).abs() < 0.01);
    }
}
