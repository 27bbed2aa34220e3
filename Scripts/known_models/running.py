"""Runs a model that has been made with the tool, and says what came of it."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import numpy as np

from . import judging

MEMORY = 6 * 2**30
FINER = 20
WORDS = {"input_ids", "decoder_input_ids"}


class Tool:
    """The program, and how long it may take."""

    def __init__(self, path, parties, seconds):
        self.path, self.parties, self.seconds = path, parties, seconds

    def say(self, *words):
        """Exit code, standard output, last line of standard error, seconds."""
        begin = time.time()
        try:
            done = subprocess.run([self.path, *words], capture_output=True, text=True, errors="replace", timeout=self.seconds)
        except subprocess.TimeoutExpired:
            return None, "", f"no answer within {self.seconds} seconds", time.time() - begin
        lines = [line for line in done.stderr.replace("\r", "\n").splitlines() if line.strip()]
        said = (lines or ["no word"])[-1].removeprefix("error: ")
        return done.returncode, done.stdout, re.sub(r"(/[^/\s:]+)+/", "", said), time.time() - begin


def ways(inputs):
    """Who sees which inputs, the strictest first: all secret; words secret and masks public; whole numbers public."""
    whole = {name for name, x in inputs.items() if x.dtype.kind in "iub"}
    return {"secret": set(), "words": whole - WORDS, "public": whole} if whole & WORDS else {"secret": set()}


def run(tool, folder, family):
    """One result for each way that is tried: the strictest that is taken, and that with public words."""
    with open(os.path.join(folder, "made.json")) as file:
        made = json.load(file)
    inputs = {name: np.load(os.path.join(folder, file)) for name, file in made["inputs"].items()}
    expected = [np.load(os.path.join(folder, f"expected.{index}.npy")) for index in range(len(made["outputs"]))]
    results, tried = {}, set()
    for way, public in ways(inputs).items():
        taken = any(result["verdict"] == "right" for result in results.values())
        if frozenset(public) in tried or taken and way != "public":
            continue
        tried.add(frozenset(public))
        results[way] = once(tool, folder, family, made, inputs, public, expected)
        if (results[way]["verdict"] == "wrong" or "loose" in results[way]) and family != "classical":
            # Networks that make much of small differences: what `infer --check` says of them, more fraction bits, is tried, and told.
            finer = once(tool, folder, family, made, inputs, public, expected, ["--fraction-bits", str(FINER)])
            if finer["verdict"] == "right" and "loose" not in finer:
                before = results[way].get("said") or results[way]["loose"]
                results[way] = {**finer, "fraction_bits": FINER, "said": f"with 16 fraction bits {before}"}
    return results


def once(tool, folder, family, made, inputs, public, expected, options=()):
    model = ["--model", os.path.join(folder, "model.onnx"), *options]
    given, shapes = [], []
    for name, file in made["inputs"].items():
        value = f"{name}={os.path.join(folder, file)}"
        given += ["--public" if name in public else "--input", value]
        shapes += ["--public", value] if name in public else ["--input-shape", f"{name}={'x'.join(map(str, inputs[name].shape))}"]
    code, text, said, seconds = tool.say("plan", *model, *shapes, "--parties", str(tool.parties), "--json")
    result = {"plan_seconds": round(seconds, 2)}
    if code == 0:
        plan = json.loads(text)
        memory = sum(plan["memory_bytes_per_party"]) + plan["dealer_memory_bytes"]
        result["plan"] = {"rounds": plan["rounds"], "bytes": plan["online_bytes_per_party"], "memory": memory}
        if memory > MEMORY:
            return {**result, "verdict": "not run", "said": f"the plan asks for {memory / 2**30:.1f} GiB on this machine"}
    else:
        result["plan"] = {"said": said}
        if code is None or code > 127 or code < 0:
            return {**result, "verdict": "crash" if code else "no answer", "said": "plan: " + said}
    out = tempfile.mkdtemp(prefix="known-models-")
    try:
        code, text, said, seconds = tool.say("infer", *model, *given, "--local", str(tool.parties), "--timeout", str(tool.seconds), "--output-dir", out, "--json")
        result["seconds"] = round(seconds, 2)
        if code != 0:
            verdict = "no answer" if code is None else "refused" if 0 < code < 124 else "crash"
            return {**result, "verdict": verdict, "said": said}
        ran = json.loads(text)
        result |= {key: ran[key] for key in ("rounds", "dealer_bytes", "seconds_online")}
        result |= {"bytes": ran["online_bytes_per_party"], "memory": sum(ran["peak_memory_bytes"])}
        planned = result["plan"]
        if "rounds" in planned and (planned["rounds"], planned["bytes"]) != (ran["rounds"], ran["online_bytes_per_party"]):
            result["plan"]["differs"] = True
        outputs = read(made["outputs"], ran["outputs"], out)
        return {**result, **judging.judge(family, made, folder, inputs, expected, outputs)}
    finally:
        shutil.rmtree(out, ignore_errors=True)


def read(names, written, out):
    """What the tool wrote, by the outputs' names."""
    files = {output["name"]: output["file"] for output in written}
    arrays = {}
    for name in names:
        path = files.get(name) or os.path.join(out, re.sub(r"[^A-Za-z0-9._-]", "_", name) + ".npy")
        arrays[name] = read_one(path) if os.path.exists(path) else None
    return arrays


def read_one(path):
    if path.endswith(".npy"):
        return np.load(path, allow_pickle=False)
    with open(path) as file:
        return np.array(file.read().splitlines())
