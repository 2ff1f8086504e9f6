"""The jobs that background workers do: `celery --app jobs worker`. Each starts from nothing and leaves nothing."""
import io
import json
import os
import platform
import signal
import subprocess
import tempfile
from pathlib import Path

from celery import Celery

queue = Celery("jobs", broker=os.environ["QUEUE_URL"], backend=os.environ["QUEUE_URL"])
# A queue of its own: others may use the same Redis.
queue.conf.update(
    task_default_queue="jobs", result_expires=600, worker_prefetch_multiplier=1, task_acks_late=True,
    task_time_limit=60, broker_connection_retry_on_startup=True,
)


class Trapped(RuntimeError):
    """A program that ended itself on an assertion of its own."""


def run(*command, **options):
    """What the command prints; what it says of its failure becomes the job's."""
    try:
        ended = subprocess.run(command, capture_output=True, timeout=50, **options)
    except FileNotFoundError:
        raise RuntimeError(f"there is no {command[0]}") from None
    if ended.returncode != 0:
        # By itself, or as a shell tells it of what it started.
        trapped = ended.returncode in (-signal.SIGTRAP, 128 + signal.SIGTRAP)
        kind = Trapped if trapped else RuntimeError
        raise kind(f"{command[0]} ended with {ended.returncode}: {ended.stderr.decode(errors='replace')[-500:]}")
    return ended.stdout.decode()


def make_clip(path):
    """Two seconds of a white box of 48 × 32 at (40, 24) on black, 160 × 120, 10 frames a second."""
    source = "color=c=black:size=160x120:rate=10:duration=2,drawbox=x=40:y=24:w=48:h=32:color=white:t=fill"
    run("ffmpeg", "-v", "error", "-threads", "1", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-threads", "1", str(path))


@queue.task(name="ping")
def ping():
    return "pong"


@queue.task(name="versions")
def versions():
    import celery
    import cv2
    import pycurl
    import redis

    return {
        "python": platform.python_version(),
        "celery": celery.__version__,
        "redis": redis.__version__,
        "libcurl": pycurl.version,
        "opencv": cv2.__version__,
        "ffmpeg": run("ffmpeg", "-version").splitlines()[0],
        "node": run("node", "--version").strip(),
        "chromium": run("chromium-headless-shell", "--version").strip(),
    }


@queue.task(name="clip")
def clip():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        make_clip(path)
        probed = json.loads(run("ffprobe", "-v", "error", "-of", "json", "-count_frames", "-show_streams", "-show_format", str(path)))
    stream = probed["streams"][0]
    return {
        "codec": stream["codec_name"], "width": stream["width"], "height": stream["height"],
        "frames": int(stream["nb_read_frames"]), "seconds": float(probed["format"]["duration"]),
    }


@queue.task(name="shape")
def shape():
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        movie, picture = Path(folder, "clip.mp4"), Path(folder, "frame.png")
        make_clip(movie)
        run("ffmpeg", "-v", "error", "-ss", "1", "-i", str(movie), "-frames:v", "1", "-threads", "1", str(picture))
        grey = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    _, mask = cv2.threshold(grey, 127, 255, cv2.THRESH_BINARY)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    # The codec blurs edges by a pixel; a grid of four hides that and nothing else.
    boxes = [[4 * round(side / 4) for side in cv2.boundingRect(contour)] for contour in contours]
    corners = [len(cv2.approxPolyDP(contour, 4, True)) for contour in contours]
    return {"boxes": boxes, "corners": corners}


@queue.task(name="fetch")
def fetch(url):
    import pycurl

    body = io.BytesIO()
    handle = pycurl.Curl()
    for option, value in (
        (pycurl.URL, url), (pycurl.WRITEDATA, body), (pycurl.CONNECTTIMEOUT, 5), (pycurl.TIMEOUT, 20),
        (pycurl.MAXFILESIZE, 1 << 20), (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    ):
        handle.setopt(option, value)
    try:
        handle.perform()
        return {"status": handle.getinfo(pycurl.RESPONSE_CODE), "body": body.getvalue()[:65536].decode(errors="replace")}
    finally:
        handle.close()


@queue.task(name="javascript")
def javascript(source):
    """What the program prints, which is JSON, and what ran it."""
    return {"node": run("node", "--version").strip(), "printed": json.loads(run("node", "--input-type=module", "--eval", source))}


# Chromium traps as it ends, once in some hundred pages on a busy machine; a page that does it twice has another reason.
@queue.task(name="render", autoretry_for=(Trapped,), max_retries=1, default_retry_delay=0)
def render(page):
    """Colours (red, green, blue) in the corner and in the middle of a screenshot of a page, and its size."""
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "page.png")
        # Chromium's own sandbox needs privileges that a container should not have; the container is the sandbox.
        run(
            "chromium-headless-shell", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-breakpad", "--disable-extensions", "--renderer-process-limit=1", "--in-process-gpu",
            "--js-flags=--max-old-space-size=64", "--hide-scrollbars", "--window-size=200,100",
            f"--user-data-dir={folder}/profile", f"--screenshot={picture}", page,
            env={**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder},
        )
        image = cv2.imread(str(picture))
    if image is None:
        raise RuntimeError("chromium-headless-shell ended well, but left no picture")
    height, width = image.shape[:2]

    def colour(x, y):
        return [int(part) for part in reversed(image[y, x])]

    return {"width": width, "height": height, "corner": colour(2, 2), "middle": colour(width // 2, height // 2)}
