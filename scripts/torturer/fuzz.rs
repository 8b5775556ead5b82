//! Hostile and damaged bytes for the parsers of [`crate::targets`]. What is taken joins the seeds, so that damage goes on from there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use greffon::sys::stockroom::Stockroom;

use crate::mutate::{Dice, damage, nest, right_sums};
use crate::program::scratch;
use crate::targets::{Place, TARGETS, TWIN, Target};
use crate::{Ended, Options, seeds};

/// One input may take no longer, in a debug build on a busy machine.
const SLOW: Duration = Duration::from_secs(5);
/// Seeds that were found on the way, at most.
const KEPT: usize = 400;

struct Found {
    runs: u64,
    taken: u64,
    findings: Vec<(String, Vec<u8>)>,
}

pub(crate) fn run(options: &Options) -> Ended {
    let folder = scratch();
    let place = Place { folder: folder.path().to_owned(), room: Stockroom::open(&folder.path().join("stock")).expect("a stock") };
    let mut all = seeds::seeds(folder.path());
    all.insert("twin", vec!["gr\u{e9}ffon".as_bytes().to_vec()]);
    std::panic::set_hook(Box::new(|_| {}));
    let mut broken = false;
    for target in TARGETS.iter().filter(|target| options.only.as_deref().is_none_or(|only| only == target.name)) {
        let place = Place { folder: place.folder.clone(), room: Stockroom::open(&folder.path().join(format!("stock-{}", target.name))).expect("a stock") };
        let found = torture(target, &place, &all[target.name], Duration::from_secs_f64(options.minutes * 60.0), options.seed);
        println!("  {}: {} inputs, {} taken, {} findings", target.name, found.runs, found.taken, found.findings.len());
        for (why, bytes) in &found.findings {
            broken = true;
            println!("    {why}\n    {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(1200)]));
            if let Ok((_, path)) =
                tempfile::Builder::new().prefix(&format!("greffon-finding-{}-", target.name)).tempfile().and_then(|file| file.keep().map_err(Into::into))
            {
                let _ = std::fs::write(&path, bytes);
                println!("    kept: {}", path.display());
            }
        }
    }
    let twin = torture(&TWIN, &place, &all["twin"], Duration::from_secs(5), options.seed);
    println!("  the twin that cuts letters in two: {} findings in {} inputs", twin.findings.len(), twin.runs);
    let peak = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()));
    if let Some(peak) = peak {
        println!("  peak memory {} MB", peak / 1024);
        broken |= peak > 512 << 10;
    }
    if broken || twin.findings.is_empty() { Ended::Broken } else { Ended::Whole }
}

fn torture(target: &Target, place: &Place, seeds: &[Vec<u8>], time: Duration, seed: u64) -> Found {
    let mut dice = Dice::new(seed ^ target.name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte)));
    let mut pool: Vec<Vec<u8>> = seeds.to_vec();
    let mut found = Found { runs: 0, taken: 0, findings: Vec::new() };
    // If the process itself dies (a stack that overflows), this is what it died of.
    let last = place.folder.join("last-input");
    let begun = Instant::now();
    let mut stock_age = 0;
    while begun.elapsed() < time && found.findings.len() < 5 {
        let bytes = next(target, &pool, &mut dice);
        if bytes.len() > 4096 || found.runs.is_multiple_of(16) {
            let _ = std::fs::write(&last, &bytes);
        }
        let start = Instant::now();
        found.runs += 1;
        match catch_unwind(AssertUnwindSafe(|| (target.try_it)(place, &bytes))) {
            Ok(true) => {
                found.taken += 1;
                stock_age += 1;
                if pool.len() < seeds.len() + KEPT && bytes.len() < 200_000 && dice.roll(8) == 0 {
                    pool.push(bytes.clone());
                }
            }
            Ok(false) => {}
            Err(panic) => {
                let why = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                found.findings.push((format!("a panic: {}", why.unwrap_or_default()), bytes.clone()));
            }
        }
        if start.elapsed() > SLOW {
            found.findings.push((format!("it took {:.1} s", start.elapsed().as_secs_f32()), bytes));
        }
        if stock_age > 2000 && target.name == "archive" {
            // A pack each: the folder is emptied before it becomes what is measured.
            stock_age = 0;
            for entry in std::fs::read_dir(place.room.objects().directory().join("objects/pack")).expect("listed").flatten() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
    found
}

fn next(target: &Target, pool: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    if dice.roll(200) == 0 {
        return nest(dice);
    }
    let (seed, other) = (&pool[dice.roll(pool.len())], &pool[dice.roll(pool.len())]);
    let mut bytes = damage(seed, other, dice);
    if target.name == "archive" && dice.roll(4) != 0 {
        right_sums(&mut bytes);
        if dice.roll(6) == 0 {
            bytes = seeds::gzip(&bytes);
        }
    }
    bytes
}
