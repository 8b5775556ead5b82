//! Progress and log lines on stderr. Bars are drawn for work that lasts; lines are printed above them.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::output::Printer;
use super::text::{CHANGE, FAINT, Text, plain, plain_json};
use crate::command::Globals;
use crate::roles::{Event, Events, Level, Unit};

/// How many bars are drawn at once; further work gets its bar as others end.
const BARS: usize = 12;
/// Work that ends sooner than this never shows a bar.
const PATIENCE: Duration = Duration::from_millis(150);
/// How often the bars are brought up to date.
const BEAT: Duration = Duration::from_millis(80);

/// A place for bars: stderr, or nowhere when it is no terminal or the flags say so.
pub(crate) fn bars(globals: &Globals) -> MultiProgress {
    let shown = std::io::stderr().is_terminal() && !globals.no_progress && !globals.json && globals.quiet == 0 && globals.verbose == 0;
    let target = if shown { ProgressDrawTarget::stderr_with_hz(12) } else { ProgressDrawTarget::hidden() };
    MultiProgress::with_draw_target(target)
}

/// Shows [`Event`]s.
pub(crate) struct Progress {
    printer: Printer,
    loudest: Option<Level>,
    board: Arc<Board>,
    ticking: Once,
}

/// The work under way and its bars.
struct Board {
    bars: MultiProgress,
    tasks: Mutex<HashMap<String, Task>>,
}

struct Task {
    started: Instant,
    unit: Unit,
    done: u64,
    total: Option<u64>,
    bar: Option<ProgressBar>,
}

#[derive(Serialize)]
struct LogLine<'a> {
    schema: &'static str,
    level: &'static str,
    text: &'a str,
}

impl Progress {
    /// As the flags say, on the given bars.
    pub(crate) fn new(globals: &Globals, printer: Printer, bars: MultiProgress) -> Self {
        let loudest = match (globals.quiet, globals.verbose) {
            (1.., _) => None,
            (0, 0) if globals.json => Some(Level::Warning),
            (0, 0) => Some(Level::Info),
            (0, 1) => Some(Level::Detail),
            (0, _) => Some(Level::Debug),
        };
        Self { printer, loudest, board: Arc::new(Board { bars, tasks: Mutex::new(HashMap::new()) }), ticking: Once::new() }
    }

    fn log(&self, level: Level, text: &str) {
        if self.loudest.is_none_or(|loudest| level > loudest) {
            return;
        }
        let name = match level {
            Level::Warning => "warning",
            Level::Info => "info",
            Level::Detail => "detail",
            Level::Debug => "debug",
        };
        let text = &crate::diagnostic::without_number(text.to_owned());
        if self.printer.is_json() {
            if let Ok(line) = serde_json::to_string(&LogLine { schema: "greffon/log/1", level: name, text }) {
                self.printer.stderr(&(plain_json(&line) + "\n"));
            }
            return;
        }
        let mut page = Text::new();
        match level {
            Level::Warning => page.paint(CHANGE.bold(), "warning").put(": ").line(text),
            Level::Info => page.line(text),
            Level::Detail | Level::Debug => page.paint(FAINT, text).end(),
        };
        self.printer.stderr(page.finish());
    }

    /// Looks now and then for work that has come to last, also where nothing of it is heard: a server that hangs is seen so.
    fn tick(&self) {
        if self.board.bars.is_hidden() {
            return;
        }
        self.ticking.call_once(|| {
            let board: Weak<Board> = Arc::downgrade(&self.board);
            std::thread::spawn(move || {
                while let Some(board) = board.upgrade() {
                    board.draw();
                    drop(board);
                    std::thread::sleep(BEAT);
                }
            });
        });
    }
}

impl Board {
    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings every bar up to date; work that lasts gets one, the oldest first, as long as there is room.
    fn draw(&self) {
        let mut tasks = self.tasks();
        let mut room = BARS.saturating_sub(tasks.values().filter(|task| task.bar.is_some()).count());
        let mut lasting: Vec<(&String, &mut Task)> = tasks.iter_mut().filter(|(_, task)| task.started.elapsed() >= PATIENCE).collect();
        lasting.sort_by_key(|(_, task)| task.started);
        for (name, task) in lasting {
            if task.bar.is_none() && room > 0 {
                room -= 1;
                let bar = self.bars.add(ProgressBar::no_length().with_style(style(task.unit, false)));
                bar.set_message(plain(name));
                task.bar = Some(bar);
            }
            let Some(bar) = &task.bar else { continue };
            if bar.length() != task.total {
                bar.set_style(style(task.unit, task.total.is_some()));
                if let Some(total) = task.total {
                    bar.set_length(total);
                }
            }
            bar.set_position(task.done);
            bar.tick();
        }
    }
}

impl Events for Progress {
    fn emit(&self, event: Event) {
        match event {
            Event::Log { level, text } => self.log(level, &text),
            Event::Started { task, total, unit } => {
                self.board.tasks().insert(task, Task { started: Instant::now(), unit, done: 0, total, bar: None });
                self.tick();
            }
            Event::Advanced { task, done, total } => {
                if let Some(state) = self.board.tasks().get_mut(&task) {
                    state.done = done;
                    state.total = total;
                }
            }
            Event::Finished { task } => {
                let gone = self.board.tasks().remove(&task);
                if let Some(bar) = gone.and_then(|state| state.bar) {
                    bar.finish_and_clear();
                    self.board.bars.remove(&bar);
                }
            }
        }
    }
}

fn style(unit: Unit, known: bool) -> ProgressStyle {
    let template = match (unit, known) {
        (Unit::Bytes, true) => "{msg:40!} {bar:24.cyan/dim} {binary_bytes:>10}/{binary_total_bytes:<10} {binary_bytes_per_sec}",
        (Unit::Bytes, false) => "{msg:40!} {spinner} {binary_bytes:>10} {binary_bytes_per_sec}",
        (Unit::Items, true) => "{msg:40!} {bar:24.cyan/dim} {pos:>7}/{len:<7}",
        (Unit::Items, false) => "{msg:40!} {spinner} {pos:>7}",
    };
    ProgressStyle::with_template(template).map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("━━─"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_a_template_that_can_be_read() {
        for unit in [Unit::Bytes, Unit::Items] {
            for known in [true, false] {
                let bar = ProgressBar::hidden().with_style(style(unit, known));
                bar.set_position(1);
                bar.finish();
            }
        }
    }

    #[test]
    fn flags_decide_what_is_heard() {
        let loudest = |globals: &Globals| {
            let bars = bars(globals);
            Progress::new(globals, Printer::new(globals, bars.clone()), bars).loudest
        };
        assert_eq!(loudest(&Globals::default()), Some(Level::Info));
        assert_eq!(loudest(&Globals { quiet: 1, ..Globals::default() }), None);
        assert_eq!(loudest(&Globals { json: true, ..Globals::default() }), Some(Level::Warning));
        assert_eq!(loudest(&Globals { verbose: 1, json: true, ..Globals::default() }), Some(Level::Detail));
        assert_eq!(loudest(&Globals { verbose: 3, ..Globals::default() }), Some(Level::Debug));
    }

    #[test]
    fn work_that_ends_leaves_nothing_behind() {
        let globals = Globals::default();
        let bars = bars(&globals);
        let progress = Progress::new(&globals, Printer::new(&globals, bars.clone()), bars);
        progress.emit(Event::Started { task: "fetch plugins/x".into(), total: Some(3), unit: Unit::Items });
        progress.emit(Event::Advanced { task: "fetch plugins/x".into(), done: 1, total: Some(3) });
        progress.emit(Event::Advanced { task: "never begun".into(), done: 1, total: None });
        progress.emit(Event::Finished { task: "fetch plugins/x".into() });
        assert!(progress.board.tasks().is_empty());
    }
}
