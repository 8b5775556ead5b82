//! The servers of `scripts/demo`: git over smart http and plain files, both on loopback. Writes their addresses into a file and
//! serves until it is killed.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repositories, files, addresses] = arguments.as_slice() else {
        eprintln!("usage: demo-server REPOSITORIES FILES ADDRESSES");
        std::process::exit(2);
    };
    let git = support::GitServer::start(Path::new(repositories));
    let plain = support::FileServer::of_folder(Path::new(files));
    let text = format!("{}\n{}\n", git.url("/"), plain.url("/"));
    let written = std::fs::write(format!("{addresses}.part"), text).and_then(|()| std::fs::rename(format!("{addresses}.part"), addresses));
    if let Err(error) = written {
        eprintln!("could not write {addresses}: {error}");
        std::process::exit(1);
    }
    loop {
        std::thread::park();
    }
}
