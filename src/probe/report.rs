//! The findings as text: one line an attack, the totals, and each failure explained. At most 80 columns.

use std::fmt::Write as _;

use super::Findings;
use super::judge::Verdict;
use crate::report::terminal::one_line;

/// The table; with `detail`, all evidence as well.
pub fn text(findings: &Findings, detail: bool) -> String {
    let mut text = String::new();
    let mut group = "";
    for attack in &findings.attacks {
        if attack.group != group {
            group = &attack.group;
            let _ = writeln!(text, "{group}");
        }
        line(&mut text, attack);
        if detail {
            for said in &attack.evidence {
                let _ = writeln!(text, "      {}", one_line(said, 400));
            }
        }
    }
    if !findings.useful.is_empty() {
        let _ = writeln!(text, "useful");
    }
    for useful in &findings.useful {
        let word = if useful.ok { "works" } else { "FAILS" };
        let name = useful.name.split_once('/').map_or(useful.name.as_str(), |(_, name)| name);
        let _ = writeln!(text, "  {name:<24} {word:<10} {}", one_line(&useful.detail, 40));
    }
    granted(&mut text, findings);
    failures(&mut text, findings);
    totals(&mut text, findings);
    text
}

fn line(text: &mut String, attack: &Verdict) {
    let name = attack.name.split_once('/').map_or(attack.name.as_str(), |(_, name)| name);
    let verdict = match () {
        () if !attack.ran => "NOT RUN",
        () if attack.granted => "granted",
        () if attack.effect.is_some() => "EFFECT",
        () if attack.impossible => "impossible",
        () if attack.reported => "blocked",
        () => "SILENT",
    };
    let by = attack.blocked_by.as_deref().unwrap_or_default();
    let elsewhere = attack.compared.iter().map(|(name, effect)| format!("{name}: {effect}"));
    let elsewhere = elsewhere.collect::<Vec<_>>().join("; ");
    let row = format!("  {name:<24} {verdict:<10} {by:<16} {}", one_line(&elsewhere, 24));
    let _ = writeln!(text, "{}", row.trim_end());
}

fn granted(text: &mut String, findings: &Findings) {
    for attack in findings.attacks.iter().filter(|one| one.granted) {
        let effect = attack.effect.as_deref().unwrap_or("not reported");
        let _ = writeln!(text, "\n{}: granted: {}", attack.name, one_line(effect, 200));
        for line in &attack.granted_by {
            let _ = writeln!(text, "    {}", one_line(line, 200));
        }
    }
}

fn failures(text: &mut String, findings: &Findings) {
    let failed: Vec<_> = findings.attacks.iter().filter_map(|one| Some((one, one.failure()?))).collect();
    for (attack, why) in failed {
        let _ = writeln!(text, "\n{}: {}", attack.name, one_line(&why, 400));
        for said in &attack.evidence {
            let _ = writeln!(text, "    {}", one_line(said, 200));
        }
    }
    for useful in findings.useful.iter().filter(|one| !one.ok) {
        let _ = writeln!(text, "\n{}: does not work: {}", useful.name, one_line(&useful.detail, 400));
    }
}

fn totals(text: &mut String, findings: &Findings) {
    let totals = findings.totals;
    for note in &findings.notes {
        let _ = writeln!(text, "\nnote: {}", one_line(note, 300));
    }
    let _ = writeln!(
        text,
        "\n{} attacks: {} ran, {} blocked; of these {} reported, {} impossible inside",
        totals.attacks, totals.ran, totals.blocked, totals.reported, totals.impossible
    );
    if totals.granted > 0 {
        let _ = writeln!(text, "{} granted by the policy", totals.granted);
    }
    let _ = writeln!(text, "{} useful actions: {} work", totals.useful, totals.useful_ok);
}
