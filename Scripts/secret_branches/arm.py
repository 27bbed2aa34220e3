"""Machine code of AArch64 with its vectors; SVE isn't understood."""
import re

from secret_branches.following import Analysis, Instruction, Memory, Program, number
from secret_branches.labels import *

GENERAL = [f"x{n}" for n in range(31)]
VECTORS = [f"v{n}" for n in range(32)]
WIDTH = {"q": 16, "d": 8, "s": 4, "h": 2, "b": 1}


def register_of(text):
    """(The whole register, bytes, whether it's one lane); None for what isn't a register."""
    if text in ("sp", "wsp"):
        return "sp", 8, False
    if text in ("xzr", "wzr"):
        return "zero", 8 if text[0] == "x" else 4, False
    general = re.match(r"^([xw])(\d+)$", text)
    if general:
        return "x" + general.group(2), 8 if general.group(1) == "x" else 4, False
    scalar = re.match(r"^([qdshb])(\d+)$", text)
    if scalar:
        return "v" + scalar.group(2), WIDTH[scalar.group(1)], False
    vector = re.match(r"^v(\d+)\.(\d*)([dshbq])(\[\d+\])?$", text)
    if vector:
        lanes = int(vector.group(2) or "1")
        return "v" + vector.group(1), lanes * WIDTH[vector.group(3)], vector.group(4) is not None
    return None


class ArmProgram(Program):
    """Functions of AArch64."""

    relocation = r"R_AARCH64_\S+"

    @staticmethod
    def objdump_options(is_llvm):
        return [] if is_llvm else ["-w"]

    @staticmethod
    def instruction(line):
        match = re.match(r"^\s+([0-9a-f]+):\s+(\S+)\s*(.*?)\s*$", re.split(r"\s+//|\s+;", line)[0])
        if not match:
            raise Trouble(f"this line of a disassembly can't be read: {line}")
        address, name, rest = int(match.group(1), 16), match.group(2).lower(), match.group(3)
        target = None
        if re.match(r"^(bl?|b\.\w+|cbn?z|tbn?z)$", name):
            place = re.search(r"(?:0x)?([0-9a-f]+)\s+<[^>]*>$", rest) or re.search(r"(?:0x)?([0-9a-f]+)$", rest)
            target = int(place.group(1), 16)
            rest = rest[: place.start()]
        operands, moves = [], None
        for part in re.findall(r"\[[^\]]*\]!?|\{[^}]*\}(?:\[\d+\])?|[^,\s\[{][^,\[{]*(?:\[\d+\])?", rest):
            part = part.strip()
            if part.startswith("["):
                inside = [p.strip() for p in part.strip("[]!").split(",")]
                amounts = [number(p[1:]) for p in inside if p.startswith("#")]
                registers = tuple(register_of(p)[0] for p in inside if register_of(p))
                operands.append(Memory(registers, amounts[0] if amounts else 0, 0))
                if part.endswith("!"):
                    moves = ("before", amounts[0])
            elif part.startswith("{"):
                lane = "" if part.endswith("}") else part[part.index("}") + 1 :]
                operands += [p.strip() + lane for p in part[1 : part.index("}")].split(",")]
            elif operands and isinstance(operands[-1], Memory):
                moves = ("behind", number(part[1:]) if part.startswith("#") else None)
            else:
                operands.append(part if register_of(part) else None)
        return Instruction(address, name, operands, f"{name} {rest}".strip(), target, None, None, moves)

    @staticmethod
    def relocate(function, kind, symbol, tables):
        symbol = re.sub(r"[+-]0x[0-9a-f]+$", "", symbol)
        function.instructions[-1] = function.instructions[-1]._replace(symbol=symbol)


NOTHING = re.compile(r"^(nop|hint|bti|pac\w+|aut\w+|dmb|dsb|isb|prfm|csdb)$")
COMPARE = re.compile(r"^(cmp|cmn|tst|ccmp|ccmn|fcmpe?)$")
CHOOSE = re.compile(r"^(csel|csinc|csinv|csneg|cset|csetm|cinc|cinv|cneg|fcsel)$")
COPY = re.compile(r"^(mov|fmov|umov|smov|dup|ins)$")
CONSTANT = re.compile(r"^(movz|movn|movi|mvni)$")
LOAD = re.compile(r"^(ldn?p|ldpsw|ldu?r|ldu?rs?[bh]|ldu?rsw|ld[1-4]r?)$")
STORE = re.compile(r"^(stn?p|stu?r|stu?r[bh]|st[1-4])$")
# Those that also read what they write.
CHANGE = re.compile(
    r"^(movk|bfi|bfxil|bsl|bit|bif|ml[as]|[us]ml[as]l2?|aes[ed]|sli|sri|[us]sra|xtn2|r?shrn2|tbx|sha\w+|fml[as]|addhn2|subhn2|[us]aba\w*"
    r"|[us]adalp)$"
)
PURE = re.compile(
    r"^(adds?|subs?|ands?|orr|eor3?|bics?|orn|eon|mvn|not|negs?|lslv?|lsrv?|asrv?|rorv?|extr|[us]bfx|[us]bfiz|[us]bfm|[us]xt[bhw]|rev\d*|rbit"
    r"|cl[zs]|cnt|mul|madd|msub|mneg|[us]mulh|[us]mull2?|[us]maddl|[us]msubl|[us]mnegl|adcs?|sbcs?|ngcs?|crc32\w+"
    r"|u?shl|sshl|ushr|sshr|shll2?|[us]shll2?|[us]xtl2?|xtn|r?shrn|uzp[12]|zip[12]|trn[12]|ext|tbl|cm(eq|ge|gt|hi|hs|le|lt|tst)|addp|addv|abs"
    r"|[us](max|min)[pv]?|[us]addlp?v?2?|[us]addw2?|[us]subl2?|[us]subw2?|addhn|subhn|pmull2?|aesi?mc|rax1|xar|bcax|[us]q\w+"
    r"|f(add|sub|mul|neg|abs|cvt\w*)|[us]cvtf)$"
)
SETS_FLAGS = ("adds", "subs", "ands", "bics", "negs", "adcs", "sbcs", "ngcs")
READS_FLAGS = ("adc", "adcs", "sbc", "sbcs", "ngc", "ngcs")
SCRATCH = [f"x{n}" for n in range(19)] + ["x30"] + [f"v{n}" for n in range(8)] + [f"v{n}" for n in range(16, 32)]


class ArmAnalysis(Analysis):
    """Follows values through AArch64."""

    registers = GENERAL + VECTORS
    stack_pointer = "sp"
    kept_registers = [f"x{n}" for n in range(19, 30)] + [f"v{n}" for n in range(8, 16)]
    result_registers = ["x0", "x1", "v0", "v1", "v2", "v3"]
    copy_registers = ("x0", "x2", "x1", "x0")
    jump = re.compile(r"^(b|b\.\w+|cbn?z|tbn?z|br|ret)$")
    conditional = re.compile(r"^(b\.\w+|cbn?z|tbn?z)$")

    def call(self, function, instruction, state):
        result = state.registers.get("x8", PUBLIC)[2]
        super().call(function, instruction, state)
        for size in self.rules.places("result", instruction.symbol):
            if result and len(result) == 2:
                for offset in range(result[1], result[1] + int(size), 8):
                    state.slots[result[0], offset, "own"] = PUBLIC

    # MARK: Operands

    @staticmethod
    def register(state, name):
        whole = (register_of(name) or (name,))[0]
        return PUBLIC if whole == "zero" else state.registers.get(whole, SECRET)

    def put(self, function, instruction, name, state, label):
        whole, size, is_lane = register_of(name)
        if whole == "zero":
            return
        if is_lane:
            label = mixed([label, state.registers.get(whole, SECRET)])
        if whole == "sp" and (label[2] is None or len(label[2]) != 2):
            raise Trouble(f"{function}: the stack pointer is lost at {instruction.text}")
        state.registers[whole] = label if whole[0] != "v" and size == 8 else (label[0], NOTHING_PUBLIC, None)

    def is_register_kept(self, instruction, size):
        # Where a register is put away is the compiler's own: no array, into which an index could reach.
        return instruction.name in ("str", "stur", "stp") and instruction.operands[0][0] in "xwd" and size <= 8

    def access(self, function, instruction, state):
        """Loads or stores: each register in its place."""
        at = next(n for n, o in enumerate(instruction.operands) if isinstance(o, Memory))
        memory, registers = instruction.operands[at], instruction.operands[:at]
        step = instruction.decoration
        base = memory.registers[0]
        if step and step[0] == "behind":
            memory = memory._replace(displacement=0)
        narrow = re.match(r"^(?:ld|st)u?rs?([bhw])$", instruction.name)
        for n, name in enumerate(registers):
            size = {"b": 1, "h": 2, "w": 4}[narrow.group(1)] if narrow else register_of(name)[1]
            place = memory._replace(displacement=memory.displacement + n * size, size=size)
            if instruction.name.startswith("st"):
                self.store(function, instruction, place, state, self.register(state, name), size)
            else:
                label = self.load(function, instruction, place, state)
                self.put(function, instruction, name, state, label if size == 8 else (label[0], NOTHING_PUBLIC, None))
        if step:
            label = state.registers.get(base, SECRET)
            if step[1] is None:  # by a register
                label = (label[0], label[1], None if label[2] is None else anywhere(label[2]))
            elif label[2]:
                label = (label[0], label[1], moved(label[2], step[1]))
            self.put(function, instruction, base, state, label)

    # MARK: Instructions

    def step(self, function, instruction, state, place_of, targets):
        name, operands = instruction.name, instruction.operands
        flags = state.registers.get("flags", PUBLIC)

        def value(operand):
            return PUBLIC if operand is None else self.register(state, operand)

        def put(label):
            self.put(function, instruction, operands[0], state, label)

        def set_flags(label):
            state.registers["flags"] = (label[0], NOTHING_PUBLIC, None)

        if NOTHING.match(name):
            return [], False
        if name in ("brk", "udf", "hlt"):
            return None, True
        if name == "ret":
            return None, True
        if self.conditional.match(name):
            if (flags if name.startswith("b.") else value(operands[0]))[0]:
                self.alarm(function, "branch", instruction)
            if instruction.target in place_of and not instruction.symbol:
                return [place_of[instruction.target]], False
            self.call(function, instruction, state.copy())  # a tail call that may not be made
            return [], False
        if name == "b":
            if instruction.target in place_of and not instruction.symbol:
                return [place_of[instruction.target]], False
            self.call(function, instruction, state)
            return None, True
        if name == "bl":
            self.call(function, instruction, state)
            return [], False
        if name in ("br", "blr"):
            if value(operands[0])[0]:
                self.alarm(function, "jump", instruction)
            self.unknown_call(state)
            return (None, True) if name == "br" else ([], False)
        if name in ("adrp", "adr"):
            constants = (instruction.symbol or "").startswith(".rodata")
            put((False, PUBLIC_MEMORY if constants else NOTHING_PUBLIC, None))
            return [], False
        if LOAD.match(name) or STORE.match(name):
            self.access(function, instruction, state)
            return [], False
        if name in ("udiv", "sdiv", "fdiv", "fsqrt"):
            label = mixed([value(o) for o in operands[1:]])
            if label[0]:
                self.alarm(function, "division", instruction)
            put((label[0], NOTHING_PUBLIC, None))
            return [], False
        if COMPARE.match(name):
            set_flags(mixed([value(o) for o in operands] + ([flags] if name.startswith("cc") else [])))
            return [], False
        if CHOOSE.match(name):
            sources = [value(o) for o in operands[1:] if o is not None] or [PUBLIC]
            label = sources[0] if len(sources) == 1 else merged(sources[0], sources[1])
            put((label[0] or flags[0], label[1], label[2]))
            return [], False
        if CONSTANT.match(name) or name in ("mov", "fmov") and operands[1] is None:
            put(PUBLIC)
            return [], False
        if COPY.match(name):
            put(value(operands[1]))
            return [], False
        if name == "and" and operands[0] == "sp":  # an aligned frame, below everything of the one before
            place = value(operands[1])[2]
            put((False, NOTHING_PUBLIC, place and (place[0] + "/aligned", 0)))
            return [], False
        is_changed = CHANGE.match(name) or name in ("orr", "bic") and operands[1] is None
        if not is_changed and not PURE.match(name):
            raise Trouble(f"{function} has an instruction that this doesn't know: {instruction.text}")
        sources = operands if is_changed else operands[1:]
        same = len(operands) == 3 and operands[1] is not None and operands[1] == operands[2]
        if same and re.match(r"^(eor|subs?|bics?|cmeq|cmge|cmhs)$", name):
            label = PUBLIC
        else:
            label = mixed([value(o) for o in sources] + ([flags] if name in READS_FLAGS else []))
        region = label[1] if name in ("add", "adds", "and") else UNCLEAR if label[1] else NOTHING_PUBLIC
        if name in ("sub", "subs", "orr") and operands[2:] == [None]:
            region = label[1]
        if name in ("madd", "umaddl", "smaddl"):  # an index into what the last one points to
            region = value(operands[3])[1]
        put((label[0], region, self.place(instruction, state)))
        if name in SETS_FLAGS:
            set_flags(label)
        return [], False

    def place(self, instruction, state):
        """Where a sum points on the stack."""
        name, operands = instruction.name, instruction.operands
        if register_of(operands[0])[0][0] == "v":
            return None
        if name in ("madd", "umaddl", "smaddl"):
            place = self.register(state, operands[3])[2]
            return place and anywhere(place)
        if name not in ("add", "adds", "sub", "subs", "orr"):
            return None
        sources = [self.register(state, o)[2] for o in operands[1:3] if o is not None]
        pointers = [place for place in sources if place]
        if not pointers or name.startswith("sub") and not sources[0]:
            return None
        amount = re.search(r"#(-?(?:0x)?[0-9a-f]+)(?:, lsl #(12|0xc))?$", instruction.text)
        if len(sources) == 1 and amount:
            by = number(amount.group(1)) << (12 if amount.group(2) else 0)
            if name != "orr":
                return moved(pointers[0], -by if name.startswith("sub") else by)
            # Within a frame's alignment, of bits that are zeros.
            if pointers[0][0].endswith("/aligned") and len(pointers[0]) == 2 and by < 64 and pointers[0][1] & by == 0:
                return moved(pointers[0], by)
        return anywhere(pointers[0])

    @staticmethod
    def unknown_call(state):
        put_whole(state, SCRATCH, PUBLIC)
        state.registers["flags"] = PUBLIC
