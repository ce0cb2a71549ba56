//! What Linux tells of this process; zeros elsewhere.

/// Minor page faults so far.
pub fn minor_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(7)?.parse().ok()).unwrap_or(0)
}

/// Resident memory, KiB.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// The most that was resident since the start or [`reset_peak`], KiB.
pub fn peak() -> u64 {
    status("VmHWM:")
}

/// Lets [`peak`] start from what is resident now; false where the system refuses.
pub fn reset_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
