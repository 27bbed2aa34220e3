import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation

/// What the walks run: a convolution, ReLU, max-pooling and a linear layer on one image of 6×6.
struct SmallInference: Sendable {
    /// What comes after the weights.
    enum Course: Sendable {
        case plain
        /// First nothing, for so long that members show one another that they live.
        case pausing(Duration)
        /// The owner of the image has none that fixed point can hold: the session ends with an error.
        case failing
        /// A ReLU of so many numbers: more than one frame of corrections, and of what is revealed.
        case long(Int)
        /// Something else instead, which is right if it ends.
        case program(@Sendable (Session) async throws -> Void)
    }

    var course = Course.plain

    static let kernels = NativeKernels(threads: 1)

    private static func numbers(_ count: Int, _ seed: Int) -> [Double] {
        (0..<count).map { Double(($0 * 7 + seed) * 37 % 101 - 50) / 64 }
    }

    private static let image = numbers(36, 1)
    private static let filters = numbers(2 * 9, 2)
    private static let filterBias = numbers(2, 3)
    private static let weights = numbers(3 * 8, 4)
    private static let bias = numbers(3, 5)

    /// The result in the clear, by loops that share nothing with expressions.
    private static let expected: [Double] = {
        var pooled: [Double] = []
        for channel in 0..<2 {
            for row in 0..<2 {
                for column in 0..<2 {
                    let window = (0..<4).map { at in
                        let sum = (0..<9).reduce(filterBias[channel]) { sum, tap in
                            let (y, x) = (2 * row + at / 2 + tap / 3, 2 * column + at % 2 + tap % 3)
                            return sum + image[y * 6 + x] * filters[channel * 9 + tap]
                        }
                        return max(0, sum)
                    }
                    pooled.append(window.max() ?? 0)
                }
            }
        }
        return (0..<3).map { row in (0..<8).reduce(bias[row]) { $0 + weights[row * 8 + $1] * pooled[$1] } }
    }()

    /// Runs it at one party.
    func run(_ session: Session) async throws -> [Double]? {
        var pixels = Self.image
        switch course {
        case .plain: break
        case .failing: pixels[7] = .infinity
        case .pausing(let time): try await Task.sleep(for: time)
        case .program(let program):
            try await program(session)
            return Self.expected
        case .long(let count):
            let x = try await session.input(from: .party(0)) { Tensor(Self.numbers(count, 6), shape: [count]) }
            return try await session.reveal(relu(x), to: .all)?.doubles
        }
        // Shapes of weights are known; those of the image are announced.
        func weights(_ values: [Double], _ shape: Shape) async throws -> CrypTensor {
            try await session.input(from: .party(1), shape: shape) { Tensor(values, shape: shape) }
        }
        let held = try await session.hold([
            try await weights(Self.filters, [2, 1, 3, 3]), try await weights(Self.filterBias, [2]),
            try await weights(Self.weights, [3, 8]), try await weights(Self.bias, [3]),
        ])
        let loaded = pixels
        let image = try await session.input(from: .party(0)) { Tensor(loaded, shape: [1, 1, 6, 6]) }
        let hidden = relu(image.conv2d(held[0], bias: held[1])).maxPool2d(2).reshape([1, 8])
        return try await session.reveal(hidden.linear(held[2], bias: held[3]), to: .all)?.doubles
    }

    /// Whether a result is the one in the clear, but for rounding: with a wrong word in it, it would be a number of the size of
    /// the ring.
    func isRight(_ result: [Double]?) -> Bool {
        let expected =
            if case .long(let count) = course { Self.numbers(count, 6).map { max(0, $0) } } else { Self.expected }
        guard let result, result.count == expected.count else { return false }
        return zip(result, expected).allSatisfy { abs($0 - $1) < 1e-3 }
    }
}
