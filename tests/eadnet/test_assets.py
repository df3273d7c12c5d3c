"""Published weights: found, checked, downloaded once, refused with one line; and the stand-ins that represent them."""

import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from eadnet import assets
from eadnet.assets import AssetError, describe, fetch, read_table
from eadnet.config.machine import Assets
from tests.support import published_keys
from tests.support.published_weights import SIZES, WRITERS, write_mirror

BODY = bytes(range(256)) * 64
DIGEST = hashlib.sha256(BODY).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()
UNPUBLISHED_DIGESTS = ("emotion-fan/self_relation-attention_61_84.3655", "niqe/niqe_modelparameters.mat")


def zipped() -> bytes:
    """An archive that holds BODY as net.onnx, and a member that wants out."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("../escape", b"out")
        archive.writestr("net.onnx", BODY)
    return stream.getvalue()


class Server(ThreadingHTTPServer):
    """Serves BODY at ``/whole``, half of it at ``/cut``, and counts what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        if self.path == "/archive.zip":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(zipped())
        elif self.path == "/flaky" and self.server.asked[self.path] < 3:
            self.send_error(503)
        elif self.path in ("/whole", "/cut", "/flaky"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY[: len(BODY) // 2] if self.path == "/cut" else BODY)
        else:
            self.send_error(404)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(assets, "PAUSES", (0.0, 0.0))
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write_table(
    folder: Path, url: str, file: str = "net.pt", sha256: str = DIGEST, size: int | str = len(BODY)
) -> Path:
    """A table of one asset, ``net``, of one file."""
    header = "asset\tfile\turl\trevision\tsha256\tbytes\tlicence\tsource"
    path = folder / "assets.tsv"
    path.write_text(f"{header}\nnet\t{file}\t{url}\tr1\t{sha256}\t{size}\tMIT\ttest\n")
    return path


def settings(folder: Path, mirror: Path | None = None, sha256: dict | None = None, offline: bool = False) -> Assets:
    """The ``assets`` section of the configuration."""
    mirrored = mirror and str(mirror)
    return Assets(folder=str(folder / "weights"), mirror=mirrored, sha256=sha256 or {}, offline=offline)


def write_mirrored(folder: Path, content: bytes = BODY) -> Path:
    """A mirror that holds the file of `write_table`."""
    path = folder / "mirror" / "net" / "net.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return folder / "mirror"


def fault(*arguments, **options) -> str:
    """The one line with which `fetch` refuses."""
    with pytest.raises(AssetError) as caught:
        fetch(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files_in(folder: Path) -> list[str]:
    """Every file below a folder but the notes of what was checked."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.name != ".checked.json"]


def test_download_is_checked_and_happens_once(tmp_path, server, monkeypatch):
    table = write_table(tmp_path, f"{server.url}/whole")
    folder = fetch("net", settings(tmp_path), table)
    assert (folder / "net.pt").read_bytes() == BODY and files_in(folder) == ["net.pt"]
    os.utime(folder / "net.pt", (1, 1))  # a file this young would be read again
    fetch("net", settings(tmp_path, offline=True), table)
    monkeypatch.setattr("eadnet.digests.sha256_file", lambda path: pytest.fail(f"{path} was read again"))
    assert fetch("net", settings(tmp_path, offline=True), table) == folder
    assert (folder / "net.pt").stat().st_mtime == 1 and server.asked == {"/whole": 1}


def test_changed_file_is_read_again_and_refused(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/whole")
    path = fetch("net", settings(tmp_path), table) / "net.pt"
    path.write_bytes(BODY[::-1])
    os.utime(path, (1, 1))
    assert hashlib.sha256(BODY[::-1]).hexdigest() in fault("net", settings(tmp_path), table)
    path.write_bytes(BODY[:10])
    assert f"10 bytes, expected {len(BODY)}" in fault("net", settings(tmp_path), table)


def test_wrong_digest_is_refused_and_leaves_no_file(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/whole", sha256=OTHER)
    line = fault("net", settings(tmp_path), table)
    assert DIGEST in line and OTHER in line and "/whole" in line
    assert files_in(tmp_path / "weights") == [] and server.asked == {"/whole": 1}


@pytest.mark.parametrize(("path", "attempts", "reason"), [("/cut", 3, "IncompleteRead"), ("/none", 1, "404")])
def test_failed_download_is_one_line_and_leaves_no_file(tmp_path, server, path, attempts, reason):
    table = write_table(tmp_path, server.url + path)
    line = fault("net", settings(tmp_path), table)
    assert line.startswith("net/net.pt: ") and reason in line and "by hand" in line
    assert files_in(tmp_path / "weights") == [] and server.asked == {path: attempts}


def test_a_machine_that_does_not_answer_is_named_alone(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as held:
        closed = held.getsockname()[1]
    line = fault("net", settings(tmp_path), write_table(tmp_path, f"http://127.0.0.1:{closed}/net"))
    assert line.startswith("net/net.pt: no answer from 127.0.0.1 (ConnectionError); put http")
    assert "retries" not in line and files_in(tmp_path / "weights") == []


def test_a_failed_download_is_tried_once_a_process_and_a_file_put_by_hand_is_taken(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/none")
    lines = {fault("net", settings(tmp_path), table) for _ in range(3)}
    assert len(lines) == 1 and "404" in lines.pop() and server.asked == {"/none": 1}
    place = tmp_path / "weights/net/net.pt"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(BODY)
    assert files_in(fetch("net", settings(tmp_path), table)) == ["net.pt"]
    other = tmp_path / "other"
    other.mkdir()
    assert "404" in fault("net", settings(other), table) and server.asked == {"/none": 2}


def test_busy_server_is_asked_again(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/flaky")
    assert files_in(fetch("net", settings(tmp_path), table)) == ["net.pt"] and server.asked == {"/flaky": 3}


def test_download_of_another_size_is_refused(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/whole", size=len(BODY) + 1)
    assert f"{len(BODY)} bytes came, expected {len(BODY) + 1}" in fault("net", settings(tmp_path), table)


def test_unpinned_file_is_refused_until_the_configuration_accepts_it(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/whole", sha256="", size="")
    line = fault("net", settings(tmp_path), table)
    assert f'assets: {{sha256: {{"net/net.pt": "{DIGEST}"}}}}' in line and files_in(tmp_path / "weights") == []
    accepted = settings(tmp_path, sha256={"net/net.pt": DIGEST.upper()})
    assert files_in(fetch("net", accepted, table)) == ["net.pt"]


def test_mirror_is_linked_to_and_needs_no_network(tmp_path, server):
    table, mirror = write_table(tmp_path, f"{server.url}/whole"), write_mirrored(tmp_path)
    path = fetch("net", settings(tmp_path, mirror, offline=True), table) / "net.pt"
    assert path.is_symlink() and path.resolve() == mirror / "net" / "net.pt" and not server.asked
    moved = mirror.rename(tmp_path / "moved")
    assert fetch("net", settings(tmp_path, moved), table) == path.parent and path.resolve().is_relative_to(moved)
    assert not server.asked


def test_mirrored_file_of_wrong_digest_is_refused(tmp_path):
    table, mirror = write_table(tmp_path, "https://example.org/net.pt"), write_mirrored(tmp_path, BODY[::-1])
    line = fault("net", settings(tmp_path, mirror), table)
    assert str(mirror / "net" / "net.pt") in line and DIGEST in line and files_in(tmp_path / "weights") == []
    stand_in = {"net/net.pt": hashlib.sha256(BODY[::-1]).hexdigest()}
    assert fetch("net", settings(tmp_path, mirror, stand_in), table) == tmp_path / "weights" / "net"


def test_offline_names_file_licence_and_both_mends(tmp_path, server):
    table = write_table(tmp_path, f"{server.url}/whole")
    line = fault("net", settings(tmp_path, tmp_path / "mirror", offline=True), table)
    mirrored = tmp_path / "mirror" / "net" / "net.pt"
    for part in (
        "net/net.pt",
        f"put it at {mirrored}",
        "snakemake --cores all downloads",
        "set assets.offline to false",
        f"{server.url}/whole",
        "MIT",
    ):
        assert part in line
    assert not server.asked
    assert "no published asset 'nets'; there are net" in fault("nets", settings(tmp_path), table)


@pytest.mark.parametrize("name", ["../net.pt", "/etc/passwd", "..", ".checked.json", "a/b", "a\\b", "", "-rf"])
def test_table_names_cannot_leave_their_folder(tmp_path, name):
    table = write_table(tmp_path, "https://example.org/net.pt", file=name)
    assert "plain name" in fault("net", settings(tmp_path), table)


@pytest.mark.parametrize("url", ["http://example.org/net.pt", "file:///etc/passwd", "http://127.0.0.1.example.org/x"])
def test_table_addresses_are_https(tmp_path, url):
    assert "must be https" in fault("net", settings(tmp_path), write_table(tmp_path, url))


def test_table_digests_are_digests(tmp_path):
    table = write_table(tmp_path, "https://example.org/net.pt", sha256=DIGEST[:-1])
    assert "no SHA-256" in fault("net", settings(tmp_path), table)


def test_every_published_file_is_pinned_at_a_fixed_revision():
    files = [file for group in read_table().values() for file in group]
    assert len({file.key for file in files}) == len(files)
    for file in files:
        if file.key in UNPUBLISHED_DIGESTS:
            assert not file.sha256 and "no digest has been published" in file.source, file.key
            continue
        assert file.sha256 and file.licence and file.source, file.key
        assert file.bytes or "the size is not published" in file.source, file.key
        assert "/main/" not in file.url.replace("openaipublic.azureedge.net/main", ""), file.key
        assert file.revision in file.url, file.key


def test_stand_ins_cover_the_table_and_are_accepted(tmp_path):
    section = write_mirror(tmp_path / "mirror", "small")["assets"]
    table = read_table()
    assert set(section["sha256"]) == {file.key for name in WRITERS for file in table[name]}
    section = Assets(**section | {"folder": str(tmp_path / "weights")})
    for name in WRITERS:
        assert fetch(name, section) == tmp_path / "weights" / name
    assert all(row["here"] and row["pinned"] for row in describe(section) if row["asset"] in WRITERS)
    again = write_mirror(tmp_path / "again", "small", only=["sd15-unet", "whisper-tiny"])["assets"]["sha256"]
    assert again.items() <= dict(section.sha256).items(), "stand-ins differ from run to run"


def shapes_of(module: torch.nn.Module) -> published_keys.Shapes:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def test_stand_ins_have_the_names_and_shapes_of_the_published_libraries():
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPConfig, CLIPModel, T5Config, T5ForConditionalGeneration

    sizes, old = SIZES["full"], {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    with torch.device("meta"):
        unet = UNet2DConditionModel(block_out_channels=sizes.unet, cross_attention_dim=768)
        blocks = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
        kl = AutoencoderKL(block_out_channels=sizes.autoencoder, layers_per_block=2, **blocks)
        towers = {"text_config": dict(sizes.clip_text), "vision_config": dict(sizes.clip_vision)}
        clip = CLIPModel(CLIPConfig(**towers, projection_dim=768))
        t5 = T5ForConditionalGeneration(T5Config(**sizes.t5))
    assert published_keys.unet(sizes.unet, 2, 4, 768, motion=False) == shapes_of(unet)
    renamed = shapes_of(kl)
    for new, name in old.items():
        renamed = {key.replace(f"attentions.0.{new}", f"attentions.0.{name}"): renamed[key] for key in renamed}
    assert published_keys.autoencoder_kl(sizes.autoencoder, 2) == renamed
    stored = published_keys.clip(sizes.clip_text, sizes.clip_vision, 768)
    assert {key: shape for key, shape in stored.items() if "position_ids" not in key} == shapes_of(clip)
    tied = ("lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    assert published_keys.t5(sizes.t5) == {key: shape for key, shape in shapes_of(t5).items() if key not in tied}


def test_stand_ins_have_the_sizes_of_the_published_files():
    sizes, files = SIZES["full"], {file.file: file.bytes for group in read_table().values() for file in group}
    stored = {
        "latentsync_unet.pt": (published_keys.unet(sizes.unet, 2, 13, 384, motion=True), 4),
        "stable_syncnet.pt": (published_keys.stable_syncnet(sizes.syncnet), 4),
        "tiny.pt": (published_keys.whisper(384, 4, 51865), 2),
        "vit_g_hybrid_pt_1200e_ssv2_ft.pth": (published_keys.videomae_v2(1408, 40, 6144, 14), 2),
        "vgg16-397923af.pth": (published_keys.vgg16(4096), 4),
        "vgg.pth": (published_keys.lpips_vgg(), 4),
    }
    for name, (shapes, width) in stored.items():
        numbers = width * sum(torch.Size(shape).numel() for shape in shapes.values())
        assert numbers < files[name] < numbers + 1500 * len(shapes), name


def test_stand_ins_load_safely_and_keep_activations_finite(tmp_path):
    from transformers import AutoTokenizer, CLIPTextModel

    write_mirror(tmp_path, "small", only=["latentsync-unet", "clip-vit-large-patch14", "sd15-unet"])
    state = torch.load(tmp_path / "latentsync-unet" / "latentsync_unet.pt", weights_only=True)["state_dict"]
    for name, tensor in (state | load_file(tmp_path / "sd15-unet" / "diffusion_pytorch_model.safetensors")).items():
        assert tensor.isfinite().all() and tensor.abs().sum() > 0, name
    folder = tmp_path / "clip-vit-large-patch14"
    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)("a happy face", return_tensors="pt")
    states = CLIPTextModel.from_pretrained(folder, local_files_only=True)(**tokens).last_hidden_state
    assert tokens["input_ids"][0, [0, -1]].tolist() == [1022, 1023] and states.isfinite().all()


def test_fetch_needs_no_library_beyond_the_bare_node(root):
    code = "import sys, eadnet.assets; print(sorted({'pooch', 'pydantic', 'typer', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_member_of_an_archive_is_taken_out_alone_and_checked(server, tmp_path):
    table = write_table(tmp_path, f"{server.url}/archive.zip#net.onnx", file="net.onnx")
    folder = fetch("net", settings(tmp_path), table)
    assert [path.name for path in folder.iterdir()] == ["net.onnx"]
    assert (folder / "net.onnx").read_bytes() == BODY and not (tmp_path / "escape").exists()


def test_an_archive_without_the_member_is_one_line(server, tmp_path):
    table = write_table(tmp_path, f"{server.url}/archive.zip#other.onnx", file="net.onnx")
    assert "no zip archive that holds other.onnx" in fault("net", settings(tmp_path), table)
    table = write_table(tmp_path, f"{server.url}/whole#net.onnx", file="net.onnx")
    assert "no zip archive that holds net.onnx" in fault("net", settings(tmp_path), table)


def test_what_judges_comes_the_same_way_and_is_refused_when_it_is_not_what_was_published(server, tmp_path, monkeypatch):
    from metrics.scoring import settings as scoring

    for name, digest in (("right", DIGEST), ("wrong", OTHER)):
        (tmp_path / name).mkdir()
        table = write_table(tmp_path / name, f"{server.url}/whole", sha256=digest)
        monkeypatch.setattr(scoring, "fetch", lambda asset, section, table=table: fetch(asset, section, table))
        asked = scoring.ScoringSettings(None, "face", 96, 16, settings(tmp_path / name))
        if name == "right":
            assert (asked.weights("net") / "net.pt").read_bytes() == BODY
        else:
            with pytest.raises(scoring.WeightsAbsent, match="weights absent: net"):
                asked.weights("net")
            assert not (tmp_path / name / "weights/net/net.pt").exists()


def test_accepted_digests_are_the_pinned_ones_or_those_of_the_configuration(tmp_path):
    table = write_table(tmp_path, "https://example.org/net.pt")
    assert assets.accepted_digests([], settings(tmp_path), table) == {}
    assert assets.accepted_digests(["net", "net"], settings(tmp_path), table) == {"net/net.pt": DIGEST}
    accepted = settings(tmp_path, sha256={"net/net.pt": OTHER.upper()})
    assert assets.accepted_digests(["net"], accepted, table) == {"net/net.pt": OTHER}
    with pytest.raises(AssetError, match="no published asset 'nets'; there are net"):
        assets.accepted_digests(["nets"], accepted, table)
