//! Which line of the skill a refusal came from: what the sandbox read, what the skill's shell scripts say, and what
//! interpreters print.

use std::path::Path;

use super::super::shell::Effect;
use super::super::source;
use super::Recorder;
use crate::sandbox::event::{Denied, Frame, Operation};

/// Programs that started each other, between a refusal and the script that it came from.
const MAX_PROGRAMS: usize = 64;
/// Lines that are looked for in shell scripts.
const MAX_LINES: usize = 4096;

/// The shell, and the program that it started or what it was refused itself; the line that its memory has.
pub(super) type LineKey = (usize, Result<usize, (Operation, String)>, Option<Frame>);

impl Recorder {
    /// The lines of the skill itself; the interpreter's library lies between them and the call. When the skill
    /// has none on the stack, all of it is better than nothing.
    pub(super) fn own_frames(&self, blame: &[Frame]) -> Vec<Frame> {
        let mut own: Vec<Frame> = blame.iter().filter_map(|frame| self.own_frame(frame)).collect();
        // A function without a line comes behind the same one with its line, where that is known.
        own.dedup_by(|next, last| next.line == 0 && last.line != 0 && next.function == last.function);
        if own.is_empty() { blame.iter().filter(|frame| frame.line > 0).cloned().collect() } else { own }
    }

    fn own_frame(&self, frame: &Frame) -> Option<Frame> {
        let file = source::own(&self.skill, &self.cwd.join(&frame.file))?;
        Some(Frame { file, ..frame.clone() })
    }

    /// Put the line of the innermost shell script first, or confirm it, unless a program that it started has lines of
    /// its own in the skill.
    pub(super) fn shell_frames(&mut self, denied: &Denied, mut blame: Vec<Frame>) -> Vec<Frame> {
        let mut at = self.processes.get(&denied.image).copied();
        let (mut started, mut before) = (None::<usize>, 0);
        for frames in denied.programs.iter().copied().chain(std::iter::repeat(0)).take(MAX_PROGRAMS) {
            let Some(process) = at.and_then(|at| self.report.processes.get(at)) else { break };
            let mut of_program = denied.blame.iter().skip(before).take(frames);
            let known = of_program.find_map(|frame| self.own_frame(frame));
            if let Some(script) = self.scripts.script_of(process) {
                let known = known.filter(|frame| self.scripts.is_part(&script, &frame.file));
                let line =
                    self.script_line(&script, (at.unwrap_or_default(), started), denied, known.as_ref());
                if line.is_none() && known.is_some() {
                    blame.retain(|frame| !self.scripts.is_part(&script, &frame.file));
                } else if known.is_some() {
                    blame.remove(0);
                } else if line.is_some() && blame.first().is_some_and(|frame| self.own_frame(frame).is_none())
                {
                    // Lines of libraries, shown for want of better ones.
                    blame.clear();
                }
                blame.splice(..0, line);
                break;
            }
            if known.is_some() {
                break;
            }
            before += frames;
            started = at;
            at = at.and_then(|at| self.starters[at]);
        }
        blame
    }

    fn script_line(
        &mut self,
        script: &Path,
        (shell, started): (usize, Option<usize>),
        denied: &Denied,
        known: Option<&Frame>,
    ) -> Option<Frame> {
        let own = || (denied.operation, denied.target.clone());
        let key: LineKey = (shell, started.ok_or_else(own), known.cloned());
        if let Some(line) = self.lines.get(&key) {
            return line.clone();
        }
        if self.lines.len() >= MAX_LINES {
            return None;
        }
        let effect = match started {
            Some(program) => Effect::Started(&self.report.processes[program].argv),
            None => Effect::Own(denied),
        };
        let line = self.scripts.line(script, effect, known);
        self.lines.insert(key, line.clone());
        line
    }

    /// A complaint has come after the refusal that it is about. Returns whether it was new.
    pub(super) fn blame_late(&mut self, first: usize) -> bool {
        let mut changed = false;
        for denial in self.report.denials.iter_mut().filter(|denial| denial.blame.is_empty()) {
            let program = denial.operation == Operation::Execute;
            if let Some(frames) = self.complaints.about(first, &denial.target, program) {
                denial.blame = frames.to_vec();
                changed = true;
            }
        }
        changed
    }
}
