//! CPU time and memory of processes, from the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;

/// Usage of a process and all its descendants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProcessUsage {
    /// User and system time, with that of children that were waited for.
    pub(crate) cpu: Duration,
    /// Current memory; shared memory is counted once.
    pub(crate) memory_bytes: u64,
}

/// Fields of `/proc/PID/stat`, see `proc_pid_stat(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProcStat {
    parent: i32,
    group: i32,
    /// Of the process and of the children that it has waited for.
    ticks: u64,
}

impl ProcessUsage {
    /// Usage of a process group and all descendants of its leader.
    pub(crate) fn of(leader: Pid) -> Self {
        let all = all();
        let mut usage = ProcessUsage::default();
        let mut ticks = 0;
        for (pid, stat) in family(leader.as_raw_nonzero().get(), &all) {
            ticks += stat.ticks;
            usage.memory_bytes += memory_bytes(pid);
        }
        usage.cpu = Duration::from_millis(ticks.saturating_mul(1_000) / clock_ticks_per_second());
        usage
    }
}

/// The processes of a group and all descendants of its leader.
fn family(leader: i32, all: &BTreeMap<i32, ProcStat>) -> BTreeMap<i32, ProcStat> {
    let mut known: BTreeSet<i32> = all
        .iter()
        .filter(|(pid, stat)| **pid == leader || stat.group == leader)
        .map(|(pid, _)| *pid)
        .collect();
    // A process may have a lower number than its parent, so one pass is not enough.
    loop {
        let children: Vec<_> = all
            .iter()
            .filter(|(pid, stat)| !known.contains(pid) && known.contains(&stat.parent))
            .map(|(pid, _)| *pid)
            .collect();
        if children.is_empty() {
            break;
        }
        known.extend(children);
    }
    known.into_iter().filter_map(|pid| Some((pid, *all.get(&pid)?))).collect()
}

/// All processes of the machine, without those that exit during the call.
fn all() -> BTreeMap<i32, ProcStat> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let stat =
        |pid: i32| Some((pid, read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
    numbers.filter_map(stat).collect()
}

fn read(stat: &str) -> Option<ProcStat> {
    // The name of the program is in parentheses, and may contain blanks and parentheses.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(ProcStat {
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        ticks: (11..15).map(number).sum::<Option<u64>>()?,
    })
}

/// The proportional set size, which divides shared memory among its processes; the resident set size if the kernel has
/// no other.
fn memory_bytes(pid: i32) -> u64 {
    let of = |file: &str, field: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1_024)
    };
    of("smaps_rollup", "Pss:").or_else(|| of("status", "VmRSS:")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    #[test]
    fn a_program_with_a_bracket_in_its_name_is_read_all_the_same() {
        let stat = "7 (a) b) S 3 5 5 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 99 1 2";
        assert_eq!(read(stat), Some(ProcStat { parent: 3, group: 5, ticks: 100 }));
    }

    #[test]
    fn the_family_are_those_of_the_group_and_all_that_descend_from_it() {
        let stat = |parent, group| ProcStat { parent, group, ticks: 1 };
        let all = BTreeMap::from([
            (10, stat(1, 10)),
            (9, stat(10, 9)),
            (8, stat(9, 9)),
            (11, stat(1, 10)),
            (12, stat(1, 12)),
        ]);
        let family: Vec<_> = family(10, &all).into_keys().collect();
        assert_eq!(family, [8, 9, 10, 11]);
    }

    #[test]
    fn this_process_takes_memory() {
        let all = all();
        assert!(all.contains_key(&getpid().as_raw_nonzero().get()));
        assert!(memory_bytes(getpid().as_raw_nonzero().get()) > 100_000);
    }
}
