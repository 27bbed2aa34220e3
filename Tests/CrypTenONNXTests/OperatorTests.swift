import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import Testing
import _CrypTenONNXTestSupport

/// The plain loop over the elements of a result: `value(position)` for each, in row-major order.
private func loop(_ shape: Shape, _ value: ([Int]) -> Double) -> Tensor {
    var position = [Int](repeating: 0, count: shape.rank)
    var out: [Double] = []
    for _ in 0..<shape.count {
        out.append(value(position))
        for axis in position.indices.reversed() {
            position[axis] += 1
            if position[axis] < shape[axis] { break }
            position[axis] = 0
        }
    }
    return Tensor(out, shape: shape)
}

extension Tensor {
    /// The element at a position, or nil outside.
    fileprivate func at(_ position: [Int]) -> Double? {
        for (axis, index) in position.enumerated() where !(0..<shape[axis]).contains(index) { return nil }
        let offset = zip(position, shape.strides).reduce(0) { $0 + $1.0 * $1.1 }
        switch elements {
        case .double(let values): return values[offset]
        case .int64(let values): return Double(values[offset])
        default: return doubles[offset]
        }
    }
}

@Suite("operators")
struct OperatorTests {
    private func expect(_ got: [Tensor], _ expected: Tensor, within bound: Double = 1e-9, _ what: String = "") {
        #expect(distance(got[0], expected) <= bound, "\(what) \(got[0].shape) \(expected.shape)")
    }

    // MARK: Windows

    struct Window: Sendable, CustomTestStringConvertible {
        var input: [Int]
        var kernel: [Int]
        var strides: [Int]?
        var pads: [Int]?
        var dilations: [Int]?
        var group = 1
        var autoPad: String?

        var testDescription: String {
            "\(input) \(kernel) \(strides ?? []) \(pads ?? []) \(dilations ?? []) \(group) \(autoPad ?? "")"
        }

        var attributes: [String: ModelBuilder.Attribute] {
            var out: [String: ModelBuilder.Attribute] = [:]
            out["strides"] = strides.map { .ints($0) }
            out["pads"] = pads.map { .ints($0) }
            out["dilations"] = dilations.map { .ints($0) }
            out["auto_pad"] = autoPad.map { .string($0) }
            return out
        }

        /// The windows along a spatial axis.
        struct Axis {
            var stride, before, after, dilation, outputs: Int

            /// Where an element of a window lies in the input.
            func place(window: Int, tap: Int) -> Int {
                window * stride - before + tap * dilation
            }
        }

        func axis(_ axis: Int, kernel: Int, ceil: Bool = false) -> Axis {
            let axes = input.count - 2
            let (stride, dilation, extent) = (strides?[axis] ?? 1, dilations?[axis] ?? 1, input[axis + 2])
            var (before, after) = (pads?[axis] ?? 0, pads?[axis + axes] ?? 0)
            let span = dilation * (kernel - 1) + 1
            if let autoPad, autoPad != "VALID" {
                let total = max(0, ((extent + stride - 1) / stride - 1) * stride + span - extent)
                before = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2
                after = total - before
            }
            let room = extent + before + after - span
            var outputs = room / stride + 1
            if ceil, room % stride != 0, outputs * stride < extent + before { outputs += 1 }
            return Axis(stride: stride, before: before, after: after, dilation: dilation, outputs: outputs)
        }
    }

    @Test(
        "convolutions of signals and images are the plain loop",
        arguments: [
            Window(input: [2, 3, 7, 6], kernel: [4, 3, 3, 2]),
            Window(input: [1, 2, 8, 8], kernel: [3, 2, 3, 3], strides: [2, 1], pads: [1, 0, 2, 1]),
            Window(input: [1, 4, 6, 5], kernel: [6, 2, 3, 3], pads: [1, 1, 1, 1], group: 2),
            Window(
                input: [2, 3, 9, 9],
                kernel: [3, 1, 3, 3],
                strides: [2, 2],
                pads: [2, 2, 2, 2],
                dilations: [2, 2],
                group: 3
            ),
            Window(input: [2, 3, 11], kernel: [4, 3, 3], strides: [2], pads: [1, 2]),
            Window(input: [1, 4, 9], kernel: [4, 1, 2], dilations: [3], group: 4),
            Window(input: [1, 2, 7, 6], kernel: [2, 2, 3, 2], strides: [2, 2], autoPad: "SAME_UPPER"),
            Window(input: [1, 2, 7, 6], kernel: [2, 2, 3, 2], strides: [2, 3], autoPad: "SAME_LOWER"),
            Window(input: [1, 2, 7], kernel: [2, 2, 3], autoPad: "VALID"),
        ]
    )
    func convolution(window: Window) throws {
        let (x, w) = (numbers(Shape(window.input)), numbers(Shape(window.kernel), seed: 2))
        let bias = numbers([window.kernel[0]], seed: 3)
        let axes = window.input.count - 2
        let plans: [Window.Axis] = (0..<axes).map { window.axis($0, kernel: window.kernel[$0 + 2]) }
        let perGroup = window.kernel[0] / window.group
        let outputs: [Int] = [window.input[0], window.kernel[0]] + plans.map(\.outputs)
        let taps: [Int] = Array(window.kernel.dropFirst())
        let expected = loop(Shape(outputs)) { (position: [Int]) -> Double in
            let products = loop(Shape(taps)) { (tap: [Int]) -> Double in
                var place = [position[0], position[1] / perGroup * window.kernel[1] + tap[0]]
                for axis in 0..<axes { place.append(plans[axis].place(window: position[axis + 2], tap: tap[axis + 1])) }
                return (x.at(place) ?? 0) * w.at([position[1]] + tap)!
            }
            return products.doubles.reduce(bias.doubles[position[1]], +)
        }
        var attributes = window.attributes
        attributes["group"] = .int(window.group)
        attributes["kernel_shape"] = .ints(Array(window.kernel.dropFirst(2)))
        expect(try evaluate("Conv", [("x", x), ("w", w), ("b", bias)], attributes), expected)
    }

    @Test(
        "poolings are the plain loop",
        arguments: [false, true],
        [
            Window(input: [2, 3, 6, 6], kernel: [2, 2], strides: [2, 2]),
            Window(input: [1, 2, 7, 7], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1]),
            Window(input: [1, 2, 7, 5], kernel: [3, 2], strides: [1, 2], pads: [0, 1, 2, 0]),
            Window(input: [1, 2, 9, 9], kernel: [2, 2], strides: [3, 1], dilations: [3, 2]),
            Window(input: [2, 2, 9], kernel: [3], strides: [2], pads: [1, 1]),
            Window(input: [1, 1, 7, 6], kernel: [3, 3], strides: [2, 2], autoPad: "SAME_UPPER"),
            Window(input: [1, 1, 7, 6], kernel: [3, 3], strides: [2, 2], autoPad: "SAME_LOWER"),
        ]
    )
    func pooling(ceil: Bool, window: Window) throws {
        if ceil, window.autoPad != nil { return }
        let x = numbers(Shape(window.input), seed: 4)
        let axes = window.input.count - 2
        let plans: [Window.Axis] = (0..<axes).map { window.axis($0, kernel: window.kernel[$0], ceil: ceil) }
        let outputs: [Int] = Array(window.input.prefix(2)) + plans.map(\.outputs)
        func windows(_ combine: ([Double], _ padded: Int) -> Double) -> Tensor {
            loop(Shape(outputs)) { (position: [Int]) -> Double in
                var values: [Double] = []
                var padded = 0
                _ = loop(Shape(window.kernel)) { (tap: [Int]) -> Double in
                    var place = Array(position.prefix(2))
                    var isPadded = true
                    for axis in 0..<axes {
                        let here = plans[axis].place(window: position[axis + 2], tap: tap[axis])
                        place.append(here)
                        isPadded = isPadded && here < window.input[axis + 2] + plans[axis].after
                    }
                    if let value = x.at(place) { values.append(value) }
                    if isPadded { padded += 1 }
                    return 0
                }
                return combine(values, padded)
            }
        }
        var attributes = window.attributes
        attributes["kernel_shape"] = .ints(window.kernel)
        if ceil { attributes["ceil_mode"] = .int(1) }
        expect(try evaluate("MaxPool", [("x", x)], attributes), windows { values, _ in values.max()! })
        if window.dilations == nil {
            expect(
                try evaluate("AveragePool", [("x", x)], attributes),
                windows { values, _ in values.reduce(0, +) / Double(values.count) }
            )
            attributes["count_include_pad"] = .int(1)
            expect(
                try evaluate("AveragePool", [("x", x)], attributes),
                windows { values, padded in values.reduce(0, +) / Double(padded) }
            )
        }
    }

    @Test("global poolings reduce all spatial axes", arguments: [[2, 3, 4, 5], [2, 3, 7]])
    func globalPooling(extents: [Int]) throws {
        let x = numbers(Shape(extents))
        let inner = extents.dropFirst(2).reduce(1, *)
        func blocks(_ function: (ArraySlice<Double>) -> Double) -> Tensor {
            let values = stride(from: 0, to: x.shape.count, by: inner).map { function(x.doubles[$0..<$0 + inner]) }
            return Tensor(values, shape: Shape(extents.prefix(2) + extents.dropFirst(2).map { _ in 1 }))
        }
        expect(try evaluate("GlobalAveragePool", [("x", x)]), blocks { $0.reduce(0, +) / Double(inner) })
        expect(try evaluate("GlobalMaxPool", [("x", x)]), blocks { $0.max()! })
    }

    // MARK: Products

    @Test(
        "matrix products broadcast by NumPy's rules",
        arguments: [([2, 3], [3, 4]), ([2, 1, 3, 4], [5, 4, 2]), ([3], [3, 2]), ([2, 3], [3]), ([3], [3])]
            as [([Int], [Int])]
    )
    func matrixProduct(left: [Int], right: [Int]) throws {
        let (a, b) = (numbers(Shape(left)), numbers(Shape(right), seed: 2))
        let (l, r) = (left.count == 1 ? [1] + left : left, right.count == 1 ? right + [1] : right)
        let batch = Shape.broadcast(Shape(Array(l.dropLast(2))), Shape(Array(r.dropLast(2))))!.dimensions
        let (x, y) = (Tensor(a.doubles, shape: Shape(l)), Tensor(b.doubles, shape: Shape(r)))
        func place(_ position: [Int], _ extents: [Int], _ row: Int, _ column: Int) -> [Int] {
            let lead = extents.count - 2
            let places: [Int] = (0..<lead).map { extents[$0] == 1 ? 0 : position[batch.count - lead + $0] }
            return places + [row, column]
        }
        let (rows, inner, columns) = (l[l.count - 2], l[l.count - 1], r[r.count - 1])
        let full = loop(Shape(batch + [rows, columns])) { (position: [Int]) -> Double in
            let (row, column) = (position[position.count - 2], position[position.count - 1])
            var total = 0.0
            for k in 0..<inner { total += x.at(place(position, l, row, k))! * y.at(place(position, r, k, column))! }
            return total
        }
        let shape = batch + (left.count == 1 ? [] : [l[l.count - 2]]) + (right.count == 1 ? [] : [r[r.count - 1]])
        expect(try evaluate("MatMul", [("a", a), ("b", b)]), Tensor(full.doubles, shape: Shape(shape)))
    }

    @Test("Gemm transposes, scales and adds", arguments: [false, true], [false, true])
    func gemm(transposeA: Bool, transposeB: Bool) throws {
        let a = numbers(transposeA ? [3, 2] : [2, 3])
        let b = numbers(transposeB ? [4, 3] : [3, 4], seed: 2)
        for extents in [[], [1], [4], [2, 1], [2, 4]] as [[Int]] {
            let c = numbers(Shape(extents), seed: 3)
            let expected = loop([2, 4]) { (p: [Int]) -> Double in
                var product = 0.0
                for k in 0..<3 {
                    let left: Double = a.at(transposeA ? [k, p[0]] : [p[0], k])!
                    let right: Double = b.at(transposeB ? [p[1], k] : [k, p[1]])!
                    product += left * right
                }
                let place: [Int] = p.suffix(extents.count).enumerated().map { extents[$0] == 1 ? 0 : $1 }
                return 0.5 * product + 2 * c.at(place)!
            }
            let got = try evaluate(
                "Gemm",
                [("a", a), ("b", b), ("c", c)],
                [
                    "transA": .int(transposeA ? 1 : 0), "transB": .int(transposeB ? 1 : 0), "alpha": .float(0.5),
                    "beta": .float(2),
                ]
            )
            expect(got, expected)
        }
    }

    // MARK: Element by element

    @Test(
        "arithmetic broadcasts",
        arguments: [([2, 3], [2, 3]), ([2, 3], [3]), ([2, 1, 3], [4, 1]), ([], [2, 2])] as [([Int], [Int])]
    )
    func arithmetic(left: [Int], right: [Int]) throws {
        let (a, b) = (numbers(Shape(left)), numbers(Shape(right), seed: 2))
        let shape = Shape.broadcast(a.shape, b.shape)!
        func pairwise(_ function: (Double, Double) -> Double) -> Tensor {
            loop(shape) { (position: [Int]) -> Double in
                func value(_ t: Tensor) -> Double {
                    let place: [Int] = position.suffix(t.shape.rank).enumerated().map { t.shape[$0] == 1 ? 0 : $1 }
                    return t.at(place)!
                }
                return function(value(a), value(b))
            }
        }
        let cases: [(String, (Double, Double) -> Double)] = [
            ("Add", { $0 + $1 }), ("Sub", { $0 - $1 }), ("Mul", { $0 * $1 }), ("Max", { max($0, $1) }),
            ("Min", { min($0, $1) }), ("Sum", { $0 + $1 }),
            ("Mean", { ($0 + $1) / 2 }),
        ]
        for (operation, function) in cases {
            expect(try evaluate(operation, [("a", a), ("b", b)]), pairwise(function), operation)
        }
        let relations: [(String, (Double, Double) -> Bool)] = [
            ("Less", { $0 < $1 }), ("Greater", { $0 > $1 }), ("LessOrEqual", { $0 <= $1 }),
            ("GreaterOrEqual", { $0 >= $1 }), ("Equal", { $0 == $1 }),
        ]
        for (operation, relation) in relations {
            let got = try evaluate(operation, [("a", a), ("b", b)], outputs: [("y", .bool)])
            expect(got, pairwise { relation($0, $1) ? 1 : 0 }, operation)
        }
        let condition = try evaluate("Greater", [("a", a), ("b", b)], outputs: [("y", .bool)])[0]
        expect(try evaluate("Where", [("c", condition), ("a", a), ("b", b)]), pairwise { max($0, $1) })
    }

    @Test("functions of one number")
    func functions() throws {
        let x = Tensor([-3.0, -1.5, -0.25, 0, 0.5, 1, 2.75], shape: [7])
        let cases: [(String, [String: ModelBuilder.Attribute], (Double) -> Double)] = [
            ("Neg", [:], { -$0 }), ("Abs", [:], { abs($0) }), ("Sign", [:], { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
            ("Relu", [:], { max($0, 0) }),
            ("LeakyRelu", ["alpha": .float(0.25)], { $0 < 0 ? 0.25 * $0 : $0 }), ("Identity", [:], { $0 }),
            ("Dropout", [:], { $0 }),
            ("HardSigmoid", ["alpha": .float(0.25)], { min(max(0.25 * $0 + 0.5, 0), 1) }),
            ("Sigmoid", [:], { 1 / (1 + exp(-$0)) }),
            ("Tanh", [:], { tanh($0) }), ("Erf", [:], { erf($0) }), ("Softplus", [:], { log1p(exp($0)) }),
            ("Sin", [:], { sin($0) }),
            ("Cos", [:], { cos($0) }), ("Gelu", [:], { $0 * (1 + erf($0 / 2.0.squareRoot())) / 2 }),
        ]
        for (operation, attributes, function) in cases {
            expect(
                try evaluate(operation, opset: 20, [("x", x)], attributes),
                Tensor(x.doubles.map(function), shape: [7]),
                operation
            )
        }
        expect(
            try evaluate("Clip", opset: 7, [("x", x)], ["min": .float(-1), "max": .float(2)]),
            Tensor(x.doubles.map { min(max($0, -1), 2) }, shape: [7])
        )
        expect(try evaluate("Clip", opset: 7, [("x", x)], [:]), x)
    }

    @Test("operators that take public numbers: Clip's bounds, powers, divisors")
    func publicNumbers() throws {
        let x = Tensor([-3.0, -1.5, 0, 1, 2.75], shape: [5])
        func one(_ operation: String, _ constants: [Double?]) throws -> [Double] {
            var builder = ModelBuilder()
            builder.input("x", .float, [5])
            for (index, value) in constants.enumerated() { if let value { builder.constant("c\(index)", [value], []) } }
            builder.node(operation, ["x"] + constants.enumerated().map { $1 == nil ? "" : "c\($0)" })
            builder.output("y")
            // An exponent may have been trained: its owner has to show it.
            let model = try ONNXModel(bytes: try builder.bytes, open: operation == "Pow" ? ["c0"] : [])
            return try evaluate(model, ["x": x])["y"]!.doubles
        }
        #expect(try one("Clip", [-1, 2]) == [-1, -1, 0, 1, 2])
        #expect(try one("Clip", [nil, 2]) == [-3, -1.5, 0, 1, 2])
        #expect(try one("Clip", [0.5]) == [0.5, 0.5, 0.5, 1, 2.75])
        #expect(try one("Clip", [2, 1]) == [1, 1, 1, 1, 1])
        #expect(try one("Clip", [-3.4e38, 3.4e38]) == x.doubles)
        for exponent in 0...4 {
            #expect(try one("Pow", [Double(exponent)]) == x.doubles.map { pow($0, Double(exponent)) })
        }
        #expect(try one("Div", [4]) == x.doubles.map { $0 / 4 })
        #expect(try one("Pow", [-1])[3] == 1)
        #expect(throws: CrypTenError.self) { try one("Pow", [100]) }
        #expect(throws: CrypTenError.self) { try one("Div", [0]) }
    }

    @Test("logic on bits")
    func logic() throws {
        let (a, b) = (
            Tensor(.bool([false, false, true, true]), shape: [4]),
            Tensor(.bool([false, true, false, true]), shape: [4])
        )
        for (operation, expected) in [
            ("And", [0, 0, 0, 1]), ("Or", [0, 1, 1, 1]), ("Xor", [0, 1, 1, 0]), ("Equal", [1, 0, 0, 1]),
        ] as [(String, [Double])] {
            #expect(
                try evaluate(operation, [("a", a), ("b", b)], outputs: [("y", .bool)])[0].doubles == expected,
                "\(operation)"
            )
        }
        #expect(try evaluate("Not", [("a", a)], outputs: [("y", .bool)])[0].doubles == [1, 1, 0, 0])
    }

    @Test("types change where no rounding is needed")
    func casts() throws {
        let real = Tensor([0.0, 1.5, -2], shape: [3])
        let whole = Tensor([0, 1, -2], shape: [3])
        let bits = Tensor(.bool([false, true, true]), shape: [3])
        #expect(try evaluate("Cast", [("x", real)], ["to": .int(11)])[0].doubles == [0, 1.5, -2])
        #expect(try evaluate("Cast", [("x", real)], outputs: [("y", .bool)], ["to": .int(9)])[0] == bits)
        #expect(try evaluate("Cast", [("x", whole)], ["to": .int(1)])[0] == Tensor([0.0, 1, -2], shape: [3]))
        #expect(try evaluate("Cast", [("x", whole)], outputs: [("y", .bool)], ["to": .int(9)])[0] == bits)
        #expect(
            try evaluate("Cast", [("x", bits)], outputs: [("y", .int64)], ["to": .int(7)])[0]
                == Tensor([0, 1, 1], shape: [3])
        )
        #expect(try evaluate("Cast", [("x", bits)], ["to": .int(1)])[0] == Tensor([0.0, 1, 1], shape: [3]))
        #expect(
            try evaluate("Cast", [("x", real)], outputs: [("y", .int64)], ["to": .int(7)])[0]
                == Tensor([0, 1, -2], shape: [3])
        )
    }

    // MARK: Reductions

    @Test(
        "reductions over axes, as attribute and as input",
        arguments: [nil, [1], [0, 2], [-1]] as [[Int]?],
        [false, true]
    )
    func reductions(axes: [Int]?, keeps: Bool) throws {
        let x = numbers([2, 3, 4])
        let gone = Set((axes ?? [0, 1, 2]).map { $0 < 0 ? $0 + 3 : $0 })
        let target = x.shape.reducing(Array(gone), keepDimensions: keeps)
        func reduced(_ function: ([Double]) -> Double) -> Tensor {
            loop(target) { (position: [Int]) -> Double in
                var rest = position
                let kept: [Int?] = (0..<3).map { axis in
                    if gone.contains(axis) { return nil }
                    return keeps ? position[axis] : rest.removeFirst()
                }
                var values: [Double] = []
                _ = loop(x.shape) { (place: [Int]) -> Double in
                    if zip(place, kept).allSatisfy({ $1 == nil || $0 == $1 }) { values.append(x.at(place)!) }
                    return 0
                }
                return function(values)
            }
        }
        let cases: [(String, Int, ([Double]) -> Double)] = [
            ("ReduceSum", 13, { $0.reduce(0, +) }), ("ReduceMean", 18, { $0.reduce(0, +) / Double($0.count) }),
            ("ReduceMax", 18, { $0.max()! }),
            ("ReduceMin", 18, { $0.min()! }),
        ]
        for (operation, since, function) in cases {
            var attributes: [String: ModelBuilder.Attribute] = ["keepdims": .int(keeps ? 1 : 0)]
            expect(
                try evaluate(
                    operation,
                    opset: since,
                    [("x", x)],
                    constants: axes.map { [("axes", $0)] } ?? [],
                    attributes
                ),
                reduced(function)
            )
            attributes["axes"] = axes.map { .ints($0) }
            expect(try evaluate(operation, opset: since - 1, [("x", x)], attributes), reduced(function))
        }
    }

    @Test("the index of an extreme is the first of equals, or the last where asked")
    func indices() throws {
        let x = Tensor([1.0, 3, 3, 0, 0, -1, 2, 2, 2], shape: [3, 3])
        func index(_ operation: String, _ attributes: [String: ModelBuilder.Attribute]) throws -> Tensor {
            try evaluate(operation, [("x", x)], outputs: [("y", .int64)], attributes)[0]
        }
        #expect(try index("ArgMax", ["axis": .int(1)]) == Tensor([1, 0, 0], shape: [3, 1]))
        #expect(try index("ArgMax", ["axis": .int(-1), "keepdims": .int(0)]) == Tensor([1, 0, 0], shape: [3]))
        #expect(try index("ArgMin", ["axis": .int(1), "keepdims": .int(0)]) == Tensor([0, 2, 0], shape: [3]))
        #expect(try index("ArgMax", ["keepdims": .int(0)]) == Tensor([2, 0, 0], shape: [3]))
        #expect(
            try index("ArgMax", ["axis": .int(1), "select_last_index": .int(1)]) == Tensor([2, 1, 2], shape: [3, 1])
        )
    }
}
