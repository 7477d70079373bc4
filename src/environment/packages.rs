//! What is installed in an environment, as the installers have recorded it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::{Package, node};

/// Most bytes of a list of files, and most modules of one package, that are looked at.
const MAX_LIST: u64 = 4 * 1024 * 1024;
const MAX_MODULES: usize = 64;

/// What is installed in a virtual environment:
/// <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.
pub(super) fn of_python(folder: &Path) -> Vec<Package> {
    let libraries = fs::read_dir(folder.join("lib")).into_iter().flatten().flatten();
    let sites = libraries.map(|library| library.path().join("site-packages"));
    let infos = sites.flat_map(|site| fs::read_dir(site).into_iter().flatten().flatten());
    let mut packages: Vec<Package> = infos
        .filter_map(|info| {
            let name = info.file_name().into_string().ok()?;
            let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
            let list = read_bounded(&info.path().join("RECORD")).unwrap_or_default();
            Some(Package { name: name.to_owned(), version: version.to_owned(), modules: outermost(&list) })
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

/// The outermost modules among the files of a `RECORD`.
fn outermost(list: &str) -> Vec<String> {
    let mut modules: Vec<String> = Vec::new();
    for line in list.lines() {
        let path = line.split(',').next().unwrap_or_default();
        let name = match path.split_once('/') {
            Some((folder, _)) => folder,
            None => path.split_once('.').filter(|(_, ending)| *ending != "pth").map_or("", |(name, _)| name),
        };
        let is_module = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name != "__pycache__";
        if is_module && modules.len() < MAX_MODULES && modules.iter().all(|have| have != name) {
            modules.push(name.to_owned());
        }
    }
    modules
}

/// What npm says that it has installed.
pub(super) fn of_node(folder: &Path) -> Vec<Package> {
    let list = read_bounded(&folder.join(node::MODULES).join(".package-lock.json")).unwrap_or_default();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap_or_default();
    let packages = list["packages"].as_object().into_iter().flatten();
    packages
        .filter_map(|(path, package)| {
            let name = path.rsplit("node_modules/").next()?.to_owned();
            let version = package["version"].as_str().unwrap_or_default().to_owned();
            Some(Package { name, version, modules: Vec::new() })
        })
        .collect()
}

fn read_bounded(file: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(file)?.take(MAX_LIST).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_the_modules() {
        let list = "yaml/__init__.py,sha256=x,10\nyaml/_yaml.py,,\n_yaml.cpython-311.so,,\nsix.py,,\n../../bin/x,,\nPyYAML-6.0.dist-info/METADATA,,\n__pycache__/six.pyc,,\nhook.pth,,\n";
        assert_eq!(outermost(list), ["yaml", "_yaml", "six"]);
    }
}
