"""Supply chain: verified downloads, no unpickled code, no committed secrets."""

import ast
import base64
import json
import random
import re
import string
import subprocess

import pytest
import yaml
from conftest import TEMPLATE, bake, command, git

STARTERS = sorted(path.name for path in (TEMPLATE / "{{cookiecutter.project_slug}}/starters").iterdir())
# Accepted findings of ruff's security rules, with reasons.
ACCEPTED = {
    "S202": "zipfile drops .. from names, tarfile refuses them with its data filter",
    "S603": "commands are lists of fixed words",
    "S607": "git and uv are found on the PATH",
    "S701": "pages.py renders the project's own Markdown templates, no untrusted HTML",
}

SBOM = "uv export --format cyclonedx1.5"


def fake(kind: str) -> str:
    """A fake key, generated at run time so that this file contains none."""
    generator = random.Random(kind)

    def characters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(generator.choices(alphabet, k=count))

    lines = "\n".join(re.findall(".{1,64}", base64.b64encode(generator.randbytes(1200)).decode()))
    dashes = "-" * 5
    return {
        "Hugging Face": f"hf_{characters(34, string.ascii_letters)}",
        "GitHub": f"ghp_{characters(36)}",
        "Amazon": f"aws_access_key_id = AKIA{characters(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}\n"
        f"aws_secret_access_key = {characters(40)}",
        "Weights & Biases": f"WANDB_API_KEY={characters(40, '0123456789abcdef')}",
        "OpenAI": f"OPENAI_API_KEY=sk-proj-{characters(74)}T3BlbkFJ{characters(74)}",
        "SSH": f"{dashes}BEGIN RSA PRIVATE KEY{dashes}\n{lines}\n{dashes}END RSA PRIVATE KEY{dashes}",
    }[kind]


KINDS = ["Hugging Face", "GitHub", "Amazon", "Weights & Biases", "OpenAI", "SSH"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_not_committed(tmp_path_factory, baked, kind):
    config = yaml.safe_load((baked / ".pre-commit-config.yaml").read_text())
    [entry] = [hook["entry"] for hook in config["repos"][0]["hooks"] if hook["id"] == "secrets"]
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "clean.py").write_text("TOKEN = os.environ['HF_TOKEN']\n")
    (folder / "settings.txt").write_text(f"{fake(kind)}\n")

    def scan(name: str) -> subprocess.CompletedProcess:
        return subprocess.run([*entry.split(), name], cwd=folder, capture_output=True, text=True)

    assert scan("clean.py").returncode == 0
    done = scan("settings.txt")
    assert done.returncode and "settings.txt" in done.stdout
    secret = max(re.findall(r"[\w+/-]{16,}", fake(kind)), key=len)
    assert secret not in done.stdout + done.stderr, "the output shows the secret"


def test_git_refuses_a_commit_with_a_key(starter, installed, tmp_path, monkeypatch):
    if starter != "caravan-insurance":
        pytest.skip("all starters have the same hooks")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(installed), str(clone))
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", str(installed / ".venv"))
    command(clone, "pre-commit", "install")

    def commit(content: str) -> int:
        (clone / "settings.txt").write_text(content)
        git(clone, "add", "settings.txt")
        return subprocess.run(["git", "commit", "--message", "Settings"], cwd=clone, capture_output=True).returncode

    assert commit("timeout = 10\n") == 0
    for kind in KINDS:
        assert commit(f"{fake(kind)}\n") != 0, kind
    assert git(clone, "show", "HEAD:settings.txt") == "timeout = 10\n"


def test_a_fresh_project_contains_no_secret(baked):
    config = yaml.safe_load((baked / ".pre-commit-config.yaml").read_text())
    [entry] = [hook["entry"] for hook in config["repos"][0]["hooks"] if hook["id"] == "secrets"]
    names = subprocess.run(["git", "ls-files"], cwd=baked, capture_output=True, text=True, check=True).stdout.split()
    done = subprocess.run([*entry.split(), *names], cwd=baked, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    ignored = ["git", "check-ignore", ".env", "kaggle.json"]
    assert subprocess.run(ignored, cwd=baked, capture_output=True, text=True).stdout.split() == ignored[2:]


@pytest.mark.parametrize("starter", STARTERS)
def test_code_opens_no_pickle_and_starts_no_shell(tmp_path, starter):
    project = bake(tmp_path, starter=starter)
    rules = ["ruff", "check", "--no-cache", "--isolated", "--select", "S", "--ignore", ",".join(ACCEPTED)]
    done = subprocess.run([*rules, "src", "app.py", "vendor"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for path in [*project.glob("src/**/*.py"), *project.glob("vendor/**/*.py"), project / "app.py"]:
        text = path.read_text(encoding="utf-8")
        loads = r"\b(?:pickle|cloudpickle|dill)\b|joblib\.(?!hash\b)|from joblib|allow_pickle|read_pickle"
        assert not re.search(loads, text), path
        for function in [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]:
            source = ast.unparse(function)
            if re.search(r"\btorch\.load\(|\btrainer\.fit\(|\.load_from_checkpoint\(", source):
                assert re.search(r"weights_only(=|': )True", source), (path, function.name)


@pytest.mark.parametrize("starter", STARTERS)
def test_downloads_are_hash_checked_over_https(tmp_path, starter):
    project = bake(tmp_path, starter=starter)
    data = yaml.safe_load((project / "conf/data/starter.yaml").read_text(encoding="utf-8"))
    assert re.fullmatch("[0-9a-f]{64}", data["sha256"])
    assert data["path"].startswith(("https://", "package:"))  # uv.lock has the hash of a package
    code = [*project.glob("src/**/*.py"), *project.glob("vendor/**/*.py")]
    for path in [*code, *project.glob("conf/**/*.yaml"), *project.glob("cloud/*")]:
        for address in re.findall(r"http://[^\s\"'`)]+", path.read_text(encoding="utf-8")):
            assert address.startswith(("http://127.0.0.1", "http://localhost", "http://www.w3.org")), (path, address)


def test_an_sbom_lists_every_package(run, installed):
    sbom = json.loads(run(*SBOM.split()))
    assert sbom["bomFormat"] == "CycloneDX"
    versions = {part["name"]: part["version"] for part in sbom["components"] if "version" in part}
    assert {"torch", "gradio", "dvc"} <= set(versions) and all(versions.values())
    lock = (installed / "uv.lock").read_text()
    assert not re.search(r'\{ url = "http:', lock)
    assert len(re.findall(r'url = "https://[^"]+", hash = "sha256:[0-9a-f]{64}"', lock)) > 100
