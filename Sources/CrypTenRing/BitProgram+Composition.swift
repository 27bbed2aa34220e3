/// Programs as parts of others.
extension BitProgram.Builder {
    /// Writes a whole program down, on bits of this one.
    ///
    /// - Parameter inputs: The planes of each block of the program's input.
    /// - Returns: the planes of its output.
    package mutating func callAsFunction(_ program: BitProgram, on inputs: [[Bit]]) -> [Bit] {
        precondition(inputs.map(\.count) == program.inputs, "a program on \(program.inputs) planes")
        var places = [Bit](repeating: zeros, count: program.registers) + inputs.joined()
        places += [Bit](repeating: zeros, count: program.outputs)
        for step in program.steps {
            places[step.out] =
                switch step.operation {
                case .and: and(places[step.a], places[step.b])
                case .xor: xor(places[step.a], places[step.b])
                case .xorAnd: exclusive(places[step.c], places[step.a], places[step.b])
                case .not: not(places[step.a])
                case .copy: places[step.a]
                case .clear: zeros
                }
        }
        return Array(places.suffix(program.outputs))
    }

    private mutating func exclusive(_ c: Bit, _ a: Bit, _ b: Bit) -> Bit {
        let product = and(a, b)
        return xor(c, product)
    }
}
