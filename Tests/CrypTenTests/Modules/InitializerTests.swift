import CrypTen
import CrypTenExpressions
import Foundation
import Testing

/// What a fixture says that a tensor is drawn from.
private struct FixtureDistribution: Decodable {
    var kind: String
    var low: Double?
    var high: Double?
    var mean: Double?
    var std: Double?
    var value: Double?
    var gain: Double?
    var values: [Double]?

    func matches(_ other: Initializer.Distribution) -> Bool {
        func near(_ got: Double, _ expected: Double?) -> Bool {
            expected.map { abs(got - $0) <= 1e-9 * max(1, abs($0)) } ?? false
        }
        switch (kind, other) {
        case ("uniform", .uniform(let a, let b)): return near(a, low) && near(b, high)
        case ("normal", .normal(let m, let s)): return near(m, mean) && near(s, std)
        case ("truncatedNormal", .truncatedNormal(let m, let s, let a, let b)):
            return near(m, mean) && near(s, std) && near(a, low) && near(b, high)
        case ("constant", .constant(let v)): return near(v, value)
        case ("orthogonal", .orthogonal(let g)): return near(g, gain)
        case ("values", .identity): return true
        default: return false
        }
    }
}

@Suite("Initialisers draw from PyTorch's distributions")
struct InitializerTests {
    private struct Case: Decodable {
        struct Parameter: Decodable {
            var name: String
            var shape: [Int]
            var distribution: FixtureDistribution
        }
        var initializer: String?
        var layer: String?
        var arguments: PythonArguments
        var shape: [Int]?
        var distribution: FixtureDistribution?
        var parameters: [Parameter]?
    }

    private static func cases() throws -> [Case] {
        struct File: Decodable { var cases: [Case] }
        return try Fixture.read("initializers.json", as: File.self).cases
    }

    /// The initialiser of a PyTorch call, or nil for one that there is none of.
    private func initializer(_ item: Case) -> Initializer? {
        let a = item.arguments
        let nonlinearity: Initializer.Nonlinearity =
            switch a.text("nonlinearity") {
            case "relu": .relu
            case "linear": .linear
            case "tanh": .tanh
            case "sigmoid": .sigmoid
            case "selu": .selu
            default: .leakyReLU(a.number("a", default: 0))
            }
        let mode: Initializer.Fan = a.text("mode") == "fan_out" ? .fanOut : .fanIn
        let gain = a.number("gain", default: 1)
        switch item.initializer {
        case "uniform_": return .uniform(a.number("a", default: 0), a.number("b", default: 1))
        case "normal_": return .normal(mean: a.number("mean", default: 0), deviation: a.number("std", default: 1))
        case "trunc_normal_":
            return .truncatedNormal(
                mean: a.number("mean", default: 0),
                deviation: a.number("std", default: 1),
                low: a.number("a", default: -2),
                high: a.number("b", default: 2)
            )
        case "constant_": return .constant(a.number("val", default: 0))
        case "ones_": return .ones
        case "zeros_": return .zeros
        case "xavier_uniform_": return .xavierUniform(gain: gain)
        case "xavier_normal_": return .xavierNormal(gain: gain)
        case "kaiming_uniform_": return .kaimingUniform(mode: mode, nonlinearity: nonlinearity)
        case "kaiming_normal_": return .kaimingNormal(mode: mode, nonlinearity: nonlinearity)
        case "orthogonal_": return .orthogonal(gain: gain)
        case "eye_": return .identity
        default: return nil
        }
    }

    @Test("Scales by shape, mode, nonlinearity and gain")
    func scales() throws {
        var count = 0
        for item in try Self.cases() {
            guard let shape = item.shape, let expected = item.distribution, let initializer = initializer(item) else {
                continue
            }
            let distribution = try initializer.distribution(of: Shape(shape))
            #expect(expected.matches(distribution), "\(item.initializer!) of \(shape): \(distribution)")
            count += 1
        }
        #expect(count >= 24)
    }

    /// The Swift layer of a PyTorch call.
    private func layer(_ item: Case) -> (any Module)? {
        let a = item.arguments
        let (from, to) = (a.integer("in_channels"), a.integer("out_channels"))
        let groups = a.integer("groups", default: 1)
        switch item.layer {
        case "Linear": return Linear(a.integer("in_features"), a.integer("out_features"))
        case "Bilinear":
            return Bilinear(a.integer("in1_features"), a.integer("in2_features"), a.integer("out_features"))
        case "Conv1d": return Conv1d(from, to, kernelSize: a.integer("kernel_size"), groups: groups)
        case "Conv2d": return Conv2d(from, to, kernelSize: a.pair("kernel_size", default: 1), groups: groups)
        case "Conv3d": return Conv3d(from, to, kernelSize: a.triple("kernel_size", default: 1), groups: groups)
        case "ConvTranspose1d":
            return ConvTranspose1d(from, to, kernelSize: a.integer("kernel_size"), groups: groups)
        case "ConvTranspose2d":
            return ConvTranspose2d(from, to, kernelSize: a.pair("kernel_size", default: 1), groups: groups)
        case "ConvTranspose3d":
            return ConvTranspose3d(from, to, kernelSize: a.triple("kernel_size", default: 1), groups: groups)
        case "BatchNorm1d": return BatchNorm1d(a.integer("num_features"))
        case "BatchNorm2d": return BatchNorm2d(a.integer("num_features"))
        case "BatchNorm3d": return BatchNorm3d(a.integer("num_features"))
        case "LayerNorm": return LayerNorm(a["normalized_shape"]?.integers ?? [])
        case "GroupNorm": return GroupNorm(a.integer("num_groups"), a.integer("num_channels"))
        case "InstanceNorm2d": return InstanceNorm2d(a.integer("num_features"), affine: true)
        case "Embedding": return Embedding(a.integer("num_embeddings"), a.integer("embedding_dim"))
        case "PReLU": return PReLU(a.integer("num_parameters", default: 1))
        case "RNN": return RNN(a.integer("input_size"), a.integer("hidden_size"))
        case "GRU":
            return GRU(
                a.integer("input_size"),
                a.integer("hidden_size"),
                layers: a.integer("num_layers", default: 1),
                bidirectional: a.flag("bidirectional", default: false)
            )
        case "LSTM": return LSTM(a.integer("input_size"), a.integer("hidden_size"))
        case "MultiheadAttention":
            return MultiHeadAttention(
                a.integer("embed_dim"),
                heads: a.integer("num_heads"),
                keyWidth: a["kdim"]?.integers.first,
                valueWidth: a["vdim"]?.integers.first
            )
        case "TransformerEncoderLayer":
            return TransformerEncoderLayer(
                a.integer("d_model"),
                heads: a.integer("nhead"),
                feedForwardWidth: a.integer("dim_feedforward")
            )
        default: return nil
        }
    }

    @Test("What each layer starts from")
    func layers() throws {
        var count = 0
        for item in try Self.cases() where item.layer != nil {
            let made = layer(item)
            let layer = try #require(made, "\(item.layer!)")
            let specifications = layer.specifications.filter { $0.role == .parameter }
            let expected = try #require(item.parameters)
            #expect(specifications.map(\.name) == expected.map(\.name))
            for (specification, parameter) in zip(specifications, expected) {
                #expect(specification.shape == Shape(parameter.shape))
                let distribution = try specification.initializer.distribution(of: specification.shape)
                #expect(
                    parameter.distribution.matches(distribution),
                    "\(item.layer!).\(parameter.name): \(distribution)"
                )
            }
            count += 1
        }
        #expect(count >= 24)
    }

    private func draw(_ initializer: Initializer, _ shape: Shape, seed: UInt64 = 0x5EED) throws -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return try initializer.draw(shape, using: &generator).doubles
    }

    private func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    /// 40,000 numbers of deviation s have a mean within 5 s / 200 but for one in 10⁶ times, and so their deviation.
    @Test("Ranges and moments of 40,000 numbers, of fixed seeds")
    func moments() throws {
        let shape: Shape = [200, 200]
        let uniform = try draw(.uniform(-0.5, 0.25), shape)
        #expect(uniform.allSatisfy { -0.5 <= $0 && $0 < 0.25 })
        let flat = moments(uniform)
        #expect(abs(flat.mean + 0.125) < 0.0055)
        #expect(abs(flat.deviation - 0.75 / 12.0.squareRoot()) < 0.0055)

        let bell = moments(try draw(.normal(mean: 2, deviation: 0.5), shape))
        #expect(abs(bell.mean - 2) < 0.0125)
        #expect(abs(bell.deviation - 0.5) < 0.0125)

        let cut = try draw(.truncatedNormal(deviation: 2, low: -2, high: 4), shape)
        #expect(cut.allSatisfy { -2 <= $0 && $0 <= 4 })
        // With φ and Φ of the normal distribution: mean 2 (φ(−1) − φ(2)) / (Φ(2) − Φ(−1)).
        let mass = 0.8185946141203637
        let (first, last) = (0.24197072451914337, 0.05399096651318806)
        let mean = (first - last) / mass
        let variance = 1 + (-first - 2 * last) / mass - mean * mean
        let got = moments(cut)
        #expect(abs(got.mean - 2 * mean) < 0.05)
        #expect(abs(got.deviation - 2 * variance.squareRoot()) < 0.05)

        let kaiming = moments(try draw(.kaimingNormal(nonlinearity: .relu), shape))
        #expect(abs(kaiming.deviation - 0.1) < 0.0025)
        let xavier = try draw(.xavierUniform(), shape)
        #expect(xavier.allSatisfy { abs($0) <= (6.0 / 400).squareRoot() })
    }

    @Test("Normal numbers cut far out, narrowly or on one side lie inside, and as dense as they should be")
    func tails() throws {
        for (low, high) in [(4.0, 5.0), (-5.0, -4.0), (0.1, 0.2), (-0.3, 0.1), (8, 1e9), (-1, 1e9)] {
            let values = try draw(.truncatedNormal(low: low, high: high), [5000])
            #expect(values.allSatisfy { low <= $0 && $0 <= high })
            #expect(Set(values).count > 4900)
        }
        // Beyond 4 the mean is 4 + 0.2254, by Mills' ratio; the deviation 0.2126.
        let far = moments(try draw(.truncatedNormal(low: 4, high: 100), [40000]))
        #expect(abs(far.mean - 4.2256) < 0.006)
    }

    @Test(
        "Orthogonal matrices have orthonormal rows, or columns, times the gain",
        arguments: [[6, 40], [40, 6], [5, 2, 3], [7, 7]]
    )
    func orthogonal(shape: [Int]) throws {
        let (rows, columns) = (shape[0], shape.dropFirst().reduce(1, *))
        let values = try draw(.orthogonal(gain: 1.5), Shape(shape))
        let isWide = rows <= columns
        let frame = (0..<min(rows, columns)).map { i in
            isWide ? Array(values[i * columns..<(i + 1) * columns]) : (0..<rows).map { values[$0 * columns + i] }
        }
        for (i, left) in frame.enumerated() {
            for (j, right) in frame.enumerated() {
                let product = zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(abs(product - (i == j ? 2.25 : 0)) < 1e-12)
            }
        }
    }

    @Test("The identity, a row of zeros, and seeds that decide everything")
    func rest() throws {
        #expect(try draw(.identity, [2, 3]) == [1, 0, 0, 0, 1, 0])
        let table = try draw(.zeroRow(1, of: .normal()), [3, 4])
        #expect(table[4..<8].allSatisfy { $0 == 0 })
        #expect((table[..<4] + table[8...]).allSatisfy { $0 != 0 })
        #expect(try draw(.normal(), [50]) == draw(.normal(), [50]))
        #expect(try draw(.normal(), [50]) != draw(.normal(), [50], seed: 1))
    }

    @Test("What can't be drawn is an error that says why")
    func refusals() {
        let cases: [(Initializer, Shape)] = [
            (.xavierUniform(), [3]), (.kaimingNormal(), []), (.kaimingUniform(), [3, 0]), (.orthogonal(), [4]),
            (.identity, [2, 2, 2]), (.uniform(1, 0), [2]), (.uniform(.nan, 0), [2]), (.normal(deviation: -1), [2]),
            (.truncatedNormal(low: 2, high: -2), [2]), (.zeroRow(3, of: .zeros), [3, 2]), (.constant(.infinity), [1]),
        ]
        for (initializer, shape) in cases {
            let error = #expect(throws: CrypTenError.self) { try initializer.distribution(of: shape) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("can't start a tensor of shape") == true)
        }
    }
}
