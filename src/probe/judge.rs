//! The verdict on one attack: did it run, had it an effect, does the report name it.

use serde::Serialize;

use super::payload::{Evidence, MARK};
use crate::run::report::Report;
use crate::sandbox::event::Verdict as Seen;

/// One attack with its verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    pub name: String,
    pub group: String,
    pub ran: bool,
    /// What it did; `null` when nothing.
    pub effect: Option<String>,
    /// The layer or limit that the report names, else what the kernel answered.
    pub blocked_by: Option<String>,
    pub reported: bool,
    /// What is attacked does not exist inside, for the reason that the evidence says.
    pub impossible: bool,
    /// The policy that was given allows it.
    pub granted: bool,
    /// The lines of that policy that do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub granted_by: Vec<String>,
    pub evidence: Vec<String>,
    /// The same payload elsewhere: name and effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<(String, String)>,
}

impl Verdict {
    pub fn blocked(&self) -> bool {
        self.ran && self.effect.is_none()
    }

    /// Whether nothing is to be said against the sandbox here.
    pub fn holds(&self) -> bool {
        self.ran && (self.granted || (self.effect.is_none() && (self.reported || self.impossible)))
    }

    /// An effect that the report could not show.
    pub(super) fn happened(&mut self, what: &str) {
        let before = self.effect.take().map(|effect| format!("{effect}; ")).unwrap_or_default();
        self.effect = Some(format!("{before}{what}"));
        (self.blocked_by, self.impossible) = (None, false);
    }

    pub fn failure(&self) -> Option<String> {
        if self.holds() {
            return None;
        }
        Some(match &self.effect {
            _ if !self.ran => "did not run".to_owned(),
            Some(effect) => format!("had an effect: {effect}"),
            None => "was blocked, and the report does not name it".to_owned(),
        })
    }
}

/// Denials of the report that are kept as evidence.
const MOST_DENIALS: usize = 12;

/// What the payload printed: the last line that bears this run's nonce.
pub(super) fn evidence(output: &str, nonce: &str) -> Option<Evidence> {
    let lines = output.split(MARK).skip(1).filter_map(|rest| rest.lines().next());
    let said = lines.filter_map(|line| serde_json::from_str::<Evidence>(line).ok());
    said.filter(|evidence| evidence.nonce == nonce).last()
}

/// Judge by what was found outside (`effects`), by what was gained inside, and by the report.
pub(super) fn judge(
    report: &Report,
    evidence: Option<&Evidence>,
    effects: Vec<String>,
    named: &[String],
) -> Verdict {
    let mut verdict = Verdict { ran: evidence.is_some(), ..Verdict::default() };
    let mut all = effects;
    if let Some(said) = evidence {
        all.extend(said.gained.iter().map(|what| format!("inside: {what}")));
        verdict.evidence.clone_from(&said.calls);
    }
    verdict.effect = (!all.is_empty()).then(|| all.join("; "));
    let unnamed = evidence.and_then(|said| unnamed(report, &said.refused));
    if let Some(named) = named.iter().find_map(|words| all_named(report, words)) {
        verdict.reported = unnamed.is_none();
        verdict.evidence.push(format!("report: {}", named.1));
        verdict.blocked_by = Some(named.0);
        verdict.evidence.extend(unnamed.map(|what| format!("the report leaves something out: {what}")));
    } else if let Some(absent) = evidence.and_then(|said| said.absent.clone()) {
        verdict.impossible = verdict.effect.is_none();
        verdict.evidence.push(format!("impossible: {absent}"));
    }
    for denial in report.denials.iter().take(MOST_DENIALS) {
        let layer = erased::Name::name(&denial.layer);
        let text = format!("denied: {} {} = {} · {layer}", denial.arguments, denial.target, denial.errno);
        verdict.evidence.push(text);
    }
    if let Some(outcome) = &report.outcome {
        verdict.evidence.push(format!("outcome: {}", outcome.message));
    }
    if verdict.effect.is_some() {
        verdict.blocked_by = None;
    }
    verdict
}

/// Who blocked, when the report names every one of the words parted by `&`.
fn all_named(report: &Report, words: &str) -> Option<(String, String)> {
    let found: Option<Vec<_>> = words.split('&').map(|word| names(report, word)).collect();
    let (who, said): (Vec<_>, Vec<_>) = found?.into_iter().unzip();
    Some((who.into_iter().next()?, said.join("; ")))
}

/// Whether the report counts fewer refusals than the payload met. Limits are told once, however often they are met.
fn unnamed(report: &Report, refused: &[String]) -> Option<String> {
    if !report.limits.is_empty() {
        return None;
    }
    // Refusals of one thing for one reason are one denial with their number, under the name of the first call.
    let of_ours = report.denials.iter().filter(|denial| refused.contains(&denial.syscall));
    let told: u64 = of_ours.map(|denial| denial.count).sum();
    let made = refused.len() as u64;
    (told < made).then(|| format!("{told} of {made} refused calls named"))
}

/// Who blocked what this word stands for, and in which words the report says so. The word is a target, an address, the
/// name of a call, `limit:RESOURCE`, `signal:NAME`, `change:PATH` or `outcome:TEXT`.
fn names(report: &Report, word: &str) -> Option<(String, String)> {
    let plain = |value: &dyn erased::Name| value.name();
    if let Some(resource) = word.strip_prefix("limit:") {
        let hit = report.limits.iter().find(|hit| plain(&hit.resource) == resource);
        let hit = hit.map(|hit| (format!("limit {resource}"), format!("limit {resource}: {}", hit.effect)));
        let ended =
            report.outcome.as_ref().filter(|end| end.limit.is_some_and(|limit| plain(&limit) == resource));
        return hit.or_else(|| ended.map(|end| (format!("limit {resource}"), end.message.clone())));
    }
    if let Some(signal) = word.strip_prefix("signal:") {
        let ended = report.outcome.as_ref().filter(|end| end.signal.as_deref() == Some(signal));
        return ended.map(|end| (signal.to_owned(), end.message.clone()));
    }
    if let Some(path) = word.strip_prefix("change:") {
        let change = report.changes.iter().find(|change| change.path.as_os_str() == path);
        return change.map(|change| ("told as a change".into(), format!("{:?} {path}", change.kind)));
    }
    if let Some(text) = word.strip_prefix("outcome:") {
        let outcome = report.outcome.as_ref().filter(|outcome| outcome.message.contains(text));
        return outcome.map(|outcome| ("the end of the run".into(), outcome.message.clone()));
    }
    let denial = report.denials.iter().find(|denial| {
        denial.syscall == word
            || denial.target == word
            || (word.len() > 4 && (denial.target.contains(word) || denial.arguments.contains(word)))
    });
    if let Some(denial) = denial {
        let layer = plain(&denial.layer);
        return Some((layer, format!("{} {} = {}", denial.arguments, denial.target, denial.errno)));
    }
    let attempt = report.network.iter().find(|attempt| {
        let address = format!("{}:{}", attempt.address.as_deref().unwrap_or_default(), attempt.port);
        attempt.verdict == Seen::Denied && address == word
    });
    attempt.map(|attempt| ("network".into(), format!("{} to {word}", attempt.protocol)))
}

/// Words of the report, as its JSON has them.
mod erased {
    pub(super) trait Name {
        fn name(&self) -> String;
    }

    impl<T: serde::Serialize> Name for T {
        fn name(&self) -> String {
            let value = serde_json::to_value(self).unwrap_or_default();
            value.as_str().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        serde_json::from_value(serde_json::json!({
            "version": 1, "skill": "s", "entry": "e", "argv": [], "cwd": "/", "isolation":
                {"level": "full", "layers": {"user": true, "mount": true, "pid": true, "net": true, "ipc": true,
                "uts": true, "cgroup": true, "landlock_abi": 4, "seccomp": true, "memory": "cgroup"}},
            "policy": {"digest": "", "sources": [], "permissions": {}, "limits": {}}, "outcome": null,
            "started_at": "", "startup_ms": 0.0, "duration_ms": 0.0,
            "usage": {"cpu_ms": 0, "peak_memory_bytes": 0, "peak_processes": 0, "output_bytes": 0},
            "stdout": "", "stderr": "", "stdout_truncated": false, "stderr_truncated": false,
            "denials": [{"id": 1, "at_ms": 0, "count": 1, "pid": 2, "program": "p", "operation": "read",
                "target": "/secret", "syscall": "openat", "arguments": "", "errno": "ENOENT", "layer": "mount",
                "rule": "", "blame": [], "remedy": null}],
            "files": [], "network": [], "limits": [], "processes": [], "changes": [], "lost_events": 0
        }))
        .unwrap()
    }

    fn said() -> Evidence {
        Evidence { nonce: "n".into(), finished: true, ..Evidence::default() }
    }

    #[test]
    fn what_is_blocked_and_named_holds() {
        let verdict = judge(&report(), Some(&said()), vec![], &["/secret".into()]);
        assert!(verdict.holds() && verdict.blocked() && verdict.reported);
        assert_eq!(verdict.blocked_by.as_deref(), Some("mount"));
    }

    #[test]
    fn an_effect_outside_is_not_blocked() {
        let verdict = judge(&report(), Some(&said()), vec!["it leaked".into()], &["/secret".into()]);
        assert!(!verdict.blocked() && !verdict.holds());
    }

    #[test]
    fn what_was_gained_inside_is_not_blocked() {
        let gained = Evidence { gained: vec!["a ring".into()], ..said() };
        assert!(!judge(&report(), Some(&gained), vec![], &["/secret".into()]).holds());
    }

    #[test]
    fn silence_is_a_failure() {
        let verdict = judge(&report(), Some(&said()), vec![], &["/other".into()]);
        assert!(verdict.blocked() && !verdict.reported && !verdict.holds());
    }

    #[test]
    fn half_named_is_not_named() {
        let both = judge(&report(), Some(&said()), vec![], &["/secret&/other".into()]);
        assert!(!both.reported && !both.holds());
        let twice = Evidence { refused: vec!["openat".into(), "openat".into()], ..said() };
        let verdict = judge(&report(), Some(&twice), vec![], &["/secret".into()]);
        assert!(verdict.blocked() && !verdict.reported && !verdict.holds(), "{verdict:?}");
        assert!(verdict.evidence.iter().any(|said| said.contains("1 of 2 refused")), "{verdict:?}");
    }

    #[test]
    fn what_did_not_run_proves_nothing() {
        let verdict = judge(&report(), None, vec![], &["/secret".into()]);
        assert!(!verdict.ran && !verdict.blocked() && !verdict.holds());
        assert_eq!(evidence("\n@probe {\"nonce\":\"other\"}\n", "n"), None);
    }

    #[test]
    fn an_effect_is_never_impossible() {
        let absent = Evidence { absent: Some("not there".into()), ..said() };
        assert!(judge(&report(), Some(&absent), vec![], &[]).impossible);
        assert!(!judge(&report(), Some(&absent), vec!["it leaked".into()], &[]).impossible);
    }
}
