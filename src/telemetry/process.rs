//! What the system knows of the process and of the time.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Milliseconds since then.
pub(super) fn unix_millis() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Memory that the process holds, in bytes; `None` where the system does not tell.
pub(super) fn resident_bytes() -> Option<u64> {
    bytes_of("VmRSS:", &fs::read_to_string("/proc/self/status").ok()?)
}

/// Memory that the process may still take, in bytes: what the machine has to give, and no more than its control groups let it, which are
/// the limits of services and containers. `None` where the system does not tell.
pub fn spare_bytes() -> Option<u64> {
    let available = bytes_of("MemAvailable:", &fs::read_to_string("/proc/meminfo").ok()?)?;
    let limit = group_limit(&fs::read_to_string("/proc/self/cgroup").unwrap_or_default(), Path::new("/sys/fs/cgroup"));
    let of_limit = limit.zip(resident_bytes()).map(|(limit, resident)| limit.saturating_sub(resident));
    Some(of_limit.map_or(available, |spare| spare.min(available)))
}

fn bytes_of(name: &str, text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The least that a group of `groups`, as `/proc/self/cgroup` lists them, or one that it is in, may take. Source: `cgroups(7)`, for
/// both versions.
fn group_limit(groups: &str, root: &Path) -> Option<u64> {
    let of_group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            some if some.split(',').any(|one| one == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let above = Path::new(group.trim_start_matches('/')).ancestors();
        above.filter_map(|group| fs::read_to_string(root.join(group).join(file)).ok()?.trim().parse::<u64>().ok()).min()
    };
    groups.lines().filter_map(of_group).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_holds() {
        let root = tempfile::tempdir().unwrap();
        let put = |file: &str, text: &str| {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let limit = |groups: &str| group_limit(groups, root.path());
        assert_eq!(limit("0::/a.slice/b.service\n"), None);
        put("a.slice/b.service/memory.max", "max\n");
        put("a.slice/memory.max", "4294967296\n");
        assert_eq!(limit("0::/a.slice/b.service\n"), Some(4_294_967_296));
        put("memory/memory.limit_in_bytes", "1000\n");
        assert_eq!(limit("4:cpu,memory:/elsewhere\n1:cpu:/\n0::/\n"), Some(1000));
        assert_eq!(limit("1:cpu:/a.slice\nwhat\n"), None);
    }
}
