"""Compiles the source for NVIDIA's architectures; no GPU is needed. Usage: nvrtc_check.py SOURCE ARCH..."""
import ctypes, os, re, sys, time
lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), "nvrtc/x/nvidia/cuda_nvrtc/lib/libnvrtc.so.12"))
source = open(sys.argv[1], "rb").read()
for arch in sys.argv[2:]:
    program = ctypes.c_void_p()
    assert lib.nvrtcCreateProgram(ctypes.byref(program), source, b"kernels.cu", 0, None, None) == 0
    options = [b"--gpu-architecture=" + arch.encode(), b"--std=c++17"] + ([b"-Xptxas=-v"] if arch.startswith("sm_") else [])
    start = time.time()
    failed = lib.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    lib.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    lib.nvrtcGetProgramLog(program, log)
    text = log.value.decode()
    print(arch, "FAILED" if failed else "compiled", "in %.1f s" % (time.time() - start))
    if failed:
        print(text[:6000]); sys.exit(1)
    name = spills = None
    for line in text.splitlines():
        if m := re.search(r"entry function '(\w+)'", line): name = m[1]
        elif "spill" in line: spills = re.findall(r"(\d+) bytes", line)
        elif "Used" in line: print("  %-16s %-60s stack, spills %s" % (name, re.sub(r".*Used ", "", line)[:60], spills))
        elif "warning" in line: print("  ", line)
    get_size, get = (lib.nvrtcGetCUBINSize, lib.nvrtcGetCUBIN) if arch.startswith("sm_") else (lib.nvrtcGetPTXSize, lib.nvrtcGetPTX)
    get_size(program, ctypes.byref(size))
    out = ctypes.create_string_buffer(size.value)
    get(program, out)
    open("kernels." + arch, "wb").write(out.raw)
