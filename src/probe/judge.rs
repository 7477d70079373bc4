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
    if let Some(named) = named.iter().find_map(|word| names(report, word)) {
        verdict.reported = true;
        verdict.evidence.push(format!("report: {}", named.1));
        verdict.blocked_by = Some(named.0);
    } else if let Some(absent) = evidence.and_then(|said| said.absent.clone()) {
        verdict.impossible = verdict.effect.is_none();
        verdict.evidence.push(format!("impossible: {absent}"));
    }
    if let Some(outcome) = &report.outcome {
        verdict.evidence.push(format!("outcome: {}", outcome.message));
    }
    if verdict.effect.is_some() {
        verdict.blocked_by = None;
    }
    verdict
}

/// Who blocked what this word stands for, and in which words the report says so. The word is a target, an address, the
/// name of a call, `limit:RESOURCE` or `signal:NAME`.
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
