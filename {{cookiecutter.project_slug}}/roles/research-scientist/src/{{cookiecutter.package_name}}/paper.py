"""paper/paper.typ and the numbers of the last run -> docs/paper.pdf: `python -m ... paper`."""

from pathlib import Path

from heldout import InputError, stage
from omegaconf import DictConfig


@stage
def main(_: DictConfig) -> None:
    """Typesets the paper; InputError if typst is missing or finds a mistake."""
    files = []
    for folder in ("reports", "docs/figures"):
        files += [path.as_posix() for path in sorted(Path(folder).glob("*"))]
    try:
        import typst

        # The paper reads these files, and typst needs to know which ones exist.
        names = {"files": "\n".join(files)}
        pdf = typst.compile("paper/paper.typ", root=".", sys_inputs=names)
    except ImportError:
        raise InputError("the paper needs typst: `uv add --dev typst`") from None
    except RuntimeError as error:
        position = getattr(error, "diagnostic", "").partition("┌─ ")[2].partition("\n")[0]
        raise InputError(f"{position or 'paper/paper.typ'}: {error}") from None
    Path("docs/paper.pdf").write_bytes(pdf)
    print("docs/paper.pdf written")


if __name__ == "__main__":
    main()
