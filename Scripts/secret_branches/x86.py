"""Machine code of x86-64: all its instruction sets."""
import collections
import re

from secret_branches.following import Analysis, Instruction, Memory, Program, number
from secret_branches.labels import *

SIZES = {"byte": 1, "word": 2, "dword": 4, "qword": 8, "xmmword": 16, "ymmword": 32, "zmmword": 64, "tbyte": 10, "oword": 16}
WIDE = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"]
REGISTER = {}  # name → (whole register, bytes)
for wide in WIDE:
    short = wide[1:]
    REGISTER[wide], REGISTER["e" + short], REGISTER[short] = (wide, 8), (wide, 4), (wide, 2)
    REGISTER[(short if short[1] != "x" else short[0]) + "l"] = (wide, 1)
    if short[1] == "x":
        REGISTER[short[0] + "h"] = (wide, 1)
for n in range(8, 16):
    for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1), ("l", 1)):
        REGISTER[f"r{n}{suffix}"] = (f"r{n}", size)
for n in range(32):
    for kind, size in (("x", 16), ("y", 32), ("z", 64)):
        REGISTER[f"{kind}mm{n}"] = (f"v{n}", size)
for n in range(8):
    REGISTER[f"k{n}"] = (f"k{n}", 8)
REGISTER["rip"] = ("rip", 8)


def operand_of(text):
    """A register's name, a `Memory`, or None for an immediate."""
    text = text.strip()
    bracket = re.search(r"\[(.*)\]", text)
    if bracket:
        size = 0
        for word in text[: bracket.start()].lower().replace("ptr", " ").split():
            size = SIZES.get(word, size)
        registers, displacement = [], 0
        for sign, term in re.findall(r"([+-]?)\s*([^+\s-][^+-]*)", bracket.group(1)):
            for factor in term.strip().split("*"):
                factor = factor.strip().lower()
                if factor in REGISTER:
                    registers.append(factor)
                elif "*" not in term and re.match(r"^(0x)?[0-9a-f]+$", factor):
                    displacement += (-1 if sign == "-" else 1) * number(factor)
        if re.search(r"^\s*(fs|gs):|\b(fs|gs):", text.lower()):
            registers.append("fs")
        return Memory(tuple(registers), displacement, size)
    return text.lower() if text.lower() in REGISTER else None


class X86Program(Program):
    """Functions of x86-64."""

    relocation = r"R_X86_64_\S+"

    @staticmethod
    def objdump_options(is_llvm):
        return ["--x86-asm-syntax=intel"] if is_llvm else ["-M", "intel", "-w"]

    @staticmethod
    def tables(records):
        """Offsets in sections of constants → what is stored there relative to the code: tables of jumps."""
        out, section = collections.defaultdict(dict), None
        for line in records.splitlines():
            head = re.match(r"^RELOCATION RECORDS FOR \[(.*)\]:", line)
            entry = re.match(r"^([0-9a-f]+)\s+R_X86_64_PC32\s+(\.text\S*?)(?:\+0x([0-9a-f]+))?\s*$", line)
            if head:
                section = head.group(1)
            elif entry and section and section.startswith(".rodata"):
                out[section][int(entry.group(1), 16)] = int(entry.group(3) or "0", 16)
        return out

    @staticmethod
    def instruction(line):
        match = re.match(r"^\s+([0-9a-f]+):\s+(\S+)\s*(.*?)\s*$", line)
        if not match:
            raise Trouble(f"this line of a disassembly can't be read: {line}")
        address, name, rest = int(match.group(1), 16), match.group(2).lower(), match.group(3)
        rest = re.split(r"\s+#", rest)[0]
        while name in ("rep", "repe", "repz", "repne", "repnz", "lock", "notrack", "bnd", "data16", "cs", "rex64", "rex.w", "{evex}", "{vex}"):
            prefix = name
            name, _, rest = rest.strip().partition("\t" if "\t" in rest else " ")
            name = name.lower()
            if prefix.startswith("rep") and re.match(r"^(stos|movs|cmps|scas)", name):
                name = prefix[:3] + "_" + name
        target = None
        if name.startswith("j") or name == "call":
            place = re.match(r"^(?:0x)?([0-9a-f]+)\b(?!.*\[)", rest)
            if place and rest.strip() not in REGISTER:
                target = int(place.group(1), 16)
        decoration = re.findall(r"\{(k[1-7])\}", rest)
        plain = re.sub(r"\{[^}]*\}", "", rest)
        operands = [] if target is not None or not plain.strip() else [operand_of(o) for o in plain.split(",")]
        return Instruction(address, name, operands, f"{name} {rest}".strip(), target, None, None, decoration)

    @staticmethod
    def relocate(function, kind, symbol, tables):
        last = function.instructions[-1]
        place = re.match(r"^(\.rodata\S*?)([+-]0x[0-9a-f]+)?$", symbol)
        table = None
        if place and last.name == "lea":
            table = (place.group(1), int(place.group(2) or "0", 16) + 4, tables)
        symbol = re.sub(r"[+-]0x[0-9a-f]+$", "", symbol).split("@")[0]
        function.instructions[-1] = last._replace(symbol=symbol, table=table)


JUMPS = re.compile(r"^j(a|ae|b|be|c|e|g|ge|l|le|na|nae|nb|nbe|nc|ne|ng|nge|nl|nle|no|np|ns|nz|o|p|pe|po|s|z)$")
CONDITION = r"(a|ae|b|be|c|e|g|ge|l|le|na|nae|nb|nbe|nc|ne|ng|nge|nl|nle|no|np|ns|nz|o|p|pe|po|s|z)$"
NOTHING = re.compile(r"^(nop\w*|endbr64|vzeroupper|vzeroall|int3|ud2|prefetch\w*|[lsm]fence|hlt|xchg_same)$")
COPY = re.compile(r"^(v?mov\w*|v?lddqu|kmov\w)$")
COMPARE = re.compile(r"^(cmp|test|bt|v?u?comis[sd]|v?ptest|vtestp[sd]|k(or)?test[bwdq])$")
# Flags: those that these instructions leave as they are join what they set.
ALU = re.compile(r"^(add|sub|and|or|xor|neg|inc|dec|imul|mul|sh[lr]|sal|sar|ro[lr]|shld|shrd|bt[rsc]|adc|sbb|xadd)$")
BITS = re.compile(r"^(andn|bextr|bzhi|bls\w+|rorx|sarx|shlx|shrx|pdep|pext|popcnt|[lt]zcnt|bs[fr]|bswap)$")
SSE_PURE = re.compile(r"^(pshuf(d|lw|hw)|aeskeygenassist|aesimc|cvt\w+|sqrt\w+|pabs\w|p?movmsk\w*|pmov[sz]x\w+|pextr\w|extractps)$")
SSE = re.compile(
    r"^(p(add|sub|mul|and|or|xor|s[lr]l|sra|cmp|unpck|shuf|ack|min|max|avg|insr|blend|madd|align|sad|sign|hadd|hsub)\w*"
    r"|aes(enc|dec)\w*|sha\w+|unpck\w+|shufp\w|(add|sub|mul|div|min|max|andn?|x?or|hadd|blend|blendv)p[sd]|insertps"
    r"|(add|sub|mul|div|min|max)s[sd]|gf2p8\w+|pclmul\w+|cmp\w+p[sd])$"
)
VECTOR_RMW = re.compile(r"^v(pternlog|perm[it]2|fn?m|pdp|pmadd52|p?gather|pinsr_)")
SCRATCH = ["rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"] + [f"v{n}" for n in range(32)] + [f"k{n}" for n in range(8)]


class X86Analysis(Analysis):
    """Follows values through x86-64."""

    registers = WIDE + [f"r{n}" for n in range(8, 16)]
    stack_pointer = "rsp"
    first_argument = 8
    kept_registers = ["rsp", "rbx", "rbp", "r12", "r13", "r14", "r15"]
    result_registers = ["rax", "rdx", "v0", "v1"]
    copy_registers = ("rdi", "rdx", "rsi", "rax")
    jump = re.compile(r"^(j|ret)")
    conditional = JUMPS

    @staticmethod
    def table_targets(function, place_of):
        out = []
        bases = sorted({i.table[1] for i in function.instructions if i.table})
        for instruction in function.instructions:
            if not instruction.table:
                continue
            section, base, tables = instruction.table
            entries = tables.get(section, {})
            n = 0
            while base + 4 * n in entries and (n == 0 or base + 4 * n not in bases):
                place = place_of.get(entries[base + 4 * n] - 4 * n)
                if place is None:
                    break
                out.append(place)
                n += 1
        return sorted(set(out))

    # MARK: Operands

    def constants(self, memory):
        return memory.registers in ((), ("rip",)) or "fs" in memory.registers  # the stack guard

    def is_register_kept(self, instruction, size):
        # Where a register is put away is the compiler's own: no array, into which an index could reach.
        return re.match("^(mov|set.*)$", instruction.name) and isinstance(instruction.operands[-1], (str, Memory)) and size <= 8

    @staticmethod
    def register(state, name):
        whole, size = REGISTER.get(name, (name, 8))
        if size == 1 and not name.endswith("h"):
            whole += " low"  # the lowest byte, of which the rest may know less
            return state.registers.get(whole, state.registers.get(whole[:-4], SECRET))
        return state.registers.get(whole, SECRET)

    def put(self, function, instruction, operand, state, label):
        if isinstance(operand, Memory):
            sizes = [REGISTER[o][1] for o in instruction.operands[1:] if isinstance(o, str)]
            self.store(function, instruction, operand, state, label, sizes[0] if sizes else 8)
            return
        whole, size = REGISTER[operand]
        if instruction.decoration:
            masks = [self.register(state, k) for k in instruction.decoration]
            label = mixed([label, state.registers.get(whole, SECRET)] + masks)
        if size == 1 and not operand.endswith("h"):
            state.registers[whole + " low"] = (label[0], NOTHING_PUBLIC, None)
        if size < 4 and whole[0] == "r":
            label = mixed([label, state.registers.get(whole, SECRET)])
        if whole[0] == "r" and not (size == 1 and not operand.endswith("h")):
            state.registers[whole + " low"] = (label[0], NOTHING_PUBLIC, None)
        if size < 8 and whole[0] == "r":
            label = (label[0], NOTHING_PUBLIC, None)
        state.registers[whole] = label

    # MARK: Instructions

    def step(self, function, instruction, state, place_of, targets):
        """Does an instruction: (places that it may jump to, whether the function ends here)."""
        name, operands = instruction.name, instruction.operands
        carry, others = state.registers.get("carry", PUBLIC), state.registers.get("flags", PUBLIC)

        def flags_of(prefix):
            condition = name[len(prefix) :]
            if condition in ("b", "c", "nae", "ae", "nb", "nc"):
                return carry
            return mixed([carry, others]) if condition in ("a", "nbe", "be", "na") else others

        def set_flags(label, carry_too=True):
            state.registers["flags"] = (label[0], NOTHING_PUBLIC, None)
            if carry_too:
                state.registers["carry"] = state.registers["flags"]

        def value(operand):
            return self.value(function, instruction, operand, state)

        def put(operand, label):
            self.put(function, instruction, operand, state, label)

        if NOTHING.match(name):
            return [], name in ("ud2", "hlt")
        if name in ("ret", "retq"):
            return None, True
        if JUMPS.match(name):
            if flags_of("j")[0]:
                self.alarm(function, "branch", instruction)
            if instruction.target in place_of:
                return [place_of[instruction.target]], False
            self.call(function, instruction, state.copy())  # a tail call that may not be made
            return [], False
        if name in ("jmp", "jmpq"):
            if instruction.target is not None and not instruction.symbol and instruction.target in place_of:
                return [place_of[instruction.target]], False
            if instruction.target is not None or instruction.symbol and not operands:
                self.call(function, instruction, state)
                return None, True
            if value(operands[0])[0]:
                self.alarm(function, "jump", instruction)
            if targets:
                return targets, False
            self.unknown_call(state)  # a tail call through a pointer
            return None, True
        if name in ("call", "callq"):
            if operands:
                if value(operands[0])[0]:
                    self.alarm(function, "jump", instruction)
                self.unknown_call(state)
            else:
                self.call(function, instruction, state)
            return [], False
        if name == "lea":
            label = self.address(function, instruction, operands[1], state)
            if label[2] and len(label[2]) == 3:
                label = (label[0], label[1], None)  # somewhere on the stack: secret when read
            if "rip" in operands[1].registers:
                label = (label[0], PUBLIC_MEMORY, None)  # constants
            put(operands[0], label)
            return [], False
        if name == "push":
            frame = state.registers["rsp"][2]
            label = value(operands[0])
            state.registers["rsp"] = (False, NOTHING_PUBLIC, (frame[0], frame[1] - 8))
            state.slots[frame[0], frame[1] - 8] = label
            state.slots[frame[0], frame[1] - 8, "own"] = PUBLIC
            return [], False
        if name == "pop":
            frame = state.registers["rsp"][2]
            put(operands[0], state.slots.get(frame, SECRET))
            state.registers["rsp"] = (False, NOTHING_PUBLIC, (frame[0], frame[1] + 8))
            return [], False
        if name == "leave":
            frame = state.registers["rbp"][2]
            put_whole(state, ["rbp"], state.slots.get(frame, SECRET))
            state.registers["rsp"] = (False, NOTHING_PUBLIC, (frame[0], frame[1] + 8))
            return [], False
        if operands and operands[0] == "rsp" and name in ("add", "sub", "and"):
            amount = re.search(r",\s*(-?(?:0x)?[0-9a-f]+)$", instruction.text)
            frame = state.registers["rsp"][2]
            if not amount or frame is None:
                raise Trouble(f"{function}: the stack pointer is lost at {instruction.text}")
            by = number(amount.group(1))
            if name == "and":  # an aligned frame, below everything of the one before
                frame = (frame[0] + "/aligned", 0)
            else:
                frame = (frame[0], frame[1] + (by if name == "add" else -by))
            state.registers["rsp"] = (False, NOTHING_PUBLIC, frame)
            set_flags(PUBLIC)
            return [], False
        same = len(operands) >= 2 and isinstance(operands[-1], str) and operands[-1] == operands[-2]
        if same and re.match(r"^(xor|sub|v?pxor[dq]?|v?xorp[sd]|v?psub\w|v?pcmpeq\w|kxnor\w|kxor\w|v?pandnq?)$", name):
            put(operands[0], PUBLIC)
            if name in ("xor", "sub"):
                set_flags(PUBLIC)
            return [], False
        if COMPARE.match(name):
            set_flags(mixed([value(o) for o in operands]))
            return [], False
        if re.match("^set" + CONDITION, name):
            put(operands[0], (flags_of("set")[0], NOTHING_PUBLIC, None))
            return [], False
        if re.match("^cmov" + CONDITION, name):
            label = merged(value(operands[0]), value(operands[1]))
            put(operands[0], (label[0] or flags_of("cmov")[0], label[1], label[2]))
            return [], False
        if name in ("div", "idiv"):
            labels = [value(operands[0]), self.register(state, "rax"), self.register(state, "rdx")]
            if any(l[0] for l in labels):
                self.alarm(function, "division", instruction)
            put_whole(state, ["rax", "rdx"], (mixed(labels)[0], NOTHING_PUBLIC, None))
            set_flags(mixed(labels))
            return [], False
        if re.match(r"^v?(div|sqrt)[ps][sd]$", name) and any(value(o)[0] for o in operands):
            self.alarm(function, "division", instruction)
        if name in ("mul", "imul") and len(operands) == 1:
            label = mixed([value(operands[0]), self.register(state, "rax")])
            put_whole(state, ["rax", "rdx"], (label[0], NOTHING_PUBLIC, None))
            set_flags(label)
            return [], False
        if name == "mulx":
            label = mixed([value(operands[2]), self.register(state, "rdx")])
            put(operands[0], label)
            put(operands[1], label)
            return [], False
        if name in ("cqo", "cdq", "cwd", "cqto", "cltd"):
            put_whole(state, ["rdx"], (self.register(state, "rax")[0], NOTHING_PUBLIC, None))
            return [], False
        if name in ("cdqe", "cwde", "cbw", "cltq"):
            return [], False
        if name in ("xchg", "xadd"):
            label = merged(value(operands[0]), value(operands[1]))
            for operand in operands:
                put(operand, label)
            if name == "xadd":
                set_flags(label)
            return [], False
        if re.match(r"^rep_(stos|movs)", name):
            if any(self.register(state, r)[0] for r in ("rcx", "rdi", "rsi" if "movs" in name else "rdi")):
                self.alarm(function, "address", instruction)
            for r in ("rdi", "rsi"):
                place = self.register(state, r)[2]
                if place and r == "rdi":
                    self.smear(state, place[0], place[-1], SECRET)
            return [], False
        if COPY.match(name):
            sources = operands[1:]
            labels = [value(o) for o in sources]
            merges = re.match(r"^mov[hl]|^movs[sd]$", name) and not isinstance(operands[0], Memory)
            if merges and not any(isinstance(o, Memory) for o in sources if not name.startswith(("movh", "movl"))):
                labels.append(value(operands[0]))
            label = labels[0] if len(labels) == 1 else mixed(labels)
            if re.match(r"^mov(sx|zx|sxd)$", name):
                label = (label[0], NOTHING_PUBLIC, None)
            put(operands[0], label)
            return [], False
        if ALU.match(name):
            labels = [value(o) for o in (operands[1:] if name == "imul" and len(operands) == 3 else operands)]
            if name in ("adc", "sbb"):
                labels = ([] if name == "sbb" and same else labels) + [carry]
            label = mixed(labels)
            stack = labels[0][2] if labels else None
            immediate = re.search(r",\s*(-?(?:0x)?[0-9a-f]+)$", instruction.text)
            if stack and name in ("add", "sub") and operands[1] is None and immediate:
                by = number(immediate.group(1))
                label = (label[0], label[1], moved(stack, by if name == "add" else -by))
            if name not in ("add", "sub", "inc", "dec", "and") or name == "sub" and operands[1] is not None:
                label = (label[0], UNCLEAR if label[1] else NOTHING_PUBLIC, None)
            # A shift by a register that is 0 leaves the flags as they are.
            by_register = re.match(r"^(s[ah][lr]d?|ro[lr])$", name) and isinstance(operands[-1], str) and len(operands) > 1
            put(operands[0], label)
            set_flags(mixed([label, carry, others]) if by_register else label, name not in ("inc", "dec"))
            return [], False
        if name == "not":
            put(operands[0], (value(operands[0])[0], NOTHING_PUBLIC, None))
            return [], False
        if BITS.match(name):
            label = (mixed([value(o) for o in (operands if name == "bswap" else operands[1:])])[0], NOTHING_PUBLIC, None)
            put(operands[0], label)
            if name not in ("rorx", "sarx", "shlx", "shrx", "pdep", "pext", "bswap"):
                set_flags(label)
            return [], False
        if re.match(r"^v?p?gather", name):
            memory = next(o for o in operands if isinstance(o, Memory))
            self.address(function, instruction, memory, state)
            put(operands[0], SECRET)
            return [], False
        if name[0] == "v" or name[0] == "k":
            sources = operands if VECTOR_RMW.match(name) else operands[1:]
            label = mixed([value(o) for o in sources])
            put(operands[0], (label[0], NOTHING_PUBLIC, None))
            return [], False
        if SSE_PURE.match(name) or SSE.match(name):
            label = mixed([value(o) for o in (operands[1:] if SSE_PURE.match(name) else operands)])
            implicit = [self.register(state, "xmm0")] if name.startswith(("blendv", "pblendv", "sha")) else []
            put(operands[0], (mixed([label] + implicit)[0], NOTHING_PUBLIC, None))
            return [], False
        raise Trouble(f"{function} has an instruction that this doesn't know: {instruction.text}")

    @staticmethod
    def unknown_call(state):
        put_whole(state, SCRATCH, PUBLIC)
        state.registers["flags"] = state.registers["carry"] = PUBLIC
