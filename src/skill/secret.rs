//! Secrets in text: tokens whose format says what they are. Used by [`super::scan`] to report them and by `check` to
//! hide them in the lines it shows.
//!
//! Only formats with a prefix of their own are known, each with the length and the characters that its issuer
//! documents; what looks like an example (`EXAMPLE`, `xxxx`, few different characters) is none.

use std::borrow::Cow;
use std::ops::Range;

/// Longest token that is looked at.
const MAX_TOKEN: usize = 300;
/// How far below its first line the text of a private key is looked for.
const MAX_KEY: usize = 4096;
/// The first words of a private key in PEM; what stands between them and `PRIVATE KEY` is its kind.
const PEM: &str = "-----BEGIN ";

/// A token in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub range: Range<usize>,
    /// `an AWS access key`
    pub what: &'static str,
    /// Length of the part that may be shown.
    pub shown: usize,
}

struct Format {
    prefix: &'static str,
    what: &'static str,
    /// Characters of the part behind the prefix.
    alphabet: fn(u8) -> bool,
    /// How many of them there are.
    length: Range<usize>,
}

const fn format(
    prefix: &'static str,
    what: &'static str,
    alphabet: fn(u8) -> bool,
    length: Range<usize>,
) -> Format {
    Format { prefix, what, alphabet, length }
}

const FORMATS: [Format; 16] = [
    format("AKIA", "an AWS access key", base32, 16..17),
    format("ASIA", "an AWS access key", base32, 16..17),
    format("ghp_", GITHUB, alphanumeric, 36..256),
    format("gho_", GITHUB, alphanumeric, 36..256),
    format("ghu_", GITHUB, alphanumeric, 36..256),
    format("ghs_", GITHUB, alphanumeric, 36..256),
    format("ghr_", GITHUB, alphanumeric, 36..256),
    format("github_pat_", GITHUB, word, 82..256),
    format("xoxb-", SLACK, url_safe, 40..256),
    format("xoxp-", SLACK, url_safe, 40..256),
    format("xoxs-", SLACK, url_safe, 40..256),
    format("sk-ant-", "an Anthropic API key", url_safe, 80..256),
    format("sk-", "an OpenAI API key", url_safe, 40..256),
    format("AIza", "a Google API key", url_safe, 35..36),
    format("sk_live_", STRIPE, alphanumeric, 24..256),
    format("rk_live_", STRIPE, alphanumeric, 24..256),
];

const GITHUB: &str = "a GitHub token";
const SLACK: &str = "a Slack token";
const STRIPE: &str = "a Stripe key";

fn base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// What every secret begins with.
pub(super) fn prefixes() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.prefix).chain([PEM])
}

/// The secret that begins at `at`, where the text has one of the [`prefixes`].
pub(super) fn at(text: &str, at: usize) -> Option<Secret> {
    if text[at..].starts_with(PEM) {
        return private_key(text, at);
    }
    let before = text[..at].bytes().next_back();
    if before.is_some_and(url_safe) {
        return None;
    }
    // The longest prefix counts: `sk-ant-` is not `sk-`.
    let fits = FORMATS.iter().filter(|format| text[at..].starts_with(format.prefix));
    let format = fits.max_by_key(|format| format.prefix.len())?;
    let body = &text[at + format.prefix.len()..];
    let length = body.bytes().take(MAX_TOKEN).take_while(|byte| (format.alphabet)(*byte)).count();
    let body = &body[..length];
    let ends = text.as_bytes().get(at + format.prefix.len() + length).is_none_or(|byte| !url_safe(*byte));
    let fits = ends && format.length.contains(&length) && has_shape(format.prefix, body);
    (fits && !is_placeholder(body)).then(|| Secret {
        range: at..at + format.prefix.len() + length,
        what: format.what,
        shown: format.prefix.len(),
    })
}

/// What a format asks for besides length and alphabet.
fn has_shape(prefix: &str, body: &str) -> bool {
    match prefix {
        // Team and user as numbers, then the secret itself.
        "xoxb-" | "xoxp-" | "xoxs-" => {
            let mut parts = body.split('-');
            let number = |part: Option<&str>| {
                part.is_some_and(|part| part.len() >= 9 && part.bytes().all(|b| b.is_ascii_digit()))
            };
            number(parts.next()) && body.rsplit('-').next().is_some_and(|last| last.len() >= 20)
        }
        // Words with hyphens between them (`sk-learn-…`) are no key.
        "sk-" => body.rsplit('-').next().is_some_and(|last| last.len() >= 32),
        _ => true,
    }
}

/// A made-up token: it says so, counts up, repeats itself, or has too little variety for something random.
fn is_placeholder(body: &str) -> bool {
    const WORDS: [&str; 12] = [
        "example",
        "xxx",
        "your",
        "placeholder",
        "redacted",
        "dummy",
        "fake",
        "sample",
        "12345",
        "abcde",
        "changeme",
        "00000",
    ];
    let lower = body.to_ascii_lowercase();
    let bytes = body.as_bytes();
    let repeats = bytes.windows(4).any(|four| four.iter().all(|byte| *byte == four[0]));
    let different = (0..128).filter(|byte| bytes.contains(byte)).count();
    let digits = bytes.iter().any(u8::is_ascii_digit);
    repeats || !digits || different < 8 || WORDS.iter().any(|word| lower.contains(word))
}

/// `-----BEGIN PRIVATE KEY-----` with something like a key behind it. Of one that spans lines the range is the first.
fn private_key(text: &str, at: usize) -> Option<Secret> {
    let rest = &text[at + PEM.len()..];
    let kinds = ["", "RSA ", "EC ", "DSA ", "OPENSSH "];
    let rest = kinds
        .iter()
        .filter_map(|kind| rest.strip_prefix(kind))
        .find_map(|rest| rest.strip_prefix("PRIVATE KEY-----"))?;
    let header = text.len() - rest.len() - at;
    let end = rest[..rest.floor_char_boundary(MAX_KEY)].find("-----END ")?;
    // In the text of a program the line ends may be written `\n`.
    let body: String = rest[..end].replace("\\n", "").chars().filter(char::is_ascii_alphanumeric).collect();
    let different = (0..128_u8).filter(|byte| body.as_bytes().contains(byte)).count();
    let line = rest[..end].find(['\n', '\r']).unwrap_or(end);
    (body.len() >= 60 && different >= 20).then(|| Secret {
        range: at..at + header + line,
        what: "a private key",
        shown: header,
    })
}

/// What the first secret in a text is, such as `a GitHub token`.
pub fn first(text: &str) -> Option<&'static str> {
    super::scan::hits(text).find_map(super::scan::Hit::secret).map(|secret| secret.what)
}

/// A text with all but the prefix of each secret replaced, byte for byte, so that offsets still fit.
pub fn mask(text: &str) -> Cow<'_, str> {
    let found: Vec<Secret> = super::scan::hits(text).filter_map(super::scan::Hit::secret).collect();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut masked, mut at) = (String::with_capacity(text.len()), 0);
    for secret in found {
        let hidden = secret.range.start + secret.shown;
        // Secrets are found at prefixes, which a masked one may hold too.
        if hidden < at {
            continue;
        }
        masked.push_str(&text[at..hidden]);
        masked.push_str(&"*".repeat(secret.range.end - hidden));
        at = secret.range.end;
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Letters and digits without order, so that no token stands in this file.
    fn random(length: usize) -> String {
        let mut state = 7_u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                    [(state >> 24) as usize % 62],
            )
        };
        (0..length).map(|_| letter()).collect()
    }

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let secrets = super::super::scan::hits(text).filter_map(super::super::scan::Hit::secret);
        secrets.map(|secret| (secret.what, text[secret.range].to_owned())).collect()
    }

    #[test]
    fn tokens_are_known_by_their_format() {
        let upper = random(60).to_uppercase().replace(['0', '1', '8', '9'], "3");
        let tokens = [
            ("an AWS access key", format!("AKIA{}", &upper[..16])),
            (GITHUB, format!("ghp_{}", random(36))),
            (GITHUB, format!("github_pat_{}_{}", random(22), random(59))),
            (SLACK, format!("xoxb-{}-{}-{}", "739205618", "8402957163", random(24))),
            ("an OpenAI API key", format!("sk-proj-{}", random(60))),
            ("an OpenAI API key", format!("sk-{}", random(48))),
            ("an Anthropic API key", format!("sk-ant-api03-{}", random(95))),
            ("a Google API key", format!("AIza{}", random(35))),
            (STRIPE, format!("sk_live_{}", random(24))),
        ];
        for (what, token) in &tokens {
            for text in [token.clone(), format!("KEY=\"{token}\"\n"), format!("`{token}`, é")] {
                assert_eq!(found(&text), [(*what, token.clone())], "{text}");
                let masked = mask(&text);
                assert!(masked.len() == text.len() && !masked.contains(token.as_str()), "{masked}");
            }
            // One character less, or in the middle of a word.
            let long = token.len() > 200;
            assert!(long || found(&token[..token.len() / 2]).is_empty(), "{token}");
            assert!(found(&format!("a{token}")).is_empty(), "{token}");
        }
    }

    #[test]
    fn private_keys_on_one_line_and_on_many() {
        let (begin, end) = (["-----BEGIN EC PRIVATE", " KEY-----"].concat(), "-----END EC PRIVATE KEY-----");
        let body = random(64);
        let many = format!("{begin}\n{body}\n{body}\n{end}\n");
        assert_eq!(found(&many), [("a private key", begin.clone())]);
        let one = format!("k = \"{begin}\\n{body}\\n{body}\\n{end}\"");
        assert_eq!(found(&one).len(), 1);
        assert!(!mask(&one).contains(&body), "{}", mask(&one));
        for harmless in
            [format!("{begin}\n...\n{end}\n"), format!("starts with {begin}"), "-----BEGIN é".into()]
        {
            assert_eq!(found(&harmless), [], "{harmless}");
        }
    }

    #[test]
    fn examples_are_no_secrets() {
        let texts = [
            "AKIAIOSFODNN7EXAMPLE".to_owned(),
            format!("sk-{}", "x".repeat(48)),
            format!("ghp_{}", "a1".repeat(18)),
            "sk-your-api-key-here and sk-...".to_owned(),
            format!("sk-ant-api03-{}EXAMPLE", random(90)),
            "risk-based-task-lists-and-sk-learn-pipelines-for-everybody-who-wants-them".to_owned(),
            format!("ghp_{}1234567890", random(26)),
            "os.environ['sk_live_KEY']".to_owned(),
        ];
        for text in texts {
            assert_eq!(found(&text), [], "{text}");
        }
    }
}
