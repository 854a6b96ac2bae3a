"""The Kubernetes manifest."""

from pathlib import Path

import kubernetes_validate
import yaml

from mockcvp.files import load_deployment
from mockcvp.settings import Settings

MANIFEST = Path(__file__).parents[1] / "examples" / "kubernetes" / "mockcvp.yaml"


def test_the_manifest_is_valid() -> None:
    documents = list(yaml.safe_load_all(MANIFEST.read_text()))
    assert [document["kind"] for document in documents] == ["ConfigMap", "Deployment", "Service"]
    for document in documents:
        kubernetes_validate.validate(document, "1.30", strict=True)


def test_the_settings_in_the_manifest_are_valid(tmp_path: Path) -> None:
    config, deployment, service = yaml.safe_load_all(MANIFEST.read_text())
    (tmp_path / "deployment.yaml").write_text(config["data"]["deployment.yaml"])
    assert [server.id for server in load_deployment(tmp_path / "deployment.yaml").servers] == ["media-1", "vxml-1"]
    pod = deployment["spec"]["template"]["spec"]
    # Only root can write to a persistent volume without an fsGroup.
    assert pod["securityContext"]["fsGroup"] == 10001
    (container,) = pod["containers"]
    settings = {item["name"].removeprefix("MOCKCVP_").lower(): item["value"] for item in container["env"]}
    assert "mockcvp.default.svc" in Settings.model_validate(settings).tls_names
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert {container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        "/__admin/health"
    }
