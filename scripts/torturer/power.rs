//! Power cuts: the run dies at a changing call and its disk with it, or right after "done".

use std::time::Instant;

use crate::disk::{self, Cut, Disk};
use crate::program::{output, scratch};
use crate::trace::{self, Call};
use crate::world::{Sizes, World};
use crate::{Ended, Options};

const SIZES: Sizes = Sizes { new: 6, updated: 8, removed: 4, same: 3 };
const MEGABYTES: u64 = 96;

/// What runs when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// From a full stock.
    Sync,
    /// Fetching, too: the stock is on the disk that dies.
    Fetching,
    /// The same as `Sync`, by a program that syncs nothing to disk.
    Unsynced,
}

#[derive(Default)]
struct Figures {
    cuts: usize,
    torn: usize,
    done: usize,
    lost: usize,
}

pub(crate) fn run(options: &Options) -> Ended {
    if let Some(why) = trace::missing() {
        return Ended::Skipped(why);
    }
    let folder = scratch();
    if let Some(why) = disk::missing(folder.path()) {
        return Ended::Skipped(why);
    }
    let begun = Instant::now();
    let mut ended = Ended::Whole;
    for (run, name) in [(Run::Sync, "from a full stock"), (Run::Fetching, "fetching"), (Run::Unsynced, "twin without any sync to disk")] {
        let root = folder.path().join(format!("{run:?}"));
        std::fs::create_dir_all(&root).expect("made");
        let figures = arm(run, &root, options.cuts);
        let Figures { cuts, torn, done, lost } = figures;
        println!("  {name}: {cuts} cuts, {torn} torn or mixed; {done} of them right after \"done\", {lost} of these lost");
        let fine = if run == Run::Unsynced { (torn + lost) * 10 >= cuts } else { torn + lost == 0 };
        if !fine {
            ended = Ended::Broken;
        }
    }
    println!("  {:.0} s", begun.elapsed().as_secs_f64());
    ended
}

fn arm(run: Run, root: &std::path::Path, cuts: usize) -> Figures {
    let (image, base, mount) = (root.join("disk.img"), root.join("base.img"), root.join("disk"));
    assert!(disk::make(&image, MEGABYTES));
    let mut disk = Disk::mount(&image, &mount).expect("mounted");
    let world = World::make(root, &mount.join("run"), SIZES, run != Run::Fetching);
    disk = disk.keep(&base);
    let command = || {
        let mut command = if run == Run::Fetching { world.sync_online() } else { world.sync() };
        if run == Run::Unsynced {
            command.env("GREFFON_BREAK", "sync");
        }
        command
    };
    let seen = trace::watch(&command(), world.run(), &root.join("log"));
    let calls = seen.calls;
    let mut figures = Figures::default();
    for how in [Cut::Flushed, Cut::Dropped] {
        for at in 0..cuts {
            disk = disk.put_back(&base);
            // Every fourth cut comes after the end; the others spread over all calls.
            let call: Option<&Call> = (at % 4 != 3).then(|| &calls[(at * calls.len() / cuts).min(calls.len() - 1)]);
            let killed = match call {
                Some(call) => trace::kill(&command(), call),
                None => !output(&mut command()).status.success(),
            };
            assert!(killed == call.is_some(), "{call:?} was not reached, or the run failed");
            disk.cut(how).expect("cut");
            disk = disk.start_again();
            figures.cuts += 1;
            let what = format!("{run:?}, log {how:?}, {}", call.map_or("after \"done\"".to_owned(), |call| format!("at {call}")));
            let fault = if killed {
                world.recovered()
            } else {
                figures.done += 1;
                let found = world.shot();
                (found != world.new).then(|| format!("\"done\" is lost: {}", crate::shot::differences(&found, &world.new)))
            };
            if let Some(fault) = &fault {
                if killed {
                    figures.torn += 1;
                } else {
                    figures.lost += 1;
                }
                if run != Run::Unsynced {
                    println!("  {what}: {fault}");
                }
                continue;
            }
            let next = if run == Run::Fetching { world.sync_online() } else { world.sync() };
            if let Some(fault) = world.arrived(next)
                && run != Run::Unsynced
            {
                figures.torn += 1;
                println!("  {what}: {fault}");
            }
        }
    }
    drop(disk);
    figures
}
