//! Under which name a program knows freewheel, so that `#[main]` works for one that renamed it.
//!
//! A program may have `tokio = { package = "freewheel" }`, or a package named tokio that gives freewheel's items. An
//! attribute does not learn by which path it was called; so the manifest of the package being compiled is asked. Of its
//! TOML no more is understood than the tables of dependencies, written in one of the usual ways. The `crate` argument has
//! the last word.

use std::path::PathBuf;
use std::sync::OnceLock;

const OURS: &str = "freewheel";
const COMMON: &str = "tokio";

/// The name, `freewheel` if nothing says otherwise.
pub(crate) fn find() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        if std::env::var("CARGO_PKG_NAME").as_deref() == Ok(OURS) {
            return OURS.to_owned();
        }
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        std::fs::read_to_string(folder.join("Cargo.toml")).map_or_else(|_| OURS.to_owned(), |text| in_manifest(&text))
    })
}

fn in_manifest(text: &str) -> String {
    let mut names = Vec::new();
    // The table we are in: all dependencies, or a single one.
    let (mut all, mut single) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.split(']').next().unwrap_or_default();
            all = table.ends_with("dependencies");
            single = table.rsplit_once("dependencies.").map(|(_, name)| unquote(name).to_owned());
            names.extend(single.clone());
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let key = unquote(key);
        match &single {
            Some(name) if key == "package" && unquote(value) == OURS => return name.clone(),
            None if all => {
                let name = key.split('.').next().unwrap_or_default().trim();
                let renamed = key.strip_suffix(".package").is_some() && unquote(value) == OURS;
                if renamed || has_package(value) {
                    return name.to_owned();
                }
                names.push(name.to_owned());
            }
            _ => {}
        }
    }
    // Not by its own name, and yet this macro was called: then by the name that everyone gives it.
    let named = |name: &str| names.iter().any(|other| other == name);
    if !named(OURS) && named(COMMON) { COMMON.to_owned() } else { OURS.to_owned() }
}

/// Whether an inline table says `package = "freewheel"`.
fn has_package(value: &str) -> bool {
    let mut parts = value.trim().trim_start_matches('{').trim_end_matches('}').split(',');
    parts.any(|part| part.split_once('=').is_some_and(|(key, value)| key.trim() == "package" && unquote(value) == OURS))
}

fn unquote(text: &str) -> &str {
    let text = text.split('#').next().unwrap_or_default();
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::in_manifest;

    #[test]
    fn it_is_found_by_its_own_name() {
        assert_eq!(
            in_manifest("[package]\nname = \"a\"\n[dependencies]\nfreewheel = \"1\"\ntokio = \"1\"\n"),
            "freewheel"
        );
        assert_eq!(in_manifest("[dependencies]\nfreewheel.workspace = true"), "freewheel");
        assert_eq!(in_manifest("[target.'cfg(unix)'.dependencies.freewheel]\nversion = \"1\""), "freewheel");
        assert_eq!(in_manifest("[dependencies]\nserde = \"1\""), "freewheel");
    }

    #[test]
    fn it_is_found_when_it_was_renamed() {
        let inline = "[dependencies]\nserde = \"1\"\ntokio = { version = \"1\", package = \"freewheel\", features = [\"full\"] }";
        assert_eq!(in_manifest(inline), "tokio");
        assert_eq!(in_manifest("[dev-dependencies]\nrt = { path = \"..\", package = 'freewheel' }"), "rt");
        assert_eq!(in_manifest("[dependencies.wheel]\nversion = \"1\"\npackage = \"freewheel\" # ours"), "wheel");
        assert_eq!(in_manifest("[dependencies]\nwheel.package = \"freewheel\"\nwheel.version = \"1\""), "wheel");
    }

    #[test]
    fn it_is_found_behind_a_package_named_tokio() {
        assert_eq!(in_manifest("[dependencies]\ntokio = { version = \"1\", features = [\"full\"] }"), "tokio");
        assert_eq!(in_manifest("[dependencies]\ntokio.workspace = true"), "tokio");
    }

    #[test]
    fn other_tables_are_not_dependencies() {
        assert_eq!(in_manifest("[package]\ntokio = 1\n[features]\ntokio = []"), "freewheel");
    }
}
