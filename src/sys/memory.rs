//! How much memory this process holds.

/// Bytes of memory that are this process's own (files mapped into it are not counted); `None` where the system does not tell.
#[must_use]
pub fn in_use() -> Option<u64> {
    let text = super::fs::read_text(std::path::Path::new("/proc/self/status"), 64 << 10).ok()??;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? << 10)
}
