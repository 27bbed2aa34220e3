"""NVIDIA's compiler as a library, NVRTC, which needs no GPU: compiles the kernels to PTX, or to machine code with its registers and spills."""
import ctypes
import hashlib
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "nvidia-cuda-nvrtc-cu12"
# The oldest NVRTC 12: what it writes is PTX 8.0, which drivers from 525 on take.
OLDEST = "12.0.76"
# Knows sm_120.
NEWEST = "12.9.86"
# SHA-256 of the wheels for x86-64.
WHEELS = {
    OLDEST: "8dd4458a7d8bf8fd2b01a34a9069856d53a9b4c0af2037b77c12b270daf9c828",
    NEWEST: "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
}


class Library:
    """An NVRTC that was loaded."""

    def __init__(self, path):
        try:
            self.functions = ctypes.CDLL(str(path))
        except OSError as error:
            sys.exit(f"{path} can't be loaded: {error}")
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.functions.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)

    def compile(self, source, architecture):
        """Compiles for "compute_80" to PTX, for "sm_80" to machine code.

        Returns what was made, and the compiler's log.
        """
        call, program, size = self.functions, ctypes.c_void_p(), ctypes.c_size_t()
        if call.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None):
            sys.exit("NVRTC makes no program")
        is_machine_code = architecture.startswith("sm_")
        options = [b"--gpu-architecture=" + architecture.encode(), b"--std=c++17"] + ([b"-Xptxas=-v"] if is_machine_code else [])
        failed = call.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        call.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        call.nvrtcGetProgramLog(program, log)
        log = log.value.decode()
        if failed:
            sys.exit(f"the kernels aren't compiled for {architecture}:\n{log[:8000]}")
        get_size, get = (call.nvrtcGetCUBINSize, call.nvrtcGetCUBIN) if is_machine_code else (call.nvrtcGetPTXSize, call.nvrtcGetPTX)
        get_size(program, ctypes.byref(size))
        made = ctypes.create_string_buffer(size.value)
        get(program, made)
        call.nvrtcDestroyProgram(ctypes.byref(program))
        return made.raw, log


def usage(log):
    """What a log of `-Xptxas=-v` says of each kernel: a dictionary of (registers, bytes of spills, bytes of local memory of a group)."""
    kernels, name, spills = {}, None, 0
    for line in log.splitlines():
        if match := re.search(r"Compiling entry function '(\w+)'", line):
            name = match[1]
        elif match := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spills = int(match[1]) + int(match[2])
        elif match := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            kernels[name] = (int(match[1]), spills, int(shared[1]) if shared else 0)
    return kernels


def assemble(ptxas, ptx, architecture):
    """What NVIDIA's assembler says of PTX, of which a driver makes the same: a log as that of `compile`."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernels.ptx"
        source.write_text(ptx, encoding="utf-8")
        command = [str(ptxas), f"-arch={architecture}", "-v", str(source), "-o", str(Path(folder) / "kernels.cubin")]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode:
        sys.exit(f"the PTX isn't assembled for {architecture}:\n{made.stdout[:8000]}")
    return made.stdout


def download(version, folder):
    """Fetches NVRTC from the Python package index into a folder, and returns the library's path."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        sys.exit(f"this machine needs the library of another NVRTC {version}: get {PACKAGE}, and give its libnvrtc.so.12 with --nvrtc")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    if subprocess.run(command + ["--dest", str(folder), f"{PACKAGE}=={version}"]).returncode:
        sys.exit(
            f"NVRTC {version} is missing, and pip can't download {PACKAGE}=={version}:\n"
            "where there is no network, give the path of a libnvrtc.so.12 that you have with --nvrtc"
        )
    wheel = next(Path(folder).glob("*.whl"))
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEELS[version]:
        sys.exit(f"{wheel.name} isn't the file that is known by this name: its SHA-256 differs")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return next(Path(folder).rglob("libnvrtc.so.12"))


def load(path, version):
    """Loads the library at a path, or downloads a version where there is none."""
    if path:
        return Library(path)
    # The library opens another one beside it when it compiles: the folder stays until the process ends.
    folder = tempfile.TemporaryDirectory()
    library = Library(download(version, folder.name))
    library.folder = folder
    return library
