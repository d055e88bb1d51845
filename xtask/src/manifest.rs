//! What the chores need to know of a `Cargo.toml`.

use crate::{Result, cargo};
use std::collections::BTreeMap;

/// The `[package]` section of a manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The path of the manifest from the root of the workspace.
    pub(crate) file: String,
    keys: BTreeMap<String, String>,
}

/// The manifests of all packages in the project.
pub(crate) fn all() -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for file in cargo::files()? {
        if file.ends_with("/Cargo.toml") {
            let text = cargo::read(&file)?;
            manifests.push(Manifest::parse(&file, &text));
        }
    }
    Ok(manifests)
}

impl Manifest {
    /// Reads the lines `key = value` and `key.workspace = true`: the manifests of the project
    /// have nothing more complicated in that section.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let section = text.lines().skip_while(|line| line.trim() != "[package]");
        let lines = section
            .skip(1)
            .take_while(|line| !line.trim().starts_with('['));
        let pairs = lines.filter_map(|line| line.split_once('='));
        let keys = pairs.map(|(key, value)| {
            let key = key.trim();
            let key = key.strip_suffix(".workspace").unwrap_or(key);
            (key.to_owned(), value.trim().trim_matches('"').to_owned())
        });
        Self {
            file: file.to_owned(),
            keys: keys.collect(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    pub(crate) fn name(&self) -> &str {
        self.get("name").unwrap_or_default()
    }

    pub(crate) fn is_published(&self) -> bool {
        self.get("publish") != Some("false")
    }

    /// The keys that a published package lacks.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let wanted = [
            "name",
            "version",
            "description",
            "license",
            "repository",
            "keywords",
            "categories",
            "readme",
            "rust-version",
        ];
        let lacks = |key: &&str| self.get(key).is_none_or(str::is_empty);
        wanted.into_iter().filter(lacks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Manifest;

    #[test]
    fn reads_the_package_section_only() {
        let text = "[workspace]\nreadme = \"no\"\n[package]\nname = \"a-b\"\nlicense.workspace = true\n\
                    description = \"x = y\"\n\n[dependencies]\nkeywords = \"1\"\n";
        let manifest = Manifest::parse("a/Cargo.toml", text);
        assert_eq!(manifest.name(), "a-b");
        assert_eq!(manifest.get("description"), Some("x = y"));
        assert!(manifest.is_published());
        let missing = manifest.missing();
        assert!(missing.contains(&"readme") && missing.contains(&"keywords"));
        assert!(!missing.contains(&"license"));
        assert!(!Manifest::parse("a", "[package]\npublish = false").is_published());
    }
}
