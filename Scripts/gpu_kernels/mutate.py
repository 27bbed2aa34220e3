"""Plants errors in the source one by one: each must be noticed."""
import os, subprocess, sys
source = open("all.cl").read()
plants = [
  ("elementwise", "to[i] = a[i] >> (u32)p.s", "to[i] = a[i] >> (u32)(p.s & 31)"),
  ("elementwise", "(MULHI64(x, p.s) << 2) |", "(MULHI64(x, p.s) << 2) +0*"),
  ("elementwise", "/ 156;", "/ 157;"), ("elementwise", "+ (1u << 29)) >> 30", ") >> 30"), ("elementwise", "(((u64)1 << shift) >> 1)", "((u64)1 << shift)"),
  ("elementwise", "(SCALE_30 - position) & backwards", "(SCALE_30 - 1 - position) & backwards"),
  ("elementwise", "sum[i] - a[i] * b[i]", "sum[i] + a[i] * b[i]"), ("elementwise", "hat & SPREAD64(p.flags)", "hat & ~SPREAD64(p.flags)"),
  ("elementwise", "(i % 64))\n    switch", "(i % 32))\n    switch"),
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
]
missed = 0
for family, old, new in plants:
    assert source.count(old) >= 1, old
    open("mutant.cl", "w").write(source.replace(old, new, 1))
    run = subprocess.run(["nice", "-n", "5", "./host", "mutant.cl", family], env=dict(os.environ, GUARDED="1"), capture_output=True, text=True, timeout=120)
    last = (run.stdout.strip().splitlines() or ["?"])[-1]
    seen = run.returncode != 0
    missed += not seen
    if not seen or "FAILED" not in last: print("seen" if seen else "MISSED", "|", family, "|", new, "|", run.returncode, last[:80])
print(len(plants), "planted,", missed, "missed")
