# Does what systemd does with the descriptor store of a service: `manager.py SOCKET COMMAND…`.
# Reads commands from stdin: start, kill, term, foreign. Prints what happens, one line each, next to the output of the service.
import fcntl, os, select, signal, socket, sys

path, command = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
store = []
child = 0
commands = []


def say(text):
    print('manager: ' + text, flush=True)


def start():
    pid = os.fork()
    if pid != 0:
        return pid
    copies = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for _, fd in store]
    for number, fd in enumerate(copies):
        os.dup2(fd, 3 + number)
    os.closerange(3 + len(copies), 1000)
    environment = dict(os.environ, NOTIFY_SOCKET=path, FDSTORE='512')
    if store:
        names = ':'.join(name for name, _ in store)
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(store)), LISTEN_FDNAMES=names)
    os.execvpe(command[0], command, environment)


def receive():
    data, fds, _, _ = socket.recv_fds(notify, 65536, 253)
    fields = dict(line.split('=', 1) for line in data.decode().split('\n') if '=' in line)
    name = fields.get('FDNAME', '')
    if fields.get('FDSTORE') == '1':
        store.extend((name, fd) for fd in fds)
        say(f'stored {len(fds)} as {name}, poll {fields.get("FDPOLL")}')
    elif fields.get('FDSTOREREMOVE') == '1':
        for entry in [entry for entry in store if entry[0] == name]:
            os.close(entry[1])
            store.remove(entry)
        say(f'removed {name}')
    else:
        say(data.decode().strip())


while True:
    ready, _, _ = select.select([0, notify], [], [], 0.02)
    if notify in ready:
        receive()
        continue
    if child:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            child = 0
            say(f'ended {os.waitstatus_to_exitcode(status)} with {len(store)} in store')
    if 0 in ready:
        commands += os.read(0, 4096).decode().split('\n')[:-1] or ['end']
    if commands:
        line = commands.pop(0)
        if line == 'start':
            child = start()
        elif line == 'foreign':
            store.append(('tun2udp-device-0', os.open('/dev/null', os.O_RDWR)))
        elif line == 'kill':
            os.kill(child, signal.SIGKILL)
        elif line == 'term':
            os.kill(child, signal.SIGTERM)
        else:
            if child:
                os.kill(child, signal.SIGKILL)
            break
