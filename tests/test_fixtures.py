import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server_process import PASSWORD, SYNCHRONIZE, USER, ServerProcess

SAMPLES = sorted((Path(__file__).parent.parent / "fixtures" / "sync-up").iterdir())
curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine: apt-get install curl")


@curl
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_sample_body_gets_the_status_in_its_name(server: ServerProcess, sample: Path) -> None:
    media_type = f"application/{sample.suffix.removeprefix('.')}"
    command = ["curl", "-sS", "-o", "-", "-w", "\n%{http_code}", "--cacert", str(server.certificate)]
    headers = ["-H", f"Accept: {media_type}", "-H", f"Content-Type: {media_type}", "-u", f"{USER}:{PASSWORD}"]
    url = f"https://localhost:{server.port}/cvp-config/{SYNCHRONIZE}"
    sent = subprocess.run(
        [*command, *headers, "--data-binary", f"@{sample}", url], capture_output=True, text=True, check=False
    )
    body, _, status = sent.stdout.rpartition("\n")
    assert sent.returncode == 0, sent.stderr
    assert status == sample.name[:3], body


def test_the_samples_cover_both_formats_and_statuses() -> None:
    assert {sample.suffix for sample in SAMPLES} == {".xml", ".json"}
    assert {sample.name[:3] for sample in SAMPLES} == {"202", "400"}
