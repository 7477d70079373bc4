//! The table of rules: every diagnostic that reading a skill can give, with its stable code and severity.
//!
//! Adding a rule is adding a line here and a place that calls [`Findings::add`](super::findings::Findings::add).

use super::diagnostic::Severity;

/// What a diagnostic is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable name.
    pub code: &'static str,
    pub severity: Severity,
    /// Why it matters, in one line.
    pub explanation: &'static str,
}

macro_rules! rules {
    ($($name:ident $severity:ident $code:literal $explanation:literal)*) => {
        $(pub const $name: Rule = Rule { code: $code, severity: Severity::$severity, explanation: $explanation };)*
        /// All rules, in the order of the table.
        pub const ALL: &[Rule] = &[$($name),*];
    };
}

rules! {
    // the file
    UNREADABLE Error "unreadable" "SKILL.md cannot be opened, so no client loads the skill"
    DANGLING_LINK Error "dangling-link" "SKILL.md is a link to a file that does not exist"
    WRONG_CASE Error "wrong-case" "clients look for a file named exactly SKILL.md"
    WRONG_CASE_TWIN Warning "wrong-case-twin" "a second manifest in other letters confuses file systems that ignore case"
    EMPTY_FILE Error "empty-file" "an empty SKILL.md says nothing"
    FILE_TOO_LARGE Error "file-too-large" "a SKILL.md is read whole into a model's context"
    INVALID_UTF8 Error "invalid-utf8" "clients read SKILL.md as UTF-8; some crash on anything else"
    BOM Warning "byte-order-mark" "several clients do not find front matter behind a byte order mark"
    NUL Error "nul-byte" "NUL is no text; YAML forbids it and some clients crash"
    CONTROL_CHARACTER Warning "control-character" "invisible characters can hide text from a reader or break YAML"
    HIDDEN_CHARACTER Warning "hidden-character" "characters that reorder or hide text can make a skill say something else than it shows"
    CRLF Info "crlf" "some validators do not accept Windows line ends after `---`"
    CARRIAGE_RETURN Warning "carriage-return" "a lone carriage return is not a line end to most clients"
    LONG_LINE Warning "long-line" "a line of this length is data, not instructions"
    // front matter
    NO_FRONT_MATTER Error "no-front-matter" "name and description stand in front matter between two `---` lines"
    LEADING_LINES Error "front-matter-not-first" "front matter must begin on the first line"
    UNCLOSED Error "front-matter-unclosed" "without a closing `---` the whole file is front matter"
    CLOSED_BY_DOTS Warning "front-matter-dots" "most clients need `---` at the end of front matter, not `...`"
    FRONT_MATTER_TOO_LARGE Error "front-matter-too-large" "every client loads all front matter at start"
    NOT_MAPPING Error "front-matter-not-mapping" "front matter is a list of `key: value` lines"
    DASHES_IN_VALUE Warning "dashes-in-value" "some clients end front matter at the first `---`, also inside a value"
    YAML_COLON Error "yaml-unquoted-colon" "in YAML `: ` begins a new mapping, so the value must be quoted"
    YAML_TAB Error "yaml-tab" "YAML does not allow tabs for indentation"
    YAML_ALIAS Error "yaml-alias" "aliases can grow without bound; many clients refuse them"
    YAML_QUOTE Error "yaml-unclosed-quote" "a quote without an end swallows what follows"
    YAML_TOO_LARGE Error "yaml-too-large" "front matter is bounded in size and nesting"
    YAML_SYNTAX Error "yaml-syntax" "front matter that is not YAML is not loaded"
    ANCHOR Warning "yaml-anchor" "the reference validator refuses anchors"
    SERDE_YAML Warning "serde-yaml-refuses" "Codex and SkillLite read front matter with serde_yaml, and drop a skill that it refuses"
    DUPLICATE_KEY Error "duplicate-key" "clients disagree on which of the two counts; many refuse both"
    // fields
    NAME_MISSING Error "name-missing" "the specification requires a name"
    NAME_TYPE Error "name-type" "a name is text"
    NAME_LENGTH Error "name-length" "a name has 1 to 64 characters"
    NAME_CHARACTERS Error "name-characters" "a name is made of lower-case letters, digits and hyphens"
    NAME_NOT_ASCII Warning "name-not-ascii" "the specification says a-z; only some clients take other alphabets"
    NAME_HYPHENS Error "name-hyphens" "a name neither begins nor ends with a hyphen, nor doubles it"
    NAME_MISMATCH Warning "name-mismatch" "the name must equal the name of the folder"
    DESCRIPTION_MISSING Error "description-missing" "the description tells a model when to use the skill"
    DESCRIPTION_TYPE Error "description-type" "a description is text"
    DESCRIPTION_LENGTH Error "description-length" "a description has 1 to 1024 characters"
    DESCRIPTION_WHEN Info "description-when" "a model chooses a skill by its description alone, so it must say when to use it"
    COMPATIBILITY_LENGTH Error "compatibility-length" "compatibility has 1 to 500 characters"
    FIELD_TYPE Warning "field-type" "the specification gives this field another type"
    METADATA_VALUE Info "metadata-value" "the specification maps text to text; some clients skip other values"
    UNKNOWN_KEY Info "unknown-key" "not one of the six fields of the specification; the reference validator refuses it"
    // body
    BODY_EMPTY Warning "body-empty" "a skill without a body gives a model nothing to do"
    BODY_LENGTH Warning "body-length" "the specification recommends less than 500 lines; move detail to references/"
    BODY_TOKENS Warning "body-tokens" "the specification recommends less than 5,000 tokens (of 4 characters each); move detail to references/"
    BROKEN_LINK Warning "broken-link" "a link to a file that is not there"
    MISSING_SCRIPT Warning "missing-script" "the body names a script that is not there"
    HOME_PATH Warning "home-path" "an absolute path into somebody's home works on one machine only"
    UNKNOWN_FLAG Warning "unknown-flag" "the body shows an option that the script's own parser refuses"
    // body and scripts
    SECRET Error "secret" "a token in a skill is known to everybody who gets the skill"
    UNPINNED_PACKAGE Warning "unpinned-package" "without a version, the code that runs is whatever was published last"
    // scripts
    NO_INTERPRETER Warning "no-interpreter" "neither a `#!` line nor an extension says what runs the script, so no client can"
    INTERPRETER_NOT_FOUND Info "interpreter-not-found" "the script cannot be run on this machine"
    // policy.yaml
    POLICY_UNREADABLE Error "policy-unreadable" "a policy that cannot be read is not put in force"
    POLICY_SYNTAX Error "policy-syntax" "a policy that is not YAML is not put in force"
    POLICY_UNKNOWN_KEY Error "policy-unknown-key" "a key that is not known would be a wish that nobody fulfils"
    POLICY_DUPLICATE_KEY Error "policy-duplicate-key" "of two keys with one name it is not clear which counts"
    POLICY_VALUE Error "policy-value" "a value that is not understood is not put in force"
    POLICY_EMPTY Warning "policy-empty" "a list without values grants nothing"
    POLICY_WIDE Warning "policy-wide" "a grant of everything is no boundary"
    POLICY_OUTSIDE Info "policy-outside" "the grant reaches beyond the skill and the workspace: whoever approves it should know why"
    POLICY_MISSING_PATH Warning "policy-missing-path" "a path that does not exist grants nothing to read"
    POLICY_UNNEEDED Warning "policy-unneeded" "a grant that changes nothing only makes the request look larger"
    // the workspace
    SHADOWED Warning "shadowed" "of two skills with one name clients load only one"
    DEPTH_REACHED Warning "depth-reached" "folders deeper than the bound were not read"
    FOLDERS_REACHED Warning "folders-reached" "more folders than the bound; the rest was not read"
    FOLDER_UNREADABLE Warning "folder-unreadable" "skills below this folder are not listed"
}

/// The rule with this code.
pub fn find(code: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_plain() {
        for (at, rule) in ALL.iter().enumerate() {
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit()));
            assert!(ALL[at + 1..].iter().all(|other| other.code != rule.code), "{} twice", rule.code);
        }
        assert_eq!(find("name-mismatch"), Some(&NAME_MISMATCH));
    }
}
