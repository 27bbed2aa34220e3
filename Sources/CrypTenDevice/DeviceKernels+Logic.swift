package import CrypTenRing

/// `boolean_program`: all logic on planes is a program, made of the method's form.
extension DeviceKernels {
    package func xor(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        staysOnHost(a, b) ? host.xor(a, b) : planes(Programs.xor, a, b)
    }

    package func and(_ a: BitPlanes, _ b: BitPlanes) -> BitPlanes {
        staysOnHost(a, b) ? host.and(a, b) : planes(Programs.and, a, b)
    }

    package func not(_ a: BitPlanes) -> BitPlanes {
        staysOnHost(a) ? host.not(a) : planes(Programs.not, a)
    }

    package func accumulate(_ sum: inout BitPlanes, xor a: BitPlanes) {
        if staysOnHost(sum, a) { return host.accumulate(&sum, xor: a) }
        sum = planes(Programs.xor, sum, a)
    }

    package func accumulate(_ sum: inout BitPlanes, xorAndOf a: BitPlanes, _ b: BitPlanes) {
        if staysOnHost(sum, a, b) { return host.accumulate(&sum, xorAndOf: a, b) }
        sum = planes(Programs.xorAnd, a, b, sum)
    }

    package func run(_ program: BitProgram, on inputs: [BitPlanes]) -> BitPlanes {
        program.check(inputs)
        if areOnHost(inputs, fewerThan: settings.hostWords) { return host.run(program, on: inputs) }
        let count = inputs[0].count
        let step = BitPlanes.words(for: count)
        return onDevice(BitPlanes(zeros: program.outputs, count: count)) { call in
            var blocks: [DeviceAddress] = []
            for input in inputs {
                let place = try call.place(of: input)
                blocks += (0..<input.planes).map { place.advanced(words: $0 * step) }
            }
            let (out, to) = try call.planes(program.outputs, count: count)
            try call.run(program, on: blocks, words: step, to: to, step: step)
            try call.clearTails(to, planes: program.outputs, of: count)
            return out
        }
    }

    package func subsetProducts(of planes: BitPlanes, starts: [Int], size: Int) -> BitPlanes {
        BitPlanes.check(groups: starts, of: size, in: planes)
        if staysOnHost(planes) { return host.subsetProducts(of: planes, starts: starts, size: size) }
        var program = BitProgram.Builder()
        let bits = program.input(planes: planes.planes)
        var outputs: [BitProgram.Builder.Bit] = []
        for subset in 1..<1 << size {
            for start in starts {
                outputs.append(program.all((0..<size).filter { subset >> $0 & 1 == 1 }.map { bits[start + $0] }))
            }
        }
        return run(program.program(outputs), on: [planes])
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
        var program = BitProgram.Builder()
        let bits = program.input(planes: planes.planes)
        let shares = program.input(planes: products.planes)
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
        return run(program.program(generates + propagates), on: [planes, products])
    }

    // MARK: One operation

    /// Programs of one operation, on the words of all planes of each operand.
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
    }

    private func planes(_ program: BitProgram, _ operands: BitPlanes...) -> BitPlanes {
        let (planes, count) = (operands[0].planes, operands[0].count)
        precondition(
            operands.allSatisfy { $0.planes == planes && $0.count == count },
            "planes of unequal extents"
        )
        return onDevice(BitPlanes(zeros: planes, count: count)) { call in
            let words = planes * BitPlanes.words(for: count)
            let places = try operands.map { try call.place(of: $0) }
            let (out, to) = try call.planes(planes, count: count)
            try call.run(program, on: places, words: words, to: to, step: words)
            try call.clearTails(to, planes: planes, of: count)
            return out
        }
    }
}

extension DeviceCall {
    /// Work-items of a group, and registers that need no scratch.
    private static let logic = (threads: 64, registers: 32)

    /// Runs a program on planes of `words` words.
    fileprivate func run(
        _ program: BitProgram,
        on blocks: [DeviceAddress],
        words: Int,
        to: DeviceAddress,
        step: Int
    ) throws {
        guard words > 0, !program.steps.isEmpty else { return }
        let registers = program.registers <= Self.logic.registers ? 0 : program.registers
        let steps = stride(from: 0, to: program.words.count, by: 2).map { index in
            let high = index + 1 < program.words.count ? program.words[index + 1] : 0
            return UInt64(program.words[index]) | UInt64(high) << 32
        }
        let arguments = BooleanArguments(
            to: to,
            program: try upload(steps),
            blocks: try upload(blocks),
            scratch: try room(registers * words),
            count: UInt64(words),
            step: UInt64(step),
            steps: UInt32(program.steps.count),
            registers: UInt32(program.registers),
            inputs: UInt32(blocks.count),
            outputs: UInt32(program.outputs)
        )
        try forEach(words, threads: Self.logic.threads, "boolean_program", arguments)
    }
}
