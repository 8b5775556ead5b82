//! Calls that fail: every changing call of a small run, with every error, once and from then on.

use std::process::Output;
use std::time::Instant;

use crate::program::scratch;
use crate::world::{Sizes, World, said};
use crate::{Ended, Options, trace};

const SIZES: Sizes = Sizes { new: 2, updated: 2, removed: 1, same: 0 };
const ERRORS: [&str; 7] = ["ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT", "EMFILE", "EINTR"];

/// Errors that a call can really give.
fn gives(name: &str, code: &str) -> bool {
    let makes = name.starts_with("open");
    match code {
        "EMFILE" => makes,
        "EINTR" => makes || name.contains("write") || name.contains("sync"),
        "EACCES" => !name.contains("write") && !name.contains("sync"),
        _ => true,
    }
}

pub(crate) fn run(options: &Options) -> Ended {
    if let Some(why) = trace::missing() {
        return Ended::Skipped(why);
    }
    let begun = Instant::now();
    let folder = scratch();
    let world = World::make(folder.path(), &folder.path().join("run"), SIZES, true);
    let seen = trace::watch(&world.sync(), world.run(), &folder.path().join("log"));
    println!("  {} changing calls in a sync of 5 elements", seen.calls.len());
    let (mut tried, mut failed, mut faults) = (0, 0, 0);
    for call in seen.calls.iter().step_by(options.every) {
        for code in ERRORS.iter().filter(|code| gives(&call.name, code)) {
            // A call that is interrupted for ever is tried again for ever, and rightly so.
            for onwards in [false, true].into_iter().filter(|onwards| !(*onwards && *code == "EINTR")) {
                world.put_back("kept");
                let done = trace::fail(&world.sync(), call, code, onwards);
                tried += 1;
                failed += usize::from(!done.status.success());
                if let Some(fault) = wrong(&world, &done, onwards) {
                    faults += 1;
                    println!("  {code} from {} {}{}: {fault}", call.name, call.nth, if onwards { " onwards" } else { "" });
                }
            }
        }
    }
    println!("  {tried} runs, {failed} of them failed, {faults} wrong; {:.0} s", begun.elapsed().as_secs_f64());
    let mut twin = 0;
    for call in seen.calls.iter().filter(|call| call.name.starts_with("rename")) {
        world.put_back("kept");
        trace::fail(world.sync().env("GREFFON_BREAK", "journal,sift"), call, "EIO", true);
        twin += usize::from(world.recovered().is_some());
    }
    println!("  the twin without journal and sifting: {twin} wrong");
    if faults == 0 && twin > 0 { Ended::Whole } else { Ended::Broken }
}

fn wrong(world: &World, done: &Output, onwards: bool) -> Option<String> {
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    if text.contains("panicked") || done.status.code() == Some(101) {
        return Some(format!("a panic: {}", said(done)));
    }
    let found = world.shot();
    if done.status.success() && found != world.new {
        return Some("it ended well with another tree".into());
    }
    if !onwards && found != world.old && found != world.new {
        return Some(format!("neither tree before any recovery: {}", said(done)));
    }
    if !onwards && !done.status.success() && !text.contains("error: ") {
        return Some(format!("it failed without a word: {text:?}"));
    }
    world.torn().or_else(|| world.recovered())
}
