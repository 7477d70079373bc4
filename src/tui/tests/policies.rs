//! Policies that the doubles answer with.

use std::path::Path;

use crate::policy::{self, Approvals, Places, Policy, Request, standing};
use crate::tui::state::{FileStanding, KnownUse, PolicyFile, PolicyReview, Session, UseMark};

const BEFORE: &str = "permissions:\n  read: [./cities]\n";
pub(super) const NOW: &str = "permissions:\n  read: [./cities]\n  net: [\"api.example.org:443\"]\n";

/// It asks for one thing more than what was approved before.
pub(super) fn request(file: &Path) -> Request {
    Request::written(NOW, file, Some(BEFORE))
}

/// What runs say about the grants of a policy file: of each kind something else.
pub(super) fn uses(text: &str) -> Vec<KnownUse> {
    let file = Path::new("/home/ada/project/.skills/weather/policy.yaml");
    let own = policy::parse(text, file, &Places { workspace: "/home/ada/project".into(), home: None }).policy;
    let known = |origin: &policy::Origin, mark, sentence: &str| match origin {
        policy::Origin::File { line, column, .. } => {
            KnownUse { place: (*line, *column), mark, sentence: sentence.to_owned() }
        }
        other => panic!("{other}"),
    };
    let unneeded = "none of 7 runs in the last 3 days needed it";
    let paths = own.read.iter().enumerate().map(|(at, grant)| match at {
        0 => known(&grant.origin, UseMark::Newest, "7 of 7 runs in the last 3 days needed it"),
        _ => known(&grant.origin, UseMark::Partly, "2 of 7 runs in the last 3 days needed only a part of it"),
    });
    let hosts = own.net.iter().enumerate().map(|(at, grant)| match at {
        0 => known(&grant.origin, UseMark::Earlier, "1 of 7 runs in the last 3 days needed it"),
        _ => known(&grant.origin, UseMark::Never, unneeded),
    });
    let variables = own.env.iter().map(|grant| {
        known(&grant.origin, UseMark::Unknown, "no run can show which variables a program looks at")
    });
    paths.chain(hosts).chain(variables).collect()
}

/// The policy of the skill `weather` with that text in its file.
pub(super) fn review(text: Option<&str>, approved: bool) -> PolicyReview {
    let file = Path::new("/home/ada/project/.skills/weather/policy.yaml");
    let places = Places { workspace: "/home/ada/project".into(), home: Some("/home/ada".into()) };
    let Some(text) = text else {
        let lines = standing::lines(&Policy::default(), None);
        let session = Session::default();
        return PolicyReview { lines, file: PolicyFile::Missing, standing: FileStanding::Missing, session };
    };
    let diagnostics = policy::diagnose(text, file, &places);
    let mut request = Request::written(text, file, Some(BEFORE));
    if approved {
        request.approve_for_now(&Approvals::default());
    }
    let standing = FileStanding::of(&diagnostics, Some(&request));
    let own = policy::parse(text, file, &places).policy;
    let lines = match standing {
        FileStanding::Approved => standing::lines(&own, None),
        _ => standing::lines(&Policy::default(), Some(&own)),
    };
    let file = PolicyFile::Read { text: text.into(), diagnostics };
    PolicyReview { lines, file, standing, session: Session::default() }
}

pub(super) fn approved(mut request: Request) -> Box<Request> {
    request.approve_for_now(&Approvals::default());
    Box::new(request)
}
