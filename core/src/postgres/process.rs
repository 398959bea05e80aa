//! Runs the server so that it never outlives this process, not even after `kill -9`.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, getppid, kill_process,
    set_parent_process_death_signal, waitid,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Which user the programs run as. Postgres refuses to run as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunAs {
    /// docent itself is not root.
    Myself,
    /// docent is root: its files belong to this user.
    User { uid: u32, gid: u32 },
    /// docent is root and no other user can reach the folder: a user namespace, in which nobody is
    /// root, while the files stay root's.
    Namespace,
}

/// Sets the user of `command`, and ties its life to the thread that spawns it and to nothing else.
pub(super) fn tie(command: &mut Command, run_as: RunAs) {
    if let RunAs::User { uid, gid } = run_as {
        command.uid(uid).gid(gid);
    }
    // Ctrl-C goes to a whole group: docent's last records must find the server still there.
    command.process_group(0);
    let parent = getpid();
    let prepare = move || {
        if run_as == RunAs::Namespace {
            // Before the death signal: a change of credentials clears it.
            //
            // SAFETY: the flag moves the calling process into a new user namespace and nothing
            // else; file descriptors stay shared as they were.
            #[expect(unsafe_code, reason = "no safe wrapper exists")]
            unsafe {
                unshare_unsafe(UnshareFlags::NEWUSER)?;
            }
        }
        // SIGINT is Postgres's fast shutdown: connections cut, a checkpoint, a clean end.
        set_parent_process_death_signal(Some(Signal::INT))?;
        if getppid() != Some(parent) {
            return Err(io::Error::other("docent ended meanwhile"));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made; nothing allocates except the error
    // of a parent that has ended, when nothing is left to deadlock with.
    #[expect(unsafe_code, reason = "the signal must be set in the child")]
    unsafe {
        command.pre_exec(prepare);
    }
}

/// A running server process. Dropping it stops the server.
#[derive(Debug)]
pub(super) struct Process {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once it has ended: its id may be another process's by then.
    pid: Mutex<Option<Pid>>,
    ended: Condvar,
    stopping: Mutex<bool>,
}

impl Process {
    /// Spawns the server from a thread of its own: the death signal is sent when the *thread* that
    /// spawned it ends, so that thread must do nothing but wait for the server.
    pub(super) fn spawn(mut command: Command, run_as: RunAs) -> io::Result<Self> {
        tie(&mut command, run_as);
        let (tell, told) = sync_channel(1);
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || {
                let mut child = match command.spawn() {
                    Ok(child) => child,
                    Err(error) => {
                        let _ = tell.send(Err(error));
                        return;
                    }
                };
                drop(command);
                let pid = Pid::from_child(&child);
                let state = Arc::new(State {
                    pid: Mutex::new(Some(pid)),
                    ended: Condvar::new(),
                    stopping: Mutex::new(false),
                });
                let _ = tell.send(Ok(Arc::clone(&state)));
                // Without reaping it, so that its id stays taken until nobody signals it any more.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                while matches!(
                    waitid(WaitId::Pid(pid), options),
                    Err(rustix::io::Errno::INTR)
                ) {}
                *state.pid.lock() = None;
                let status = child.wait();
                if !*state.stopping.lock() {
                    tracing::error!(
                        ?status,
                        "the private Postgres has ended; its folder's postgres.log says why"
                    );
                }
                state.ended.notify_all();
            })?;
        match told.recv() {
            Ok(state) => Ok(Self { state: state? }),
            Err(_) => Err(io::Error::other("the thread that starts the server ended")),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state.pid.lock().is_none()
    }

    /// Sends a signal and answers whether the server ended within the time.
    fn stop_with(&self, signal: Signal, limit: Duration) -> bool {
        let mut pid = self.state.pid.lock();
        if let Some(pid) = *pid {
            let _ = kill_process(pid, signal);
            // Woken at the end, after `pid` was emptied; the time limit covers a lost wake-up.
        }
        let deadline = std::time::Instant::now() + limit;
        while pid.is_some() {
            if self.state.ended.wait_until(&mut pid, deadline).timed_out() {
                return pid.is_none();
            }
        }
        true
    }
}

impl Drop for Process {
    /// Fast shutdown, then harder ways. Blocks for as long as a checkpoint takes.
    fn drop(&mut self) {
        *self.state.stopping.lock() = true;
        let _ = self.stop_with(Signal::INT, Duration::from_secs(20))
            || self.stop_with(Signal::QUIT, Duration::from_secs(5))
            || self.stop_with(Signal::KILL, Duration::from_secs(2));
    }
}
