import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// Numbers of party 0, and the range that is declared of them.
typealias DeclaredNumbers = (numbers: [Double], range: ClosedRange<Double>?)

/// What party 0 learns of functions of its inputs, as numbers in their order.
func revealed(
    _ inputs: [DeclaredNumbers],
    shape: Shape? = nil,
    parties: Int = 2,
    fractionBits: Int = 16,
    _ functions: @escaping @Sendable ([CrypTensor]) -> [CrypTensor]
) async throws -> [[Double]] {
    var configuration = SessionConfiguration()
    configuration.fractionBits = fractionBits
    let results = try await withLocalParties(parties, configuration: configuration) { session in
        var tensors: [CrypTensor] = []
        for input in inputs {
            tensors.append(
                try await session.input(from: .party(0), range: input.range) {
                    Tensor(input.numbers, shape: shape ?? [input.numbers.count])
                }
            )
        }
        return try await session.reveal(functions(tensors), to: .party(0))
    }
    let tensors: [Tensor] = try #require(results[0])
    return tensors.map(\.doubles)
}

/// The same of one input.
func revealed(
    _ points: [Double],
    shape: Shape? = nil,
    range: ClosedRange<Double>? = nil,
    parties: Int = 2,
    fractionBits: Int = 16,
    _ functions: @escaping @Sendable (CrypTensor) -> [CrypTensor]
) async throws -> [[Double]] {
    try await revealed([(points, range)], shape: shape, parties: parties, fractionBits: fractionBits) {
        functions($0[0])
    }
}

/// The same of one function.
func revealed(
    _ inputs: [DeclaredNumbers],
    fractionBits: Int = 16,
    _ function: @escaping @Sendable ([CrypTensor]) -> CrypTensor
) async throws -> [Double] {
    try await revealed(inputs, fractionBits: fractionBits) { [function($0)] }[0]
}
