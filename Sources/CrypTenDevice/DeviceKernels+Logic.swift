package import CrypTenRing

/// `boolean_program`: all logic on planes is a program, made of the method's form, and runs when somebody reads what it makes.
extension DeviceKernels {
    package func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        staysOnHost(a, b) ? host.xor(a, b) : uniform(Programs.xor, a, b)
    }

    package func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        staysOnHost(a, b) ? host.and(a, b) : uniform(Programs.and, a, b)
    }

    package func not(_ a: BitPlanes) -> BitPlanes {
        staysOnHost(a) ? host.not(a) : uniform(Programs.not, a)
    }

    package func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes) {
        if staysOnHost(sum, a) { return host.accumulate(&sum, xor: a) }
        sum = uniform(Programs.xor, sum, a)
    }

    package func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes) {
        if staysOnHost(sum, a, b) { return host.accumulate(&sum, xorAndOf: a, b) }
        sum = uniform(Programs.xorAnd, a, b, sum)
    }

    package func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes {
        program.check(inputs)
        return areOnHost(inputs, fewerThan: settings.hostWords)
            ? host.run(program, on: inputs) : promise(program, on: inputs)
    }

    package func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        if staysOnHost(planes) { return host.subsetProducts(of: planes, starts: starts, size: size) }
        let name = LogicPrograms.Name(method: "subset products", numbers: [planes.planes, size] + starts)
        let program = logic.program(name) {
            var program = BitProgram.Builder()
            let bits = program.input(planes: planes.planes)
            var outputs: [BitProgram.Builder.Bit] = []
            for subset in 1..<1 << size {
                for start in starts {
                    outputs.append(program.all((0..<size).filter { subset >> $0 & 1 == 1 }.map { bits[start + $0] }))
                }
            }
            return program.program(outputs)
        }
        return promise(program, on: [planes])
    }

    package func borrows(
        of planes: BitPlanes,
        starts: [Int],
        size: Int,
        products: BitPlanes,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        precondition(
            products.planes == (1 << size - 1) * starts.count && products.count == planes.count
                && (generate || propagate),
            "\(products.planes) products for \(starts.count) groups of \(size)"
        )
        if staysOnHost(planes, products) {
            return host.borrows(
                of: planes,
                starts: starts,
                size: size,
                products: products,
                first: first,
                generate: generate,
                propagate: propagate
            )
        }
        let kinds = (generate ? 1 : 0) + (propagate ? 2 : 0) + (first ? 4 : 0)
        let name = LogicPrograms.Name(method: "borrows", numbers: [planes.planes, size, kinds] + starts)
        let program = logic.program(name) {
            Programs.borrows(
                planes: planes.planes,
                starts: starts,
                size: size,
                products: products.planes,
                first: first,
                generate: generate,
                propagate: propagate
            )
        }
        return promise(program, on: [planes, products])
    }

    package func stack(_ parts: [BitPlanes]) -> BitPlanes {
        precondition(
            !parts.isEmpty && parts.allSatisfy { $0.count == parts[0].count },
            "stacking planes of unequal counts"
        )
        if areOnHost(parts, fewerThan: settings.hostWords) { return host.stack(parts) }
        let filled = parts.filter { $0.planes > 0 }
        guard let first = filled.first, filled.count > 1 else { return filled.first ?? parts[0] }
        let name = LogicPrograms.Name(method: "stack", numbers: filled.map(\.planes))
        let program = logic.program(name) {
            var program = BitProgram.Builder()
            let planes = filled.flatMap { program.input(planes: $0.planes) }
            return program.program(planes)
        }
        precondition(first.count == parts[0].count)
        return promise(program, on: filled)
    }

    /// Planes that a program makes when somebody reads them.
    private func promise(_ program: BitProgram, on inputs: [BitPlanes], uniformOn planes: Int? = nil) -> BitPlanes {
        let (planes, count) = (planes ?? program.outputs, inputs[0].count)
        let words = planes * BitPlanes.words(for: count)
        guard words > 0 else { return BitPlanes(uninitialized: planes, count: count) }
        let isUniform = program.inputs.allSatisfy { $0 == 1 } && program.outputs == 1
        let promise = LogicPromise(program, on: inputs, uniformOn: isUniform ? planes : nil, self)
        return BitPlanes(storage: Storage(.promise(promise), count: words), firstWord: 0, planes: planes, count: count)
    }

    private func uniform(_ program: BitProgram, _ operands: BitPlanes...) -> BitPlanes {
        let (planes, count) = (operands[0].planes, operands[0].count)
        precondition(
            operands.allSatisfy { $0.planes == planes && $0.count == count },
            "planes of unequal extents"
        )
        return promise(program, on: operands, uniformOn: planes)
    }
}

private enum Programs {
    static let xor = made(of: 2) { $0.xor($1[0], $1[1]) }
    static let and = made(of: 2) { $0.and($1[0], $1[1]) }
    static let not = made(of: 1) { $0.not($1[0]) }
    /// The last operand XOR the product of the others.
    static let xorAnd = made(of: 3) { program, bits in
        let product = program.and(bits[0], bits[1])
        return program.xor(bits[2], product)
    }

    private static func made(
        of operands: Int,
        _ body: (inout BitProgram.Builder, [BitProgram.Builder.Bit]) -> BitProgram.Builder.Bit
    ) -> BitProgram {
        var program = BitProgram.Builder()
        let bits = (0..<operands).map { _ in program.input(planes: 1)[0] }
        let output = body(&program, bits)
        return program.program([output])
    }

    /// See `Kernels.borrows`.
    static func borrows(
        planes: Int,
        starts: [Int],
        size: Int,
        products: Int,
        first: Bool,
        generate: Bool,
        propagate: Bool
    ) -> BitProgram {
        var program = BitProgram.Builder()
        let bits = program.input(planes: planes)
        let shares = program.input(planes: products)
        var (generates, propagates): ([BitProgram.Builder.Bit], [BitProgram.Builder.Bit]) = ([], [])
        for (group, start) in starts.enumerated() {
            let q = (0..<size).map { program.not(bits[start + $0]) }
            /// The share of the product of a set of r's bits, of which bit j is bit j of `set`.
            func product(_ set: Int) -> BitProgram.Builder.Bit {
                if set == 0 { return first ? program.ones : program.zeros }
                return shares[(set - 1) * starts.count + group]
            }
            /// A share of `Π_{k ≥ j} (q_k ⊕ r_k)` times the product of a set of lower bits.
            func fold(from j: Int, times set: Int) -> BitProgram.Builder.Bit {
                if j == size { return product(set) }
                let (with, without) = (fold(from: j + 1, times: set | 1 << j), fold(from: j + 1, times: set))
                let masked = program.and(q[j], without)
                return program.xor(with, masked)
            }
            if generate {
                // q_j · F_j, with F_j = r_j · Π_{k > j} (q_k ⊕ r_k).
                var sum = program.zeros
                for j in 0..<size {
                    let term = fold(from: j + 1, times: 1 << j)
                    let masked = program.and(q[j], term)
                    sum = program.xor(sum, masked)
                }
                generates.append(sum)
            }
            if propagate { propagates.append(fold(from: 0, times: 0)) }
        }
        return program.program(generates + propagates)
    }

}

extension DeviceCall {
    /// Work-items of a group.
    private static let logicThreads = 64

    /// Runs a promise's program, with what it reads and isn't made yet; its own result goes to a place.
    func compute(_ promise: LogicPromise, to place: DeviceAddress) throws {
        let fusion = LogicFusion(promise)
        let program = try kernels.logic.uploaded(fusion, newWords)
        var bases = try fusion.blocks.map { try self.place(of: $0.view.storage, from: $0.view.firstWord) }
        let others = fusion.outputs.dropLast()
        let made = try others.map { try newWords(fusion.planes(ofPart: $0) * fusion.step) }
        bases += made.map(\.block.address) + [place]
        let usesTable = bases.count > BooleanArguments.mostBlocks
        let arguments = BooleanArguments(
            program: program.code.block.address,
            table: usesTable ? try upload(bases) : 0,
            scratch: program.registers <= BooleanArguments.localRegisters
                ? 0 : try room(program.registers * fusion.step),
            count: UInt64(fusion.step),
            step: UInt64(fusion.step)
        )
        try launch(
            "boolean_program",
            groups: DeviceGroups(for: fusion.step, threads: Self.logicThreads),
            threads: Self.logicThreads,
            bytes: BooleanArguments.bytes
        ) { buffer in
            buffer.storeBytes(of: arguments, as: BooleanArguments.self)
            for (block, base) in bases.enumerated() where !usesTable {
                buffer.storeBytes(of: base, toByteOffset: BooleanArguments.bases + 8 * block, as: DeviceAddress.self)
            }
            buffer.storeBytes(of: UInt32(program.steps), toByteOffset: BooleanArguments.steps, as: UInt32.self)
            buffer.storeBytes(of: UInt32(program.registers), toByteOffset: BooleanArguments.registers, as: UInt32.self)
        }
        for (part, words) in zip(others, made) {
            try clearTails(words.block.address, of: fusion.parts[part].promise)
            fusion.parts[part].shared?.computed(words)
        }
        try clearTails(place, of: promise)
    }

    private func clearTails(_ words: DeviceAddress, of promise: LogicPromise) throws {
        try clearTails(words, planes: promise.planes, of: promise.tailedCount)
    }

    /// Words that the device gets once, and keeps.
    private func newWords(_ words: [UInt64]) throws -> DeviceWords {
        let made = try newWords(max(words.count, 1))
        try words.withUnsafeBytes { try upload($0, to: made.block.address) }
        return made
    }
}
