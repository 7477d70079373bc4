# Tries everything that would touch what tests/degraded/host.rs sets up outside; prints what worked.
import ctypes, os, resource, socket, struct, sys
mine, tcp, udp, abstract, victim = sys.argv[1:6]
tcp, udp, victim = int(tcp), int(udp), int(victim)
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
  if result < 0: raise OSError(ctypes.get_errno(), '')
  return result
def attempt(name, action):
  try: result = action()
  except Exception as error: return print('refused', name, getattr(error, 'errno', error))
  print('WORKED', name, result)
secret, precious = mine + '/secret', mine + '/precious'
attempt('read', lambda: open(secret).read())
attempt('list', lambda: os.listdir(mine))
attempt('write', lambda: open(precious, 'w'))
attempt('cut', lambda: os.truncate(precious, 0))
attempt('cut by open', lambda: os.open(precious, os.O_RDONLY | os.O_TRUNC))
attempt('create', lambda: open(mine + '/new', 'w'))
attempt('unlink', lambda: os.unlink(precious))
attempt('rename', lambda: os.rename(precious, mine + '/moved'))
attempt('link', lambda: os.link(precious, os.environ['HOME'] + '/linked'))
attempt('steal', lambda: os.rename(precious, os.environ['HOME'] + '/stolen'))
attempt('mkdir', lambda: os.mkdir(mine + '/folder'))
attempt('symlink', lambda: os.symlink('/', mine + '/way'))
attempt('chmod', lambda: os.chmod(precious, 0o600))
attempt('utime', lambda: os.utime(precious, (1, 1)))
attempt('chown', lambda: os.chown(precious, os.getuid(), os.getgid()))
attempt('setxattr', lambda: os.setxattr(precious, 'user.x', b'y'))
link = os.environ['HOME'] + '/way'
os.symlink(precious, link)
attempt('chmod by link', lambda: os.chmod(link, 0o600))
attempt('read by link', lambda: open(link).read())
attempt('tcp', lambda: socket.create_connection(('127.0.0.1', tcp), 2).recv(9))
def datagram():
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: return s.sendto(b'out', ('127.0.0.1', udp))
try: datagram()
except OSError as error: print('refused udp', error.errno)
def local(address):
  with socket.socket(socket.AF_UNIX) as s: return s.connect(address)
attempt('unix', lambda: local(mine + '/socket'))
attempt('abstract', lambda: local(b'\0' + abstract.encode()))
attempt('signal', lambda: os.kill(victim, 9))
attempt('probe', lambda: os.kill(victim, 0))
attempt('queue', lambda: check(libc.syscall(129, victim, 9, (ctypes.c_char * 128)(9, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255))))
attempt('thread', lambda: check(libc.syscall(234, victim, victim, 9)))
attempt('limit', lambda: check(libc.prlimit(victim, 0, (ctypes.c_uint64 * 2)(0, 0), None)))
attempt('nice', lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
def owned():
  import fcntl
  a, b = socket.socketpair(); fcntl.fcntl(a, 10, 9); fcntl.fcntl(a, fcntl.F_SETOWN, victim)
  fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK); b.send(b'x')
  if fcntl.fcntl(a, fcntl.F_GETOWN) == victim: return 'owned'
  raise OSError(0, '')
attempt('owned', owned)
attempt('trace', lambda: check(libc.ptrace(16, victim, None, None)))
attempt('environ', lambda: open(f'/proc/{victim}/environ').read())
attempt('memory', lambda: open(f'/proc/{victim}/mem', 'rb'))
attempt('passwd', lambda: [n for n in open('/etc/passwd') if n.startswith('root:')][0])
attempt('shadow', lambda: open('/etc/shadow').read())
attempt('namespaces', lambda: check(libc.unshare(0x10000000)))

# What is the run's own works.
def works(name, action):
  try: action()
  except Exception as error: print('BROKEN', name, error)
for place in (os.environ['TMPDIR'], os.environ['HOME']):
  name = place + '/own'
  def keep(): open(name, 'w').write('x')
  works('write', keep)
  works('chmod', lambda: os.chmod(name, 0o600)); works('fchmod', lambda: os.fchmod(os.open(name, os.O_RDONLY), 0o640))
  works('utime', lambda: os.utime(name, (1, 2))); works('futime', lambda: os.utime(os.open(name, os.O_RDONLY)))
  works('utime now', lambda: os.utime(name))
  works('rename', lambda: os.rename(name, name + '2')); works('unlink', lambda: os.unlink(name + '2'))
works('signal', lambda: os.kill(os.getpid(), 0))
def child():
  pid = os.fork()
  if pid == 0:
    import time; time.sleep(60); os._exit(0)
  os.kill(pid, 15); assert os.waitpid(pid, 0)[1] == 15
works('child', child)
def pair():
  a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'
works('pair', pair)
import threading
t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()
works('maps', lambda: open('/proc/self/maps').read() if os.path.exists('/proc/self/maps') else None)
print('END')
