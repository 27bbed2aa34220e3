import CrypTen

/// Single operations on tensors whose owners are different parties where there are two.
extension Workload {
    static let elementary: [Workload] = [
        Workload(
            name: "mul_1m",
            summary: "products of 1,000,000 reals",
            inputs: [
                Operand(name: "a", owner: 0, shape: [1_000_000], numbers: .uniform(-4...4)),
                Operand(name: "b", owner: 1, shape: [1_000_000], numbers: .uniform(-4...4)),
            ]
        ) { $0["a"]! * $0["b"]! },
        matmul(512),
        matmul(1024),
        Workload(
            name: "conv2d",
            summary: "3×3 convolution, 64 to 64 channels of 56×56",
            inputs: [
                Operand(name: "cx", owner: 0, shape: [1, 64, 56, 56], numbers: .normal(deviation: 1)),
                .convolutionWeight("cw", owner: 1, [64, 64, 3, 3]),
            ]
        ) { $0["cx"]!.conv2d($0["cw"]!, padding: 1) },
        Workload(
            name: "relu_1m",
            summary: "ReLU of 1,000,000 reals",
            inputs: [Operand(name: "r", owner: 0, shape: [1_000_000], numbers: .uniform(-8...8))]
        ) { $0["r"]!.relu() },
        Workload(
            name: "lt_1m",
            summary: "1,000,000 comparisons, the answers as numbers 0 and 1",
            inputs: [
                Operand(name: "l", owner: 0, shape: [1_000_000], numbers: .exact(-8...8)),
                Operand(name: "m", owner: 1, shape: [1_000_000], numbers: .exact(-8...8)),
            ]
        ) { $0["l"]!.lessThan($0["m"]!).toReal() },
        Workload(
            name: "max_1000x100",
            summary: "the largest of 100 reals, 1000 times",
            inputs: [Operand(name: "mx", owner: 0, shape: [1000, 100], numbers: .normal(deviation: 2))]
        ) { $0["mx"]!.max(axis: -1) },
        Workload(
            name: "maxpool2d",
            summary: "2×2 max-pooling, 64 channels of 56×56",
            inputs: [Operand(name: "mp", owner: 0, shape: [1, 64, 56, 56], numbers: .normal(deviation: 1))]
        ) { $0["mp"]!.maxPool2d(2) },
    ]

    /// Functions of 100,000 reals, and rows of softmax.
    static let functions: [Workload] = [
        function("exp", "eˣ", -8...2) { $0.exp() },
        function("reciprocal", "1 / x", 0.1...50) { $0.reciprocal() },
        function("sigmoid", "1 / (1 + e⁻ˣ)", -8...8) { $0.sigmoid() },
        function("tanh", "the hyperbolic tangent", -8...8) { $0.tanh() },
        function("sqrt", "√x", 0.05...50) { $0.sqrt() },
        function("inv_sqrt", "1 / √x", 0.05...50) { $0.inverseSquareRoot() },
        function("log", "ln x", 0.05...50) { $0.log() },
        function("erf", "the error function", -4...4) { $0.erf() },
        function("gelu", "x · Φ(x)", -4...4) { $0.gelu() },
        Workload(
            name: "softmax_1000x100",
            summary: "softmax of 100 reals, 1000 times",
            inputs: [Operand(name: "sm", owner: 0, shape: [1000, 100], numbers: .normal(deviation: 2))]
        ) { $0["sm"]!.softmax(axis: -1) },
    ]

    private static func function(
        _ name: String,
        _ meaning: String,
        _ range: ClosedRange<Double>,
        _ body: @escaping @Sendable (CrypTensor) -> CrypTensor
    ) -> Workload {
        Workload(
            name: name,
            summary: "\(meaning) of 100,000 reals in \(range.lowerBound) … \(range.upperBound)",
            inputs: [Operand(name: "fn-" + name, owner: 0, shape: [100_000], numbers: .uniform(range))]
        ) { body($0["fn-" + name]!) }
    }

    private static func matmul(_ n: Int) -> Workload {
        Workload(
            name: "matmul_\(n)",
            summary: "product of two \(n)×\(n) matrices",
            inputs: [
                Operand(name: "a", owner: 0, shape: [n, n], numbers: .uniform(-1...1)),
                Operand(name: "b", owner: 1, shape: [n, n], numbers: .uniform(-1...1)),
            ]
        ) { $0["a"]!.matmul($0["b"]!) }
    }

    /// How many openings of one number `roundTrip` waits for, one after the other.
    static let roundTrips = 200

    /// One number multiplied again and again, which is opened in between.
    static let roundTrip = Workload(
        name: "roundtrip",
        summary:
            "\(roundTrips) openings of one number, one after the other; per opening, beside a bare exchange over TCP",
        inputs: [
            Operand(name: "x", owner: 0, shape: [1], numbers: .integer(3)),
            Operand(name: "one", owner: 1, shape: [1], numbers: .integer(1)),
        ]
    ) { operands in
        (0...roundTrips).reduce(operands["x"]!) { x, _ in x * operands["one"]! }
    }
}

extension Workload.Operand {
    /// Weights of a convolution `[outputs, inputs, …]`, by He: variance 2 / (inputs · window).
    static func convolutionWeight(_ name: String, owner: Int, _ shape: Shape) -> Self {
        let fan = shape.dimensions.dropFirst().reduce(1, *)
        return Self(name: name, owner: owner, shape: shape, numbers: .normal(deviation: (2 / Double(fan)).squareRoot()))
    }

    /// The same with the batch normalisation that follows folded in, and what that adds.
    static func normalizedConvolution(_ name: String, _ norm: String, owner: Int, _ shape: Shape) -> [Self] {
        let fan = shape.dimensions.dropFirst().reduce(1, *)
        let deviation = (2 / Double(fan)).squareRoot()
        return [
            Self(
                name: name + ".weight",
                owner: owner,
                shape: shape,
                numbers: .normalized(deviation: deviation, by: norm)
            ),
            Self(name: norm, owner: owner, shape: [shape[0]], numbers: .normalization(norm)),
        ]
    }

    /// Weights of a linear layer `[outputs, inputs]`: variance 1 / inputs.
    static func linearWeight(_ name: String, owner: Int, _ shape: Shape) -> Self {
        Self(
            name: name,
            owner: owner,
            shape: shape,
            numbers: .normal(deviation: (1 / Double(shape.dimensions[1])).squareRoot())
        )
    }

    static func bias(_ name: String, owner: Int, _ count: Int) -> Self {
        Self(name: name, owner: owner, shape: [count], numbers: .uniform(-0.1...0.1))
    }
}
