//! What a process takes of memory, where Linux's `/proc` tells.

use std::fs;

/// A size from `/proc/PROCESS/status`, in MiB; none where there is no such process or field.
pub(crate) fn status_mib(process: &str, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim_start_matches(':').split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}

/// The most that this process has taken, in MiB; 0 where that is not told.
pub(crate) fn peak_mib() -> u64 {
    status_mib("self", "VmHWM").unwrap_or(0)
}

/// Forgets the peak that making the cluster left behind (Linux: writing 5 resets `VmHWM`).
pub(crate) fn reset_peak() {
    if fs::write("/proc/self/clear_refs", "5").is_err() {
        eprintln!("the peak cannot be reset here: it includes making the cluster");
    }
}
