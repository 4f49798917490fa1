//! Processors and memory that this process may use, and the number of threads that fit.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use crate::argon2::cost::Cost;

/// Capacity of this machine for hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HashCapacity {
    /// Usable processors, by affinity and the cgroup's quota.
    pub(crate) processors: usize,
    /// Threads that fit into half of the available memory, at most one for each processor; at least one.
    pub(crate) threads: NonZeroUsize,
}

impl HashCapacity {
    /// Determines the capacity at this cost.
    pub(crate) fn here(cost: Cost) -> Self {
        Self::of(available_parallelism().map_or(1, NonZeroUsize::get), available_memory(), cost)
    }

    fn of(processors: usize, memory: Option<u64>, cost: Cost) -> Self {
        let fitting = memory.map_or(u64::MAX, |memory| memory / 2 / cost.bytes());
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        let threads = NonZeroUsize::new(processors.min(fitting)).unwrap_or(NonZeroUsize::MIN);
        Self { processors, threads }
    }
}

/// Available bytes: the minimum of the system and of all cgroups above this process.
fn available_memory() -> Option<u64> {
    let system = fs::read_to_string("/proc/meminfo").ok().as_deref().and_then(available);
    let cgroups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = groups(&cgroups).into_iter().filter_map(|folder| available_in_cgroup(&folder));
    system.into_iter().chain(of_groups).min()
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Folders of the cgroups that can limit this process's memory, up to the root.
fn groups(cgroups: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in cgroups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                Path::new("/sys/fs/cgroup/memory")
            }
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        folders.extend(
            own.ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_owned),
        );
    }
    folders
}

/// Available bytes of a cgroup; `None` if it has no limit.
fn available_in_cgroup(folder: &Path) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
    };
    let pairs =
        [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")];
    pairs.into_iter().find_map(|(bound, used)| Some(number(bound)?.saturating_sub(number(used)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIBIBYTE: u64 = 1 << 30;

    #[test]
    fn memory_limits_the_threads_to_at_least_one() {
        let cost = Cost::new(65_536, 3, 4).unwrap();
        assert_eq!(HashCapacity::of(8, None, cost).threads.get(), 8);
        assert_eq!(HashCapacity::of(8, Some(GIBIBYTE), cost).threads.get(), 8);
        assert_eq!(HashCapacity::of(8, Some(GIBIBYTE / 2), cost).threads.get(), 4);
        assert_eq!(HashCapacity::of(8, Some(1), cost).threads.get(), 1);
    }

    #[test]
    fn the_available_memory_of_the_system_is_read() {
        let meminfo = "MemTotal:  8000000 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available(meminfo), Some(2_097_152));
        assert_eq!(available("MemTotal: 1 kB"), None);
    }

    #[test]
    fn every_cgroup_up_to_the_root_counts() {
        let second = groups("0::/user/one\n");
        assert_eq!(
            second,
            ["/sys/fs/cgroup/user/one", "/sys/fs/cgroup/user", "/sys/fs/cgroup"].map(PathBuf::from)
        );
        let first = groups("3:cpu,cpuacct:/a\n2:memory:/a\n");
        assert_eq!(first, ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory"].map(PathBuf::from));
    }
}
