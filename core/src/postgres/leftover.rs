//! What a killed predecessor left in the data folder.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Makes sure that no server of an earlier docent runs on `data`. Our lock says that its docent
/// has ended, so the server is stopping; one that does not is stopped. A `postmaster.pid` whose
/// number now belongs to another program (a container that started again) is removed: Postgres
/// would take that program for a server and refuse to start.
pub(super) async fn clear(data: &Path) {
    let file = data.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse().ok())
        .and_then(Pid::from_raw)
    else {
        return;
    };
    let begun = Instant::now();
    let mut signals = [(3, Signal::INT), (8, Signal::QUIT), (12, Signal::KILL)]
        .into_iter()
        .peekable();
    loop {
        match holder(pid, data) {
            Holder::Nobody => return,
            Holder::Stranger => {
                let _ = fs::remove_file(&file);
                return;
            }
            // Nothing reaps it where the first process of a container does not do its duty.
            Holder::Zombie if begun.elapsed() > Duration::from_secs(1) => {
                let _ = fs::remove_file(&file);
                return;
            }
            Holder::Zombie => {}
            Holder::Server => {
                if let Some((after, signal)) = signals.peek()
                    && begun.elapsed() > Duration::from_secs(*after)
                {
                    tracing::warn!(
                        pid = pid.as_raw_nonzero(),
                        "stopping a Postgres whose docent has ended"
                    );
                    let _ = kill_process(pid, *signal);
                    signals.next();
                }
                if begun.elapsed() > Duration::from_secs(15) {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

enum Holder {
    Nobody,
    Zombie,
    Server,
    Stranger,
}

/// Who has the process id. `/proc/PID/cmdline` is readable for everyone and names the folder.
fn holder(pid: Pid, data: &Path) -> Holder {
    let proc = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    let Ok(arguments) = fs::read(proc.join("cmdline")) else {
        return Holder::Nobody;
    };
    if arguments.is_empty() {
        return Holder::Zombie;
    }
    let folder = data.as_os_str().as_encoded_bytes();
    if arguments
        .split(|byte| *byte == 0)
        .any(|argument| argument == folder)
    {
        Holder::Server
    } else {
        Holder::Stranger
    }
}
