//! Which process this is, so that another one can tell whether it still lives, how many files it may hold
//! open, and which of its threads go first.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process hold as many files open as it may at all. The limit that a shell or systemd sets at
/// first (1,024) is there for programs that use `select`; each answer under way takes two connections.
pub fn raise_file_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    // Where it may not, it goes on with fewer.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// How far the threads of [`give_way`] stand behind the others, in steps of `nice`: they get about a third of
/// what one of the others gets.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 5;

/// Lets threads that somebody waits for go first: this thread, and what it starts, comes after them when the
/// machine is busy. Elsewhere than on Linux the priority is the whole process's, and stays.
pub fn give_way() {
    // Where it may not, it goes on as it was.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(BEHIND);
}

/// This process: the machine's boot, the process namespace, the number and the moment of its start.
/// Without Linux's `/proc` only a number that nobody can look up.
pub fn identity() -> String {
    let pid = std::process::id();
    let start = state_and_start(pid).map_or_else(String::new, |(_, start)| start);
    format!("{} {pid} {start}", namespace())
}

/// Whether an [`identity`] is of a process that has ended. One of another machine or namespace
/// cannot be looked up: `false`.
pub fn is_dead(identity: &str) -> bool {
    let parts: Vec<&str> = identity.split(' ').collect();
    let [boot, names, pid, start] = parts.as_slice() else {
        return false;
    };
    if start.is_empty() || format!("{boot} {names}") != namespace() {
        return false;
    }
    let Ok(pid) = pid.parse() else {
        return false;
    };
    match state_and_start(pid) {
        // Ended, and its parent has not asked yet how.
        Some(('Z' | 'X', _)) | None => true,
        // The number was given to another one.
        Some((_, found)) => found != *start,
    }
}

/// This process in words for a person.
pub fn described() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "this machine",
        host => host,
    };
    format!("process {} on {host}", std::process::id())
}

/// Where process numbers mean the same.
fn namespace() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let names = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), names.display())
}

/// State and start time of a process (`proc_pid_stat(5)`, fields 3 and 22); the name before them may
/// hold anything, also parentheses.
fn state_and_start(pid: u32) -> Option<(char, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_dead_once_it_has_ended_and_one_elsewhere_is_never_taken_for_dead() {
        let own = identity();
        assert!(!is_dead(&own), "{own}");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let (_, start) = state_and_start(child.id()).unwrap();
        let of_child = format!("{} {} {start}", namespace(), child.id());
        assert!(!is_dead(&of_child));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dead(&of_child));
        // The same number, begun at another time.
        let pid = std::process::id();
        assert!(is_dead(&format!("{} {pid} 1", namespace())));
        assert!(!is_dead(&format!("another-boot pid:[1] {pid} 1")));
        assert!(!is_dead("nonsense"));
    }
}
