//! `export`: weights in forms that others read.

use super::Run;
use super::error::{Failure, Halt};
use crate::components::adapters::NAME;
use crate::components::models::text::{self, Named, Start};
use crate::disk;
use crate::language::program::{Exported, Tensors};
use crate::nn::pretrained::{Form, describe, peft};
use crate::nn::weights;

/// Where exports are, in the run folder.
const FOLDER: &str = "exports";

/// Writes what is asked for; one of that name is replaced. Without a run folder there is nowhere to write.
pub fn export(run: &mut Run, what: Exported, only: Option<&Tensors>, name: &str) -> Result<(), Halt> {
    let Some(folder) = run.world.folder.as_ref().map(|folder| folder.join(FOLDER)) else { return Ok(()) };
    disk::make_folder(&folder).map_err(Failure::disk)?;
    let unwritable =
        |e: String| Failure::new(e).help("make sure that the run folder may be written to and has space left");
    match what {
        Exported::Weights => {
            let path = folder.join(format!("{name}.safetensors"));
            let mut tensors = run.state.network.state_dict()?;
            if let Some(only) = only {
                let chosen = run.state.network.architecture().tensors_of(&only.parts);
                tensors.retain(|name, _| chosen.contains(name));
            }
            weights::write(&tensors, &path).map_err(|e| unwritable(e.to_string()))?;
        }
        Exported::Adapters => {
            let spec = &run.program.model.spec;
            let (form, base) = match text::start(spec, &run.world.places)? {
                Start::Whole(Named { path, shown }) if path.is_dir() => {
                    let described = describe(&path).map_err(|e| Failure::new(e.to_string()))?;
                    (described.form, shown)
                }
                Start::Whole(Named { shown, .. }) => (Form::Llama, shown),
                Start::Random | Start::Parts { .. } => (Form::Llava, spec.name().into()),
            };
            peft::write(&run.state.network, NAME, form, &base, &folder.join(name))
                .map_err(|e| unwritable(e.to_string()))?;
        }
    }
    Ok(())
}
