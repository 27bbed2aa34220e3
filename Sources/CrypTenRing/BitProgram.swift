/// A function of planes of bits: a straight line of logic, made once and run block by block (`Kernels.run(_:on:)`).
///
/// A comparison is thousands of operations on planes of a slab, each of which takes less time than making room for its result. As a
/// program it makes room for its outputs alone: what is in between are registers of a few words, which stay in the first-level cache.
/// What a program does is public, and the same for all elements.
///
/// Inputs are blocks of planes; the outputs are the planes of one block. A *place* is a register, a plane of an input, or a plane of the
/// output, in this order.
package struct BitProgram: Sendable {
    package enum Operation: UInt32, Sendable {
        case and, xor, xorAnd, not, copy, clear
    }

    /// One operation on places: `out = a & b`, `a ^ b`, `c ^ (a & b)`, `¬a`, `a`, or zeros.
    package struct Step: Sendable {
        package var operation: Operation
        package var out: Int
        package var a: Int
        package var b: Int
        package var c: Int
    }

    /// How many planes each block of the input has.
    package let inputs: [Int]
    package let outputs: Int
    package let registers: Int
    package let steps: [Step]
    /// The steps as kernels read them: the operation, then the four places.
    package let words: [UInt32]
    /// Copies of one program have one.
    package let identity = Identity()

    /// What tells a program from all others that were made.
    package final class Identity: Sendable, Hashable {
        package init() {}

        package static func == (_ a: Identity, _ b: Identity) -> Bool {
            a === b
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(self))
        }
    }

    private init(inputs: [Int], outputs: Int, registers: Int, steps: [Step]) {
        self.inputs = inputs
        self.outputs = outputs
        self.registers = registers
        self.steps = steps
        words = steps.flatMap { step in
            [step.operation.rawValue] + [step.out, step.a, step.b, step.c].map { UInt32($0) }
        }
    }

    /// How many registers and planes there are.
    package var places: Int {
        registers + inputs.reduce(outputs, +)
    }

    /// What all kernels ask of a program's inputs.
    package func check(_ blocks: [BitPlanes]) {
        precondition(
            !blocks.isEmpty && blocks.map(\.planes) == inputs && blocks.allSatisfy { $0.count == blocks[0].count },
            "a program of logic on \(inputs) planes runs on \(blocks.map(\.planes))"
        )
    }
}

extension BitProgram {
    /// Writes a program down, bit by bit. What is asked for twice is computed once, and what no output needs isn't computed.
    package struct Builder {
        /// A plane of an input, or what is computed.
        package struct Bit: Hashable, Sendable {
            fileprivate let node: Int
        }

        private enum Node: Hashable {
            case zeros
            case input(Int)
            case not(Int)
            case and(Int, Int)
            case xor(Int, Int)

            var operands: [Int] {
                switch self {
                case .zeros, .input: []
                case .not(let a): [a]
                case .and(let a, let b), .xor(let a, let b): [a, b]
                }
            }
        }

        /// Each after its operands.
        private var nodes: [Node] = [.zeros]
        private var known: [Node: Int] = [.zeros: 0]
        private var inputs: [Int] = []

        package init() {}

        private mutating func bit(_ node: Node) -> Bit {
            if let known = known[node] { return Bit(node: known) }
            nodes.append(node)
            known[node] = nodes.count - 1
            return Bit(node: nodes.count - 1)
        }

        /// The next block of the input.
        package mutating func input(planes: Int) -> [Bit] {
            let first = inputs.reduce(0, +)
            inputs.append(planes)
            return (first..<first + planes).map { bit(.input($0)) }
        }

        /// 0 for every element.
        package let zeros = Bit(node: 0)

        /// 1 for every element.
        package var ones: Bit {
            mutating get { not(zeros) }
        }

        package mutating func not(_ a: Bit) -> Bit {
            if case .not(let inner) = nodes[a.node] { return Bit(node: inner) }
            return bit(.not(a.node))
        }

        package mutating func and(_ a: Bit, _ b: Bit) -> Bit {
            let (low, high) = (min(a.node, b.node), max(a.node, b.node))
            if low == zeros.node || low == high { return Bit(node: low) }
            if isOnes(low) { return Bit(node: high) }
            if isOnes(high) { return Bit(node: low) }
            return bit(.and(low, high))
        }

        package mutating func xor(_ a: Bit, _ b: Bit) -> Bit {
            let (low, high) = (min(a.node, b.node), max(a.node, b.node))
            if low == high { return zeros }
            if low == zeros.node { return Bit(node: high) }
            if isOnes(low) { return not(Bit(node: high)) }
            if isOnes(high) { return not(Bit(node: low)) }
            return bit(.xor(low, high))
        }

        /// The AND of bits, of which there is at least one.
        package mutating func all(_ bits: some Collection<Bit>) -> Bit {
            bits.dropFirst().reduce(bits.first!) { and($0, $1) }
        }

        /// The XOR of any number of bits.
        package mutating func sum(_ bits: some Sequence<Bit>) -> Bit {
            bits.reduce(zeros) { xor($0, $1) }
        }

        private func isOnes(_ node: Int) -> Bool {
            nodes[node] == .not(zeros.node)
        }

        // MARK: The program

        /// The program that computes some bits, in their order; there is at least one input.
        ///
        /// Mutating, so that a bit which is still being written down can't be an argument.
        package mutating func program(_ outputs: [Bit]) -> BitProgram {
            // An AND that one XOR alone reads is done with it.
            let uses = uses(outputs)
            let isOutput = Set(outputs.map(\.node))
            var merged: [Int: (and: Int, other: Int)] = [:]
            for (index, node) in nodes.enumerated() where uses[index] > 0 {
                guard case .xor(let a, let b) = node else { continue }
                for (and, other) in [(b, a), (a, b)] {
                    if case .and = nodes[and], uses[and] == 1, !isOutput.contains(and) {
                        merged[index] = (and, other)
                        break
                    }
                }
            }
            let absorbed = Set(merged.values.map(\.and))
            let order = nodes.indices.filter { index in
                if case .input = nodes[index] { return false }
                return uses[index] > 0 && !absorbed.contains(index)
            }
            func operands(_ index: Int) -> [Int] {
                guard let pair = merged[index] else { return nodes[index].operands }
                return nodes[pair.and].operands + [pair.other]
            }
            return allocated(outputs, order, operands, isOutput) { index, places in
                let operation: Operation =
                    switch nodes[index] {
                    case .zeros, .input: .clear
                    case .not: .not
                    case .and: .and
                    case .xor: merged[index] == nil ? .xor : .xorAnd
                    }
                let (a, b) = (places.first ?? 0, places.count > 1 ? places[1] : 0)
                return Step(operation: operation, out: 0, a: a, b: b, c: places.count > 2 ? places[2] : 0)
            }
        }

        /// How often each node is read by those that an output needs; outputs are read once more.
        private func uses(_ outputs: [Bit]) -> [Int] {
            var uses = [Int](repeating: 0, count: nodes.count)
            for output in outputs { uses[output.node] += 1 }
            for index in nodes.indices.reversed() where uses[index] > 0 {
                for operand in nodes[index].operands { uses[operand] += 1 }
            }
            return uses
        }

        /// Gives every node in `order` a place: an output its plane, any other a register until it is read last.
        ///
        /// Registers are counted from 0, planes of the input and the output from `inputBase`, as long as their number isn't known.
        private func allocated(
            _ outputs: [Bit],
            _ order: [Int],
            _ operands: (Int) -> [Int],
            _ isOutput: Set<Int>,
            _ step: (Int, [Int]) -> Step
        ) -> BitProgram {
            let inputPlanes = inputs.reduce(0, +)
            let inputBase = order.count + 1
            var places = [Int](repeating: -1, count: nodes.count)
            for (index, node) in nodes.enumerated() {
                if case .input(let plane) = node { places[index] = inputBase + plane }
            }
            var copies: [(out: Int, node: Int)] = []
            for (plane, output) in outputs.enumerated() {
                let place = inputBase + inputPlanes + plane
                if places[output.node] < 0 {
                    places[output.node] = place
                } else {
                    copies.append((place, output.node))
                }
            }
            var lastReader = [Int](repeating: -1, count: nodes.count)
            for index in order { for operand in operands(index) { lastReader[operand] = index } }
            var (free, registers) = ([Int](), 0)
            var steps: [Step] = []
            for index in order {
                let read = operands(index)
                var made = step(index, read.map { places[$0] })
                for (number, operand) in read.enumerated()
                where lastReader[operand] == index && places[operand] < inputBase && !read[..<number].contains(operand)
                {
                    free.append(places[operand])
                }
                if places[index] < 0 {
                    if let register = free.popLast() {
                        places[index] = register
                    } else {
                        places[index] = registers
                        registers += 1
                    }
                }
                made.out = places[index]
                steps.append(made)
            }
            steps += copies.map { Step(operation: .copy, out: $0.out, a: places[$0.node], b: 0, c: 0) }
            func final(_ place: Int) -> Int { place < inputBase ? place : place - inputBase + registers }
            return BitProgram(
                inputs: inputs,
                outputs: outputs.count,
                registers: registers,
                steps: steps.map {
                    Step(operation: $0.operation, out: final($0.out), a: final($0.a), b: final($0.b), c: final($0.c))
                }
            )
        }
    }
}
