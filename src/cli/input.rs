//! The input of a tool, as `call`, `run --input` and `schema --check` are given it: JSON, `@FILE` or `-`.

use std::io::Read;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Failure;
use crate::skill::schema::validate::MAX_MISMATCHES;
use crate::skill::schema::{self, Invocation, Mismatch, Tool};
use crate::skill::{Entry, Skill};

/// Longest input that is taken.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

/// What an entry is given, for `run` and `learn`.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// Input: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub input: Option<String>,
    /// Arguments of the script
    #[arg(last = true, value_name = "ARGS")]
    pub rest: Vec<String>,
}

impl Given {
    pub(super) fn call(&self, skill: &Skill, entry: &Entry) -> anyhow::Result<Invocation> {
        let mut call = match self.input.as_deref() {
            Some(given) => invocation(&schema::entry_tool(skill, entry), given, "--input", &skill.name)?,
            None => Invocation::default(),
        };
        call.argv.extend(self.rest.iter().cloned());
        Ok(call)
    }
}

/// Arguments and standard input of the tool's entry. `named` is what the command line calls the input, `target` what
/// `skilldeck schema` calls the tool.
pub(super) fn invocation(tool: &Tool, given: &str, named: &str, target: &str) -> anyhow::Result<Invocation> {
    let bytes = read(given, named)?;
    let value = parse(&bytes, given, named)?;
    let mut call = schema::invocation(tool, &value).map_err(|wrong| unfit(tool, &wrong, target))?;
    if call.stdin == value.to_string().into_bytes() {
        // What goes to standard input as a whole goes as it was written.
        call.stdin = bytes;
    }
    Ok(call)
}

fn unfit(tool: &Tool, wrong: &[Mismatch], target: &str) -> Failure {
    let count = counted(wrong);
    Failure {
        message: format!(
            "the input does not fit {} ({count}); `skilldeck schema {target}` shows what does",
            tool.name
        ),
        details: wrong.iter().map(Mismatch::to_string).collect(),
        code: 2,
    }
}

pub(super) fn counted(wrong: &[Mismatch]) -> String {
    match wrong.len() {
        1 => "1 mistake".to_owned(),
        MAX_MISMATCHES => format!("the first {MAX_MISMATCHES} mistakes"),
        several => format!("{several} mistakes"),
    }
}

/// The value behind the argument `named`.
pub(super) fn value(given: &str, named: &str) -> anyhow::Result<Value> {
    parse(&read(given, named)?, given, named)
}

fn read(given: &str, named: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = match given.strip_prefix('@') {
        Some(file) => {
            let opened = std::fs::File::open(file).with_context(|| {
                format!("{named} @{file}: cannot be read; give the path of a file with JSON")
            })?;
            read_all(opened)?
        }
        None if given == "-" => read_all(std::io::stdin())?,
        None => given.as_bytes().to_vec(),
    };
    if bytes.len() as u64 > MAX_INPUT {
        bail!("{named} {}: longer than 64 MiB; give the skill a file to read instead", source(given));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8], given: &str, named: &str) -> anyhow::Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| {
        let source = source(given);
        anyhow::anyhow!(
            "{named} {source}: not JSON: {error}; write an object such as '{{\"name\": \"value\"}}'"
        )
    })
}

/// What an input is called in messages: a file by its name, JSON never by itself.
fn source(given: &str) -> &str {
    if given.starts_with('@') || given == "-" { given } else { "JSON" }
}

fn read_all(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes).context("the input cannot be read")?;
    Ok(bytes)
}
