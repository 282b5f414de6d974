"""The container files, as far as they can be judged without an engine: what they name exists, and stays in step."""

import functools
import importlib
import json
import re
import runpy
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any, Final

import pytest

from config.groups import WorkerSettings
from config.settings import load_settings, secret_files, variables
from sandbox.page import files
from sandbox.page.server import parse
from tests.fakes import REQUIRED

ROOT: Final = Path(__file__).parents[2]
HEALTHCHECK: Final = ROOT / "deploy" / "healthcheck.py"
yaml: Final[Any] = importlib.import_module("yaml")  # it ships no types

Instruction = tuple[str, str]
"""A keyword in capitals, and what follows it on one line."""


@functools.cache
def stages() -> Mapping[str, list[Instruction]]:
    """The Dockerfile's stages by name, in their order; the first instruction of each is its FROM."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, list[Instruction]] = {}
    current: list[Instruction] = []
    for line in filter(None, re.sub(r"\s*\\\n\s*", " ", text).splitlines()):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            current = found.setdefault(rest.rpartition(" AS ")[2], [])
        current.append((keyword, rest.strip()))
    return found


def whole(stage: str) -> list[Instruction]:
    """A stage's instructions, after those of every stage it builds on or copies from."""
    own = stages()[stage]
    named = [own[0][1].partition(" ")[0], *(match for _, rest in own for match in re.findall(r"--from=(\S+)", rest))]
    return [instruction for name in named if name in stages() for instruction in whole(name)] + own


def last(stage: str, keyword: str) -> str:
    """The instruction that counts where a later one replaces an earlier one."""
    return [rest for found, rest in whole(stage) if found == keyword][-1]


def copied() -> Iterator[str]:
    """Every path that the Dockerfile takes from the work tree."""
    for instructions in stages().values():
        for keyword, rest in instructions:
            if keyword == "COPY" and "--from=" not in rest:
                yield from [part for part in rest.split() if not part.startswith("--")][:-1]


@functools.cache
def compose() -> dict[str, Any]:
    """The services of the compose file."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return services


@functools.cache
def secrets_file() -> dict[str, Any]:
    """The second compose file, which gives the keys by file."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.secrets.yml").read_text(encoding="utf-8"))
    return loaded


@functools.cache
def sandbox_env() -> dict[str, str]:
    """The worker's settings on the offline providers."""
    lines = (ROOT / "deploy" / "sandbox.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def found_in(path: str, pattern: str) -> str:
    """The one group of the first match in a file."""
    match = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert match, f"{path} has no {pattern}"
    return match[1]


class TestImage:
    """The Dockerfile."""

    @pytest.mark.parametrize("path", sorted(set(copied())))
    def test_what_is_copied_exists_and_reaches_the_builder(self, path: str) -> None:
        """A path that `.dockerignore` holds back breaks the build as one that is missing does."""
        kept = [
            line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
        ]
        assert (ROOT / path).exists()
        assert any(fnmatch(path, pattern) or path.startswith(f"{pattern}/") for pattern in kept)

    def test_plain_build_makes_the_worker(self) -> None:
        """The last stage is what `docker build .` builds."""
        assert list(stages())[-1] == "production"

    def test_production_holds_nothing_of_the_sandbox(self) -> None:
        """Its packages are not all free for every use (piper is under the GPL)."""
        assert "sandbox" not in " ".join(rest for keyword, rest in whole("production") if keyword != "LABEL")

    @pytest.mark.parametrize("stage", ["production", "sandbox"])
    def test_packages_are_the_locked_ones_checked_by_hash(self, stage: str) -> None:
        """Nothing is installed but by a lock file, with its hashes."""
        installs = [rest for keyword, rest in whole(stage) if keyword == "RUN" and re.search(r"\bpip\b", rest)]
        assert len(installs) == 2
        assert all("--require-hashes" in install for install in installs)
        lock = re.search(r"/build/requirements/(\S+)\.txt", installs[-1])
        assert lock is not None
        chosen = dict(rest.split("=", 1) for keyword, rest in whole(stage) if keyword == "ARG" and "=" in rest)
        assert Template(lock[1]).substitute(chosen) == stage

    def test_every_set_of_packages_of_the_worker_is_locked(self) -> None:
        """`--build-arg PACKAGES=` takes each of those that are copied for it; all hold what the worker needs."""
        [files] = [rest for keyword, rest in stages()["production-packages"] if keyword == "COPY"]
        *locks, _ = files.split()
        assert locks == ["requirements/production.txt", "requirements/heif.txt", "requirements/google.txt"]
        worker, *larger = (set((ROOT / lock).read_text(encoding="utf-8").splitlines()) for lock in locks)
        assert all(worker < each for each in larger)

    @pytest.mark.parametrize("stage", ["production", "sandbox"])
    def test_user_is_a_number_and_not_root(self, stage: str) -> None:
        """A cluster that demands an unprivileged user can only judge a number."""
        user, group = (int(part) for part in last(stage, "USER").split(":"))
        assert user > 0
        assert group > 0

    @pytest.mark.parametrize("stage", ["production", "sandbox"])
    def test_no_shell_stands_between_a_signal_and_python(self, stage: str) -> None:
        """Commands are lists: a shell as process 1 would swallow SIGTERM."""
        for keyword in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            assert json.loads(last(stage, keyword).rpartition("CMD ")[2])

    def test_start_may_take_as_long_as_the_worker_waits_for_its_server(self) -> None:
        """The endpoint listens once the server was reached: until then the container is starting, not sick."""
        start_period = int(re.findall(r"--start-period=(\d+)s", last("production", "HEALTHCHECK"))[0])
        assert start_period > WorkerSettings.model_fields["connect_timeout_s"].default

    def test_exposed_port_is_the_default_one(self) -> None:
        """The setting, the health check's own default and the image name one port."""
        port = str(WorkerSettings.model_fields["http_port"].default)
        assert last("production", "EXPOSE") == port
        assert found_in("deploy/healthcheck.py", r'"WORKER__HTTP_PORT"\) or "(\d+)"') == port

    def test_versions_agree_with_the_project(self) -> None:
        """The label carries the project's version, and the project supports the image's Python."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert found_in("Dockerfile", r"^ARG VERSION=(\S+)") == project["version"]
        least, below = (int(minor) for minor in re.findall(r"3\.(\d+)", project["requires-python"]))
        assert least <= int(found_in("Dockerfile", r"^ARG BASE=python:3\.(\d+)-slim-")) < below


class TestCompose:
    """The compose file and its second environment file."""

    def test_server_is_the_version_we_build_and_test_with(self) -> None:
        """One version of the LiveKit server everywhere."""
        version = found_in("scripts/livekit-server.sh", r"^version=(\S+)")
        assert compose()["livekit"]["image"] == f"livekit/livekit-server:v{version}"

    def test_every_variable_is_a_setting(self) -> None:
        """A name that nothing reads would be refused, or worse, have no effect."""
        known = {name for name, _, _ in variables()}
        assert set(compose()["worker"]["environment"]) <= known
        assert set(sandbox_env()) - {"SIGHTED_ENV_FILE"} <= known

    def test_sandbox_environment_is_complete(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With compose's own three variables it makes a worker, without a key of anybody's."""
        for name, _, _ in variables():
            monkeypatch.delenv(name, raising=False)
        for name, value in {**sandbox_env(), **compose()["worker"]["environment"]}.items():
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", value))
        services = load_settings().services
        assert services.livekit_url == "ws://livekit:7880"
        port = last("sandbox", "EXPOSE")
        for address in (services.deepgram_base_url, services.openai_base_url, services.cartesia_base_url):
            assert address.startswith(f"http://sandbox:{port}")

    def test_worker_and_server_share_key_and_secret(self) -> None:
        """The defaults are written twice."""
        worker = compose()["worker"]["environment"]
        keys = compose()["livekit"]["environment"]["LIVEKIT_KEYS"]
        assert keys == f"{worker['LIVEKIT_API_KEY']}: {worker['LIVEKIT_API_SECRET']}"
        page = compose()["page"]["environment"]
        assert page == {name: value for name, value in worker.items() if name.startswith("LIVEKIT_")}

    def test_page_is_started_with_arguments_that_it_takes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On all addresses of its container, for a browser that finds the server on this machine."""
        for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*)\}", r"\1", compose()["page"]["environment"][name]))
        monkeypatch.setattr(files, "installed", lambda: True)
        command = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", part) for part in compose()["page"]["command"]]
        page = parse(command[1:])
        assert (command[0], page.host, page.port) == ("page", "0.0.0.0", 8080)  # noqa: S104  # in a container

    def test_published_ports_are_those_listened_on_and_for_this_machine_alone(self) -> None:
        """Default keys guard nothing, so nobody else may knock."""
        server = yaml.safe_load(compose()["livekit"]["environment"]["LIVEKIT_CONFIG"])
        listening = {
            "livekit": [str(server["port"]), str(server["rtc"]["tcp_port"]), f"{server['rtc']['udp_port']}/udp"],
            "sandbox": [last("sandbox", "EXPOSE")],
            "page": ["8080"],
            "worker": [],
            "redis": [],
        }
        for name, service in compose().items():
            expected = [f"127.0.0.1:{port.partition('/')[0]}:{port}" for port in listening[name]]
            assert service.get("ports", []) == expected

    def test_each_waits_until_what_it_needs_is_healthy(self) -> None:
        """The order of the start: Redis, the server, the worker."""
        order = {"livekit": "redis", "worker": "livekit", "page": "livekit"}
        for name, needed in order.items():
            assert compose()[name]["depends_on"] == {needed: {"condition": "service_healthy"}}
            assert "healthcheck" in compose()[needed]

    def test_server_uses_the_redis_beside_it(self) -> None:
        """By its name, at its own port."""
        config = yaml.safe_load(compose()["livekit"]["environment"]["LIVEKIT_CONFIG"])
        assert config["redis"] == {"address": "redis:6379"}

    def test_secrets_by_file_replace_every_key(self) -> None:
        """Each key of the smallest environment comes as a mounted file, and its variable is empty."""
        worker = secrets_file()["services"]["worker"]
        mounted = {name: value for name, value in worker["environment"].items() if value}
        assert set(mounted) == {f"{name}_FILE" for name in REQUIRED if name != "LIVEKIT_URL"}
        assert set(mounted) <= set(secret_files())
        assert set(worker["environment"]) - set(mounted) == {name.removesuffix("_FILE") for name in mounted}
        assert mounted == {f"{name.upper()}_FILE": f"/run/secrets/{name}" for name in worker["secrets"]}

    def test_every_secret_that_is_used_is_defined(self) -> None:
        """Each once, in one folder."""
        services = secrets_file()["services"].values()
        used = {name for service in services for name in service["secrets"]}
        folder = "${SIGHTED_SECRETS:-./secrets}"
        assert secrets_file()["secrets"] == {name: {"file": f"{folder}/{name}"} for name in used}
        livekit = secrets_file()["services"]["livekit"]
        assert livekit["command"] == ["--key-file", f"/run/secrets/{livekit['secrets'][0]}"]

    def test_stop_takes_longer_than_the_drain(self) -> None:
        """Otherwise the engine kills calls that the worker lets end."""
        grace = int(compose()["worker"]["stop_grace_period"].removesuffix("s"))
        assert grace > WorkerSettings.model_fields["drain_timeout_s"].default

    @pytest.mark.parametrize("name", ["redis", "livekit", "worker", "sandbox", "page"])
    def test_service_is_confined(self, name: str) -> None:
        """Nothing to write to, no privilege, and a share of the machine."""
        service = compose()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert {"cpus", "mem_limit", "pids_limit", "restart"} <= set(service)

    def test_sandbox_is_built_and_started_on_request_only(self) -> None:
        """Each image comes from its own target."""
        assert compose()["sandbox"]["profiles"] == compose()["page"]["profiles"] == ["sandbox"]
        assert compose()["sandbox"]["build"] == compose()["page"]["build"]
        assert compose()["sandbox"]["build"]["target"] == "sandbox"
        assert compose()["worker"]["build"]["target"] == "production"
        assert "profiles" not in compose()["worker"]


class Endpoint(BaseHTTPRequestHandler):
    """Alive, but not ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where an endpoint answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class TestHealthCheck:
    """`deploy/healthcheck.py`, which runs in the containers."""

    @pytest.mark.parametrize(("path", "code"), [("/healthz", 0), ("/readyz", 1)])
    def test_exit_code_tells_the_answer(self, port: int, path: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Asked at the worker's own port, and not through a proxy."""
        monkeypatch.setenv("WORKER__HTTP_PORT", str(port))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setattr(sys, "argv", ["healthcheck.py", path])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(HEALTHCHECK), run_name="__main__")
        assert stop.value.code == code

    def test_no_answer_is_not_healthy(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The reason goes where the engine keeps it."""
        assert not runpy.run_path(str(HEALTHCHECK))["healthy"]("/healthz", 9)
        assert "127.0.0.1:9/healthz" in capsys.readouterr().err
