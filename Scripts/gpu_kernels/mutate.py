"""Plants errors in the source one by one: each must be noticed. Usage: mutate.py [family ... | emulated | harmless], where `host`,
`host_emulated.o` and the concatenated source `all.cl` are."""
import os, subprocess, sys
EMULATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "emulate.cpp")
source = open("all.cl").read()
plants = [
  ("elementwise", "return a >> (u32)p->s", "return a >> (u32)(p->s & 31)"),
  ("elementwise", "(MULHI64(a, p->s) << 2) |", "(MULHI64(a, p->s) << 2) +0*"),
  ("elementwise", "/ 156;", "/ 157;"), ("elementwise", "+ (1u << 29)) >> 30", ") >> 30"), ("elementwise", "(((u64)1 << shift) >> 1)", "((u64)1 << shift)"),
  ("elementwise", "(SCALE_30 - position) & backwards", "(SCALE_30 - 1 - position) & backwards"),
  ("elementwise", "return sum - a * b", "return sum + a * b"), ("elementwise", "(a & SPREAD64(p->flags)) - d", "(a & ~SPREAD64(p->flags)) - d"),
  ("elementwise", "bits)[i / 64] >> (i % 64)", "bits)[i / 64] >> (i % 32)"), ("elementwise", "else if (place != NO_PLACE)", "else"), ("elementwise", "place / 32 - 2", "place / 32 - 1"),
  ("elementwise", "p->steps[1] * quotient", "p->steps[2] * quotient"), ("elementwise", "p->first + i;", "i;"), ("elementwise", "return (i32)(p->steps[0]", "return (p->steps[0]"),
  ("elementwise", "j * p->factors[1] >> p->shifts[1]", "j * p->factors[1] >> p->shifts[0]"), ("elementwise", "p.bases[(NUMBER) % 32]", "p.bases[(NUMBER) % 16]"), ("elementwise", "own[out * ELEMENTWISE_THREADS] = word", "own[ELEMENTWISE_THREADS] = word"),
  ("expand", "counting & 0xFFFF0000u", "counting & 0xFFFF0001u"), ("expand", "j == 1 || j == 3 || j == 4", "j == 1 || j == 3"),
  ("expand", "(column + 1 + j / 8) & 3", "(column + 3 - j / 8) & 3"), ("expand", "q.first / (2 * TEAM_BLOCKS) + team", "team"),
  ("expand", "if (at >= q.count) continue", "if (at > q.count) continue"), ("expand", "case 2: to[at] -= word", "case 2: to[at] += word"),
  ("expand", "(column < 2 ? block : q.number)", "(column < 2 ? (u32)block : q.number)"), ("expand", "t33 = t32 ^ t24", "t33 = t32 ^ t23"),
  ("tails", "&= p.mask", "&= p.mask >> 1"),
  ("truncate", "~c >> 63", "c >> 63"), ("truncate", "if (LANE == 0 && i / 64 < words_for(p.count))", "if (LANE == 0 && i < p.count)"),
  ("pack", "if (place + bits > 64)", "if (place + bits > 65)"), ("pack", "place < 64 && i < p.count", "place < 63 && i < p.count"),
  ("planes", "if (32 + LANE < p.planes) to", "if (33 + LANE < p.planes) to"), ("planes", "if (i / 64 >= words_for(p.count)) return;", "if (i >= p.count) return;"),
  ("planes", "<< p.low;", ";"), ("boolean", ": (PLACE) < LOCAL_REGISTERS", ": (PLACE) <= LOCAL_REGISTERS"), ("boolean", "& 0xFFFFu) * p.step", "& 0xFFFFu) * p.count"), ("expand", "GROUP_X >= p.parts[part + 1].groups", "GROUP_X > p.parts[part + 1].groups"), ("expand", "p.keys[q.key]", "p.keys[0]"),
  ("boolean", "word = READ(step[4]) ^", "word = READ(step[4]) |"), ("weights", "plane < p.planes; plane++", "plane + 1 < p.planes; plane++"),
  ("copy", "axis >= 0 && i > 0; axis--) {", "axis > 0 && i > 0; axis--) {"), ("digits", "(whole | extent) >> 32 ?", "whole >> 33 ?"),
  ("take", "block * p.extent", "block * p.count"), ("sum", "others = p.width / 2", "others = p.width / 4"), ("sum", "j += p.width", "j += p.width + 1"),
  ("patches", "row < p.height &&", "row <= p.height &&"), ("ring", "k < p.inner ? a", "k <= p.inner ? a"),
  ("ring", "(u32)(u[i] >> 32) * (u32)v[j]", "(u32)(u[i] >> 33) * (u32)v[j]"), ("ring", "SPREAD64(p.subtract)", "0"),
  ("residues", "(u32)(word >> 32) ^ 0x80000000u", "(u32)(word >> 32)"), ("residues", "263u, 219u", "264u, 219u"),
  ("residues", "0x1b090301u", "0x1b090311u"), ("residues", "0x3d90108bu", "0x3d91108bu"), ("residues", "16843010u", "16843009u"),
  ("residues", "r < p.rows && k < p.inner", "r < p.rows && k <= p.inner"), ("residues", "four ^ 0x80808080u", "four ^ 0x80808000u"),
  ("residues", "r % p.split * p.row_step", "r * p.row_step"), ("residues", "first + inner >= p.padded", "first + inner > p.padded"),
  ("residues", "p.inner_step == 1 ? across : along", "p.inner_step == 1 ? along : across"), ("residues", "first_row + row >= p.rows ||", "first_row + row > p.rows ||"),
  ("residues", "to[m * plane]", "to[m * (plane + 1)]"),
  ("tiles", "i * 16 + m % 2 * 8 + r", "i * 16 + m / 2 * 8 + r"), ("tiles", "PLACE(r, first + m / 2)", "PLACE(r, first + m % 2)"),
  ("tiles", "PLACE(r, first + m % 2)", "PLACE(r, first + m / 2)"), ("tiles", "j * 16 + m / 2 * 8 + r", "j * 16 + m % 2 * 8 + r"),
  ("tiles", "PLACE(line, LOCAL_ID % CHUNKS)", "LOCAL_ID % CHUNKS * 16"), ("tiles", "first < CHUNKS; first += 2", "first < CHUNKS - 2; first += 2"),
  ("tiles", "row / 8 + k / 16 * 2", "row / 8 * 2 + k / 16"), ("tiles", "column * 4 + k % 16 / 4", "column + k % 16 / 4 * 8"),
  ("tiles", "into + 1 == STAGES ? 0", "into + 2 == STAGES ? 0"), ("tiles", "if (step + 1 >= STAGES)", "if (step + 2 >= STAGES)"),
  ("tiles", "steps + STAGES - 1", "steps + STAGES - 2"), ("tiles", "const u32 u = (u32)sum + OFFSET[m]", "const u32 u = (u32)sum"),
  ("residue_product", "* MODULUS[m] + MODULUS[m];", "* MODULUS[m];"), ("tiles", "3u, 19u, 40u", "3u, 19u, 41u"), ("tiles", "134217728u, 134217975u", "134217728u, 134217974u"),
  ("residue_product", "row < p.rows && chunk < chunks", "row <= p.rows && chunk < chunks"), ("residue_product", "row < p.rows && chunk < chunks", "row < p.rows"),
  ("residue_product", "x[i] + right < p.width", "x[i] + right <= p.width"), ("residue_product", "y[i] + down < p.height", "y[i] + down <= p.height"),
  ("residue_product", "if (column >= p.columns) y[i]", "if (column > p.columns) y[i]"), ("residue_product", "right = tap_x * p.dilation_x", "right = tap_x"),
  ("residue_product", "pixel = p.first_pixel + column;\n        const u32 image", "pixel = column;\n        const u32 image"), ("residue_product", "image * p.image_chunks +", "image +"),
  ("residue_product", "++tap_x == p.kernel_width", "++tap_x == p.kernel_height"), ("residue_product", "p.tap_chunks + channel;", "p.tap_chunks;"),
  ("tiles", "modulus) << 8;", "modulus) << 9;"), ("tiles", "column = team_column + j * 8 + LANE % 4 * 2;", "column = team_column + j * 8 + LANE % 4;"),
  ("residue_product", "first_column + column < p.padded", "first_column + column <= p.padded"), ("residue_product", "GROUP_Z / MODULI", "0"),
  ("residue_product", "LOCAL_ID / 32 % 2 * ACROSS * 8", "LOCAL_ID / 32 % 2 * ACROSS * 4"), ("residue_product", "modulus * p.a_plane + batch * p.a_batch", "modulus * p.a_plane"),
  ("reconstruct", "0x27637ad39f56ab00ul", "0x27637ad39f56ab01ul"), ("reconstruct", "0x3f3373e8fb791500ul", "0x3f3373e8fb791501ul"), ("reconstruct", "1u << (FRACTION_BITS - 1)", "0"),
  ("reconstruct", "524288u, 526344u", "624288u, 526344u"), ("reconstruct", "sum -= WHOLE", "sum += WHOLE"), ("reconstruct", "i >= count || column >= p.columns", "i >= count || column > p.columns"),
  ("reconstruct", "pixel / p.out_plane * p.image_step + ", ""), ("reconstruct", "*to += negated_where(sum, SPREAD64(p.subtract))", "*to += sum"),
  ("plane_product", "if (row >= p.height) continue;", "if (row > p.height) continue;"), ("plane_product", "rest * (p.outputs / p.group_outputs)", "rest * p.outputs"),
  ("plane_product", "filter / p.group_outputs;", "filter;"), ("plane_product", "x * p.stride_x + tap_x * p.dilation_x - p.padding_x;\n            if", "x * p.stride_x + tap_x - p.padding_x;\n            if"),
]
# What shows in the CUDA form alone, run by emulate.cpp: tiles are PTX's there, and copies arrive when they are waited for.
emulated = [
  ("i * 16 + m % 2 * 8 + r", "i * 16 + m / 2 * 8 + r"), ("PLACE(r, first + m / 2)", "PLACE(r, first + m % 2)"),
  ("PLACE(r, first + m % 2)", "PLACE(r, first + m / 2)"), ("j * 16 + m / 2 * 8 + r", "j * 16 + m % 2 * 8 + r"), ("MATRIX = LANE / 8, ROW = LANE % 8", "MATRIX = LANE % 4, ROW = LANE / 4"),
  ("A[down], B[across / 2] + across % 2 * 2)", "A[down], B[across / 2])"), ("COPIES_WAIT(STAGES - 2);", "COPIES_WAIT(STAGES - 1);"),
  ("COPIES_WAIT(STAGES - 2);\n        BARRIER();", "COPIES_WAIT(STAGES - 2);"), ("COPIES_COMMIT();\n        chunk", "chunk"), ("COPIES_WAIT(0);\n    BARRIER();", "BARRIER();"),
  ("COPIES_WAIT(0);\n    BARRIER();", "COPIES_WAIT(0);"), ("into = into + 1 == STAGES ? 0 : into + 1;", "into = 0;"),
  ("LANE % 4 * 2;\n                const u32 pair", "LANE % 4 * 2 + 1;\n                const u32 pair"), ("half_tile * 8 + LANE / 4", "half_tile * 8 + LANE % 8"),
]
# These change no result: the inner dimension in another order for rows and columns alike, chunks in another place, a fraction that errs by less
# than it may.
harmless = [
  ("tiles", [("PLACE(r, first + m / 2)", "PLACE(r, first + 1 - m / 2)"), ("PLACE(r, first + m % 2)", "PLACE(r, first + 1 - m % 2)")]),
  ("tiles", [("(((CHUNK) ^ (ROW) / 2 % CHUNKS) * 16)", "((CHUNK) * 16)")]),
  ("reconstruct", [("524288u, 526344u", "524289u, 526344u")]),
]


def planted(family, changes, name):
    """The source with these changes, as a file."""
    text = source
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    open(name, "w").write(text)


def ran(command):
    try:
        run = subprocess.run(["nice", "-n", "5"] + command, env=dict(os.environ, GUARDED="1"), capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return False, "never ends"
    return run.returncode == 0, (run.stdout.strip().splitlines() or ["?"])[-1]


wanted = sys.argv[1:]
count = missed = 0
for family, old, new in plants:
    if wanted and family not in wanted: continue
    planted(family, [(old, new)], "mutant.cl")
    passed, last = ran(["./host", "mutant.cl", family])
    count, missed = count + 1, missed + passed
    if passed or "FAILED" not in last: print("MISSED" if passed else "seen", "|", family, "|", new, "|", last[:80], flush=True)
for old, new in emulated if not wanted or "emulated" in wanted else []:
    os.makedirs("mutant", exist_ok=True)
    planted("tiles", [(old, new)], "mutant/all.cl")
    built = subprocess.run(["g++", "-O2", "-march=native", "-w", "-Imutant", "-c", "-o", "mutant/emulate.o", EMULATE]).returncode == 0
    assert built and subprocess.run(["g++", "-o", "mutant/host", "host_emulated.o", "mutant/emulate.o", "-lOpenCL"]).returncode == 0
    passed, last = ran(["mutant/host", "all.cl", "tiles"])
    count, missed = count + 1, missed + passed
    if passed or "FAILED" not in last: print("MISSED" if passed else "seen", "| emulated |", new, "|", last[:80], flush=True)
for family, changes in harmless if not wanted or "harmless" in wanted else []:
    planted(family, changes, "mutant.cl")
    passed, last = ran(["./host", "mutant.cl", family])
    print("no difference, as expected" if passed else "DIFFERS", "|", family, "|", changes[0][1])
print(count, "planted,", missed, "missed")
