//! Everything that a run did, by time: made of its report and of the bursts of its output.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::Place;
use super::trace::Burst;
use crate::run::report::Report;
use crate::sandbox::event::{Operation, Verdict};

/// Files that are touched for the first time within this time of each other are told together.
const TOGETHER_MS: u64 = 100;

/// What is shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    #[default]
    Everything,
    /// Denials, refused connections and limits.
    Refused,
    Processes,
    Files,
    Network,
    Output,
}

impl Filter {
    pub const ALL: [Self; 6] =
        [Self::Everything, Self::Refused, Self::Processes, Self::Files, Self::Network, Self::Output];

    pub fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Refused => "refused and limits",
            Self::Processes => "processes",
            Self::Files => "files",
            Self::Network => "network",
            Self::Output => "output",
        }
    }

    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }
}

/// Something that happened; numbers are places in the lists of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    Started,
    Process(usize),
    Exited(usize),
    /// First uses of files.
    Files(FileGroup),
    Output(Burst),
    Network(usize),
    Denial(usize),
    Limit(usize),
    Ended,
}

/// Files that were first used at about the same time, in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGroup {
    pub first: usize,
    pub count: usize,
    /// The folder that holds all of them.
    pub folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at_ms: u64,
    pub what: Happening,
}

/// The entries, made anew only when somebody looks.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    entries: Vec<Entry>,
    made_for: Option<Filter>,
}

impl Timeline {
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Something has happened since it was made.
    pub fn stale(&mut self) {
        self.made_for = None;
    }

    /// Make it anew when it is not what `filter` shows now.
    pub fn refresh(&mut self, report: Option<&Report>, bursts: &[Burst], filter: Filter) {
        if self.made_for == Some(filter) {
            return;
        }
        self.made_for = Some(filter);
        self.entries = report.map(|report| entries(report, bursts)).unwrap_or_default();
        if let Some(report) = report {
            self.entries.retain(|entry| is_shown(entry, report, filter));
        }
    }
}

fn is_shown(entry: &Entry, report: &Report, filter: Filter) -> bool {
    use Happening::{Denial, Exited, Files, Limit, Network, Output, Process};
    let refused = |verdict: Option<Verdict>| verdict == Some(Verdict::Denied);
    match (filter, &entry.what) {
        (Filter::Everything, _)
        | (Filter::Refused, Denial(_) | Limit(_))
        | (Filter::Processes, Process(_) | Exited(_))
        | (Filter::Files, Files(_))
        | (Filter::Network, Network(_))
        | (Filter::Output, Output(_)) => true,
        (Filter::Refused, Network(at)) => refused(report.network.get(*at).map(|attempt| attempt.verdict)),
        _ => false,
    }
}

fn entries(report: &Report, bursts: &[Burst]) -> Vec<Entry> {
    use Happening::{Denial, Ended, Exited, Limit, Network, Output, Process, Started};
    let mut all = vec![Entry { at_ms: 0, what: Started }];
    let mut add = |at_ms: Option<u64>, what| all.extend(at_ms.map(|at_ms| Entry { at_ms, what }));
    for (index, process) in report.processes.iter().enumerate() {
        add(process.at_ms, Process(index));
        add(process.ended_ms, Exited(index));
    }
    for burst in bursts {
        add(u64::try_from(burst.at.as_millis()).ok(), Output(*burst));
    }
    for (index, attempt) in report.network.iter().enumerate() {
        add(attempt.at_ms, Network(index));
    }
    for (index, denial) in report.denials.iter().enumerate() {
        add(Some(denial.at_ms), Denial(index));
    }
    for (index, hit) in report.limits.iter().enumerate() {
        add(Some(hit.at_ms), Limit(index));
    }
    all.extend(files(report));
    // What begins something stands before what comes of it.
    let rank = |what: &Happening| match what {
        Started => 0,
        Process(_) => 1,
        Happening::Files(_) => 2,
        Output(_) => 3,
        Network(_) => 4,
        Denial(_) => 5,
        Limit(_) => 6,
        Exited(_) => 7,
        Ended => 8,
    };
    all.sort_by_key(|entry| (entry.at_ms, rank(&entry.what)));
    if report.outcome.is_some() {
        let last = all.last().map_or(0, |entry| entry.at_ms);
        all.push(Entry { at_ms: last.max(report.duration_ms.max(0.0) as u64), what: Ended });
    }
    all
}

/// First uses of files, those of the same kind below the same place together. What was refused is told by its denial.
fn files(report: &Report) -> Vec<Entry> {
    let told = |index: &usize| report.files[*index].verdict != Verdict::Denied;
    let mut order: Vec<(u64, usize)> = (0..report.files.len())
        .filter(told)
        .filter_map(|index| Some((report.files[index].at_ms?, index)))
        .collect();
    order.sort_unstable();
    let mut groups: Vec<(Entry, u64)> = Vec::new();
    let mut open: HashMap<(Operation, Verdict, PathBuf), usize> = HashMap::new();
    for (at_ms, index) in order {
        let file = &report.files[index];
        let key = (file.operation, file.verdict, place(&file.path));
        let known = open.get(&key).copied().and_then(|at| groups.get_mut(at));
        if let Some((Entry { what: Happening::Files(group), .. }, last)) = known
            && at_ms <= *last + TOGETHER_MS
        {
            group.count += 1;
            group.folder = common(&group.folder, &file.path);
            *last = at_ms;
            continue;
        }
        open.insert(key, groups.len());
        let folder = file.path.parent().unwrap_or(Path::new("/")).to_owned();
        let what = Happening::Files(FileGroup { first: index, count: 1, folder });
        groups.push((Entry { at_ms, what }, at_ms));
    }
    groups.into_iter().map(|(entry, _)| entry).collect()
}

/// The part of a path by which files are told together: `/usr/lib`, `/home/ada`.
fn place(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).components().take(3).collect()
}

/// The folder above both.
fn common(folder: &Path, path: &Path) -> PathBuf {
    let same = folder.components().zip(path.components()).take_while(|(a, b)| a == b);
    same.map(|(component, _): (Component<'_>, _)| component).collect()
}

/// What happened, in words; also what a search looks through and what is copied.
pub fn text(report: &Report, entry: &Entry, place: &Place) -> String {
    use Happening::{Denial, Ended, Exited, Files, Limit, Network, Output, Process, Started};
    let found = match &entry.what {
        Started => Some(format!("{} starts", report.entry)),
        Process(at) => report.processes.get(*at).map(|process| {
            let rest: Vec<&str> = process.argv.iter().skip(1).map(String::as_str).collect();
            format!("{} {} (pid {})", name(&process.program), rest.join(" "), process.pid)
        }),
        Exited(at) => report.processes.get(*at).map(|process| {
            let how = process.exit.map_or_else(|| "ended by a signal".into(), |code| format!("exit {code}"));
            format!("{} {how} (pid {})", name(&process.program), process.pid)
        }),
        Files(group) => report.files.get(group.first).map(|file| {
            let verb = verb(file.operation, file.verdict);
            if group.count == 1 {
                return format!("{verb} {}", place.short(&file.path));
            }
            let (folder, first) = (place.short(&group.folder), name(&file.path));
            format!("{verb} {} files in {folder}, first {first}", group.count)
        }),
        Output(burst) => {
            let stream = format!("{:?}", burst.stream).to_lowercase();
            Some(format!("{} on {stream}", crate::policy::summary::size(burst.bytes)))
        }
        Network(at) => report.network.get(*at).map(|attempt| {
            let host = attempt.host.as_deref().or(attempt.address.as_deref()).unwrap_or("?");
            let verdict = format!("{:?}", attempt.verdict).to_lowercase();
            format!("{} {host}:{} {verdict}", attempt.protocol, attempt.port)
        }),
        Denial(at) => report.denials.get(*at).map(|denial| {
            let operation = format!("{:?}", denial.operation).to_lowercase();
            let target = &denial.target;
            let target =
                if target.starts_with('/') { place.short(Path::new(target)) } else { target.clone() };
            format!("DENIED {operation} {target} {}", denial.errno)
        }),
        Limit(at) => report.limits.get(*at).map(|hit| {
            let resource = format!("{:?}", hit.resource).to_lowercase();
            format!("LIMIT {resource}: {} by {}", hit.effect, hit.enforced_by)
        }),
        Ended => report.outcome.as_ref().map(|outcome| match outcome.message.as_str() {
            "" => format!(
                "the run ends: {}",
                outcome.code.map_or_else(|| "no exit status".into(), |code| format!("exit {code}"))
            ),
            message => format!("the run ends: {message}"),
        }),
    };
    found.unwrap_or_default()
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn verb(operation: Operation, verdict: Verdict) -> &'static str {
    match (verdict, operation) {
        (Verdict::Missing, _) => "looks in vain for",
        (_, Operation::Write) => "writes",
        (_, Operation::Create) => "creates",
        (_, Operation::Delete) => "deletes",
        (_, Operation::Execute) => "executes",
        (Verdict::Unknown, _) => "uses",
        _ => "reads",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::event::Stream;
    use crate::tui::tests::reports::report;

    fn texts(filter: Filter) -> Vec<String> {
        let report = report(Path::new("/home/ada/project/.skills/weather"));
        let at = Duration::from_millis(50);
        let burst = Burst { stream: Stream::Stderr, at, until: at, bytes: 3000, offset: 0 };
        let mut timeline = Timeline::default();
        timeline.refresh(Some(&report), &[burst], filter);
        let place = Place { workspace: "/home/ada/project".into(), ..Place::default() };
        timeline
            .entries()
            .iter()
            .map(|entry| format!("{} {}", entry.at_ms, text(&report, entry, &place)))
            .collect()
    }

    #[test]
    fn all_lists_of_a_report_are_put_together_by_time() {
        let all = texts(Filter::Everything);
        assert!(all[0].contains("scripts/report.py starts"), "{all:?}");
        assert_eq!(all[1], "0 python3 scripts/report.py (pid 2)");
        assert!(all.contains(&"9 looks in vain for /etc/pip.conf".to_owned()), "{all:?}");
        assert!(all.contains(&"50 2.9KiB on stderr".to_owned()), "{all:?}");
        assert!(all.last().unwrap().contains("the run ends: exit 1"));
        let times: Vec<u64> =
            all.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn filters_leave_one_kind() {
        assert_eq!(texts(Filter::Refused).len(), 4, "three denials and a refused connection");
        assert_eq!(texts(Filter::Processes).len(), 3);
        assert_eq!(texts(Filter::Output).len(), 1);
        let mut filter = Filter::default();
        for _ in Filter::ALL {
            filter = filter.next();
        }
        assert_eq!(filter, Filter::Everything);
    }

    #[test]
    fn files_of_one_place_are_told_together() {
        let mut report = report(Path::new("/skill"));
        let file = report.files[0].clone();
        let one = |path: &str, at| crate::run::report::FileAccess {
            path: path.into(),
            at_ms: Some(at),
            ..file.clone()
        };
        report.files = vec![
            one("/usr/lib/python3/os.py", 3),
            one("/usr/lib/python3/json/__init__.py", 5),
            one("/usr/lib/x.so", 4),
            one("/usr/lib/late.so", 900),
            one("/etc/hosts", 4),
        ];
        let groups: Vec<_> = files(&report)
            .into_iter()
            .map(|entry| match entry.what {
                Happening::Files(group) => (entry.at_ms, group.count, group.folder),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [(3, 3, "/usr/lib"), (4, 1, "/etc"), (900, 1, "/usr/lib")];
        assert_eq!(groups, expected.map(|(at, count, folder)| (at, count, PathBuf::from(folder))));
    }
}
