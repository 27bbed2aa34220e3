"""Reading the functions of objects, and following values through them, whatever the machine.

A machine says what its instructions look like and do: `x86` and `arm`.
"""
import collections
import os
import re
import subprocess

from secret_branches.labels import *

Instruction = collections.namedtuple("Instruction", "address name operands text target symbol table decoration")
Memory = collections.namedtuple("Memory", "registers displacement size")
Alarm = collections.namedtuple("Alarm", "function kind address text")

NO_ADDRESS = ("rip", "fs")
KNOWN_EXTERNALS = {"memset", "memcpy", "memmove", "bzero"}


def number(text):
    return int(text, 0)


class Function:
    def __init__(self, file, name, exported):
        self.file, self.name, self.exported = file, name, exported
        self.instructions = []

    def __str__(self):
        return f"{self.name} ({self.file})"


class Program:
    """All functions of some objects."""

    # What a machine says of itself.
    objdump_options = None  # whether the tool is LLVM's → options
    relocation = None  # a relocation's kind

    def __init__(self, objdump, paths):
        self.functions = {}  # (file, name) → Function
        self.exported = {}
        for path in paths:
            self.read(objdump, path)

    def read(self, objdump, path):
        file = os.path.basename(path)
        options = self.objdump_options("llvm" in os.path.basename(objdump))

        def run(*arguments):
            return output(objdump, *arguments, path)

        symbols, records = run("-t"), run("-r")
        exported = {line.split()[-1] for line in symbols.splitlines() if re.match(r"^[0-9a-f]+ g\s+F", line)}
        tables = self.tables(records)
        code = run("-d", "-r", "--no-show-raw-insn", *options)
        function, starts, section = None, {}, ".text"
        for line in code.splitlines():
            head = re.match(r"^([0-9a-f]+) <(.*)>:$", line)
            named = re.match(r"^Disassembly of section (\S+?):?$", line)
            if named:
                section = named.group(1)
            elif head:
                function = Function(file, head.group(2), head.group(2) in exported)
                self.functions[file, function.name] = function
                starts[section, int(head.group(1), 16)] = function.name
                if function.exported:
                    self.exported[function.name] = function
            elif function is not None and re.match(r"^\s+[0-9a-f]+:\s", line):
                # A relocation stands behind its instruction with GNU's -w, else on a line of its own.
                relocation = re.search(r"([0-9a-f]+):\s+(" + self.relocation + r")\s+(\S+)\s*$", line)
                if relocation:
                    line = line[: relocation.start()].rstrip()
                    self_only = not re.match(r"^\s+[0-9a-f]+:\s+\S", line)
                    if line.strip():
                        if not self_only:
                            function.instructions.append(self.instruction(line))
                    self.relocate(function, relocation.group(2), relocation.group(3), tables)
                else:
                    function.instructions.append(self.instruction(line))
        for name, function in ((key, f) for key, f in self.functions.items() if key[0] == file):
            function.starts = {address: f for (_, address), f in starts.items()}

    @staticmethod
    def tables(records):
        """Offsets in sections of constants → what is stored there relative to the code: tables of jumps."""
        return {}


def output(objdump, *arguments):
    """What the disassembler prints."""
    result = subprocess.run([objdump, *arguments], capture_output=True, text=True)
    if result.returncode:
        raise Trouble(f"{objdump} can't read {arguments[-1]}: {result.stderr.strip()}")
    return result.stdout


class Analysis:
    """Follows values through all functions of a program."""

    # What a machine says of itself.
    registers = []  # whole ones, but for the flags'
    stack_pointer = None
    first_argument = 0  # where the first argument on the stack is, from the stack pointer at a function's beginning
    kept_registers = []  # by a function that is called
    result_registers = []
    copy_registers = ()  # of memcpy and its like: where to, how much; and how much of bzero; what is returned
    jump = conditional = None  # which names are jumps, and which of them go on behind them where they aren't made

    def step(self, function, instruction, state, place_of, targets):
        """Does an instruction: (places that it may jump to, None where it goes nowhere; whether the function ends here)."""
        raise NotImplementedError

    def table_targets(self, function, place_of):
        """Where a function's tables of jumps lead."""
        return []

    def constants(self, memory):
        """Whether an address is of constants, or of something else that isn't secret, whatever the registers hold."""
        return False

    def is_register_kept(self, instruction, size):
        """Whether a store on the stack puts a register away."""
        raise NotImplementedError

    @staticmethod
    def unknown_call(state):
        """After a function of which nothing is known."""
        raise NotImplementedError

    def __init__(self, program, rules):
        self.program, self.rules = program, rules
        self.alarms, self.seen, self.visited = set(), {}, set()

    def run(self):
        for function in self.program.exported.values():
            self.function(function, self.entry(function))
        # What nobody calls by name is called through a pointer.
        for function in self.program.functions.values():
            if (function.file, function.name) not in self.visited:
                self.function(function, self.entry(function))
        return sorted(self.alarms)

    def entry(self, function):
        state = State()
        for name in self.registers:
            put_whole(state, [name], PUBLIC)
        state.registers["flags"] = state.registers["carry"] = PUBLIC
        for word in range(64):  # arguments on the stack
            self.argument(state, function, word, PUBLIC)
            state.slots[function.name, self.first_argument + 8 * word, "own"] = PUBLIC
        self.know(function, state)
        return state

    def argument(self, state, function, word, label):
        """Sets an argument on the stack, at a function's beginning."""
        state.slots[function.name, self.first_argument + 8 * word] = label

    def know(self, function, state):
        """Sets what the list says of a function's arguments."""
        for kind, label in PLACES:
            for place in self.rules.places(kind, function.name):
                if place.startswith("stack+"):
                    self.argument(state, function, int(place[6:]), label)
                else:
                    put_whole(state, [place], label)

    def function(self, function, state):
        """The state at the function's end, given that at its beginning."""
        state = state.copy()
        state.registers[self.stack_pointer] = (False, NOTHING_PUBLIC, (function.name, 0))
        key = (function.file, function.name, state.key())
        if key in self.seen:
            if self.seen[key] is None:
                raise Trouble(f"{function} calls itself")
            return self.seen[key]
        self.seen[key] = None
        self.visited.add((function.file, function.name))
        code = function.instructions
        place_of = {instruction.address: n for n, instruction in enumerate(code)}
        leaders = {0} | {place_of[i.target] for i in code if i.target in place_of}
        targets = self.table_targets(function, place_of)
        leaders |= set(targets)
        leaders |= {n + 1 for n, i in enumerate(code) if self.jump.match(i.name)}
        before, end, work = {0: state}, None, [0]
        while work:
            start = work.pop()
            state, n = before[start].copy(), start
            while True:
                instruction = code[n]
                following, ends = self.step(function, instruction, state, place_of, targets)
                if ends:
                    if end is None:
                        end = state.copy()
                    else:
                        end.merge(state)
                is_made = self.jump.match(instruction.name) and not self.conditional.match(instruction.name)
                falls = not ends and following is not None and not is_made
                for other in following or []:
                    if other not in before:
                        before[other] = state.copy()
                        work.append(other)
                    elif before[other].merge(state) and other not in work:
                        work.append(other)
                if not falls:
                    break
                n += 1
                if n >= len(code):
                    break
                if n in leaders:
                    if n not in before:
                        before[n] = state.copy()
                        work.append(n)
                    elif before[n].merge(state) and n not in work:
                        work.append(n)
                    break
        result = end if end is not None else State()
        self.seen[key] = result
        return result

    def alarm(self, function, kind, instruction):
        self.alarms.add(Alarm(function.name, kind, instruction.address, instruction.text))

    # MARK: Operands

    def address(self, function, instruction, memory, state):
        """The label of an address; an alarm where it's secret."""
        labels = [self.register(state, name) for name in memory.registers if name not in NO_ADDRESS]
        stack = [label[2] for label in labels if label[2]]
        label = mixed(labels)
        if label[0] and instruction.name != "lea":
            self.alarm(function, "address", instruction)
        if len(labels) == 1 and stack:
            return (label[0], NOTHING_PUBLIC, moved(stack[0], memory.displacement))
        if stack:
            return (label[0], label[1], moved(anywhere(stack[0]), memory.displacement))
        return label

    def load(self, function, instruction, memory, state):
        label = self.address(function, instruction, memory, state)
        if self.constants(memory):
            return PUBLIC
        if label[2] and len(label[2]) == 2:
            frame, offset = label[2]
            return self.slots(state, frame, offset, memory.size or 64)
        if label[2] or label[1] not in (PUBLIC_MEMORY, PUBLIC_POINTERS):
            return SECRET
        return (label[0], PUBLIC_MEMORY if label[1] == PUBLIC_POINTERS else NOTHING_PUBLIC, None)

    def slots(self, state, frame, offset, size):
        labels = []
        smear = state.slots.get((frame, "from"))
        for place in range(offset // 8 * 8, offset + size, 8):
            labels.append(state.slots.get((frame, place), SECRET))
            if smear is not None and place >= smear[2][1] and (frame, place, "own") not in state.slots:
                labels.append(SECRET)
        return labels[0] if len(labels) == 1 else mixed(labels)

    def store(self, function, instruction, memory, state, label, size):
        place = self.address(function, instruction, memory, state)
        if not place[2]:
            return
        if len(place[2]) == 3:
            self.smear(state, place[2][0], place[2][2], label)
            return
        frame, offset = place[2]
        size = memory.size or size
        for slot in range(offset // 8 * 8, offset + size, 8):
            whole = offset <= slot and slot + 8 <= offset + size
            old = state.slots.get((frame, slot))
            state.slots[frame, slot] = label if whole or old is None else mixed([label, old])
            if self.is_register_kept(instruction, size):
                state.slots[frame, slot, "own"] = PUBLIC
            else:
                state.slots.pop((frame, slot, "own"), None)

    @staticmethod
    def smear(state, frame, offset, label):
        """A store somewhere from an offset on: what is read from there may be it."""
        if label[0]:
            old = state.slots.get((frame, "from"))
            least = offset if old is None else min(old[2][1], offset)
            state.slots[frame, "from"] = (True, NOTHING_PUBLIC, ("from", least))

    def value(self, function, instruction, operand, state):
        if operand is None:
            return PUBLIC
        if isinstance(operand, Memory):
            return self.load(function, instruction, operand, state)
        return self.register(state, operand)

    # MARK: Calls

    def call(self, function, instruction, state):
        name = instruction.symbol
        callee = None
        if name is None or name.startswith(".text"):
            callee = self.program.functions.get((function.file, function.starts.get(instruction.target)))
            if callee is None:
                raise Trouble(f"{function}: nobody knows what {instruction.text} calls")
        else:
            callee = self.program.functions.get((function.file, name)) or self.program.exported.get(name)
        if callee is None:
            return self.external(function, instruction, name, state)
        entry = state.copy()
        frame = state.registers[self.stack_pointer][2]
        # A function that is jumped to finds its arguments where the one that jumps has found its own.
        first = self.first_argument if self.jump.match(instruction.name) else 0
        for key in [k for k in entry.slots if k[0] == callee.name]:
            del entry.slots[key]
        for word in range(64):
            label = state.slots.get((frame[0], frame[1] + first + 8 * word)) if frame else None
            if label is not None:
                self.argument(entry, callee, word, label)
                entry.slots[callee.name, self.first_argument + 8 * word, "own"] = PUBLIC
        self.know(callee, entry)
        end = self.function(callee, entry)
        kept = {r: state.registers[r] for r in [self.stack_pointer] + self.kept_registers if r in state.registers}
        result = {r: end.registers[r] for r in self.result_registers if r in end.registers}
        self.unknown_call(state)
        for r, label in result.items():
            put_whole(state, [r], label)
        state.registers.update(kept)
        if end.registers:  # else it doesn't return
            state.slots = {key: label for key, label in end.slots.items() if not key[0].startswith(callee.name + "/")}
            state.slots = {key: label for key, label in state.slots.items() if key[0] != callee.name}

    def external(self, function, instruction, name, state):
        if name in KNOWN_EXTERNALS:
            destination, length, length_of_bzero, returns = self.copy_registers
            if self.register(state, length_of_bzero if name == "bzero" else length)[0]:
                self.alarm(function, "length", instruction)
            place = self.register(state, destination)
            if place[2] and name not in ("memset", "bzero"):
                self.smear(state, place[2][0], place[2][-1], SECRET)
            self.unknown_call(state)
            put_whole(state, [returns], place)
        else:
            self.unknown_call(state)
