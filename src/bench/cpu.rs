//! CPU time and memory of a process, as Linux counts them.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::BenchError;

/// Ticks of `/proc/PID/stat` in a second: `USER_HZ`, which is 100 on every architecture that this runs on (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// A process whose CPU time is read.
#[derive(Clone, Debug)]
pub struct ProcessCpu {
    name: String,
}

impl ProcessCpu {
    /// This process.
    pub fn own() -> Self {
        Self { name: "self".to_owned() }
    }

    /// Another process.
    pub fn of(pid: u32) -> Self {
        Self { name: pid.to_string() }
    }

    /// CPU time so far of all its threads, user and system, in seconds; counted in steps of 10 ms.
    ///
    /// # Errors
    /// [`BenchError::Cpu`] where there is no such process.
    pub fn seconds(&self) -> Result<f64, BenchError> {
        let stat = self.read("stat")?;
        // The name may hold anything, a parenthesis too.
        let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest);
        let ticks = |place: usize| after_name?.split(' ').nth(place)?.parse::<f64>().ok();
        match (ticks(11), ticks(12)) {
            (Some(user), Some(system)) => Ok((user + system) / TICKS_PER_SECOND),
            _ => Err(self.error(io::Error::other("its stat does not read as one"))),
        }
    }

    /// Memory that it holds now, in bytes.
    ///
    /// # Errors
    /// [`BenchError::Cpu`] where there is no such process.
    pub fn resident_bytes(&self) -> Result<u64, BenchError> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kibibytes.map(|n| n * 1024).ok_or_else(|| self.error(io::Error::other("its status tells of no memory")))
    }

    fn read(&self, file: &str) -> Result<String, BenchError> {
        let path: PathBuf = ["/proc", &self.name, file].iter().collect();
        fs::read_to_string(path).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> BenchError {
        BenchError::Cpu { process: self.name.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_this_process_grows_and_that_of_none_is_an_error() {
        let own = ProcessCpu::own();
        let before = own.seconds().unwrap();
        let mut state = 1_u64;
        while own.seconds().unwrap() <= before {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
        assert!(own.resident_bytes().unwrap() > 0);
        // Numbers of processes end at 2^22 (proc(5)).
        assert!(ProcessCpu::of(u32::MAX).seconds().is_err());
    }
}
