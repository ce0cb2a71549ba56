//! What makes a robust accuracy doubtful, looked for by itself where an `evaluate` measures one.

use super::error::Halt;
use super::measure::{OnDevice, Reading};
use super::{Run, some_examples};
use crate::components::metrics::soundness::{self, Checked};
use crate::components::metrics::{self, correct, robust};
use crate::components::objectives::{Batch, Draws};
use crate::components::{Family, Spec};
use crate::language::program::Settings;
use crate::nn::network::{Mode, Network};

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
    let flags = flags(network, &images, attack, reading, draws)?;
    reading.detail.flags.extend(flags);
    Ok(())
}

fn flags(
    network: &Network,
    images: &OnDevice,
    attack: &Spec,
    reading: &Reading,
    draws: Draws,
) -> candle_core::Result<Vec<metrics::Flag>> {
    let n = reading.per_example.len();
    let (many, few) = soundness::sizes(n);
    let any = images.at(&(0..many).collect::<Vec<_>>())?;
    let withstood = |i: &usize| reading.per_example[*i] == 1.0;
    // One that withstood the attack is right as it is.
    let right: Vec<usize> = (0..n).filter(withstood).take(few).collect();
    let fallen: Vec<usize> = (0..n).filter(|i| !withstood(i)).take(4 * few).collect();
    let (right, fallen) = (images.at(&right)?, images.at(&fallen)?);
    let broken = right_of(network, &fallen, few)?;
    let of = (n, (0..n).filter(withstood).count());
    soundness::check(&Checked { network, images: &any, right: &right, broken: &broken, attack, of, draws })
}

/// The first images that are classified correctly, `most` at most.
fn right_of(network: &Network, images: &Batch, most: usize) -> candle_core::Result<Batch> {
    if images.labels.is_empty() {
        return Ok(images.clone());
    }
    let right = correct(&network.logits(&images.pixels, Mode::Eval)?, &images.labels)?;
    let places: Vec<usize> = (0..right.len()).filter(|i| right[*i]).take(most).collect();
    metrics::pick(images, &places)
}
