//! What rounds of learning tell: lessons, what is left to the user, how it ended. Plain data.

use std::time::Duration;

use crate::policy::Remedy;
use crate::run::report::{Denial, Report};
use crate::sandbox::event::Outcome;

/// Why a grant is proposed without being tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Requests would really go out.
    Net,
    /// The host would really be changed.
    Write,
}

impl Held {
    pub fn text(self) -> &'static str {
        match self {
            Self::Net => "not tried: without --net no request goes out",
            Self::Write => "not tried: writes cannot be captured here, and --host-writes was not given",
        }
    }
}

/// A grant that a round asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    pub remedy: Remedy,
    /// The first refusal that it is for; its alternatives are wider grants.
    pub denial: Denial,
    /// Further refusals that it is for.
    pub further: usize,
    pub round: usize,
    pub held: Option<Held>,
}

/// A refusal that is the user's to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecided {
    pub denial: Denial,
    pub reason: String,
    pub round: usize,
}

/// One round, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    pub number: usize,
    pub outcome: Option<Outcome>,
    pub duration: Duration,
    pub denials: usize,
    pub learned: Vec<Lesson>,
    pub undecided: Vec<Undecided>,
    /// Whether it tried if less will do.
    pub confirms: bool,
}

/// What is told while it goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    Begins(usize),
    Ended(&'a Round),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A round asked for nothing new.
    Settled,
    /// Every round asked for something new.
    Rounds(usize),
    Time(Duration),
    /// More grants than [`super::rounds::MOST_GRANTS`] were asked for.
    Many,
    Cancelled,
    /// A run could not be started: why, and the next step.
    Failed(String),
}

impl Ended {
    pub fn text(&self) -> String {
        match self {
            Self::Settled => "settled: the last round asked for nothing new".to_owned(),
            Self::Rounds(rounds) => {
                format!("not settled: something new was asked for in each of {rounds} rounds")
            }
            Self::Time(time) => format!("not settled: the time of {} s is over", time.as_secs_f64().round()),
            Self::Many => {
                format!("not settled: more than {} grants were asked for", super::rounds::MOST_GRANTS)
            }
            Self::Cancelled => "cancelled".to_owned(),
            Self::Failed(why) => why.clone(),
        }
    }
}

/// All that was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    pub rounds: Vec<Round>,
    /// In the order of permissions and values.
    pub lessons: Vec<Lesson>,
    /// Asked for on the way, and not needed at the end: why.
    pub left_out: Vec<(Lesson, String)>,
    pub undecided: Vec<Undecided>,
    /// Refusals of the last round that no grant allows.
    pub refused: Vec<Denial>,
    pub ended: Ended,
    /// Writes were not let through, since they cannot be captured.
    pub held_writes: bool,
    /// The report of the last round.
    pub last: Option<Report>,
}
