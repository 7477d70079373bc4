//! What an open denial has in common with others of its run.

use ratatui::text::Span;

use super::{Look, Sign, findings};
use crate::run::report::Remedy;
use crate::tui::state::State;
use crate::tui::theme::Role;

/// Denials that are listed; the others are counted.
const LISTED: usize = 8;

type Row = Vec<Span<'static>>;

/// How much more the offered grant allows: `also allows 2 other denials: read ~/b, read ~/c`.
pub(super) fn summary(look: &Look<'_>, state: &State, chosen: &Remedy) -> Option<Row> {
    let shared = state.shared(Some(chosen));
    let count = shared.by_grant.len();
    let named: Vec<String> = shared.by_grant.iter().take(3).filter_map(|index| name(state, *index)).collect();
    let more = if count > named.len() { look.sign(Sign::More) } else { "" };
    let noun = if count == 1 { "denial" } else { "denials" };
    (count > 0).then(|| {
        vec![
            look.span(Role::Ok, format!("         also allows {count} other {noun}")),
            look.span(Role::Muted, format!(": {} {more}", named.join(", "))),
        ]
    })
}

/// The others, each with what it has in common.
pub(super) fn rows(look: &Look<'_>, state: &State, chosen: Option<&Remedy>) -> Vec<Row> {
    let kin = state.shared(chosen).kin();
    let mut rows: Vec<Row> = kin
        .iter()
        .take(LISTED)
        .filter_map(|one| {
            Some(vec![
                look.span(Role::Faint, format!("{:>4}  ", one.index + 1)),
                look.cell(Role::Text, &name(state, one.index)?, 44),
                look.span(Role::Muted, format!("  {}", one.why.join(", "))),
            ])
        })
        .collect();
    if kin.len() > LISTED {
        rows.push(vec![look.span(Role::Faint, format!("      and {} more", kin.len() - LISTED))]);
    }
    rows
}

fn name(state: &State, index: usize) -> Option<String> {
    let denial = state.shown_run()?.report.as_deref()?.denials.get(index)?;
    Some(format!("{} {}", findings::operation(denial.operation), findings::target(state, &denial.target)))
}
