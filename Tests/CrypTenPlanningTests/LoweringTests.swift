import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Every primitive's lowering gives the value of the evaluator in the clear")
struct LoweringTests {
    /// A claim: a name, the expression, and how far it may be off.
    struct Claim: Sendable, CustomTestStringConvertible {
        var name: String
        var tolerance: Double
        var make: @Sendable (ExpressionSource) -> [CrypTensor]

        var testDescription: String {
            name
        }
    }

    static let ulp = 1.0 / 65536

    static let claims: [Claim] = [
        Claim(name: "an input", tolerance: ulp) { [$0.input([3, 5])] },
        Claim(name: "sums and differences", tolerance: 4 * ulp) { s in
            let (x, y) = (s.input([4, 3]), s.input([3], owner: 1))
            return [x + y, x - y, -x, x + 1.5, 2.5 - x, x + Tensor([1, 2, 3] as [Double], shape: [3])]
        },
        Claim(name: "products", tolerance: 16 * ulp) { s in
            let (x, y) = (s.input([4, 3]), s.input([3], owner: 1))
            return [x * y, x * x, x * 0.3, x * 3, x / 7.0, (x * y) * x, x * y - x * x, x - x * y, x * y + 2.0]
        },
        Claim(name: "matmul", tolerance: 200 * ulp) { s in
            let (x, w, b) = (s.input([5, 7]), s.input([7, 3], owner: 1), s.input([3], owner: 1))
            return [x.matmul(w) + b, x.matmul(w).sum(axes: [0]), relu(x.matmul(w) + b).matmul(w.transposed())]
        },
        Claim(name: "convolution", tolerance: 300 * ulp) { s in
            let (x, w) = (s.input([2, 3, 6, 6]), s.input([4, 3, 3, 3], owner: 1, range: 1))
            let y = x.conv2d(w, stride: 1, padding: 1)
            return [y, relu(y), relu(y).conv2d(s.input([2, 4, 3, 3], owner: 1, range: 1))]
        },
        Claim(name: "structure", tolerance: 4 * ulp) { s in
            let x = s.input([2, 3, 4])
            return [
                x.permuted([2, 0, 1]), x.reshape([6, -1]), concatenate([x, x * 2.0], axis: 1), x.flip(axes: [1]),
                x[0], x.sum(axes: [1]), x.mean(axes: [0, 2]), x.pad(before: [0, 1, 0], after: [1, 0, 2]),
            ]
        },
        Claim(name: "comparisons", tolerance: 0) { s in
            let (x, y) = (s.input([50]), s.input([50], owner: 1))
            return [
                x .< y, x .>= y, x .> 0.5, x .< 0.5, x .<= -1.0, x .== x, (x .> 0.0) & (y .> 0.0),
                (x .< y) ^ (y .< 1.0), ~(x .< y),
            ]
        },
        Claim(name: "bits times values", tolerance: 8 * ulp) { s in
            let (x, y) = (s.input([50]), s.input([50], owner: 1))
            return [`where`(x .> y, x, y), `where`(x .> 0.0, x * y, y), maximum(x, y), minimum(x, y), abs(x), sign(x)]
        },
        Claim(name: "relu and clamp", tolerance: 8 * ulp) { s in
            let (x, y) = (s.input([70]), s.input([70], owner: 1))
            return [relu(x), relu(x * y), clamp(x * y, min: -1, max: 2), relu6(x), leakyRelu(x, 0.1)]
        },
        Claim(name: "maxima", tolerance: 4 * ulp) { s in
            let x = s.input([6, 11])
            return [x.max(axis: 1), x.max(axis: 0), x.min(axis: 1), x.argmax(axis: 1), x.argmin(axis: 0), x.max()]
        },
        Claim(name: "ties go to the lowest index", tolerance: 0) { s in
            let x = s.input(Tensor((0..<60).map { Double($0 * 7 % 3) }, shape: [6, 10]))
            return [x.argmax(axis: 1), x.argmin(axis: 1)]
        },
        Claim(name: "pools", tolerance: 16 * ulp) { s in
            let x = s.input([2, 3, 7, 7])
            let y = x.conv2d(s.input([4, 3, 3, 3], owner: 1, range: 0.5), padding: 1)
            return [
                x.maxPool2d(2), relu(y).maxPool2d(3, stride: 2, padding: 1),
                relu(y).avgPool2d(2), relu(y).globalAveragePool(),
            ]
        },
        Claim(name: "smooth functions", tolerance: 1e-4) { s in
            let x = s.input([500], range: 12)
            return [sigmoid(x), tanh(x), erf(x), gelu(x), silu(x), softplus(x), sigmoid(x * 0.3)]
        },
        Claim(name: "sine and cosine", tolerance: 3e-4) { s in
            let x = s.input([200], range: 1000)
            return [sin(x), cos(x)]
        },
        Claim(name: "polynomials", tolerance: 2e-3) { s in
            let x = s.input([50], range: 3)
            return [x.polynomial([0.5, 1, -2]), x.polynomial([1, -1, 0.25, 0.125]), x.pow(3)]
        },
        Claim(name: "integers", tolerance: 0) { s in
            let x = s.input(Tensor((0..<24).map { Int64($0 * 37 % 11 - 5) }, shape: [4, 6]))
            let y = s.input(Tensor((0..<24).map { Int64($0 * 17 % 7 - 3) }, shape: [6, 4]), owner: 1)
            return [x.matmul(y), x * 3, x.sum(axes: [1]), relu(x), x.max(axis: 1), x.matmul(y) .< 4, x * x * x]
        },
        Claim(name: "sums of values of many fraction bits", tolerance: 2000 * ulp) { s in
            let (x, y) = (s.input([100], range: 1000), s.input([100], range: 1000))
            return [
                x + sin(x), sin(x) + cos(y), concatenate([sin(x), y]), maximum(sin(x), y), sin(x).sum(), sin(x) * 5.0,
                x * y + sin(x), x.mean() + y, sin(x) .< y,
            ]
        },
        Claim(name: "angles of many fraction bits", tolerance: 1e-3) { s in
            let x = s.input([100], range: 6)
            return [sin(sin(x)), sin(x.polynomial([0, 0, 1])), cos(x * x)]
        },
        Claim(name: "large values", tolerance: 400) { s in
            let x = s.input([40], range: 1.5e6)
            return [leakyRelu(x, 0.01), x * 0.3, x.polynomial([1, 0.25]), abs(x)]
        },
        Claim(name: "polynomials of larger values", tolerance: 1) { s in
            let x = s.input([40], range: 200)
            return [x.polynomial([0, 0, 1]), x.polynomial([1, -2, 0.3]), x.polynomial([5])]
        },
        Claim(name: "integers and reals together", tolerance: 2 * ulp) { s in
            let x = s.input(Tensor((0..<16).map { Int64($0 * 37 % 11 - 5) }, shape: [4, 4]))
            let y = s.input(Tensor((0..<16).map { Int64($0 * 17 % 7 - 3) }, shape: [4, 4]), owner: 1)
            let (product, bits) = (
                x.matmul(y), CrypTensor(constant: Tensor(.bool((0..<16).map { $0 % 3 == 0 }), shape: [4, 4]))
            )
            return [
                x * y + 0.5, product + 0.5, 0.5 - product, x .< 2.4, x.argmax(axis: 1) .< 0.4,
                concatenate([
                    sign(x).toReal(), CrypTensor(constant: Tensor([Double](repeating: 0.3, count: 16), shape: [4, 4])),
                ]),
                x.polynomial([1, 2, 3, 4]), relu(product), bits * product,
                (x .> 0).pad(before: [1, 0], after: [0, 2]),
            ]
        },
    ]

    @Test("each claim, alone and all outputs in one plan", arguments: claims, [2, 3])
    func lowering(claim: Claim, parties: Int) throws {
        let source = ExpressionSource(seed: 11)
        let expressions = claim.make(source)
        let want = try source.clear(expressions)
        let (together, _) = try PlanSimulator.run(expressions, inputs: source.values, parties: parties)
        for (index, (got, want)) in zip(together, want).enumerated() {
            let error = largestError(got, want)
            #expect(
                got.shape == want.shape && error <= claim.tolerance,
                "\(claim.name), output \(index): off by \(error)"
            )
        }
        guard parties == 2 else { return }
        for (index, expression) in expressions.enumerated() {
            let (got, _) = try PlanSimulator.run([expression], inputs: source.values, parties: parties)
            let error = largestError(got[0], want[index])
            #expect(error <= claim.tolerance, "\(claim.name), output \(index) alone: off by \(error)")
        }
    }

    @Test("smooth functions hold their bound with other fraction bits", arguments: [10, 12, 18, 20, 24, 28])
    func fractionBits(_ fractionBits: Int) throws {
        let source = ExpressionSource(seed: 3)
        let x = source.input([400], range: 6)
        let y = x * source.input([400], range: 2)
        let expressions = [sigmoid(x), tanh(y), gelu(y), sigmoid(x) * y, clamp(y, min: -1, max: 1)]
        let want = try source.clear(expressions)
        let (got, _) = try PlanSimulator.run(expressions, inputs: source.values, fractionBits: fractionBits)
        let ulp = Double(sign: .plus, exponent: -fractionBits, significand: 1)
        for (index, (got, want)) in zip(got, want).enumerated() {
            let error = largestError(got, want)
            // Inputs are rounded too: up to half a unit each, times slopes and factors below 12.
            #expect(error <= 1e-3 + 24 * ulp, "output \(index): off by \(error)")
            if index < 2 { #expect(error <= 1.2e-4 + 10 * ulp, "output \(index): off by \(error)") }
        }
    }
}
