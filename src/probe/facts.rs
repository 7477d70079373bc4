//! What the probe tells its payloads, and how those facts stand in the tables of attacks.

use serde::{Deserialize, Serialize};

use super::canaries::VARIABLE;

/// What a payload has to know to attack. No token is among it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    pub namespaces: Vec<String>,
    pub bare: bool,
    /// Exit status that the payload is to have.
    pub status: u8,
    pub skill: String,
    pub secret: String,
    pub ssh_key: String,
    pub overwrite: String,
    pub folder: String,
    pub granted: String,
    /// A folder of which an attack may be granted to read all but one file.
    pub shown: String,
    /// A project with its hooks.
    pub project: String,
    pub tcp4: u16,
    pub tcp6: u16,
    pub udp: u16,
    pub granted_port: u16,
    /// Where nobody listens, and the probe knocks during some attacks.
    pub free_port: u16,
    pub socket: String,
    pub abstract_socket: String,
    pub victim: i32,
    pub shared_memory: i32,
}

impl Facts {
    /// The text with these facts in the place of their names in braces.
    pub(super) fn put(&self, text: &str) -> String {
        let process = |file: &str| format!("/proc/{}/{file}", self.victim);
        let words = [
            ("{secret}", self.secret.clone()),
            ("{ssh_key}", self.ssh_key.clone()),
            ("{overwrite}", self.overwrite.clone()),
            ("{folder}", self.folder.clone()),
            ("{skill}", self.skill.clone()),
            ("{granted}", self.granted.clone()),
            ("{shown}", self.shown.clone()),
            ("{project}", self.project.clone()),
            ("{socket}", self.socket.clone()),
            ("{variable}", VARIABLE.to_owned()),
            ("{environ}", process("environ")),
            ("{cmdline}", process("cmdline")),
            ("{tcp4}", self.tcp4.to_string()),
            ("{tcp6}", self.tcp6.to_string()),
            ("{udp}", self.udp.to_string()),
            ("{granted_port}", self.granted_port.to_string()),
        ];
        words.iter().fold(text.to_owned(), |text, (word, fact)| text.replace(word, fact))
    }
}
