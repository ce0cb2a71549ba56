//! Where a run stands: the steps that it is inside of, outermost first, the turn of each loop among them, and how far
//! those that train have come.

use super::progress::Progress;
use serde::{Deserialize, Serialize};

/// A stack of the steps that are under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor {
    frames: Vec<Frame>,
}

/// One step that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// static path: `3.repeat.1`
    pub id: String,
    /// turn of a loop, from 1; 0 for all that isn't a loop
    pub turn: u64,
    /// of a training statement under way. An innermost step without it has been done, unless it was saved within an
    /// evaluation: states are saved between steps, within training and within evaluations, never elsewhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub training: Option<Progress>,
    /// it was saved within an evaluation, and is to be entered again
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub measuring: bool,
}

impl Cursor {
    /// A step begins.
    pub fn enter(&mut self, id: &str) {
        self.frames.push(Frame { id: id.to_string(), turn: 0, training: None, measuring: false });
    }

    /// A step that was under way goes on.
    pub fn enter_again(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// The innermost step.
    pub fn innermost(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    /// The innermost training statement under way.
    pub fn training(&self) -> Option<&Progress> {
        self.frames.last().and_then(|frame| frame.training.as_ref())
    }

    /// The innermost step, a loop, begins its next turn.
    pub fn turn(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.turn += 1;
        }
    }

    /// The same, to be changed.
    pub fn training_mut(&mut self) -> Option<&mut Progress> {
        self.frames.last_mut().and_then(|frame| frame.training.as_mut())
    }

    /// The innermost step, a block that runs again and again, is in this turn.
    pub fn set_turn(&mut self, turn: u64) {
        if let Some(frame) = self.frames.last_mut() {
            frame.turn = turn;
        }
    }

    /// Turn of the innermost step, a loop.
    pub fn turns(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.turn)
    }

    /// The innermost step has ended.
    pub fn leave(&mut self) {
        self.frames.pop();
    }

    /// Static path of the innermost step; empty outside all steps.
    pub fn id(&self) -> &str {
        self.frames.last().map_or("", |frame| &frame.id)
    }

    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The same steps under the paths that they have in another program, outermost first.
    pub fn rename(&mut self, ids: Vec<String>) {
        for (at, id) in ids.into_iter().enumerate() {
            let place = id.rsplit('.').next().and_then(|n| n.parse::<usize>().ok());
            let Some(frame) = self.frames.get_mut(at) else { return };
            frame.id = id;
            // A block that an event started is known by its place among those of its step.
            if let (Some(n), Some(host)) = (place, at.checked_sub(1))
                && let Some(progress) = &mut self.frames[host].training
                && let Some(pending) = progress.pending.first_mut()
            {
                pending.trigger = n.saturating_sub(1);
            }
        }
    }

    /// Gives the steps away, and is outside all of them afterwards.
    pub fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.frames)
    }

    /// Names the innermost step among all turns: `3.repeat[2].1`. Empty outside all steps.
    ///
    /// A path below a loop continues the loop's own (`3`, then `3.repeat.1`, or `3.repeat`, then `3.repeat.1`); the
    /// turn stands before the last part of what it adds.
    pub fn instance(&self) -> String {
        let mut instance = String::new();
        let mut outer: Option<&Frame> = None;
        for frame in &self.frames {
            let below = outer.and_then(|o| Some((o.turn, frame.id.strip_prefix(o.id.as_str())?)));
            match below {
                None => instance.clone_from(&frame.id),
                Some((0, added)) => instance.push_str(added),
                Some((turn, added)) => {
                    let last = added.rfind('.').unwrap_or(added.len());
                    instance.push_str(&format!("{}[{turn}]{}", &added[..last], &added[last..]));
                }
            }
            outer = Some(frame);
        }
        instance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(frames: &[(&str, u64)]) -> Cursor {
        Cursor {
            frames: frames
                .iter()
                .map(|(id, turn)| Frame { id: id.to_string(), turn: *turn, training: None, measuring: false })
                .collect(),
        }
    }

    #[test]
    fn instances_name_the_turn_of_each_loop() {
        for (frames, instance) in [
            (&[][..], ""),
            (&[("2", 0)], "2"),
            (&[("3", 2), ("3.repeat.1", 0)], "3.repeat[2].1"),
            (&[("3.repeat", 2), ("3.repeat.1", 0)], "3.repeat[2].1"),
            (&[("3", 2), ("3.repeat.1", 4), ("3.repeat.1.for.2", 0)], "3.repeat[2].1.for[4].2"),
            (&[("1", 0), ("1.then.2", 3), ("1.then.2.repeat.1", 0)], "1.then.2.repeat[3].1"),
        ] {
            assert_eq!(cursor(frames).instance(), instance);
        }
    }

    #[test]
    fn a_turn_belongs_to_the_innermost_step() {
        let mut cursor = Cursor::default();
        cursor.enter("1");
        cursor.turn();
        cursor.enter("1.repeat.1");
        assert_eq!(cursor.instance(), "1.repeat[1].1");
        cursor.leave();
        cursor.turn();
        cursor.enter("1.repeat.1");
        assert_eq!(cursor.instance(), "1.repeat[2].1");
    }
}
