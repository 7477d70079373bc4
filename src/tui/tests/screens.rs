//! Snapshots of screens, at the sizes that people have.

use super::doubles::{Plot, with_skills};
use super::{Bench, buffer, styles, text, workbench};

/// Text and, by role, the looks of a screen.
fn picture(bench: &Bench) -> String {
    let buffer = buffer(&bench.driver);
    format!("{}\n{}", text(&buffer), styles(&buffer))
}

macro_rules! screens {
    ($($name:ident: $width:literal x $height:literal, $plot:ident, $keys:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let mut bench = workbench($width, $height, Plot::$plot);
                bench.keys($keys);
                insta::assert_snapshot!(stringify!($name), bench.screen());
            }
        )*

        /// Name, size, plot and keys of every screen.
        pub(super) const SCREENS: &[(&str, u16, u16, Plot, &str)] =
            &[$((stringify!($name), $width, $height, Plot::$plot, $keys)),*];
    };
}

screens! {
    skill_80: 80 x 24, Denied, "";
    skill_120: 120 x 40, Denied, "";
    skill_200: 200 x 60, Denied, "";
    diagnostics_focus: 80 x 24, Denied, "<tab><tab>j";
    schema_120: 120 x 30, Denied, "j<tab><tab>l";
    schema_json: 120 x 30, Denied, "j<tab><tab>lJ";
    entries: 100 x 24, Denied, "jj<tab><tab>ll";
    files: 100 x 24, Denied, "j<tab><tab>lll";
    not_run_yet: 80 x 24, Denied, "j2";
    run_80: 80 x 24, Denied, "jr";
    run_120: 120 x 40, Denied, "jr";
    run_200: 200 x 60, Denied, "jr";
    findings_files: 100 x 30, Denied, "jrl";
    findings_network: 100 x 30, Denied, "jrll";
    findings_limits: 100 x 30, Limit, "jrlll";
    findings_processes: 100 x 30, Denied, "jrllll";
    reduced: 100 x 30, Reduced, "jr";
    refused: 100 x 30, Refused, "jr";
    missing: 80 x 24, Missing, "jr";
    running: 100 x 30, Endless, "jr";
    denial_80: 80 x 24, Denied, "jr<enter>";
    denial_120: 120 x 40, Denied, "jr<enter>";
    denial_asked: 120 x 40, Denied, "jr<enter>l";
    denial_never: 120 x 40, Denied, "jr<enter>ll";
    help: 100 x 40, Denied, "?";
    choose_entry: 100 x 24, Denied, "jjE";
    several_entries: 100 x 24, Denied, "jj2";
    palette: 80 x 24, Denied, "j:";
    palette_found: 120 x 30, Denied, "j:run";
    palette_greyed: 80 x 24, Denied, "j:cancel";
    filtered: 100 x 24, Denied, "/:ok";
    help_found: 80 x 24, Denied, "?/run";
    palette_nothing: 80 x 24, Denied, "j:qqqq";
    arguments: 100 x 24, Denied, "ji<ctrl-t>--city 'Bern Süd'";
    cases: 100 x 30, Denied, "j4R<tab>j";
    no_cases: 100 x 24, Denied, "4";
    search: 100 x 24, Denied, "j<tab>/city<enter>";
    zoomed: 80 x 24, Denied, "jrz";
    narrow_list: 50 x 16, Denied, "";
    narrow_run: 50 x 16, Denied, "jr";
    too_small: 20 x 5, Denied, "";
}

#[test]
fn looks_of_the_main_screens() {
    let mut bench = workbench(80, 24, Plot::Denied);
    insta::assert_snapshot!("looks_skill", picture(bench.keys("j")));
    insta::assert_snapshot!("looks_run", picture(bench.keys("r")));
    insta::assert_snapshot!("looks_denial", picture(bench.keys("<enter>")));
}

#[test]
fn ascii_mode_draws_nothing_else() {
    let mut bench = workbench(100, 30, Plot::Denied);
    bench.driver.state.options.ascii = true;
    for keys in [
        "j",
        "r",
        "<enter>",
        "q[",
        "[",
        "[",
        "O",
        "?",
        "q<shift-tab>",
        "3",
        "4R<tab>j",
        "i<enter>",
        "<ctrl-t><ctrl-t>",
        "<esc>:",
        "<esc>5v",
        "d",
        "<esc><enter>",
        "p",
    ] {
        bench.keys(keys);
        let screen = bench.screen().replace('▏', "");
        assert!(screen.is_ascii(), "{screen}");
    }
}

#[test]
fn no_skills_gives_a_first_screen_that_says_what_to_do() {
    let bench = with_skills(80, 24, Plot::Denied, Vec::new());
    insta::assert_snapshot!("welcome", bench.screen());
}

#[test]
fn every_size_is_survived_on_every_screen() {
    for keys in [
        "",
        "j",
        "jr",
        "jr<enter>",
        "?",
        "jjE",
        "T",
        "ji",
        "ji<ctrl-t>--city",
        "ji<ctrl-t><ctrl-t><enter>x",
        "j/",
        "jrz",
        "jrllll",
        "j3",
        "j3<tab><tab>z",
        "j4R<tab>",
        "j4R<tab><tab>z",
        "jrS",
        ":",
        ":wea",
        "jr<enter>:zzzz",
        "/zz",
        "?/run",
        "jr[",
        "jr[[<enter>",
        "jrO",
        "jrOz",
        "j5<tab>",
        "j5<tab><enter>",
        "j5<tab><enter>p",
        "j5<tab><enter>z",
        "j5<tab>d",
        "j5<tab>D",
    ] {
        let mut bench = workbench(80, 24, Plot::Denied);
        bench.keys(keys);
        for (width, height) in [
            (1, 1),
            (2, 1),
            (3, 10),
            (10, 30),
            (24, 7),
            (40, 8),
            (63, 9),
            (64, 10),
            (500, 3),
            (7, 200),
            (300, 100),
        ] {
            super::resized(&mut bench.driver.state, width, height);
            let screen = buffer(&bench.driver);
            assert_eq!((screen.area.width, screen.area.height), (width, height));
            bench.keys("jk");
        }
    }
}
