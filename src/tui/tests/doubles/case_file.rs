//! The cases of the doubles, and how each ends: read by the desk, run by the runner.

use std::path::PathBuf;
use std::time::Duration;

use crate::cases::{self, Mismatch, Verdict};
use crate::skill::Skill;

pub(super) const CASES: &str = "\
- name: a city
  args: [--city, Bern]
- name: no city
  expect:
    exit: 2
    stderr: |
      usage: report CITY
- name: the real thing
  args: [--city, Paris]
";

pub(crate) fn cases(text: &str, skill: &Skill) -> cases::Loaded {
    cases::parse(text, &skill.path.join("cases/weather.yaml"), skill)
}

/// A case that ended so.
pub(crate) fn ended(verdict: Verdict) -> cases::Outcome {
    cases::Outcome {
        verdict,
        duration: Duration::from_millis(120),
        touched: [PathBuf::from("scripts/report.py")].into(),
        missing: Vec::new(),
    }
}

/// How the cases of the double end: the first passes, the second fails, the third cannot be run.
pub(super) fn ending(name: &str) -> Verdict {
    match name {
        "a city" => Verdict::Passed,
        "no city" => {
            let diff = "-usage: report CITY\n+Traceback (most recent call last):\n".to_owned();
            Verdict::Failed(vec![
                Mismatch { check: "exit".into(), line: 9, diff: "-2\n+1\n".into() },
                Mismatch { check: "stderr equals".into(), line: 10, diff },
            ])
        }
        _ => Verdict::NotRun("policy.yaml:3 grants net api.weather.example:443, which reaches out of the case: it needs --trust (in the workbench: t)".into()),
    }
}
