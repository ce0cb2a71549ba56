//! How exact the arithmetic of a network is.

/// What convolutions may do to be fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// the fastest method for each shape: Winograd's, where it applies, with its rounding
    #[default]
    Fast,
    /// every output is one sum of products in a fixed order: equal patches give bitwise equal outputs
    Exact,
}

impl Precision {
    /// The words of the `precision` setting, the default first.
    pub const NAMES: &'static [&'static str] = &["fast", "exact"];

    /// By its word.
    pub fn named(name: &str) -> Option<Precision> {
        match name {
            "fast" => Some(Precision::Fast),
            "exact" => Some(Precision::Exact),
            _ => None,
        }
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Fast => "fast",
            Precision::Exact => "exact",
        }
    }
}
