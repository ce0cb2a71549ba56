//! What a network holds, as tensors under names: to be written, read, and changed.

use super::{BatchNorm, Network, Parameter, Trainable};
use crate::nn::architecture::{BufferKind, Input, Part, PartKind};
use crate::nn::in_place;
use crate::nn::kernels::narrow::is_narrow;
use crate::nn::rounding::Rounding;
use candle_core::{DType, Device, Result, Tensor, bail};
use std::collections::BTreeMap;

impl Network {
    /// All tensors under their names in a `state_dict`: weights, running statistics and `num_batches_tracked`. They
    /// share their numbers with the network.
    ///
    /// # Errors
    /// If the counts cannot be put into tensors.
    pub fn state_dict(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for Parameter { part, tensor } in &self.parameters {
            tensors.insert(part.name.clone(), tensor.clone());
        }
        for BatchNorm { name, running, batches, .. } in &self.norms {
            let key = |kind: BufferKind| format!("{name}.{}", kind.suffix());
            tensors.insert(key(BufferKind::RunningMean), running.mean.clone());
            tensors.insert(key(BufferKind::RunningVar), running.var.clone());
            tensors.insert(key(BufferKind::BatchesTracked), Tensor::new(*batches, &Device::Cpu)?);
        }
        Ok(tensors)
    }

    /// Takes over copies of all tensors of `tensors`, which has exactly the names and shapes of
    /// [`Network::state_dict`]; adapters that it lacks stay as they are. Nothing changes if there is an error.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen, or is no number that fits.
    pub fn load_state_dict(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
        self.take(tensors, Tensor::copy)
    }

    /// The same of tensors that nobody else holds: they are taken over as they are, where they have the right type.
    ///
    /// # Errors
    /// As [`Network::load_state_dict`].
    pub fn adopt(&mut self, tensors: BTreeMap<String, Tensor>) -> Result<()> {
        self.take(&tensors, |tensor| Ok(tensor.clone()))
    }

    fn take(&mut self, tensors: &BTreeMap<String, Tensor>, own: fn(&Tensor) -> Result<Tensor>) -> Result<()> {
        let device = self.device().clone();
        let find = |name: &str, shape: &[usize], dtype: DType| -> Result<Tensor> {
            match tensors.get(name) {
                Some(tensor) if tensor.dims() == shape => {
                    own(&tensor.to_device(&device)?.to_dtype(dtype)?.contiguous()?)
                }
                Some(tensor) => bail!("{name} has shape {:?}, the model's {shape:?}", tensor.dims()),
                None => bail!("{name} is missing"),
            }
        };
        let mut parameters = self.parameters.clone();
        for Parameter { part, tensor } in &mut parameters {
            if part.kind != PartKind::Adapter || tensors.contains_key(&part.name) {
                let dtype = tensors.get(&part.name).map_or(DType::F32, |found| self.kept(part, found));
                *tensor = find(&part.name, &part.shape, dtype)?;
            }
        }
        let mut norms = self.norms.clone();
        for BatchNorm { name, running, batches, .. } in &mut norms {
            let key = |kind: BufferKind| format!("{name}.{}", kind.suffix());
            let shape = running.mean.dims().to_vec();
            running.mean = find(&key(BufferKind::RunningMean), &shape, DType::F32)?;
            running.var = find(&key(BufferKind::RunningVar), &shape, DType::F32)?;
            *batches = find(&key(BufferKind::BatchesTracked), &[], DType::I64)?.to_scalar()?;
        }
        (self.parameters, self.norms) = (parameters, norms);
        Ok(())
    }

    /// Takes over the numbers of one tensor of a file, of the parameter's shape, in any type of real numbers. Matrices of
    /// language models stay in two bytes a number if they come so.
    ///
    /// # Errors
    /// If there is no parameter of that name, or of another shape.
    pub fn take_over(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        let device = self.device().clone();
        let Some(index) = self.index_of(name) else { bail!("there is no parameter {name}") };
        let parameter = &self.parameters[index];
        if tensor.dims() != parameter.part.shape {
            bail!("{name} has shape {:?}, the model's {:?}", tensor.dims(), parameter.part.shape);
        }
        let dtype = self.kept(&parameter.part, tensor);
        self.parameters[index].tensor = tensor.to_device(&device)?.to_dtype(dtype)?.contiguous()?;
        Ok(())
    }

    /// Makes these parameters f32, as those must be that a step changes; their numbers stay the same.
    ///
    /// # Errors
    /// If memory cannot be had.
    pub fn widen(&mut self, chosen: Trainable) -> Result<()> {
        for (_, parameter) in self.parameters.iter_mut().enumerate().filter(|(index, _)| chosen.wants(*index)) {
            parameter.tensor = parameter.tensor.to_dtype(DType::F32)?;
        }
        Ok(())
    }

    /// Gives `f` the numbers of one parameter to change, in row-major order.
    ///
    /// # Errors
    /// If there is no such parameter, and what `f` returns.
    pub fn write<R>(&mut self, index: usize, f: impl FnOnce(&mut [f32]) -> Result<R>) -> Result<R> {
        match self.parameters.get_mut(index) {
            Some(parameter) => {
                parameter.tensor = parameter.tensor.to_dtype(DType::F32)?;
                in_place::write(&parameter.tensor, f)
            }
            None => bail!("there is no parameter {index}, only {}", self.parameters.len()),
        }
    }

    /// Rounds the numbers of one parameter, and keeps them in two bytes each where passes read such.
    ///
    /// # Errors
    /// If there is no such parameter, or it holds a number beyond the type's.
    pub fn round(&mut self, index: usize, rounding: Rounding) -> Result<()> {
        let Some(parameter) = self.parameters.get(index) else {
            bail!("there is no parameter {index}, only {}", self.parameters.len())
        };
        let rounded = parameter.tensor.to_dtype(rounding.dtype())?;
        let after = rounded.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        if let Some(place) = after.iter().position(|after| !after.is_finite()) {
            let (name, number) = (&parameter.part.name, parameter.numbers()?[place]);
            match rounding {
                _ if !number.is_finite() => bail!("{name} holds {number}"),
                Rounding::Float16 => {
                    bail!("{name} holds {number}: float16 ends at 65504, bfloat16 has the range of float32")
                }
                _ => bail!("{name} holds {number}, which is beyond {}", rounding.name()),
            }
        }
        let dtype = self.kept(&parameter.part, &rounded);
        self.parameters[index].tensor = rounded.to_dtype(dtype)?;
        Ok(())
    }

    /// The type in which a tensor of a file is kept: what only products and look-ups read may stay narrow, on the CPU.
    fn kept(&self, part: &Part, found: &Tensor) -> DType {
        let may = part.may_be_narrow() && matches!(self.architecture.input, Input::Text { .. });
        if may && self.device().is_cpu() && is_narrow(found) { found.dtype() } else { DType::F32 }
    }
}
