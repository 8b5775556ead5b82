//! The binary at a terminal: keys are pressed, and what is shown is read.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Run;

/// Longer than any machine takes, however busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program at a terminal of its own.
pub struct Terminal {
    pub child: Child,
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    pub started: Instant,
}

impl Terminal {
    pub fn start(run: Run) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let slave = File::options().read(true).write(true).open(name.to_str().expect("a path")).expect("its other end");
        let mut command = run.env("TERM", "xterm").command();
        let stdio = || Stdio::from(slave.try_clone().expect("a copy"));
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().expect("the binary starts");
        drop(command);
        drop(slave);
        let keys = File::from(master);
        let mut screen = keys.try_clone().expect("a copy");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails once the program is gone.
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                sink.lock().expect("no panic").extend_from_slice(&buffer[..read]);
            }
        });
        Self { child, keys, shown, reader, started: Instant::now() }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("no panic")).into_owned()
    }

    pub fn wait_for(&self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.text().contains(text) {
            assert!(Instant::now() < end, "{text:?} never came:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    pub fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                break status;
            }
            if Instant::now() > end {
                self.child.kill().expect("killed");
                panic!("it does not end:\n{}", self.text());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        // It has read all once the other end is closed, which a child that lives on may keep open.
        let end = Instant::now() + Duration::from_secs(5);
        while !self.reader.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        (status.code(), self.text())
    }
}
