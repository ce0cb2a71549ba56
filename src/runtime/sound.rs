//! What makes a robust accuracy doubtful, looked for by itself where an `evaluate` measures one.

use super::error::Halt;
use super::measure::{OnDevice, Reading};
use super::{Run, some_examples};
use crate::components::metrics::soundness::{self, Checked};
use crate::components::metrics::{self, correct, robust};
use crate::components::objectives::Draws;
use crate::components::{Family, Spec};
use crate::language::program::{Op, Settings};
use crate::nn::network::{Mode, Network};
use crate::plan::each_step;

/// Adds the flags of a robust accuracy; of other metrics nothing.
pub fn check(run: &mut Run, reading: &mut Reading, settings: &Settings) -> Result<(), Halt> {
    let attack = (reading.spec.member == &robust::MEMBER).then(|| reading.spec.get("attack"));
    let Some(attack) = attack.and_then(|attack| attack.as_component(Family::Attack)) else { return Ok(()) };
    let data = run.dataset(&settings.data)?;
    let examples = some_examples(&data, reading.split)?;
    let images = OnDevice::of(examples, metrics::examples(&reading.spec), run.program.seed, &run.world.device);
    let memory = metrics::of_memory(&reading.spec);
    let network = run.measured_network(memory)?;
    let draws = Draws { seed: run.program.seed, clock: run.state.journal.clock };
    let mut loaded = false;
    each_step(&run.program.body, &mut |step| loaded |= matches!(step.op, Op::Load { .. }));
    let flags = flags((network, loaded), &images, attack, reading, draws)?;
    reading.detail.flags.extend(flags);
    Ok(())
}

/// `loaded`: the network's weights may come from elsewhere.
fn flags(
    (network, loaded): (&Network, bool),
    images: &OnDevice,
    attack: &Spec,
    reading: &Reading,
    draws: Draws,
) -> candle_core::Result<Vec<metrics::Flag>> {
    let n = reading.per_example.len();
    let (many, few) = soundness::sizes(n);
    let sample = |among: Vec<usize>, count: usize| images.sample(among, count, draws.seed);
    let any = images.at(&sample((0..n).collect(), many))?;
    let withstood = |i: &usize| reading.per_example[*i] == 1.0;
    // One that withstood the attack is right as it is.
    let right = images.at(&sample((0..n).filter(withstood).collect(), few))?;
    let fallen = sample((0..n).filter(|i| !withstood(i)).collect(), 4 * few);
    let broken = images.at(&sample(right_of(network, images, fallen)?, few))?;
    let of = (n, (0..n).filter(withstood).count());
    soundness::check(&Checked { network, loaded, images: &any, right: &right, broken: &broken, attack, of, draws })
}

/// Of these places those of images that are classified correctly as they are.
fn right_of(network: &Network, images: &OnDevice, places: Vec<usize>) -> candle_core::Result<Vec<usize>> {
    if places.is_empty() {
        return Ok(places);
    }
    let batch = images.at(&places)?;
    let right = correct(&network.logits(&batch.pixels, Mode::Eval)?, &batch.labels)?;
    Ok(places.into_iter().zip(right).filter(|(_, right)| *right).map(|(place, _)| place).collect())
}
