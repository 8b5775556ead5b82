//! What `scripts/bench` needs beside a shell.
//!
//! `bench-helper data SEED FILES BYTES RELEASES [CHANGED]` writes a repository of so many files, about BYTES each in the mean, as a
//! stream for `git fast-import`; each release changes so many of them [otherwise: one in twenty].
//! `bench-helper peak FILE COMMAND…` runs a command and writes its peak memory, in kB, into FILE.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["data", seed, files, bytes, releases] => {
            numbers([seed, files, bytes, releases]).and_then(|[seed, files, bytes, releases]| data(seed, files, bytes, releases, None))
        }
        ["data", seed, files, bytes, releases, changed] => numbers([seed, files, bytes, releases, changed])
            .and_then(|[seed, files, bytes, releases, changed]| data(seed, files, bytes, releases, Some(changed))),
        ["peak", file, program, rest @ ..] => return peak(file, program, rest),
        _ => Err(io::Error::other("usage: bench-helper data SEED FILES BYTES RELEASES [CHANGED] | bench-helper peak FILE COMMAND…")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-helper: {error}");
            ExitCode::from(2)
        }
    }
}

fn numbers<const N: usize>(words: [&&str; N]) -> io::Result<[u64; N]> {
    let mut found = [0; N];
    for (place, word) in found.iter_mut().zip(words) {
        *place = word.parse().map_err(io::Error::other)?;
    }
    Ok(found)
}

/// The same numbers for the same seed, on every machine (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below.max(1)
    }
}

/// Every release changes so many files of the one before; one in twenty where that is not said.
fn data(seed: u64, files: u64, bytes: u64, releases: u64, changed: Option<u64>) -> io::Result<()> {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let vocabulary: Vec<String> = (0..2000).map(|_| (0..3 + dice.roll(8)).map(|_| char::from(b'a' + dice.roll(26) as u8)).collect()).collect();
    let paths: Vec<String> = (0..files).map(path).collect();
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for release in 1..=releases {
        let message = format!("Release {release}");
        let (time, length) = (1_700_000_000 + release, message.len());
        write!(out, "commit refs/heads/main\nmark :{release}\ncommitter bench <bench@example.org> {time} +0000\ndata {length}\n{message}\n")?;
        for (at, path) in paths.iter().enumerate() {
            let changes = match changed {
                // spread evenly over all folders
                Some(changed) => (at as u64 + 1) * changed / files != at as u64 * changed / files,
                None => dice.roll(20) == 0,
            };
            if release == 1 || changes {
                let content = if path.ends_with(".png") { noise(&mut dice, bytes) } else { text(&mut dice, &vocabulary, bytes) };
                write!(out, "M 100644 inline {path}\ndata {}\n", content.len())?;
                out.write_all(&content)?;
                out.write_all(b"\n")?;
            }
        }
        write!(out, "reset refs/tags/v1.{release}.0\nfrom :{release}\n\n")?;
    }
    out.flush()
}

/// About one folder to three files, three or four folders deep, as real applications have it.
fn path(number: u64) -> String {
    let folder = number / 4;
    let ending = match number % 13 {
        0 => "png",
        1..=3 => "js",
        4 | 5 => "mustache",
        _ => "php",
    };
    let deeper = if folder.is_multiple_of(4) { "/tests" } else { "" };
    format!("area{}/module{}/part{}{deeper}/file{}.{ending}", folder / 400, folder / 20, folder, number % 4)
}

/// Most files are short, some are long: the mean of the product of two rolls is a quarter of its greatest.
fn length(dice: &mut Dice, mean: u64) -> u64 {
    let side = 1000;
    (dice.roll(side) * dice.roll(side) * mean * 4 / (side * side)).max(40)
}

fn text(dice: &mut Dice, vocabulary: &[String], mean: u64) -> Vec<u8> {
    let wanted = length(dice, mean) as usize;
    let mut text = String::from("<?php\n");
    while text.len() < wanted {
        let _ = write!(text, "    ${} = ", vocabulary[dice.roll(2000) as usize]);
        for _ in 0..=dice.roll(6) {
            // Squaring makes a few words frequent, so that the text packs about as source code does.
            let word = dice.roll(45) * dice.roll(45);
            let _ = write!(text, "{}(", vocabulary[word as usize]);
        }
        text.push_str(");\n");
    }
    text.into_bytes()
}

fn noise(dice: &mut Dice, mean: u64) -> Vec<u8> {
    (0..length(dice, mean / 2)).map(|_| dice.roll(256) as u8).collect()
}

/// Linux keeps the high-water mark of a living process only, so it is read until the end: what grows in the last two
/// milliseconds is missed.
fn peak(file: &str, program: &str, arguments: &[&str]) -> ExitCode {
    let mut child = match Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("bench-helper: could not run {program}: {error}");
            return ExitCode::from(2);
        }
    };
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    let ended = loop {
        let now = std::fs::read_to_string(&status).ok();
        let mark = now.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("VmHWM:")));
        most = most.max(mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0));
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(error) => {
                eprintln!("bench-helper: could not wait for {program}: {error}");
                return ExitCode::from(2);
            }
        }
    };
    if let Err(error) = std::fs::write(file, format!("{most}\n")) {
        eprintln!("bench-helper: could not write {file}: {error}");
        return ExitCode::from(2);
    }
    ExitCode::from(ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
