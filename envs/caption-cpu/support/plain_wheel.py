"""Build this folder's wheel with the standard library alone, so that installing it needs no network.

pip calls `build_wheel` in this folder (PEP 517); the wheel is a zip archive of the two files and their metadata
(https://packaging.python.org/en/latest/specifications/binary-distribution-format/).
"""

import base64
import hashlib
import tomllib
import zipfile
from pathlib import Path
from typing import Any

FILES = ("torchvision_schemas.py", "torchvision_schemas.pth")


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Write the wheel into `wheel_directory`; returns its name."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name']}-{project['version']}"
    contents = {file: Path(file).read_bytes() for file in FILES} | metadata(f"{stem}.dist-info", project)
    contents[f"{stem}.dist-info/RECORD"] = record(f"{stem}.dist-info/RECORD", contents)
    name = f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as archive:
        for file, content in contents.items():
            archive.writestr(
                zipfile.ZipInfo(file), content
            )  # ZipInfo: no time stamp, so that equal files are equal wheels
    return name


def metadata(folder: str, project: dict[str, Any]) -> dict[str, bytes]:
    """The files that tell an installer what the wheel is."""
    described = {"Name": "name", "Version": "version", "Summary": "description", "Requires-Python": "requires-python"}
    fields = {"Metadata-Version": "2.1"} | {field: project[key] for field, key in described.items()}
    wheel = {"Wheel-Version": "1.0", "Generator": "plain_wheel.py", "Root-Is-Purelib": "true", "Tag": "py3-none-any"}
    return {f"{folder}/METADATA": lines(fields), f"{folder}/WHEEL": lines(wheel)}


def lines(fields: dict[str, str]) -> bytes:
    """``Name: value`` lines."""
    return "".join(f"{name}: {value}\n" for name, value in fields.items()).encode()


def record(place: str, contents: dict[str, bytes]) -> bytes:
    """The list of the wheel's files with digest and size; its own line has neither."""
    rows = []
    for file, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{file},sha256={digest},{len(content)}\n")
    return "".join([*rows, f"{place},,\n"]).encode()
