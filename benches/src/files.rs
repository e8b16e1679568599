//! Where results go: report files, and the tables between the markers of a document.

use std::path::{Path, PathBuf};

/// Where the README is.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Benchmarks are started in the package's folder; the results belong to the workspace's.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Writes a file; an error names it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Puts `text` between the markers `<!-- NAME:begin -->` and `<!-- NAME:end -->` of a file.
pub(crate) fn publish(path: &Path, name: &str, text: &str) -> Result<(), String> {
    let document = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let changed = between_markers(&document, name, text)
        .ok_or_else(|| format!("{}: has no <!-- {name}:begin --> … <!-- {name}:end -->", path.display()))?;
    write(path, &changed)
}

fn between_markers(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (head, rest) = document.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some(format!("{head}{begin}\n\n{}\n\n{end}{tail}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_markers_is_replaced_and_nothing_else() {
        let document = "a <!-- t:begin -->old<!-- t:end --> b <!-- u:begin -->kept<!-- u:end -->";
        let changed = between_markers(document, "t", "new\n").unwrap();
        assert_eq!(changed, "a <!-- t:begin -->\n\nnew\n\n<!-- t:end --> b <!-- u:begin -->kept<!-- u:end -->");
        assert_eq!(between_markers(&changed, "t", "new").unwrap(), changed);
        assert!(between_markers(document, "v", "new").is_none());
    }
}
