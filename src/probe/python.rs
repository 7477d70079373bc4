//! Twenty classic vectors as Python scripts, judged as the others are: by what they do outside.

use super::canaries::token;
use super::payload::MARK;
use super::useful::is_there;
use super::{Findings, Probe, Useful};

/// One vector: its lines, with `F` for the facts, and the words for the judge. Each does what its name says, and the judge
/// looks for what that would show or change of the host.
const VECTORS: &[(&str, &str, &str)] = &[
    // Inside there is a file of that name, which tells of the sandbox; the judge knows the lines of the host's.
    (
        "python/read_etc_passwd",
        "t = open('/etc/passwd').read(); print(t); absent('the file is the sandbox\\'s own: %d line' % t.count('\\n'))",
        "",
    ),
    (
        "python/read_ssh_key",
        "for home in (os.path.expanduser('~'), F['ssh_key'].removesuffix('/.ssh/id_rsa')):\n  \
         try: print(open(home + '/.ssh/id_rsa').read())\n  except OSError as error: say(repr(error))",
        "{ssh_key}",
    ),
    // The judge looks for the name in the host's folder.
    (
        "python/write_tmp_file",
        "open('/tmp/' + NONCE, 'w').write('x'); absent('the host\\'s /tmp is not there: this one is the run\\'s own')",
        "",
    ),
    (
        "python/path_traversal",
        "for path in ('/etc/shadow', F['secret']):\n  try: print(open('../' * 12 + path).read())\n  \
         except OSError as error: say(repr(error))",
        "/etc/shadow&{secret}",
    ),
    (
        "python/list_root_dir",
        "names = os.listdir('/'); print(names); say(repr(names)); absent('the root is the sandbox\\'s own')\n\
         own = set('/'.join((sys.prefix, sys.base_prefix, sys.executable, F['skill'])).split('/'))\n\
         for name in {'boot', 'root', 'srv', 'opt', 'var', 'mnt', 'media', 'run', 'sys'} & set(names):\n  \
         more = set(os.listdir('/' + name)) - own\n  \
         if more: gain('/%s is shown: %r' % (name, more))",
        "",
    ),
    (
        "python/http_request",
        "import urllib.request\nfor host in ('127.0.0.1:%d' % F['tcp4'], 'example.com'):\n  \
         try: print(urllib.request.urlopen('http://%s/' % host, timeout=1).read(9)); gain(host)\n  \
         except OSError as error: say(repr(error))",
        "127.0.0.1:{tcp4}&example.com:80",
    ),
    // Every name has an address here, a made-up one: what was asked for shows when it is used.
    (
        "python/dns_lookup",
        "a = socket.gethostbyname(NONCE + '.example.com'); say(a)\nif not a.startswith('198.18.'): gain('a true address')\n\
         socket.create_connection((a, 443), 1); gain('a connection')",
        "{nonce}.example.com:443",
    ),
    (
        "python/socket_listen",
        "import time; s = socket.socket(); s.bind(('0.0.0.0', F['free_port'])); s.listen(); time.sleep(0.2)\n\
         absent('the port is one of the sandbox\\'s own network')",
        "",
    ),
    (
        "python/os_system",
        "status = os.system('whoami; cat ' + F['secret']); say('status %d' % status)\nif status == 0: gain('a shell ran')",
        "/bin/sh|/usr/bin/sh|/usr/bin/dash",
    ),
    (
        "python/subprocess_run",
        "import subprocess; print(subprocess.run(['whoami'], capture_output=True).stdout); gain('whoami ran')",
        "/usr/bin/whoami|/bin/whoami",
    ),
    (
        "python/process_list",
        "pids = [int(p) for p in os.listdir('/proc') if p.isdigit()]; say(repr(pids))\n\
         for p in pids: print(open('/proc/%d/cmdline' % p).read())\n\
         if F['victim'] in pids and F['victim'] > max(os.getpid(), 99): gain('a process of the host is listed')\n\
         absent('only the sandbox\\'s own processes are there')",
        "",
    ),
    (
        "python/kill_process",
        "for pid in (1, F['victim']):\n  try: os.kill(pid, 0); os.kill(pid, 15); gain('kill %d' % pid)\n  \
         except OSError as error: say(repr(error))",
        "process 1",
    ),
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
    // What follows gains nothing by itself: nothing in the language is the border. So each goes on to the secret.
    ("python/dynamic_import", "print(__import__('io').open(F['secret']).read())", "{secret}"),
    (
        "python/eval_exec",
        "say(eval('__import__(\"os\").getcwd()')); exec(compile('print(open(F[\"secret\"]).read())', 'x', 'exec'))",
        "{secret}",
    ),
    (
        "python/modify_builtins",
        "import builtins; builtins.open = os.open; print(os.read(open(F['secret'], 0), 99))",
        "{secret}",
    ),
    (
        "python/env_variables",
        "print(dict(os.environ)); print(open('/proc/self/environ').read()); print(open('/proc/1/environ').read())",
        "{variable}&/proc/1/environ",
    ),
    // The judge knows the name of the host.
    (
        "python/system_info",
        "import platform; print(platform.uname(), socket.gethostname()); say(platform.node())\n\
         absent('the name is the sandbox\\'s own, the kernel\\'s version is no secret')",
        "",
    ),
];

/// What stands around each vector: the nonce first, the evidence last.
const FRAME: &str = "import json, os, socket, sys\nNAME, NONCE, F = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])\n\
    E = dict(nonce=NONCE, calls=[], refused=[], gained=[], absent=None, finished=False)\n\
    def tell(): print('@MARK@' + json.dumps(E), flush=True)\n\
    def gain(what): E['gained'].append(what)\n\
    def say(what): E['calls'].append(what)\n\
    def absent(why): E['absent'] = why\n\
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
            let named = named.replace("{nonce}", &nonce);
            probe.attempt(policy, SCRIPT, words, (name, &nonce, &named), findings)
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
