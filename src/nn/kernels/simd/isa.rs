//! Which instruction sets there are, and which of them this processor has.

use std::fmt;
use std::sync::OnceLock;

/// An instruction set that this processor has: nothing else can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

/// What [`dispatch!`](super::dispatch) matches on.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// plain Rust over arrays, which the compiler turns into SSE2 on x86 and NEON on Arm
    Portable,
}

static IN_USE: OnceLock<Isa> = OnceLock::new();

impl Isa {
    /// The instruction set in use: the widest one, or the one that the environment variable `FSCHED_ISA` names, with
    /// which the bytes of a run on another machine can be had again. A name that is unknown or not available here is
    /// passed over; [`Isa::requested`] says so.
    pub fn in_use() -> Isa {
        *IN_USE.get_or_init(|| Isa::requested().unwrap_or_else(|_| Isa::widest()))
    }

    /// Takes the instruction set of this name into use, for the whole process, if no other one is yet.
    ///
    /// # Errors
    /// A sentence, if the name is unknown, this processor lacks what it names, or another one is in use.
    pub fn take(name: &str) -> Result<(), String> {
        let available = Isa::available();
        let Some(wanted) = available.iter().find(|isa| isa.to_string() == name) else {
            let here: Vec<String> = available.iter().map(Isa::to_string).collect();
            return Err(format!("this processor has {}, not {name}", here.join(", ")));
        };
        match *IN_USE.get_or_init(|| *wanted) {
            found if found == *wanted => Ok(()),
            found => Err(format!("{found} is in use, not {name}")),
        }
    }

    /// What `FSCHED_ISA` asks for (`avx512`, `avx2` or `portable`); the widest instruction set where it is not set.
    ///
    /// # Errors
    /// A sentence, if the name is unknown or this processor lacks what it names.
    pub fn requested() -> Result<Isa, String> {
        let Some(name) = std::env::var_os("FSCHED_ISA") else { return Ok(Isa::widest()) };
        let available = Isa::available();
        let found = available.iter().find(|isa| name == isa.to_string().as_str());
        found.copied().ok_or_else(|| {
            let here: Vec<String> = available.iter().map(Isa::to_string).collect();
            format!("FSCHED_ISA is {name:?}; this processor has {}", here.join(", "))
        })
    }

    /// The instruction sets that this processor has, widest first; `portable` is always there.
    pub fn available() -> Vec<Isa> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") {
                if has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512vl") {
                    all.push(Isa(Kind::Avx512));
                }
                all.push(Isa(Kind::Avx2));
            }
        }
        all.push(Isa(Kind::Portable));
        all
    }

    /// Runs `work` with its loops compiled for this instruction set, as far as the compiler inlines them: plain loops
    /// over slices, without [`Simd`](super::Simd). Nothing is fused in them, so their bits are the same everywhere.
    #[inline(always)]
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
        fn avx512<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        match self.0 {
            // SAFETY: an `Isa` exists only where the processor has what it names.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { avx512(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { avx2(work) },
            Kind::Portable => work(),
        }
    }

    fn widest() -> Isa {
        Isa::available()[0]
    }

    /// For [`dispatch!`](super::dispatch).
    #[doc(hidden)]
    #[inline(always)]
    pub fn kind(self) -> Kind {
        self.0
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Portable => "portable",
        })
    }
}
