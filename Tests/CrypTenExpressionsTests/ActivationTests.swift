import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("Activations and elementary functions")
struct ActivationTests {
    static let values: [Double] = [-70_000, -9, -2.5, -1, -0.75, -0.25, 0, 0.25, 0.5, 1, 1.75, 3, 6, 70_000]

    @Test("units have their meaning in the clear, far from 0 too")
    func units() throws {
        let session = ClearSession()
        let x = session.secret(Tensor(Self.values, shape: [14]))
        func sigmoid(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }
        let cases: [(CrypTensor, (Double) -> Double)] = [
            (elu(x), { $0 > 0 ? $0 : expm1($0) }), (elu(x, 0.5), { $0 > 0 ? $0 : 0.5 * expm1($0) }),
            (celu(x, 2), { $0 > 0 ? $0 : 2 * expm1($0 / 2) }),
            (selu(x), { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) }),
            (x.hardSigmoid(slope: 0.25), { min(max(0.25 * $0 + 0.5, 0), 1) }),
            (hardSwish(x), { $0 * min(max($0 / 6 + 0.5, 0), 1) }),
            (x.thresholdedRelu(0.5), { $0 > 0.5 ? $0 : 0 }), (x.hardShrink(1), { $0.magnitude > 1 ? $0 : 0 }),
            (x.softShrink(1), { $0 > 1 ? $0 - 1 : $0 < -1 ? $0 + 1 : 0 }),
            (x.shrink(1, bias: 0.25), { $0 > 1 ? $0 - 0.25 : $0 < -1 ? $0 + 0.25 : 0 }),
            (prelu(x, CrypTensor(0.25)), { $0 > 0 ? $0 : 0.25 * $0 }),
            (swish(x, 2), { $0 * sigmoid(2 * $0) }), (swish(x), { $0 * sigmoid($0) }),
            (mish(x), { $0 * Foundation.tanh($0 > 30 ? $0 : log1p(Foundation.exp($0))) }),
            (
                geluTanh(x),
                { $0 * 0.5 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
            ),
        ]
        for (index, (expression, function)) in cases.enumerated() {
            let expected = Self.values.map(function)
            let scale = expected.map(\.magnitude).max() ?? 1
            expectClose(try session.value(expression), expected, within: 1e-9 * max(scale, 100), "case \(index)")
        }
        expectClose(try session.value(softsign(x)), Self.values.map { $0 / (1 + $0.magnitude) }, within: 2e-5)
    }

    @Test("trigonometric and hyperbolic functions and their inverses")
    func trigonometry() throws {
        let session = ClearSession()
        let inside = [-1, -0.9, -0.5, -0.01, 0, 0.3, 0.75, 0.999, 1]
        let any = [-40_000, -7, -1.5, -1, -0.2, 0, 0.4, 1, 2, 900]
        let above = [1, 1.5, 3, 20, 1000]
        let (p, q, r) = (
            session.secret(Tensor(inside, shape: [9])), session.secret(Tensor(any, shape: [10])),
            session.secret(Tensor(above, shape: [5]))
        )
        expectClose(try session.value(p.asin()), inside.map { Foundation.asin($0) }, within: 2e-4)
        expectClose(try session.value(p.acos()), inside.map { Foundation.acos($0) }, within: 2e-4)
        expectClose(try session.value(q.atan()), any.map { Foundation.atan($0) }, within: 2e-4)
        let open = [-0.999, -0.5, 0, 0.25, 0.9]
        expectClose(
            try session.value(session.secret(Tensor(open, shape: [5])).atanh()),
            open.map { Foundation.atanh($0) },
            within: 1e-9
        )
        let small = [-9.5, -1, 0, 0.5, 9]
        let s = session.secret(Tensor(small, shape: [5]))
        expectClose(try session.value(s.sinh()), small.map { Foundation.sinh($0) }, within: 1e-8)
        expectClose(try session.value(s.cosh()), small.map { Foundation.cosh($0) }, within: 1e-8)
        expectClose(try session.value(tan(s)), small.map { Foundation.tan($0) }, within: 1e-8)
        expectClose(try session.value(s.asinh()), small.map { Foundation.asinh($0) }, within: 1e-8)
        expectClose(try session.value(r.acosh()), above.map { Foundation.acosh($0) }, within: 1e-8)
    }

    @Test("powers with any public exponent, and a secret one")
    func powers() throws {
        let session = ClearSession()
        let values = [0.25, 0.5, 1, 1.5, 3]
        let x = session.secret(Tensor(values, shape: [5]))
        for exponent in [-3, -1, -0.5, 0, 0.5, 1.25, 2, 3] {
            expectClose(try session.value(pow(x, exponent)), values.map { Foundation.pow($0, exponent) }, within: 1e-8)
        }
        let exponents = [2, -1, 0.5, 1.5, -0.25]
        expectClose(
            try session.value(x.pow(session.secret(Tensor(exponents, shape: [5])))),
            zip(values, exponents).map { Foundation.pow($0, $1) },
            within: 1e-8
        )
        let negative = session.secret(Tensor([-2.0, -0.5], shape: [2]))
        expectClose(try session.value(pow(negative, -3.0)), [-0.125, -8], within: 1e-9)
    }

    @Test("whole numbers below, above, towards 0 and nearest, and remainders, are exact")
    func roundings() throws {
        let session = ClearSession()
        let values = [-3.5, -3, -2.5, -1.5, -1.25, -0.5, -0.25, 0, 0.25, 0.5, 1.5, 2.5, 3.5, 1e6 + 0.5]
        let x = session.secret(Tensor(values, shape: [14]))
        #expect(try session.value(floor(x)).doubles == values.map { $0.rounded(.down) })
        #expect(try session.value(ceil(x)).doubles == values.map { $0.rounded(.up) })
        #expect(try session.value(x.trunc()).doubles == values.map { $0.rounded(.towardZero) })
        #expect(try session.value(round(x)).doubles == values.map { $0.rounded(.toNearestOrEven) })
        let whole: [Int64] = [-9, -8, -7, -1, 0, 1, 6, 7, 8, 1000]
        let n = session.secret(Tensor(whole, shape: [10]))
        #expect(try session.value(n.floor()).integers == whole)
        for divisor in [-7, -2, 1, 3, 8] {
            #expect(
                try session.value(n.remainder(Double(divisor))).integers
                    == whole.map { (($0 % Int64(divisor)) + Int64(divisor)) % Int64(divisor) }
            )
            #expect(try session.value(n.fmod(Double(divisor))).integers == whole.map { $0 % Int64(divisor) })
        }
        expectClose(
            try session.value(x.remainder(0.75)),
            values.map { $0 - 0.75 * ($0 / 0.75).rounded(.down) },
            within: 1e-9
        )
        let divisors: [Int64] = [2, -3, 5, 7, 4, -1, 4, -7, 3, 9]
        let d = session.secret(Tensor(divisors, shape: [10]))
        #expect(try session.value(n.fmod(dividingBy: d)).integers == zip(whole, divisors).map { $0 % $1 })
        #expect(
            try session.value(n.remainder(dividingBy: d)).integers
                == zip(whole, divisors).map { (($0 % $1) + $1) % $1 }
        )
        #expect(try session.value(n.truncatedQuotient(d)).integers == zip(whole, divisors).map { $0 / $1 })
    }

    @Test("arguments that make no sense are errors that name the function, the shape and the line")
    func errors() {
        let x = placeholder([2, 3])
        let cases: [(CrypTensor, String)] = [
            (x.celu(0), "celu of shape [2, 3]"),
            (x.prelu(placeholder([4])), "prelu can't combine shapes [2, 3] and [4]"),
            (x.remainder(0), "remainder can't divide shape [2, 3] by 0"), (x.norm(0.5), "norm of shape [2, 3]"),
            (x.pow(.infinity), "pow can't raise shape [2, 3]"), (x.thresholdedRelu(.nan), "thresholdedRelu"),
            (x.hardSigmoid(slope: .infinity), "hardSigmoid of shape [2, 3]"),
            (x.determinant(), "determinant can't take shape [2, 3]"),
            (x.inverse(), "inverse can't take shape [2, 3]"),
            (x.cumsum(axis: 2), "cumsum can't use axis 2 of shape [2, 3]"),
            (x.bmm(placeholder([3, 2])), "bmm can't combine shapes [2, 3] and [3, 2]"),
            (x.conv3d(x), "conv3d can't combine shapes [2, 3] and [2, 3]"),
            (x.topK(4).values, "topK can't give 4 of the 3 elements"), (x.topK(4).indices, "topK can't give 4"),
            (einsum("ij,jk", x), "einsum can't apply 'ij,jk' to shapes [2, 3]"),
            (x.scatter(Tensor([0], shape: [1]), placeholder([1]), axis: 0), "scatter along axis 0 of shape [2, 3]"),
            (x.takeAlong(Tensor([5, 0, 0], shape: [1, 3]), axis: 0), "takeAlong can't use position 5"),
            (x.indexAdd([0], placeholder([2, 3])), "indexAdd of 1 slices"),
            (x.adaptiveAvgPool([1]), "adaptiveAvgPool can't turn shape [2, 3]"),
        ]
        for (expression, message) in cases {
            let text = expression.error?.message ?? "none"
            #expect(text.contains(message), "\(text)")
            #expect(text.contains("ActivationTests.swift:"), "\(text)")
        }
    }
}
