"""Logs in as two libraries do: PORT KEY HOST_KEY. Says `LIBRARY ok` for each, or fails."""

import asyncio
import base64
import os
import sys
import time

import asyncssh
import paramiko

PORT, KEY, HOST_KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
# More than is sent under one key where 64 KiB are asked for.
BYTES = os.urandom(512 << 10)


def by_paramiko():
    kind, blob = open(HOST_KEY).read().split()[:2]
    client = paramiko.SSHClient()
    key = paramiko.Ed25519Key(data=base64.b64decode(blob))
    client.get_host_keys().add(f"[127.0.0.1]:{PORT}", kind, key)
    client.connect("127.0.0.1", PORT, "root", key_filename=KEY, look_for_keys=False, allow_agent=False,
                   timeout=60, banner_timeout=60, auth_timeout=60)
    transport = client.get_transport()
    _, out, _ = client.exec_command("echo said; exit 3")
    assert out.read() == b"said\n" and out.channel.recv_exit_status() == 3
    # Its input stays open: a terminal whose input ends hangs up.
    keep, out, _ = client.exec_command("tty", get_pty=True)
    assert out.read().startswith(b"/dev/pts/")
    assert out.channel.recv_exit_status() == 0
    out.channel.close()
    # A channel that is being closed while keys are changed keeps paramiko from changing them.
    while len(transport._channels) > 0:
        time.sleep(0.1)
    before = transport.session_id, transport.H
    transport.renegotiate_keys()
    assert transport.session_id == before[0] and transport.H != before[1], "no other key"
    files = client.open_sftp()
    with files.open("/tmp/paramiko", "wb") as there:
        there.write(BYTES)
    with files.open("/tmp/paramiko") as there:
        assert there.read() == BYTES
    client.close()


async def by_asyncssh():
    async with asyncssh.connect("127.0.0.1", PORT, username="root", client_keys=[KEY], config=None, agent_path=None,
                                known_hosts=([asyncssh.read_public_key(HOST_KEY)], [], []),
                                rekey_bytes="64K") as client:
        said = await client.run("echo said; exit 3")
        assert said.stdout == "said\n" and said.exit_status == 3
        said = await client.run("tty", term_type="xterm")
        assert said.stdout.startswith("/dev/pts/"), said.stdout
        first = client._recv_encryption
        async with client.start_sftp_client() as files:
            async with files.open("/tmp/asyncssh", "wb") as there:
                await there.write(BYTES)
            async with files.open("/tmp/asyncssh", "rb") as there:
                assert await there.read() == BYTES
        assert client._recv_encryption is not first, "no other key"


by_paramiko()
print("paramiko ok")
asyncio.run(by_asyncssh())
print("asyncssh ok")
