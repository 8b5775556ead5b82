//! The suite checks every sentence of the contracts, and no others.

use greffon::roles::conformance::{client, downloader, installer, repository, stock};

/// The list items under `# Behaviour` of a trait's file, each on one line.
fn sentences(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{}/src/roles/{file}.rs", env!("CARGO_MANIFEST_DIR"))).expect("the trait's file");
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        let Some(comment) = line.strip_prefix("///") else {
            inside = false;
            continue;
        };
        let comment = comment.trim();
        if comment.starts_with("# ") {
            inside = comment == "# Behaviour";
        } else if let Some(item) = comment.strip_prefix("- ").filter(|_| inside) {
            found.push(item.to_owned());
        } else if inside && !comment.is_empty() {
            let last = found.last_mut().expect("an item before its second line");
            last.push(' ');
            last.push_str(comment);
        }
    }
    found
}

#[test]
fn every_sentence_of_a_contract_is_a_check() {
    for (file, contract) in [
        ("repository", repository::CONTRACT),
        ("stock", stock::CONTRACT),
        ("downloader", downloader::CONTRACT),
        ("installer", installer::CONTRACT),
        ("client", client::CONTRACT),
    ] {
        let written = sentences(file);
        assert!(!written.is_empty(), "{file} has a contract");
        assert_eq!(written, contract, "the contract of {file}");
    }
}
