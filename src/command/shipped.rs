//! Extensions that greffon carries along, for manifests that it writes itself.

use std::path::Path;

use crate::error::Result;
use crate::sys::fs;

/// An extension's folder: its name, and its files with their texts.
type Folder = (&'static str, &'static [(&'static str, &'static str)]);

macro_rules! folder {
    ($name:literal, $($file:literal),*) => {
        ($name, &[$(($file, include_str!(concat!("../../extensions/", $name, "/", $file)))),*])
    };
}

/// All of them.
const FOLDERS: &[Folder] = &[
    folder!("wordpress", "extension.toml", "wordpress.rhai", "README.md"),
    folder!("wordpress-installer", "extension.toml", "wordpress.rhai", "README.md"),
    folder!("jenkins", "extension.toml", "jenkins.rhai", "README.md"),
    folder!("jenkins-installer", "extension.toml", "jenkins.rhai", "README.md"),
];

/// Writes an extension below `extensions/` of a folder; a file that is there stays as it is.
pub(super) fn write(folder: &Path, name: &str) -> Result<()> {
    for (file, text) in FOLDERS.iter().filter(|(own, _)| *own == name).flat_map(|(_, files)| files.iter()) {
        let place = folder.join("extensions").join(name);
        let path = place.join(file);
        if fs::kind(&path)?.is_none() {
            fs::create_folder(&place)?;
            fs::write_atomic(&path, text.as_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_whole() {
        for (name, files) in FOLDERS {
            let about = files.iter().find(|(file, _)| *file == "extension.toml").map(|(_, text)| *text).unwrap_or_default();
            let main = about.lines().find_map(|line| line.strip_prefix("main = \"")?.strip_suffix('"')).expect("a main");
            assert!(about.contains(&format!("name = \"{name}\"")) && files.iter().any(|(file, _)| *file == main), "{name}");
        }
    }
}
