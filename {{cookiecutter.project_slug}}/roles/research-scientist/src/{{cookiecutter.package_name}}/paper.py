"""paper/paper.typ and the numbers of the last run -> docs/paper.pdf (`python -m <package>.paper`)."""

from pathlib import Path

from omegaconf import DictConfig

from . import config


@config.main
def main(_: DictConfig) -> None:
    """Sets the paper; BadInput if typst is missing or finds a mistake."""
    files = [path.as_posix() for folder in ("reports", "docs/figures") for path in Path(folder).glob("*")]
    try:
        import typst

        pdf = typst.compile("paper/paper.typ", root=".", sys_inputs={"files": "\n".join(files)})
    except ImportError:
        raise config.BadInput("the paper needs typst, which is missing: `uv add --dev typst`") from None
    except RuntimeError as error:
        place = getattr(error, "diagnostic", "").partition("┌─ ")[2].partition("\n")[0]
        raise config.BadInput(f"{place or 'paper/paper.typ'}: {error}") from None
    Path("docs/paper.pdf").write_bytes(pdf)
    print("docs/paper.pdf is written")


if __name__ == "__main__":
    main()
