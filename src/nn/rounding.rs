//! What merged weights are rounded to.

use candle_core::DType;

/// The type that numbers are rounded to, under PyTorch's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// as they are computed
    #[default]
    Float32,
    /// the range of float32, 8 significant bits
    Bfloat16,
    /// up to 65504, 11 significant bits
    Float16,
}

impl Rounding {
    /// All names, the default first.
    pub const NAMES: &'static [&'static str] = &["float32", "bfloat16", "float16"];

    /// The type of that name.
    pub fn named(name: &str) -> Option<Rounding> {
        [Rounding::Float32, Rounding::Bfloat16, Rounding::Float16].into_iter().find(|rounding| rounding.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Rounding::Float32 => "float32",
            Rounding::Bfloat16 => "bfloat16",
            Rounding::Float16 => "float16",
        }
    }

    /// Whether its numbers take two bytes.
    pub fn is_narrow(self) -> bool {
        self != Rounding::Float32
    }

    /// The same of tensors.
    pub fn dtype(self) -> DType {
        match self {
            Rounding::Float32 => DType::F32,
            Rounding::Bfloat16 => DType::BF16,
            Rounding::Float16 => DType::F16,
        }
    }
}
