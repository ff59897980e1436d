#!/usr/bin/env python3
"""Starts the container image without a container engine.

    scripts/image-test.py [PROGRAM]        the default is target/debug/outdial

Makes the files that the Dockerfile describes in a temporary folder, and starts the program in this
root as the image's user and as process 1, as an engine does. It needs Linux and util-linux. As an
ordinary user it needs user namespaces, and does not see who owns a file. Then it checks: there is no
other program; the user may write to its folder only; a call is placed; SIGTERM ends the process after
the call in flight; the certificates of public authorities are found.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
# A phone that rings for some seconds: docs/testing.md, the simulator.
SLOW = {"to_number": "+14165550199", "behaviour": {"kind": "answer", "after_ms": 2500}}


def stages(dockerfile):
    """The stages of a Dockerfile: lists of instructions with their arguments."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    instructions = [line.strip().split(None, 1) for line in text.splitlines() if line.strip()]
    found = []
    for name, arguments in instructions:
        if name == "FROM":
            found.append([])
        found[-1].append((name, arguments.strip()))
    return found


class Image:
    """What the last stage of the Dockerfile describes, made in a folder."""

    def __init__(self, folder, program):
        *earlier, last = stages((REPOSITORY / "Dockerfile").read_text())
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        self.user, self.workdir, self.env, self.argv = "0:0", "/", {}, []
        self.built = self._build(earlier[-1], program)
        for name, arguments in last:
            step = getattr(self, "_" + name.lower(), None)
            assert step, f"Dockerfile: this test does not know {name}: extend it"
            step(arguments)

    def _build(self, stage, program):
        """Runs the step of the earlier stage that makes the files, with our program."""
        runs = " ".join(arguments for name, arguments in stage if name == "RUN")
        step = re.search(r"(scripts/image-root\.sh) \S+/outdial (/\S+)", runs)
        assert step, "Dockerfile: the build stage does not run scripts/image-root.sh PROGRAM FOLDER"
        built = self.folder / "built"
        subprocess.run([REPOSITORY / step[1], program, built], check=True)
        self.built_at = step[2]
        return built

    def _from(self, arguments):
        assert arguments == "scratch", "the image is built from nothing, so that this test has all its files"

    def _copy(self, arguments):
        options = dict(re.findall(r"--(\w+)=(\S+)", arguments))
        source, target = re.sub(r"--\S+\s+", "", arguments).split()
        assert options["from"] == "build" and source.startswith(self.built_at + "/"), arguments
        source, target = self.built / source[len(self.built_at) + 1 :], self.root / target.strip("/")
        shutil.copytree(source, target, dirs_exist_ok=True)
        if IS_ROOT:
            owner = [int(part) for part in options["chown"].split(":")]
            for path in [target, *(target / path.relative_to(source) for path in source.rglob("*"))]:
                os.chown(path, *owner)

    def _user(self, arguments):
        self.user = arguments
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", arguments), "numbers, so that an orchestrator sees that it is not root"

    def _workdir(self, arguments):
        self.workdir = arguments

    def _env(self, arguments):
        self.env.update(pair.split("=", 1) for pair in shlex.split(arguments))

    def _entrypoint(self, arguments):
        self.argv[:0] = json.loads(arguments)

    def _cmd(self, arguments):
        self.argv += json.loads(arguments)

    def _expose(self, arguments):
        assert self.env["OUTDIAL_BIND"] == f"0.0.0.0:{arguments}", "the port that the gateway listens on"

    def _stopsignal(self, arguments):
        self.stop_signal = signal.Signals[arguments]

    def _label(self, _):
        pass

    def writable(self):
        """The folders that the user may write to, and the files outside of them that it may."""
        uid, _ = self.user.split(":")
        paths = [path for path in self.root.rglob("*") if not path.is_symlink()]
        return {
            f"/{path.relative_to(self.root)}"
            for path in paths
            if path.stat().st_mode & (stat.S_IWOTH | (stat.S_IWUSR if path.stat().st_uid == int(uid) else 0))
        }

    def programs(self):
        """The files that can be executed, without the libraries."""
        files = (path for path in self.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111)
        return {f"/{path.relative_to(self.root)}" for path in files if ".so." not in path.name}

    @contextlib.contextmanager
    def started(self, **settings):
        uid, gid = self.user.split(":")
        identity = ["--setuid", uid, "--setgid", gid] if IS_ROOT else ["--map-user", uid, "--map-group", gid]
        argv = ["unshare", "--pid", "--fork", *([] if IS_ROOT else ["--user"]), *identity]
        argv += ["--root", self.root, "--wd", self.workdir, *self.argv]
        env = {"PATH": os.environ["PATH"], **self.env, "OUTDIAL_LOG_FORMAT": "json", **settings}
        with (self.folder / "stdout").open("w") as out, (self.folder / "stderr").open("w") as err:
            process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        running = Running(process, self.folder)
        try:
            running.wait_until_it_serves()
            yield running
        except BaseException:
            print(running.log(), file=sys.stderr)
            raise
        finally:
            running.signal(signal.SIGKILL)
            process.wait(timeout=60)


class Running:
    """The started program and its output."""

    def __init__(self, process, folder):
        self.process, self.folder = process, folder

    def log(self):
        return (self.folder / "stderr").read_text()

    def greeting(self, pattern):
        """The part of the standard output that the pattern encloses."""
        return re.search(pattern, (self.folder / "stdout").read_text())[1]

    def wait_until_it_serves(self):
        wait_until("the program serves or ends", lambda: '"serving"' in self.log() or self.process.poll() is not None)
        assert self.process.poll() is None, "the program ended"

    def call(self, body):
        token = self.greeting(r"Bearer ([^']+)")
        return request(f"{self.greeting(r'serves (http://[0-9.:]+)')}/api/calls/ai/outbound", body, authorization=f"Bearer {token}")["success"]

    def signal(self, number):
        """Signals process 1 of the container: the child of `unshare`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in children.read_text().split() if self.process.poll() is None else []:
            os.kill(int(child), number)

    def stop(self, number):
        """Returns the status of the program after this signal."""
        self.signal(number)
        return self.process.wait(timeout=60)


def request(url, body=None, **headers):
    """The JSON of a response to a GET, or to a POST if there is a body."""
    body = body and json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, body, headers), timeout=60) as response:
        return json.loads(response.read() or "null")


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def main():
    program = Path(sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target/debug/outdial")
    with tempfile.TemporaryDirectory(prefix="outdial-image.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        image = Image(folder, program)
        assert image.programs() == {"/usr/local/bin/outdial"}, image.programs()
        if IS_ROOT:
            assert image.writable() == {"/tmp", image.workdir}, image.writable()
        else:
            print("image: an ordinary user cannot see who owns a file in the image")

        # A free port: the image's may be taken on this machine.
        with image.started(OUTDIAL_BIND="0.0.0.0:0") as running:
            simulator = running.greeting(r"(http://[0-9.:]+)/sim/dials")
            assert running.call({"contactId": "64f0a1b2c3d4e5f6a7b8c9d0"})
            request(f"{simulator}/sim/behaviours", SLOW)
            answers = []
            slow = threading.Thread(target=lambda: answers.append(running.call({"phoneNumber": SLOW["to_number"]})))
            slow.start()
            wait_until("the phone rings", lambda: request(f"{simulator}/sim/dials")["total"] == 2)
            status = running.stop(image.stop_signal)
            slow.join()
            assert (status, answers) == (0, [True]), (status, answers)
        assert (image.root / image.workdir.strip("/") / "outdial.db").exists()

        with image.started(
            OUTDIAL_BIND="0.0.0.0:0",
            OUTDIAL_VOICE_PROVIDER="elevenlabs",
            OUTDIAL_ELEVENLABS_API_KEY="no-request-is-made-with-it",
            OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS="the-secret-of-no-webhook",
            OUTDIAL_JWT_SECRET="a secret of this start that signs no token",
        ) as running:
            assert running.stop(image.stop_signal) == 0
    print("image: a call was placed as the user", image.user, "and SIGTERM waited for the call in flight")


if __name__ == "__main__":
    main()
