"""The Kubernetes manifests: judged by Kubernetes' own schemas, offline, and held against the code."""

import copy
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest

from config.groups import WorkerSettings
from config.settings import secret_files, variables

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "kubernetes"
RELEASES: Final = ("1.29", "1.34", kubernetes_validate.latest_version().rpartition(".")[0])
"""Of Kubernetes: the oldest and the newest that the manifests are for, and one between."""
yaml: Final[Any] = importlib.import_module("yaml")  # it ships no types

Manifest = dict[str, Any]


def load(name: str) -> Manifest:
    """A file of the folder, which holds one object."""
    manifest: Manifest = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return manifest


KUSTOMIZATION: Final = load("kustomization.yaml")
FILES: Final[list[str]] = KUSTOMIZATION["resources"]


def default(setting: str) -> Any:
    """The default of a worker's setting."""
    return WorkerSettings.model_fields[setting].default


def pod() -> Manifest:
    """The pod of the Deployment."""
    found: Manifest = load("deployment.yaml")["spec"]["template"]["spec"]
    return found


def container() -> Manifest:
    """The pod's one container."""
    [found] = pod()["containers"]
    return dict(found)


def settings() -> dict[str, str]:
    """The settings of the generated ConfigMap."""
    [generator] = KUSTOMIZATION["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every object inside a manifest, itself included."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def refused(manifest: Manifest) -> bool:
    """Whether the newest schema refuses it."""
    try:
        kubernetes_validate.validate(manifest, RELEASES[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return True
    return False


# Whose keys anybody may choose.
FREE: Final = {"labels", "matchLabels", "annotations", "requests", "limits"}


class TestSchema:
    """What the API server would say."""

    def test_every_file_is_applied(self) -> None:
        """One that the kustomization forgets would be checked here and missing there."""
        assert sorted([*FILES, "kustomization.yaml"]) == sorted(path.name for path in FOLDER.iterdir())

    @pytest.mark.parametrize("release", RELEASES)
    @pytest.mark.parametrize("name", FILES)
    def test_manifest_fits_the_schema(self, name: str, release: str) -> None:
        """Strictly: a field that the release does not know is an error."""
        assert kubernetes_validate.validate(load(name), release, strict=True) == release

    @pytest.mark.parametrize("name", FILES)
    def test_misspelt_field_is_refused_wherever_it_stands(self, name: str) -> None:
        """The check above would be worth little if it overlooked one."""
        manifest = load(name)
        for path in places(manifest):
            if path and path[-1] in FREE:
                continue
            wrong = copy.deepcopy(manifest)
            target: Any = wrong
            for step in path:
                target = target[step]
            target["misspelt"] = {}
            assert refused(wrong), path

    def test_value_of_a_wrong_type_is_refused(self) -> None:
        """As a number in quotes is."""
        wrong = load("deployment.yaml")
        wrong["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = "1860"
        assert refused(wrong)


class TestWorker:
    """What the Deployment says of the worker is what the worker does."""

    def test_grace_period_is_longer_than_the_drain(self) -> None:
        """Otherwise the cluster kills calls that the worker lets end."""
        drain = int(settings().get("WORKER__DRAIN_TIMEOUT_S", default("drain_timeout_s")))
        assert pod()["terminationGracePeriodSeconds"] > drain

    def test_start_may_take_as_long_as_the_worker_waits_for_its_server(self) -> None:
        """The worker gives up by itself, and says why."""
        probe = container()["startupProbe"]
        connect = float(settings().get("WORKER__CONNECT_TIMEOUT_S", default("connect_timeout_s")))
        assert probe["periodSeconds"] * probe["failureThreshold"] > connect

    def test_one_port_everywhere(self) -> None:
        """The setting, the container, the probes and the network policy."""
        [port] = container()["ports"]
        assert settings()["WORKER__HTTP_PORT"] == str(port["containerPort"]) == str(default("http_port"))
        assert {probe["httpGet"]["port"] for probe in probes().values()} == {port["name"]}
        [rule] = load("networkpolicy.yaml")["spec"]["ingress"]
        assert rule["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]

    def test_lost_server_is_no_reason_to_end_a_worker(self) -> None:
        """Running calls outlive the worker's connection: only readiness asks for it."""
        asked = {name: probe["httpGet"]["path"] for name, probe in probes().items()}
        assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}

    def test_every_variable_is_a_setting(self) -> None:
        """A name that nothing reads would be refused, or worse, have no effect."""
        known = {name for name, _, _ in variables()} | set(secret_files())
        assert set(settings()) | {variable["name"] for variable in container()["env"]} <= known

    def test_secrets_come_as_files_of_the_mounted_secret(self) -> None:
        """None stands in a manifest or a variable."""
        mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
        [secret] = [volume for volume in pod()["volumes"] if "secret" in volume]
        files = {variable["name"]: variable["value"] for variable in container()["env"]}
        assert set(files) <= set(secret_files())
        assert {Path(path).parent.as_posix() for path in files.values()} == {mounts[secret["name"]]["mountPath"]}
        assert [Path(path).name for path in files.values()] == [
            name.removesuffix("_FILE").lower().replace("_", "-") for name in files
        ]

    def test_user_is_the_one_of_the_image(self) -> None:
        """Who may read the mounted secrets by its group."""
        dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        user, group = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[-1]
        security = pod()["securityContext"]
        assert [security[key] for key in ("runAsUser", "runAsGroup", "fsGroup")] == [int(user), int(group), int(group)]

    def test_pod_is_confined(self) -> None:
        """Nothing to write to but /tmp, no privilege, no token, and nothing of the cluster in its environment."""
        assert container()["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod()["securityContext"]["runAsNonRoot"] is True
        assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod()["enableServiceLinks"] is False
        assert pod()["automountServiceAccountToken"] is False
        assert load("serviceaccount.yaml")["automountServiceAccountToken"] is False
        assert [mount["mountPath"] for mount in container()["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]  # noqa: S108

    def test_load_is_measured_against_the_limit(self) -> None:
        """Without a limit of CPU the worker would compare its calls with the whole node."""
        resources = container()["resources"]
        assert resources["requests"] == resources["limits"]
        assert set(resources["limits"]) == {"cpu", "memory"}


class TestCluster:
    """The objects around it mean the same pods."""

    def test_all_select_the_pods_of_the_deployment(self) -> None:
        """A label that is renamed in one place only would switch the others off."""
        template = load("deployment.yaml")["spec"]["template"]
        labels = {"matchLabels": template["metadata"]["labels"]}
        assert load("deployment.yaml")["spec"]["selector"] == labels
        assert load("poddisruptionbudget.yaml")["spec"]["selector"] == labels
        assert load("networkpolicy.yaml")["spec"]["podSelector"] == labels
        assert [spread["labelSelector"] for spread in pod()["topologySpreadConstraints"]] == [labels, labels]

    def test_autoscaler_owns_the_number_of_workers(self) -> None:
        """A number in the Deployment would undo the autoscaler's at each apply."""
        deployment, scaler = load("deployment.yaml"), load("horizontalpodautoscaler.yaml")["spec"]
        assert "replicas" not in deployment["spec"]
        assert scaler["scaleTargetRef"] == {
            "apiVersion": deployment["apiVersion"],
            "kind": deployment["kind"],
            "name": deployment["metadata"]["name"],
        }

    def test_new_workers_come_before_the_old_ones_are_full(self) -> None:
        """A worker takes no more calls from `WORKER__MAX_LOAD` on."""
        [metric] = load("horizontalpodautoscaler.yaml")["spec"]["metrics"]
        max_load = float(settings().get("WORKER__MAX_LOAD", default("max_load")))
        assert metric["resource"]["target"]["averageUtilization"] / 100 < max_load

    def test_names_that_are_referred_to_exist(self) -> None:
        """The account, the settings, and the image that the kustomization names."""
        [generator] = KUSTOMIZATION["configMapGenerator"]
        assert container()["envFrom"] == [{"configMapRef": {"name": generator["name"]}}]
        assert pod()["serviceAccountName"] == load("serviceaccount.yaml")["metadata"]["name"]
        assert [image["name"] for image in KUSTOMIZATION["images"]] == [container()["image"]]
        assert load("namespace.yaml")["metadata"]["name"] == KUSTOMIZATION["namespace"]


def probes() -> dict[str, Manifest]:
    """The container's probes."""
    return {key: value for key, value in container().items() if key.endswith("Probe")}
