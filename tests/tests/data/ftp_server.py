"""A small FTP server for tests: one file, active and passive mode, both families. It prints who connects."""

import socket
import sys

CONTENT = b"0123456789abcdef" * 4096


def data_socket(control, passive, active):
    """The data connection that the client has asked for."""
    if passive is not None:
        data, peer = passive.accept()
        passive.close()
    else:
        data = socket.create_connection(active, source_address=(control.getsockname()[0], 0))
        peer = active
    print("data", peer[0], flush=True)
    return data


def serve(control, peer):
    print("control", peer[0], flush=True)
    passive, active = None, None
    own = control.getsockname()[0]

    def say(text):
        control.sendall(text.encode() + b"\r\n")

    say("220 ready")
    for line in control.makefile("r", encoding="ascii", newline="\r\n"):
        verb, _, rest = line.strip().partition(" ")
        if verb == "USER":
            say("331 password?")
        elif verb == "PASS":
            say("230 welcome")
        elif verb == "TYPE":
            say("200 fine")
        elif verb == "PORT":
            parts = rest.split(",")
            active = ".".join(parts[:4]), int(parts[4]) * 256 + int(parts[5])
            say("200 fine")
        elif verb == "EPRT":
            _, _, address, port, _ = rest.split(rest[0])
            active = address, int(port)
            say("200 fine")
        elif verb in ("PASV", "EPSV"):
            passive = socket.create_server((own, 0), family=control.family)
            port = passive.getsockname()[1]
            if verb == "PASV":
                say("227 at (%s,%d,%d)" % (own.replace(".", ","), port >> 8, port & 255))
            else:
                say("229 at (|||%d|)" % port)
        elif verb == "RETR":
            say("150 here it comes")
            data = data_socket(control, passive, active)
            data.sendall(CONTENT)
            data.close()
            passive, active = None, None
            say("226 done")
        elif verb == "QUIT":
            say("221 bye")
            break
        else:
            say("502 what?")


address = sys.argv[1]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = socket.create_server((address, 21), family=family)
print("ready", flush=True)
while True:
    connection, client = server.accept()
    with connection:
        serve(connection, client)
