//! What a program started, and what those started in turn: found, so that it ends with it. A group of processes can be left by any of
//! them; who started whom, and the variables it began with, are harder to shed.

use rustix::process::{Pid, Signal, kill_process};

/// The variable by which a program's offspring are known wherever they went.
pub(super) const MARK: &str = "GREFFON_STARTED";

/// Ends all offspring of a process, and those that carry its mark.
pub(super) fn end(leader: i32, mark: &str, before: &[i32]) {
    // What is found may have started others meanwhile.
    for _ in 0..3 {
        let mut found = of(leader, mark);
        found.extend(before.iter().copied().filter(|pid| carries(*pid, mark)));
        if found.is_empty() {
            return;
        }
        for pid in found.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The numbers of all offspring that are there now; none where the system does not tell.
pub(super) fn of(leader: i32, mark: &str) -> Vec<i32> {
    let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let all: Vec<(i32, i32)> = numbers.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![leader];
    let mut at = 0;
    while let Some(above) = found.get(at).copied() {
        found.extend(all.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        at += 1;
    }
    let astray: Vec<i32> = all.iter().map(|(pid, _)| *pid).filter(|pid| !found.contains(pid) && carries(*pid, mark)).collect();
    found.extend(astray);
    found.retain(|pid| *pid != leader);
    found
}

/// Who started a process; `None` where it is gone, or ended already.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything.
    let mut parts = stat.rsplit_once(')')?.1.split_whitespace();
    let state = parts.next()?;
    parts.next()?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

fn carries(pid: i32, mark: &str) -> bool {
    let line = format!("{MARK}={mark}");
    fs_err::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|own| own == line.as_bytes()))
}
