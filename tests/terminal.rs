//! The real binary at a terminal: questions, answers, ^C, bars.

#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods)]

mod support;

use std::process::Child;
use std::time::{Duration, Instant};

use support::{Fault, FileServer, Shelf, Terminal, TestEnvironment};

/// A shelf whose next sync removes something, which is asked about.
fn about_to_remove() -> Shelf {
    let shelf = Shelf::new().synced();
    shelf.env.greffon(["remove", "forms"]).run().succeeds();
    shelf
}

fn ask(shelf: &Shelf) -> Terminal {
    let terminal = Terminal::start(shelf.env.greffon(["sync", "--site", "prod"]));
    terminal.wait_for("carry this out");
    terminal
}

#[test]
fn a_removal_is_shown_and_asked_about() {
    let shelf = about_to_remove();
    let mut terminal = ask(&shelf);
    assert!(terminal.text().contains("packages/forms 1.0.0"), "the plan stands above the question: {}", terminal.text());
    terminal.press("n\r");
    let (status, text) = terminal.end();
    assert_eq!(status, Some(1), "{text}");
    assert!(shelf.env.exists("sites/prod/packages/forms/code.txt"));
    let mut terminal = ask(&shelf);
    terminal.press("y\r");
    let (status, text) = terminal.end();
    assert_eq!(status, Some(0), "{text}");
    assert!(!shelf.env.exists("sites/prod/packages/forms/code.txt"));
}

#[test]
fn return_alone_is_no() {
    let shelf = about_to_remove();
    let mut terminal = ask(&shelf);
    terminal.press("\r");
    assert_eq!(terminal.end().0, Some(1));
    assert!(shelf.env.exists("sites/prod/packages/forms/code.txt"));
}

#[test]
fn an_interrupted_question_is_status_130_and_gives_the_cursor_back() {
    let shelf = about_to_remove();
    let mut terminal = ask(&shelf);
    // This terminal sends no signals: ^C must arrive as a key, and does so once the question reads keys.
    while terminal.child.try_wait().expect("waited").is_none() && terminal.started.elapsed() < Duration::from_secs(120) {
        terminal.press("\u{3}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (status, text) = terminal.end();
    assert_eq!(status, Some(130), "{text}");
    assert!(shelf.env.exists("sites/prod/packages/forms/code.txt"));
    let (hidden, shown) = (text.rfind("\u{1b}[?25l"), text.rfind("\u{1b}[?25h"));
    assert!(hidden.is_none() || shown > hidden, "the cursor stays hidden: {text:?}");
}

#[test]
fn yes_and_no_input_ask_nothing() {
    for flag in ["-y", "--no-input"] {
        let shelf = about_to_remove();
        let (status, text) = Terminal::start(shelf.env.greffon(["sync", "--site", "prod", flag])).end();
        assert_eq!(status, Some(0), "{flag}: {text}");
        assert!(!text.contains("carry this out"), "{flag}: {text}");
    }
}

/// A site that wants an archive of which only the beginning comes.
fn stalled(env: &TestEnvironment) -> FileServer {
    let files = FileServer::start();
    files.put("/tool.zip", vec![0x50; 1 << 20]);
    files.fault("/tool.zip", 100, Fault::Stall(1000));
    env.write(
        "greffon.toml",
        format!(
            "[config]\ninstaller = {{ use = \"builtin:tree\", types = {{ plugins = \"plugins/{{name}}\" }} }}\n[types.plugins]\ntool = {{ url = \"{}\", version = \"1\" }}\n[sites.prod]\npath = \"prod\"\n",
            files.url("/tool.zip")
        ),
    );
    files
}

fn interrupt(child: &Child) {
    let id = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("signalled");
}

#[test]
fn the_first_interrupt_stops_a_download_and_touches_nothing() {
    let env = TestEnvironment::new();
    let files = stalled(&env);
    let terminal = Terminal::start(env.greffon(["sync"]));
    let end = Instant::now() + Duration::from_secs(120);
    while files.count("/tool.zip") == 0 {
        assert!(Instant::now() < end, "nothing was asked for: {}", terminal.text());
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&terminal.child);
    let asked = Instant::now();
    let (status, text) = terminal.end();
    assert_eq!(status, Some(130), "{text}");
    assert!(asked.elapsed() < Duration::from_secs(60), "it took {:?}", asked.elapsed());
    assert!(!env.exists("prod"), "nothing of the site was made");
}

#[test]
fn a_download_that_lasts_has_a_bar_on_a_terminal_and_nowhere_else() {
    let env = TestEnvironment::new();
    let files = stalled(&env);
    for (flag, bar) in [("--color=auto", true), ("--no-progress", false), ("-q", false), ("--json", false)] {
        let before = files.count("/tool.zip");
        let terminal = Terminal::start(env.greffon(["fetch", flag]));
        let end = Instant::now() + Duration::from_secs(120);
        while files.count("/tool.zip") == before {
            assert!(Instant::now() < end, "nothing was asked for: {}", terminal.text());
            std::thread::sleep(Duration::from_millis(10));
        }
        if bar {
            terminal.wait_for("tool");
        } else {
            std::thread::sleep(Duration::from_millis(800));
        }
        let text = terminal.text();
        interrupt(&terminal.child);
        let _ = terminal.end();
        assert_eq!(text.contains("tool"), bar, "{flag}: {text:?}");
    }
}
