//! Deficiencies of colour vision, simulated, and how far apart the colours of the verdicts are then.
//!
//! Protanopia and deuteranopia: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for
//! simulation of color vision deficiency", IEEE Transactions on Visualization and Computer Graphics 15(6), 2009, the
//! matrices for severity 1.0. Tritanopia, where that model is weak: H. Brettel, F. Viénot, J. D. Mollon, "Computerized
//! simulation of color appearance for dichromats", Journal of the Optical Society of America A 14(10), 1997, with the
//! matrices for sRGB that libDaltonLens derives. All work on amounts of light, not on sRGB values.
//!
//! Distance: CIEDE2000 (CIE 142-2001), as G. Sharma, W. Wu, E. N. Dalal write it down, "The CIEDE2000 color-difference
//! formula", Color Research and Application 30(1), 2005. 1 can just be seen side by side.

use crate::tui::theme::contrast::linear;
use crate::tui::theme::reduce::rgb;
use crate::tui::theme::{Depth, Role, Set};

type Matrix = [[f64; 3]; 3];

const PROTANOPIA: Matrix = [
    [0.152_286, 1.052_583, -0.204_868],
    [0.114_503, 0.786_281, 0.099_216],
    [-0.003_882, -0.048_116, 1.051_998],
];
const DEUTERANOPIA: Matrix = [
    [0.367_322, 0.860_646, -0.227_968],
    [0.280_085, 0.672_501, 0.047_413],
    [-0.011_820, 0.042_940, 0.968_881],
];
/// The two half planes that a tritanope's colours lie on, and what parts them.
const TRITANOPIA: [Matrix; 2] = [
    [[1.013_54, 0.142_68, -0.156_22], [-0.011_81, 0.875_61, 0.136_19], [0.077_07, 0.812_08, 0.110_85]],
    [[0.933_37, 0.199_99, -0.133_36], [0.058_09, 0.825_65, 0.116_26], [-0.379_23, 1.138_25, 0.240_98]],
];
const TRITAN_PLANE: [f64; 3] = [0.039_60, -0.028_31, -0.011_29];

/// Least distance of two verdicts: far more than can just be seen, so that small marks are told apart.
const APART: f64 = 10.0;

const VERDICTS: [Role; 4] = [Role::Denied, Role::Limit, Role::Warning, Role::Ok];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vision {
    Usual,
    Protanopia,
    Deuteranopia,
    Tritanopia,
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The light of a colour as such an eye sees it.
fn seen(colour: (u8, u8, u8), vision: Vision) -> [f64; 3] {
    let light = linear(colour);
    let matrix = match vision {
        Vision::Usual => return light,
        Vision::Protanopia => PROTANOPIA,
        Vision::Deuteranopia => DEUTERANOPIA,
        Vision::Tritanopia if dot(TRITAN_PLANE, light) >= 0.0 => TRITANOPIA[0],
        Vision::Tritanopia => TRITANOPIA[1],
    };
    matrix.map(|row| dot(row, light).clamp(0.0, 1.0))
}

/// CIE L*a*b* under D65.
fn lab(light: [f64; 3]) -> [f64; 3] {
    let xyz = [
        dot([0.412_456_4, 0.357_576_1, 0.180_437_5], light) / 0.950_47,
        dot([0.212_672_9, 0.715_152_2, 0.072_175_0], light),
        dot([0.019_333_9, 0.119_192_0, 0.950_304_1], light) / 1.088_83,
    ];
    let [x, y, z] =
        xyz.map(|t| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[allow(clippy::many_single_char_names)] // as the paper has them
fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25_f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(f64::midpoint(a1.hypot(b1), a2.hypot(b2))));
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let angle =
        |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (angle(a1, b1), angle(a2, b2));
    let grey = c1 * c2 == 0.0;
    let turn = if grey { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));
    let h = if grey { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let turned = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -2.0 * seventh(c) * (2.0 * turned).to_radians().sin();
    let (dl, dc, dh) = (dl / sl, dc / sc, dh / sh);
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).sqrt()
}

#[test]
fn the_distance_is_that_of_the_paper() {
    // Pairs 1, 9, 17 and 25 of the test data of Sharma, Wu and Dalal.
    for (a, b, wanted) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ] {
        let found = ciede2000(a, b);
        assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
    }
}

#[test]
fn grey_stays_grey_and_each_deficiency_loses_its_pair() {
    let distance = |a, b, vision| ciede2000(lab(seen(a, vision)), lab(seen(b, vision)));
    let kinds = [Vision::Protanopia, Vision::Deuteranopia, Vision::Tritanopia];
    for vision in kinds {
        assert!(
            ciede2000(lab(linear((128, 128, 128))), lab(seen((128, 128, 128), vision))) < 2.0,
            "{vision:?}"
        );
    }
    // Colours of the same lightness that lie on one line of confusion.
    let (red, green) = ((206, 110, 90), (140, 135, 60));
    assert!(distance(red, green, Vision::Usual) > 2.0 * distance(red, green, Vision::Deuteranopia));
    let (blue, teal) = ((90, 140, 200), (70, 145, 150));
    assert!(distance(blue, teal, Vision::Usual) > 2.0 * distance(blue, teal, Vision::Tritanopia));
}

#[test]
fn verdicts_stay_apart_in_the_themes_for_the_colour_blind() {
    let cases = [
        ("colour-blind", [Vision::Protanopia, Vision::Deuteranopia].as_slice()),
        ("colour-blind-light", &[Vision::Protanopia, Vision::Deuteranopia]),
        ("tritanopia", &[Vision::Tritanopia]),
        ("tritanopia-light", &[Vision::Tritanopia]),
    ];
    let set = Set::built_in();
    let mut wrong = Vec::new();
    for (name, visions) in cases {
        for depth in [Depth::True, Depth::Ansi256] {
            let theme = set.resolve(set.position(name).unwrap(), depth);
            for vision in visions.iter().chain(&[Vision::Usual]) {
                let colour = |role: Role| lab(seen(theme.style(role).fg.and_then(rgb).unwrap(), *vision));
                for (index, one) in VERDICTS.iter().enumerate() {
                    for other in &VERDICTS[index + 1..] {
                        let apart = ciede2000(colour(*one), colour(*other));
                        if apart < APART {
                            wrong.push(format!(
                                "{name} {depth:?} {vision:?}: {one:?} and {other:?} {apart:.1}"
                            ));
                        }
                    }
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}
