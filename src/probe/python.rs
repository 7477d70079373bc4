//! Twenty classic vectors as Python scripts, judged as the others are: by what they do outside.

use super::canaries::token;
use super::payload::MARK;
use super::useful::is_there;
use super::{Findings, Probe, Useful};

/// One vector: its lines, with `F` for the facts, and the words for the judge. A vector that gains nothing by itself
/// (`eval`, a replaced builtin) goes on to the secret: nothing in the language is the border.
const VECTORS: &[(&str, &str, &str)] = &[
    ("python/read_etc_passwd", "print(open('/etc/shadow').read()); gain('read /etc/shadow')", "/etc/shadow"),
    ("python/read_ssh_key", "print(open(F['ssh_key']).read())", "{ssh_key}"),
    (
        "python/write_tmp_file",
        "open(F['overwrite'], 'w').write('x'); E['absent'] = 'the file went into the private /tmp'",
        "{overwrite}",
    ),
    ("python/path_traversal", "print(open('../../../../../../..' + F['secret']).read())", "{secret}"),
    ("python/list_root_dir", "print(os.listdir(F['folder'] + '/..'))", "{folder}"),
    (
        "python/http_request",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:%d/' % F['tcp4'], timeout=1)",
        "127.0.0.1:{tcp4}",
    ),
    (
        "python/dns_lookup",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', F['udp'])); E['absent'] = 'the datagram went to the sandbox itself'",
        "127.0.0.1:{udp}",
    ),
    (
        "python/socket_listen",
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); socket.create_connection(('127.0.0.1', F['tcp4']), 1)",
        "127.0.0.1:{tcp4}",
    ),
    (
        "python/os_system",
        "status = os.system('cat ' + F['secret']); say('status %d' % status)",
        "/bin/sh|/usr/bin/sh|/usr/bin/dash",
    ),
    (
        "python/subprocess_run",
        "import subprocess; print(subprocess.run(['cat', F['secret']], capture_output=True).stdout)",
        "execve|/cat",
    ),
    ("python/process_list", "print(open('/proc/%d/cmdline' % F['victim']).read())", "{cmdline}"),
    ("python/kill_process", "os.kill(1, 9); gain('kill(1, 9)')", "kill"),
    ("python/memory_bomb", "b = bytearray(500 * 1024 * 1024); gain('500 MB')", "limit:memory"),
    (
        "python/fork_bomb",
        "import time\nn = 0\ntry:\n  while n < 120:\n    if os.fork() == 0: time.sleep(1); os._exit(0)\n    n += 1\nfinally:\n  say('%d children' % n)\n  time.sleep(0.7)\n  if n > 48: gain('more processes than the limit')",
        "limit:processes",
    ),
    (
        "python/cpu_intensive",
        "import time; e = time.time() + 4\nwhile time.time() < e: pass\ngain('4 s')",
        "limit:cpu",
    ),
    ("python/dynamic_import", "print(__import__('io').open(F['secret']).read())", "{secret}"),
    ("python/eval_exec", "exec(compile('print(open(F[\"secret\"]).read())', 'x', 'exec'))", "{secret}"),
    (
        "python/modify_builtins",
        "import builtins; builtins.open = os.open; print(os.read(open(F['secret'], 0), 99))",
        "{secret}",
    ),
    (
        "python/env_variables",
        "print(dict(os.environ)); print(open('/proc/1/environ').read())",
        "/proc/1/environ",
    ),
    (
        "python/system_info",
        "import platform; print(platform.uname()); open('/proc/sys/kernel/core_pattern', 'w'); gain('core_pattern opened')",
        "core_pattern",
    ),
];

/// What stands around each vector: the nonce first, the evidence last.
const FRAME: &str = "import json, os, socket, sys\nNAME, NONCE, F = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])\n\
    E = dict(nonce=NONCE, calls=[], gained=[], absent=None, finished=False)\n\
    def tell(): print('@MARK@' + json.dumps(E), flush=True)\n\
    def gain(what): E['gained'].append(what)\n\
    def say(what): E['calls'].append(what)\n\
    tell()\n\
    try: exec(VECTORS[NAME])\n\
    except (Exception, SystemExit) as error: say(repr(error))\n\
    E['finished'] = True\ntell()\n";

const SCRIPT: &str = "scripts/vectors.py";

/// Add the script to the skill; false where no Python is.
fn arrange(probe: &mut Probe<'_>) -> anyhow::Result<bool> {
    if !is_there("python3") {
        return Ok(false);
    }
    let vectors: serde_json::Map<String, serde_json::Value> =
        VECTORS.iter().map(|(name, source, _)| ((*name).to_owned(), (*source).into())).collect();
    let frame = FRAME.replace("@MARK@", &MARK.escape_default().to_string());
    let source = format!("VECTORS = {}\n{frame}", serde_json::Value::Object(vectors));
    probe.add_script(SCRIPT, &source)?;
    Ok(true)
}

pub(super) fn attacks(
    probe: &mut Probe<'_>,
    chosen: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    if !VECTORS.iter().any(|(name, ..)| chosen(name)) {
        return Ok(());
    }
    if !arrange(probe)? {
        findings.notes.push("the 20 vectors in Python are left out: there is no python3".into());
        return Ok(());
    }
    for (name, _, named) in VECTORS.iter().filter(|(name, ..)| chosen(name)) {
        let verdict = probe.attack_under_each(&mut |probe, policy| {
            let nonce = token();
            let facts = serde_json::to_string(&probe.canaries.facts)?;
            let words = vec![(*name).to_owned(), nonce.clone(), facts];
            probe.attempt(policy, SCRIPT, words, (name, &nonce, named), findings)
        })?;
        findings.attacks.push(verdict);
    }
    Ok(())
}

/// That interpreters start.
pub(super) fn useful(
    probe: &mut Probe<'_>,
    chosen: &dyn Fn(&str) -> bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let started = [
        ("useful/start-python", "python3", "scripts/start.py", "import json, ssl\nprint('started')\n"),
        ("useful/start-node", "node", "scripts/start.js", "console.log('started')\n"),
        ("useful/start-shell", "sh", "scripts/start.sh", "echo started\n"),
    ];
    for (name, program, file, source) in started.into_iter().filter(|(name, ..)| chosen(name)) {
        if !is_there(program) {
            findings.notes.push(format!("{name} is left out: there is no {program}"));
            continue;
        }
        probe.add_script(file, source)?;
        let mut policy = probe.limits_only.clone();
        // Node reserves more than the attacks are given.
        policy.limits = crate::policy::Policy::default().limits;
        let report = probe.run(&policy, None, file, Vec::new(), Vec::new())?;
        let ok = report.stdout == "started\n";
        let detail = if ok { "started".into() } else { format!("{:?}: {}", report.outcome, report.stderr) };
        findings.useful.push(Useful { name: name.into(), ok, detail });
    }
    Ok(())
}

/// The form of evidence is the payload's.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::payload::Evidence;

    #[test]
    fn there_are_twenty_and_the_frame_says_what_the_judge_reads() {
        assert_eq!(VECTORS.len(), 20);
        let form = serde_json::to_value(Evidence::default()).unwrap();
        for field in form.as_object().unwrap().keys() {
            assert!(FRAME.contains(&format!("{field}=")), "{field}");
        }
    }
}
