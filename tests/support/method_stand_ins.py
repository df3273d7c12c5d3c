"""Programs that stand where the official inference scripts of other people's methods stand, and a clip for them.

Each reads the official arguments and files, and leaves a real video where the official script leaves its own. In place
of a network it darkens what it was given to `DARKER`.
"""

import sys
import textwrap
from pathlib import Path

import numpy as np
from skimage import data

from eadnet.media.writing import write_video
from metrics.external.references import Alignment, write_references

DARKER = 0.8
COMMON = f"""
import argparse, glob, os, shutil, sys
import av, numpy, yaml
def frames(path):
    with av.open(str(path)) as opened:
        return [(frame.to_ndarray(format="rgb24") * {DARKER}).astype("uint8") for frame in opened.decode(video=0)]
def write(path, pictures, fps=25):
    with av.open(str(path), "w") as opened:
        height, width = pictures[0].shape[:2]
        stream = opened.add_stream("libx264", rate=fps, width=width, height=height, options={{"crf": "8"}})
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            opened.mux(stream.encode(av.VideoFrame.from_ndarray(numpy.ascontiguousarray(picture), format="rgb24")))
        opened.mux(stream.encode())
def seconds(path):
    with av.open(str(path)) as opened:
        return float(opened.duration / 1e6)
def square(picture, inner, side):
    import cv2
    height, width = picture.shape[:2]
    half = int(min(height, width) * inner / 2)
    middle = picture[height // 2 - half : height // 2 + half, width // 2 - half : width // 2 + half]
    return cv2.resize(middle, (side, side), interpolation=cv2.INTER_CUBIC)
def arguments(*names):
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(name, required=True)
    return parser.parse_args()
"""
LABELS = "angry contempt disgusted fear happy neutral sad surprised"
SCRIPTS = {
    "wav2lip": {
        "inference.py": """
            given = arguments("--checkpoint_path", "--face", "--audio", "--outfile")
            assert seconds(given.audio) > 1
            write("temp/result.avi.mp4", frames(given.face))
            os.system(f"cp temp/result.avi.mp4 {given.outfile}")
        """,
        "temp/README.md": "",
    },
    "ip_lap": {
        "inference_single.py": """
            given = arguments("--input", "--audio", "--output_dir")
            os.makedirs(given.output_dir, exist_ok=True)
            shown = [numpy.concatenate([0 * one, one], axis=1) for one in frames(given.input)]
            stem = given.input.split("/")[-1][:-4]
            write(os.path.join(given.output_dir, f"{stem}result_N_25_Nl_15.mp4"), shown[:-2])
        """,
    },
    "musetalk": {
        "scripts/__init__.py": "",
        "scripts/inference.py": """
            given = arguments("--inference_config", "--result_dir", "--unet_model_path", "--unet_config", "--version")
            for task in yaml.safe_load(open(given.inference_config)).values():
                try:
                    assert seconds(task["audio_path"]) > 1
                    folder = os.path.join(given.result_dir, given.version)
                    os.makedirs(folder, exist_ok=True)
                    open(os.path.join(given.result_dir, "../", "coordinates.pkl"), "w").close()
                    write(os.path.join(folder, task["result_name"]), frames(task["video_path"]))
                except Exception as error:
                    print("Error occurred during processing:", error)
        """,
    },
    "latentsync": {
        "scripts/__init__.py": "",
        "scripts/inference.py": """
            given = arguments("--unet_config_path", "--inference_ckpt_path", "--inference_steps", "--guidance_scale",
                              "--temp_dir", "--video_path", "--audio_path", "--video_out_path")
            assert (int(given.inference_steps), float(given.guidance_scale)) == (20, 1.5)
            os.makedirs(given.temp_dir)
            write(given.video_out_path, frames(given.video_path))
        """,
    },
    "hallo2": {
        "configs/inference/long.yaml": "{save_path: ./output_long/debug/, data: {export_video: {fps: 25}}}",
        "omegaconf.py": """
            class OmegaConf(dict):
                __setattr__ = dict.__setitem__
                @classmethod
                def load(cls, path):
                    return cls(yaml.safe_load(open(path)))
                @staticmethod
                def save(settings, path):
                    yaml.safe_dump(dict(settings), open(path, "w"))
        """,
        "scripts/inference_long.py": """
            given = arguments("--config", "--source_image", "--driving_audio")
            settings = yaml.safe_load(open(given.config))
            stem = os.path.splitext(os.path.basename(given.source_image))[0]
            folder = os.path.join(settings["save_path"], stem)
            os.makedirs(folder)
            fps = settings["data"]["export_video"]["fps"]
            pictures = frames(given.source_image) * int(seconds(given.driving_audio) * fps)
            write(os.path.join(folder, "merge_video.mp4"), [square(one, 1, 512) for one in pictures], fps)
        """,
    },
    "eamm": {
        "test/video/happy.mp4": "",
        "test/pose/21.npy": "",
        "demo.py": f"""
            given = arguments("--source_image", "--driving_video", "--pose_file", "--in_file", "--emotion",
                              "--result_path")
            assert given.emotion in "{LABELS}".split()
            assert os.path.exists(given.driving_video) and os.path.exists(given.pose_file)
            pictures = frames(given.source_image) * int(seconds(given.in_file) * 25)
            write(os.path.join(given.result_path, "emotion.mp4"), [square(one, 0.8, 256) for one in pictures])
        """,
    },
    "eat": {
        "preprocess/video/M003_neu_1_017.mp4": "another's",
        "demo/imgs/obama.jpg": "another's",
        "preprocess/preprocess_video.py": """
            for path in glob.glob("./video/*.mp4"):
                name = os.path.basename(path)[:-4]
                os.makedirs(f"../demo/video_processed/{name}")
                os.system(f"cp {path} ../demo/video_processed/{name}/{name}.mp4")
        """,
        "demo.py": """
            given = arguments("--root_wav", "--emo")
            assert given.emo in "ang con dis fea hap neu sad sur".split()
            name = os.path.basename(given.root_wav)
            count = len(frames(f"{given.root_wav}/{name}.mp4"))
            folder = "./demo/output/deepprompt_eam3d_all_final_313/"
            os.makedirs(folder)
            for path in glob.glob("./demo/imgs/*.jpg"):
                made = f"{folder}{os.path.basename(path)[:-4]}_{given.emo}_{name}.mp4"
                write(made, [square(one, 0.8, 256) for one in frames(path) * count])
        """,
    },
}

FFMPEG = """
import argparse, fractions, av
parser = argparse.ArgumentParser()
for name in ("-i", "-vf", "-crf", "-c:a", "-q:v"):
    parser.add_argument(name, dest=name[1:])
parser.add_argument("-y", action="store_true", required=True)
parser.add_argument("output")
given = vars(parser.parse_args())
with av.open(given["i"]) as opened:
    pictures = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
if given["vf"]:
    assert given["vf"] == "crop=iw/2:ih:iw/2:0", given["vf"]
    pictures = [picture[:, picture.shape[1] // 2 :] for picture in pictures]
if given["output"].endswith(".jpg"):
    from PIL import Image
    Image.fromarray(pictures[0]).save(given["output"], quality=95)
else:
    assert given["c:a"] == "copy"
    write(given["output"], pictures)
"""
"""What the overlays ask of ffmpeg, for machines without that program."""


def write_ffmpeg(folder: Path) -> Path:
    """An ``ffmpeg`` that knows what the overlays ask of it; returns its folder, for the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\n{COMMON}\n{FFMPEG}", encoding="utf-8")
    program.chmod(0o755)
    return folder


def write_clone(overlay: str, clone: Path) -> None:
    """Write the files of a stand-in clone for one of ``config/methods``."""
    for name, text in SCRIPTS[overlay].items():
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        code = COMMON + textwrap.dedent(text) if path.suffix == ".py" and text else text
        path.write_text(code, encoding="utf-8")


def photographed_clip(folder: Path) -> Path:
    """A clip of a real face that drifts, labelled happy, in a frame that is no square; its name is no plain word."""
    shifts = (6 * np.sin(np.arange(30) / 5)).astype(int)
    frames = np.stack([data.astronaut()[10:250, 90 + shift : 410 + shift] for shift in shifts])
    wave = 0.2 * np.random.default_rng(0).standard_normal(30 * 640).astype(np.float32)
    write_video(folder / "source.mp4", frames, audio=wave, crf=10)
    name = "an astronaut's $(touch stolen)"
    labels = {name: {"emotion": "happy", "level": 2}}
    return write_references({name: folder / "source.mp4"}, labels, Alignment(128), folder, lambda line: None)
