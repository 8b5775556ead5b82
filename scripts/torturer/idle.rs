//! Runs that have nothing to do, or only look: they change nothing.

use std::time::Instant;

use crate::program::{must, output, scratch};
use crate::world::{Sizes, World};
use crate::{Ended, Options, trace};

const SIZES: Sizes = Sizes { new: 15, updated: 20, removed: 10, same: 5 };
const LOOKING: [&[&str]; 9] = [
    &["status"],
    &["status", "--json"],
    &["verify"],
    &["list"],
    &["tree"],
    &["history"],
    &["plan", "--frozen", "--offline"],
    &["sync", "--frozen", "--offline", "--dry-run"],
    &["why", "plugins/u0"],
];

pub(crate) fn run(_: &Options) -> Ended {
    if let Some(why) = trace::missing() {
        return Ended::Skipped(why);
    }
    let folder = scratch();
    let world = World::make(folder.path(), &folder.path().join("run"), SIZES, true);
    let (log, site) = (folder.path().join("log"), world.run().join("html"));
    // The twin: a run that has something to do is seen doing it.
    let seen = trace::watch(&world.sync(), &site, &log);
    println!("  a sync with something to do: {} changing calls in the site", seen.calls.len() + seen.elsewhere);
    let mut broken = seen.calls.is_empty();
    must(&mut world.sync());
    let begun = Instant::now();
    must(&mut world.sync());
    let took = begun.elapsed();
    let again = trace::watch(&world.sync(), &site, &log);
    println!("  a second one: {} changing calls in the site, {} ms", again.calls.len() + again.elsewhere, took.as_millis());
    broken |= again.calls.len() + again.elsewhere > 0;
    for words in LOOKING {
        let done = output(&mut world.greffon(words));
        // Files that greffon never installed are drift, which `verify` tells by its status.
        if !done.status.success() && words[0] != "verify" {
            println!("  `greffon {}` ended with {}: {}", words.join(" "), done.status, crate::world::said(&done));
            broken = true;
            continue;
        }
        let seen = trace::look(&world.greffon(words), world.run(), &log);
        if seen.calls.len() + seen.elsewhere > 0 {
            broken = true;
            let calls: Vec<String> = seen.calls.iter().take(5).map(ToString::to_string).collect();
            println!("  `greffon {}`: {} changing calls: {}", words.join(" "), seen.calls.len() + seen.elsewhere, calls.join(", "));
        }
    }
    println!("  {} commands that only look were watched", LOOKING.len());
    if broken { Ended::Broken } else { Ended::Whole }
}
