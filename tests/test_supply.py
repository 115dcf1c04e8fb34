"""What comes in is checked, nothing unpickles code, and no secret goes out."""

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
# What ruff's rules of security may find, and why it is no weakness.
ACCEPTED = {
    "S202": "fetch.unpack looks at every name first, remote.py unpacks with Python's own filter",
    "S603": "commands are lists of the project's own words",
    "S607": "git and uv are looked up as the user does",
    "S701": "pages.py fills in Markdown of the project's own, no HTML of others",
}


def fake(kind: str) -> str:
    """A key that opens nothing, made anew: none is written here."""
    chance = random.Random(kind)

    def some(count: int, of: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choices(of, k=count))

    body = "\n".join(re.findall(".{1,64}", base64.b64encode(chance.randbytes(1200)).decode()))
    dashes = "-" * 5
    return {
        "Hugging Face": f"hf_{some(34, string.ascii_letters)}",
        "GitHub": f"ghp_{some(36)}",
        "Amazon": f"aws_access_key_id = AKIA{some(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}\n"
        f"aws_secret_access_key = {some(40)}",
        "Weights & Biases": f"WANDB_API_KEY={some(40, '0123456789abcdef')}",
        "OpenAI": f"OPENAI_API_KEY=sk-proj-{some(74)}T3BlbkFJ{some(74)}",
        "SSH": f"{dashes}BEGIN RSA PRIVATE KEY{dashes}\n{body}\n{dashes}END RSA PRIVATE KEY{dashes}",
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
    assert secret not in done.stdout + done.stderr, "the report shows the secret"


def test_git_refuses_a_commit_with_a_key(starter, installed, tmp_path, monkeypatch):
    if starter != "caravan-insurance":
        pytest.skip("the hooks are the same")
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


def test_a_fresh_project_holds_no_secret(baked):
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
    done = subprocess.run([*rules, "src", "app.py", "cloud"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for path in [*project.glob("src/**/*.py"), project / "app.py"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(?:pickle|joblib|cloudpickle|dill)\b|allow_pickle|read_pickle", text), path
        for call in [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]:
            name = ast.unparse(call.func)
            if name in ("torch.load", "trainer.fit") or name.endswith("load_from_checkpoint"):
                assert any(ast.unparse(word) == "weights_only=True" for word in call.keywords), (path, name)


@pytest.mark.parametrize("starter", STARTERS)
def test_downloads_are_hash_checked_over_https(tmp_path, starter):
    project = bake(tmp_path, starter=starter)
    data = yaml.safe_load((project / "conf/data/starter.yaml").read_text(encoding="utf-8"))
    assert re.fullmatch("[0-9a-f]{64}", data["sha256"])
    assert data["path"].startswith(("https://", "package:"))  # a package's hash stands in uv.lock
    for path in [*project.glob("src/**/*.py"), *project.glob("conf/**/*.yaml"), *project.glob("cloud/*")]:
        for address in re.findall(r"http://[^\s\"'`)]+", path.read_text(encoding="utf-8")):
            assert address.startswith(("http://127.0.0.1", "http://localhost", "http://www.w3.org")), (path, address)


def test_every_package_is_named_on_request(run, installed):
    [words] = re.findall(r"`(uv export .*?) -o", (installed / "SECURITY.md").read_text(encoding="utf-8"))
    said = json.loads(run(*words.split()))
    assert said["bomFormat"] == "CycloneDX"
    named = {part["name"]: part["version"] for part in said["components"]}
    assert {"torch", "gradio", "dvc"} <= set(named) and all(named.values())
    lock = (installed / "uv.lock").read_text()
    assert not re.search(r'\{ url = "http:', lock)
    assert len(re.findall(r'url = "https://[^"]+", hash = "sha256:[0-9a-f]{64}"', lock)) > 100
