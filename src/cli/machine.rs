//! What a program is computed on: the command line decides, then the program, then what there is.

use super::failure::{Exit, Failure};
use crate::diagnostic::Code;
use crate::language::program::{Device as Wanted, Program};
use crate::nn::kernels::Isa;
use candle_core::Device;
use candle_core::utils::{cuda_is_available, metal_is_available};

/// What it is computed on
#[derive(clap::Args, Debug)]
pub struct Machine {
    /// What to compute on, whatever the program says
    #[arg(long, value_enum)]
    device: Option<DeviceName>,
    /// Threads to compute with, whatever the program says; results don't depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum DeviceName {
    Auto,
    Cpu,
    Cuda,
    Metal,
}

impl Machine {
    /// The device and its name; `auto` is the fastest that this build can use.
    ///
    /// # Errors
    /// If it isn't there, or `FSCHED_ISA` names an instruction set that isn't.
    pub fn device(&self, program: &Program) -> Result<(Device, &'static str), Failure> {
        let help = "leave it unset for the fastest; another one gives the bytes of a run on another processor";
        Isa::requested().map_err(|why| Failure::usage(why).help(help))?;
        match self.device.map_or(program.device, DeviceName::wanted) {
            Wanted::Auto if cuda_is_available() => open(Device::new_cuda(0), "cuda"),
            Wanted::Auto if metal_is_available() => open(Device::new_metal(0), "metal"),
            Wanted::Auto | Wanted::Cpu => Ok((Device::Cpu, "cpu")),
            Wanted::Cuda => open(Device::new_cuda(0), "cuda"),
            Wanted::Metal => open(Device::new_metal(0), "metal"),
        }
    }

    /// Threads that the command line asks for, else the program, else as many as the machine has.
    pub fn threads(&self, program: &Program) -> usize {
        let asked = self.threads.map(usize::from).or(program.threads);
        asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl DeviceName {
    fn wanted(self) -> Wanted {
        match self {
            DeviceName::Auto => Wanted::Auto,
            DeviceName::Cpu => Wanted::Cpu,
            DeviceName::Cuda => Wanted::Cuda,
            DeviceName::Metal => Wanted::Metal,
        }
    }
}

fn open(device: candle_core::Result<Device>, name: &'static str) -> Result<(Device, &'static str), Failure> {
    device.map(|d| (d, name)).map_err(|e| {
        // The tensor library's own words for it would name the library.
        let reason = match e.to_string() {
            text if text.contains("has not been built") => "this build computes on the processor only".to_string(),
            text => text,
        };
        Failure::new(Exit::RunFailed, format!("cannot compute on {name}: {reason}"))
            .code(Code::RUN_FAILED)
            .help("`--device cpu` always works")
    })
}
