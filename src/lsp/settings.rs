//! What programs may read and how loud lints are: as the flags of `fsched lsp` say, or the editor's own settings.

use crate::components::data::Places;
use crate::language::{Level, Levels, Which};
use lsp_types::Uri;
use serde_json::Value;
use std::path::PathBuf;

use super::workspace::path_of;

/// Where programs may read files, and how loud lints are.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    data_dir: PathBuf,
    allow_path: Vec<PathBuf>,
    levels: Levels,
    /// the editor's folders; relative paths start in the first
    folders: Vec<PathBuf>,
}

impl Settings {
    /// The folder of named data sets, and further folders to read from.
    pub fn new(data_dir: PathBuf, allow_path: Vec<PathBuf>) -> Settings {
        Settings { data_dir, allow_path, ..Settings::default() }
    }

    /// The same with these levels of lints.
    pub fn with_levels(self, levels: Levels) -> Settings {
        Settings { levels, ..self }
    }

    /// The same with what an `initialize` request says, and what is wrong with that.
    pub(super) fn of_client(mut self, params: &Value) -> (Settings, Vec<String>) {
        self.folders = folders(params);
        let options = &params["initializationOptions"];
        let mut wrong = Vec::new();
        for (name, value) in options.as_object().into_iter().flatten() {
            let texts = value.as_array().into_iter().flatten().chain(Some(value)).filter_map(Value::as_str);
            let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
            match (name.as_str(), Level::named(name)) {
                ("dataDir", _) => self.data_dir = texts.last().map_or(self.data_dir, PathBuf::from),
                ("allowPath", _) => self.allow_path.extend(texts.into_iter().map(PathBuf::from)),
                (_, Some(level)) => texts.into_iter().for_each(|text| match Which::named(text) {
                    Ok(which) => self.levels.set(level, which),
                    Err(no_lint) => wrong.push(format!("`{name}`: {}; {}", no_lint.message, no_lint.help)),
                }),
                _ => wrong.push(format!(
                    "there is no setting `{name}`; there are `dataDir`, `allowPath`, `allow`, `warn`, `deny`"
                )),
            }
        }
        (self, wrong)
    }

    /// Places of a program in `folder`; one that was never saved is taken to lie in the editor's folder.
    pub(super) fn places(&self, folder: PathBuf) -> Places {
        let root = self.folders.first().cloned().unwrap_or_default();
        let allowed = self.allow_path.iter().map(|p| root.join(p)).collect();
        let data = root.join(&self.data_dir);
        Places { program: if folder.as_os_str().is_empty() { root } else { folder }, data, allowed }
    }

    /// The folders that the editor works in.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    pub(super) fn levels(&self) -> Levels {
        self.levels.clone()
    }
}

/// The folders that the editor works in.
fn folders(params: &Value) -> Vec<PathBuf> {
    let several = params["workspaceFolders"].as_array().into_iter().flatten().map(|folder| &folder["uri"]);
    let path = |uri: &Value| Some(path_of(&uri.as_str()?.parse::<Uri>().ok()?)).filter(|p| p.is_absolute());
    let mut folders: Vec<PathBuf> = several.filter_map(path).collect();
    if folders.is_empty() {
        let one = path(&params["rootUri"]).or_else(|| params["rootPath"].as_str().map(PathBuf::from));
        folders.extend(one.filter(|p| p.is_absolute()));
    }
    folders
}
