//! Kills: at every changing call of a run, at every one of its recovery, and at random.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::program::scratch;
use crate::trace::Call;
use crate::world::{Sizes, World};
use crate::{Ended, Options, trace};

const SIZES: Sizes = Sizes { new: 15, updated: 20, removed: 10, same: 5 };

/// What was tried, and what went wrong.
#[derive(Default)]
struct Tally {
    tried: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Tally {
    fn add(&self, fault: Option<String>) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = fault {
            println!("  {fault}");
            self.faults.lock().expect("not poisoned").push(fault);
        }
    }

    fn tell(&self, what: &str) -> usize {
        let faults = self.faults.lock().expect("not poisoned").len();
        println!("  {what}: {} tried, {faults} wrong", self.tried.load(Ordering::Relaxed));
        faults
    }
}

pub(crate) fn run(options: &Options) -> Ended {
    if let Some(why) = trace::missing() {
        return Ended::Skipped(why);
    }
    let begun = Instant::now();
    let folders: Vec<tempfile::TempDir> = (0..options.jobs).map(|_| scratch()).collect();
    let worlds: Vec<World> = folders.iter().map(|folder| World::make(folder.path(), &folder.path().join("run"), SIZES, true)).collect();
    let (first, log) = (&worlds[0], folders[0].path().join("log"));
    let seen = trace::watch(&first.sync(), first.run(), &log);
    println!("  {} changing calls ({} more on other threads) in a sync of 50 elements", seen.calls.len(), seen.elsewhere);

    let (sweep, journals, missed) = (Tally::default(), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let chosen: Vec<Call> = seen.calls.iter().step_by(options.every).cloned().collect();
    shared(&worlds, &chosen, |world, at, call| {
        world.put_back("kept");
        let killed = trace::kill(&world.sync(), call);
        missed.fetch_add(usize::from(!killed), Ordering::Relaxed);
        if killed && world.has_journal() {
            journals.lock().expect("not poisoned").push((at, call.clone()));
        }
        let fault = world.torn().or_else(|| world.recovered()).or_else(|| if at % 5 == 0 { world.arrived(world.sync()) } else { None });
        sweep.add(fault.map(|fault| format!("killed at {call}: {fault}")));
    });
    let mut wrong = sweep.tell("kills");
    let missed = missed.into_inner();
    println!("  {missed} of these calls were not reached, since the run took another way");
    if missed * 50 > chosen.len() {
        wrong += 1;
    }

    let again = Tally::default();
    let mut journals = journals.into_inner().expect("not poisoned");
    journals.sort_by_key(|(at, _)| *at);
    let cut: Vec<Call> = journals.into_iter().map(|(_, call)| call).collect();
    let cut: Vec<Call> = cut.iter().step_by((cut.len() / options.again.max(1)).max(1)).take(options.again).cloned().collect();
    shared(&worlds, &cut, |world, _, call| recovery(world, call, options.every, &again));
    wrong += again.tell("kills of a recovery");

    let random = Tally::default();
    let turns: Vec<usize> = (0..options.random).collect();
    shared(&worlds, &turns, |world, at, _| {
        random.add(at_random(world, at as u64).map(|fault| format!("killed at random, turn {at}: {fault}")));
    });
    wrong += random.tell("kills at random times, all threads at work");

    let twin = Tally::default();
    let few: Vec<Call> = chosen.iter().step_by((chosen.len() / 40).max(1)).cloned().collect();
    let quiet = Mutex::new(0);
    shared(&worlds, &few, |world, _, call| {
        world.put_back("kept");
        trace::kill(world.sync().env("GREFFON_BREAK", "journal"), call);
        twin.tried.fetch_add(1, Ordering::Relaxed);
        *quiet.lock().expect("not poisoned") += usize::from(world.recovered().is_some());
    });
    let found = quiet.into_inner().expect("not poisoned");
    println!("  the twin without a journal: {} tried, {found} wrong", twin.tried.load(Ordering::Relaxed));
    println!("  {:.0} s", begun.elapsed().as_secs_f64());
    if wrong == 0 && found > 0 { Ended::Whole } else { Ended::Broken }
}

/// Kills a recovery at each of its own calls.
fn recovery(world: &World, call: &Call, every: usize, tally: &Tally) {
    world.put_back("kept");
    trace::kill(&world.sync(), call);
    world.keep("cut");
    let log = world.run().join("../recovery-log");
    let seen = trace::watch(&world.recover(), world.run(), &log);
    for second in seen.calls.iter().step_by(every) {
        world.put_back("cut");
        trace::kill(&world.recover(), second);
        let fault = world.torn().or_else(|| world.recovered());
        tally.add(fault.map(|fault| format!("killed at {call}, its recovery at {second}: {fault}")));
    }
}

fn at_random(world: &World, turn: u64) -> Option<String> {
    world.put_back("kept");
    let mut child = world.sync().stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("it starts");
    // Spread over the run by a number that hits no period: the golden ratio.
    let share = (turn as f64 * 0.618_033_988_75).fract();
    std::thread::sleep(Duration::from_secs_f64(0.02 + share * 0.6));
    let _ = child.kill();
    let killed = child.wait().expect("it ends").signal().is_some();
    let fault = world.torn().or_else(|| world.recovered());
    fault.or_else(|| if killed && turn.is_multiple_of(5) { world.arrived(world.sync()) } else { None })
}

/// Each world takes the next piece of work as it comes free.
fn shared<T: Sync>(worlds: &[World], work: &[T], each: impl Fn(&World, usize, &T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for world in worlds {
            let (next, each) = (&next, &each);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = work.get(at) else { break };
                    each(world, at, item);
                }
            });
        }
    });
}
