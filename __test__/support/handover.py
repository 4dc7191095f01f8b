# One end of a take-over that misbehaves: `handover.py new PATH STEP` or `handover.py old PATH KIND`. Prints what happens.
import json, os, socket, sys, time

role, path, kind = sys.argv[1:]


def say(text):
    print(text, flush=True)


class Lines:
    def __init__(self, connection):
        self.connection, self.bytes, self.descriptors = connection, b'', []

    def send(self, message, descriptors=()):
        socket.send_fds(self.connection, [json.dumps(message).encode() + b'\n'], list(descriptors))

    def receive(self):
        while b'\n' not in self.bytes:
            data, descriptors, _, _ = socket.recv_fds(self.connection, 65536, 253)
            if not data:
                say('closed')
                sys.exit()
            self.bytes += data
            self.descriptors += descriptors
        line, self.bytes = self.bytes.split(b'\n', 1)
        return json.loads(line)


def wait():
    """Waits until the test ends this process."""
    say('waiting')
    time.sleep(600)


def new():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    lines = Lines(connection)
    lines.send({'id': 1, 'method': 'takeover', 'params': {'protocol': 1, 'version': 'x'}})
    lines.receive()
    if kind == 'request':
        wait()
    while True:
        is_last = lines.receive()['isLast']
        lines.send({'type': 'next'})
        if is_last:
            break
    lines.receive()
    if kind == 'state':
        wait()
    if kind == 'garbage':
        connection.sendall(b'garbage\n')
    elif kind == 'pipe':
        lines.send({'type': 'running'}, os.pipe())
    else:
        lines.send({'type': 'ready'})
    say(lines.receive()['type'])
    wait()


def old():
    server = socket.socket(socket.AF_UNIX)
    os.umask(0 if kind == 'open' else 0o177)
    server.bind(path)
    server.listen()
    say('listening')
    connection, _ = server.accept()
    lines = Lines(connection)
    lines.receive()
    if kind == 'garbage':
        connection.sendall(b'garbage\n')
        lines.receive()
    lines.send({'id': 1, 'result': {}}, os.pipe())
    stream = socket.socket()
    pipe, tcp = os.pipe()[0], stream.fileno()
    descriptors = {'none': [], 'pipe': [pipe, pipe], 'tcp': [pipe, tcp], 'many': [pipe] * 253}.get(kind, [pipe])
    is_last = kind != 'endless'
    while True:
        lines.send({'type': 'state' if kind == 'state' else 'queue', 'isLast': is_last}, descriptors)
        answer = lines.receive()
        if answer['type'] != 'next' or is_last:
            break
    if answer['type'] == 'next':
        lines.send({'type': 'state', 'state': '{}'})
        answer = lines.receive()
    say(json.dumps(answer))


new() if role == 'new' else old()
