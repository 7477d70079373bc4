//! The lines of the action table with their default keys, in the order of the help screen. Everything that lists
//! or looks up keys reads them here; what changes them is in `file`.

use super::available::{
    asks_for_more, can_allow, can_change_speed, can_compare, can_open, can_play, can_run, can_search_on,
    form_mode, in_fields, lacks_packages, on_choice, on_list, was_denied,
};
use super::{Binding, Command, Scope, bind};
use crate::tui::state::form::Mode;
use crate::tui::state::{Finding, Pane, Section, Tab};
use crate::tui::update;

pub const MOVE: &str = "move";
const LOOK: &str = "look";
const RUN: &str = "run";
const FORM: &str = "run form";
const PAST: &str = "old runs";
const REST: &str = "workbench";

/// The table, in the order of the help screen.
pub static TABLE: &[Binding] = &[
    bind(Command::Run, "run", &["r"], "run", "run the chosen entry; again replaces a run under way")
        .group(RUN)
        .bar(90)
        .when(can_run),
    bind(Command::RunCase, "run-case", &["r"], "run case", "in the Cases tab: run the case under the cursor")
        .group(RUN)
        .within(Scope::Cases)
        .bar(90)
        .when(|s| s.case().is_some()),
    bind(Command::RunCases, "run-cases", &["R"], "run all", "in the Cases tab: run all cases of the skill")
        .group(RUN)
        .within(Scope::Cases)
        .bar(88)
        .when(|s| s.case_set().is_some_and(|set| !set.rows.is_empty())),
    bind(Command::SaveCase, "save-case", &["S"], "save case", "save the run as a case in the skill's cases/")
        .group(RUN)
        .bar(38)
        .when(update::cases::can_save),
    bind(
        Command::Cancel,
        "cancel",
        &["c"],
        "cancel",
        "end the run, the cases, the learning or the installation under way",
    )
    .group(RUN)
    .bar(95)
    .when(|s| s.running().is_some() || s.cases_run() || s.prepares() || s.is_learning()),
    bind(
        Command::Allow,
        "allow",
        &["a"],
        "allow",
        "add the grant to the skill's policy.yaml, approve it, run again",
    )
    .group(RUN)
    .bar(92)
    .when(can_allow),
    bind(
        Command::Open,
        "open",
        &["enter"],
        "open",
        "open what is under the cursor: a skill, denial, old run, diagnostic or entry; run a case",
    )
    .group(RUN)
    .bar(60)
    .when(can_open),
    bind(
        Command::TakeBack,
        "take-back",
        &["u"],
        "undo",
        "take the last grant or removal back, and run again",
    )
    .group(RUN)
    .when(|s| s.skill().is_some()),
    bind(
        Command::RemoveGrant,
        "remove-grant",
        &["d", "delete"],
        "remove",
        "in the Policy tab: propose to remove the grant under the cursor",
    )
    .group(RUN)
    .within(Scope::Policy)
    .bar(58)
    .when(|s| s.own_grant().is_some()),
    bind(
        Command::Fix,
        "fix",
        &["F"],
        "fix",
        "show what the fix of the diagnostic changes; Enter there makes it",
    )
    .group(RUN)
    .bar(58)
    .when(|s| s.tab == Tab::Skill && s.fixable().is_some()),
    bind(Command::FixAll, "fix-all", &["A"], "all fixes", "while a fix is shown: show all fixes of the file")
        .group(RUN)
        .within(Scope::Fix)
        .bar(57),
    bind(Command::UndoFix, "undo-fix", &["u"], "undo fix", "in the Skill tab: take the last fix back")
        .group(RUN)
        .within(Scope::Skill)
        .bar(56)
        .when(|s| s.chosen_facts().is_some_and(|facts| facts.fixes > 0)),
    bind(Command::ChooseEntry, "entry", &["E"], "entry", "choose the entry to run")
        .group(RUN)
        .bar(40)
        .when(|s| s.skill().is_some_and(|skill| skill.entries.len() > 1)),
    bind(Command::EditInput, "input", &["i"], "input", "enter what the entry is run with: form, arguments or JSON")
        .group(RUN)
        .bar(45)
        .when(|s| s.entry().is_some()),
    bind(
        Command::Learn,
        "learn",
        &["L"],
        "learn",
        "find out what the entry needs, in runs that change nothing, and propose it",
    )
    .group(RUN)
    .bar(37)
    .hinted(was_denied)
    .when(|s| s.skill().is_some() && can_run(s)),
    bind(
        Command::Tighten,
        "tighten",
        &["U"],
        "tighten",
        "show which grants no run has needed, and offer to take them out",
    )
    .group(RUN)
    .when(|s| s.skill().is_some_and(|skill| skill.policy_file.is_some())),
    bind(
        Command::Approve,
        "approve",
        &["t"],
        "approve",
        "approve what the skill's own policy.yaml asks for; again takes it back",
    )
    .group(RUN)
    .bar(42)
    .hinted(asks_for_more)
    .when(|s| s.skill().is_some()),
    bind(
        Command::Prepare,
        "packages",
        &["P"],
        "packages",
        "show what packages the skill's scripts declare, and install them",
    )
    .group(RUN)
    .bar(43)
    .hinted(lacks_packages)
    .when(|s| s.skill().is_some()),
    bind(
        Command::AutoRun,
        "rerun-on-save",
        &["w"],
        "re-run on save",
        "run again when the chosen skill changes on disk",
    )
    .group(RUN),
    bind(
        Command::CompareRuns,
        "compare",
        &["d"],
        "compare",
        "compare with the marked run, or with the one before",
    )
    .group(PAST)
    .within(Scope::Runs)
    .bar(86)
    .when(can_compare),
    bind(Command::MarkRun, "mark", &["v"], "mark", "mark the run, to compare another one with it")
        .group(PAST)
        .within(Scope::Runs)
        .bar(84)
        .when(can_compare),
    bind(Command::Play, "play", &["p"], "play", "play the old run again in its own time; pause it, go on")
        .group(PAST)
        .bar(82)
        .when(can_play),
    bind(Command::Faster, "faster", &["+", "="], "faster", "play the old run faster")
        .group(PAST)
        .bar(81)
        .when(can_change_speed),
    bind(Command::Slower, "slower", &["-"], "slower", "play the old run slower")
        .group(PAST)
        .bar(80)
        .when(can_change_speed),
    bind(
        Command::Export,
        "export",
        &["x"],
        "export",
        "write the run to a file: its report, or a recording of it",
    )
    .group(PAST)
    .bar(37)
    .when(|s| s.exportable().is_some()),
    bind(Command::AllRuns, "all-runs", &["A"], "all skills", "the runs of all skills, or of the chosen one")
        .group(PAST)
        .within(Scope::Runs)
        .bar(78),
    bind(Command::RemoveRun, "remove-run", &["D"], "remove", "remove the run from the journal; asks first")
        .group(PAST)
        .within(Scope::Runs)
        .bar(33)
        .when(|s| s.history.chosen().is_some()),
    bind(Command::Up, "up", &["up", "k"], "up", "move up").group(MOVE),
    bind(Command::Down, "down", &["down", "j"], "down", "move down").group(MOVE),
    bind(Command::Left, "left", &["left", "h"], "left", "scroll left; previous section or denial")
        .group(MOVE),
    bind(Command::Right, "right", &["right", "l"], "right", "scroll right; next section or denial")
        .group(MOVE),
    bind(Command::Start, "start", &["g", "home"], "start", "go to the start").group(MOVE),
    bind(Command::End, "end", &["G", "end"], "end", "go to the end; in output: follow").group(MOVE),
    bind(Command::HalfDown, "half-down", &["ctrl-d"], "half down", "half a page down").group(MOVE),
    bind(Command::HalfUp, "half-up", &["ctrl-u"], "half up", "half a page up").group(MOVE),
    bind(Command::PageDown, "page-down", &["space", "pagedown", "ctrl-f"], "page down", "a page down")
        .group(MOVE),
    bind(Command::PageUp, "page-up", &["b", "pageup", "ctrl-b"], "page up", "a page up").group(MOVE),
    bind(Command::NextPane, "next-pane", &["tab"], "pane", "focus the next pane")
        .group(MOVE)
        .bar(30)
        .when(|s| !s.is_welcome()),
    bind(Command::PreviousPane, "previous-pane", &["shift-tab"], "pane back", "focus the previous pane")
        .group(MOVE),
    bind(Command::SkillTab, "skill-tab", &["1"], "skill", "the Skill tab").group(MOVE),
    bind(Command::RunTab, "run-tab", &["2"], "run", "the Run tab").group(MOVE),
    bind(Command::PolicyTab, "policy-tab", &["3"], "policy", "the Policy tab").group(MOVE),
    bind(Command::CasesTab, "cases-tab", &["4"], "cases", "the Cases tab").group(MOVE),
    bind(Command::RunsTab, "runs-tab", &["5"], "runs", "the Runs tab: old runs").group(MOVE),
    bind(Command::NextSection, "next-section", &["]"], "section", "next section of the lower pane")
        .group(MOVE),
    bind(
        Command::PreviousSection,
        "previous-section",
        &["["],
        "section back",
        "previous section of the lower pane",
    )
    .group(MOVE),
    bind(
        Command::Filter,
        "filter",
        &["/"],
        "filter",
        "in the list: show the skills that fit; :error :warning :ok :changed",
    )
    .group(LOOK)
    .within(Scope::List)
    .bar(35),
    bind(Command::Search, "search", &["/"], "search", "search in output, source and the lists of a run")
        .group(LOOK)
        .bar(35)
        .when(|s| {
            matches!(
                s.focus,
                Pane::Source | Pane::Stdout | Pane::Stderr | Pane::Output | Pane::Findings | Pane::PolicyFile
            )
        }),
    bind(Command::SearchNext, "search-next", &["n"], "next", "next match").group(LOOK).when(can_search_on),
    bind(Command::SearchPrevious, "search-previous", &["N"], "previous", "previous match")
        .group(LOOK)
        .when(can_search_on),
    bind(Command::Follow, "follow", &["f"], "follow", "follow the newest output, or hold it")
        .group(LOOK)
        .within(Scope::Output)
        .bar(36),
    bind(
        Command::Interleave,
        "interleave",
        &["O"],
        "by time",
        "in the Run tab: both streams in one pane, line by line as they came, or side by side again",
    )
    .group(LOOK)
    .bar(34)
    .when(|s| s.tab == Tab::Run),
    bind(
        Command::TimelineFilter,
        "timeline-filter",
        &["v"],
        "filter",
        "in the Timeline: show the next kind of events only",
    )
    .group(LOOK)
    .bar(52)
    .when(|s| s.tab == Tab::Run && s.run_tab.finding == Finding::Timeline),
    bind(Command::Zoom, "zoom", &["z"], "zoom", "the focused pane alone, or all panes again")
        .group(LOOK)
        .bar(20)
        .when(|s| !s.is_welcome()),
    bind(
        Command::Narrower,
        "narrower",
        &["<"],
        "narrower",
        "make the list narrower; in a denial: a smaller grant",
    )
    .group(LOOK),
    bind(Command::Wider, "wider", &[">"], "wider", "make the list wider; in a denial: a wider grant")
        .group(LOOK),
    bind(
        Command::LowerSmaller,
        "lower-smaller",
        &["{"],
        "lower less",
        "make the lower part of the tab smaller",
    )
    .group(LOOK),
    bind(Command::LowerLarger, "lower-larger", &["}"], "lower more", "make the lower part of the tab larger")
        .group(LOOK),
    bind(Command::Json, "schema-json", &["J"], "json", "the schema as JSON, or as a table again")
        .group(LOOK)
        .bar(50)
        .when(|s| s.tab == Tab::Skill && s.skill_tab.section == Section::Schema),
    bind(Command::Rendered, "rendered", &["M"], "rendered", "Markdown as it is read, or its source again")
        .group(LOOK)
        .bar(48)
        .when(|s| s.tab == Tab::Skill && s.can_render()),
    bind(Command::Editor, "editor", &["e"], "edit", "open $EDITOR at the line")
        .group(LOOK)
        .bar(55)
        .when(|s| s.skill().is_some()),
    bind(Command::Copy, "copy", &["y"], "copy", "copy what is under the cursor")
        .group(LOOK)
        .when(|s| s.skill().is_some()),
    bind(
        Command::CopyCommand,
        "copy-command",
        &["Y"],
        "copy command",
        "copy the command line that repeats the run outside the workbench",
    )
    .group(LOOK)
    .when(|s| s.entry().is_some()),
    bind(Command::FindHelp, "find-key", &["/"], "find", "on the help screen: find a key")
        .group(REST)
        .within(Scope::Help)
        .bar(70),
    bind(
        Command::Palette,
        "palette",
        &[":", "ctrl-p"],
        "palette",
        "find an action, a skill or a theme by a few letters",
    )
    .group(REST)
    .bar(16),
    bind(Command::Submit, "form-run", &["enter"], "run", "in the form: run with what was entered")
        .group(FORM)
        .within(Scope::Form)
        .bar(90)
        .when(|s| form_mode(s) != Some(Mode::Json)),
    bind(Command::Submit, "form-run-always", &["f5", "alt-enter"], "run", "the same, from JSON too")
        .group(FORM)
        .within(Scope::Form)
        .bar(89),
    bind(
        Command::SwitchInput,
        "form-switch",
        &["ctrl-t", "f2"],
        "mode",
        "go from the form to raw arguments, to JSON, and back",
    )
    .group(FORM)
    .within(Scope::Form)
    .bar(87),
    bind(
        Command::NextField,
        "next-field",
        &["tab", "down"],
        "next",
        "next field; Tab first completes a path that is being typed",
    )
    .group(FORM)
    .within(Scope::Form)
    .bar(30)
    .when(in_fields),
    bind(Command::PreviousField, "previous-field", &["shift-tab", "up"], "back", "the field before")
        .group(FORM)
        .within(Scope::Form)
        .when(in_fields),
    bind(
        Command::StepChoice,
        "step-choice",
        &["space", "right", "left"],
        "next value",
        "next or previous value of a choice, a switch, the subcommand; a letter goes to the value that begins with it",
    )
    .group(FORM)
    .within(Scope::Form)
    .bar(70)
    .when(on_choice),
    bind(Command::AddItem, "add-item", &["ctrl-n"], "add", "a further item of a list; a comma does the same")
        .group(FORM)
        .within(Scope::Form)
        .bar(60)
        .when(on_list),
    bind(Command::RemoveItem, "remove-item", &["ctrl-x"], "remove", "remove the item of a list")
        .group(FORM)
        .within(Scope::Form)
        .bar(58)
        .when(on_list),
    bind(Command::ResetForm, "form-defaults", &["ctrl-r"], "defaults", "back to the defaults")
        .group(FORM)
        .within(Scope::Form)
        .bar(40),
    bind(Command::CopyCommand, "form-copy", &["ctrl-y"], "copy", "copy the command line that will be run")
        .group(FORM)
        .within(Scope::Form)
        .bar(20),
    bind(Command::Close, "form-close", &["esc", "ctrl-c"], "close", "close the form; what was entered stays")
        .group(FORM)
        .within(Scope::Form)
        .bar(85),
    bind(Command::Theme, "theme", &["T"], "theme", "choose a theme").group(REST),
    bind(Command::Mouse, "mouse", &["m"], "mouse", "mouse on or off; off lets the terminal select text")
        .group(REST),
    bind(Command::Help, "help", &["?"], "help", "all keys").group(REST).bar(15),
    bind(
        Command::Suspend,
        "suspend",
        &["ctrl-z"],
        "suspend",
        "give the terminal back to the shell for a while",
    )
    .group(REST),
    bind(Command::Redraw, "redraw", &["ctrl-l"], "redraw", "draw the screen anew").group(REST),
    bind(
        Command::Interrupt,
        "interrupt",
        &["ctrl-c"],
        "interrupt",
        "end the run under way; without one, quit",
    )
    .group(REST),
    bind(Command::Close, "close", &["esc", "backspace"], "close", "close what is on top; never quits")
        .group(REST),
    bind(Command::Quit, "quit", &["q"], "quit", "close what is on top, or quit").group(REST).bar(10),
    bind(
        Command::Samples,
        "samples",
        &["o"],
        "open the samples",
        "write the sample skills to .skills/ and open them",
    )
    .group(REST)
    .within(Scope::Welcome)
    .bar(99),
];
