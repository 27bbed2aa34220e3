import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Shape rules")
struct ShapeRuleTests {
    private typealias Case = (operation: Primitive, operands: [Primitive.Operand], shape: Shape, kind: ElementKind)

    private static func real(_ shape: Shape) -> Primitive.Operand {
        (shape, .real, .secret)
    }

    private static func integer(_ shape: Shape, _ visibility: Visibility = .secret) -> Primitive.Operand {
        (shape, .integer, visibility)
    }

    private static func bit(_ shape: Shape) -> Primitive.Operand {
        (shape, .bit, .secret)
    }

    @Test("every primitive gives its result's shape and kind")
    func results() throws {
        let (real, integer, bit) = (Self.real, { Self.integer($0) }, Self.bit)
        let cases: [Case] = [
            (.constant(Tensor([1.0, 2], shape: [2])), [], [2], .real),
            (.random(.uniform, [3], number: 0), [], [3], .real),
            (.random(.bernoulli(0.5), [3], number: 0), [], [3], .bit),
            (.random(.uniform, drawnBy: .everyone, [3], number: 0), [], [3], .real),
            (.random(.binomial(trials: 2, scale: 0.5), [3], number: 0), [], [3], .real),
            (.reshape([3, 2]), [bit([6])], [3, 2], .bit),
            (.permute(axes: [2, 0, 1]), [real([2, 3, 4])], [4, 2, 3], .real),
            (.slice(starts: [3, 0], steps: [-1, 2], shape: [4, 2]), [real([4, 3])], [4, 2], .real),
            (.slice(starts: [9], steps: [1], shape: [0]), [real([4])], [0], .real),
            (.broadcast([5, 2, 3]), [real([2, 1])], [5, 2, 3], .real),
            (.concatenate(axis: 1), [real([2, 1]), real([2, 3]), real([2, 0])], [2, 4], .real),
            (.pad(before: [1, 0], after: [2, 3]), [integer([2, 2])], [5, 5], .integer),
            (.take(axis: 1, indices: [0, 2, 2, 1]), [real([2, 3])], [2, 4], .real),
            (.gather(axis: 1), [real([2, 3, 4]), Self.integer([5, 6], .public)], [2, 5, 6, 4], .real),
            (.add, [integer([2]), integer([2])], [2], .integer),
            (.subtract, [real([2]), real([2])], [2], .real),
            (.negate, [integer([])], [], .integer),
            (.sum(axes: [2, 0]), [real([2, 3, 4])], [3], .real),
            (.bilinear(.multiply), [real([2, 1]), integer([3])], [2, 3], .real),
            (.bilinear(.multiply), [integer([2]), integer([2])], [2], .integer),
            (
                .bilinear(.matmul(transposeLeft: true, transposeRight: false)), [real([5, 3, 2]), real([3, 4])],
                [5, 2, 4], .real
            ),
            (
                .bilinear(.convolution(ConvolutionGeometry(strides: [2, 1]))),
                [real([1, 3, 9, 9]), real([4, 3, 3, 3])], [1, 4, 4, 7], .real
            ),
            (.toReal, [integer([2])], [2], .real),
            (.isNegative, [real([2])], [2], .bit),
            (.isZero, [integer([2])], [2], .bit),
            (.and, [bit([2]), bit([2]), bit([2])], [2], .bit),
            (.xor, [bit([2]), bit([2])], [2], .bit),
            (.not, [bit([2])], [2], .bit),
            (.select, [bit([2]), integer([2])], [2], .integer),
            (.bitToInteger, [bit([2])], [2], .integer),
            (.relu, [integer([2])], [2], .integer),
            (.maximum(axis: 1), [real([2, 3])], [2], .real),
            (.argmax(axis: 0), [real([2, 3])], [3], .integer),
            (.polynomial([1, 2]), [real([2])], [2], .real),
            (.smooth(.gelu), [real([2])], [2], .real),
            (.sine, [real([2])], [2], .real),
            (.cosine, [real([2])], [2], .real),
        ]
        for (operation, operands, shape, kind) in cases {
            let result = try operation.result(of: operands)
            #expect(result == (shape, kind), "\(operation.name)")
        }
    }

    @Test("what breaks a rule is named with the operation and the shapes")
    func errors() {
        let (real, integer, bit) = (Self.real, { Self.integer($0) }, Self.bit)
        let cases: [(Primitive, [Primitive.Operand], CrypTenError.Code, [String])] = [
            (.kept(number: 0), [], .invalidArgument, ["kept value"]),
            (.random(.bernoulli(1.5), [2], number: 0), [], .invalidArgument, ["1.5"]),
            (.random(.binomial(trials: 3, scale: 1), [2], number: 0), [], .invalidArgument, ["3 trials"]),
            (.random(.binomial(trials: 0, scale: 1), [2], number: 0), [], .invalidArgument, ["0 trials"]),
            (.random(.binomial(trials: 1 << 17, scale: 1), [2], number: 0), [], .invalidArgument, ["65536"]),
            (.random(.binomial(trials: 2, scale: .infinity), [2], number: 0), [], .invalidArgument, ["inf"]),
            (.random(.binomial(trials: 2, scale: 0), [2], number: 0), [], .invalidArgument, ["0.0"]),
            (.reshape([4]), [real([2, 3])], .shapeMismatch, ["reshape", "[2, 3]", "[4]"]),
            (.permute(axes: [0, 0]), [real([2, 3])], .shapeMismatch, ["permute", "[2, 3]", "[0, 0]"]),
            (.slice(starts: [1], steps: [1], shape: [3]), [real([3])], .shapeMismatch, ["slice", "[3]"]),
            (.slice(starts: [0], steps: [0], shape: [3]), [real([3])], .shapeMismatch, ["slice"]),
            (.slice(starts: [1], steps: [.max], shape: [3]), [real([3])], .shapeMismatch, ["slice"]),
            (.broadcast([2, 4]), [real([2, 3])], .shapeMismatch, ["broadcast", "[2, 3]", "[2, 4]"]),
            (
                .concatenate(axis: 0), [real([2, 3]), real([2, 4])], .shapeMismatch,
                ["concatenate", "[2, 3] and [2, 4]"]
            ),
            (.concatenate(axis: 0), [real([2]), bit([2])], .invalidArgument, ["secret real [2] and secret bit [2]"]),
            (.concatenate(axis: 0), [], .invalidArgument, ["no operands"]),
            (.pad(before: [-1], after: [0]), [real([2])], .shapeMismatch, ["pad", "[2]", "[-1]"]),
            (.take(axis: 0, indices: [2]), [real([2])], .shapeMismatch, ["take", "[2]", "index 2"]),
            (.gather(axis: 0), [real([2]), integer([2])], .invalidArgument, ["gather", "public integers"]),
            (.gather(axis: 1), [real([2]), Self.integer([2], .public)], .shapeMismatch, ["gather", "[2]"]),
            (.add, [real([2]), real([3])], .shapeMismatch, ["add", "[2] and [3]"]),
            (.add, [real([2]), integer([2])], .invalidArgument, ["add", "one kind"]),
            (.add, [bit([2]), bit([2])], .invalidArgument, ["add", "toInteger()"]),
            (.negate, [real([2]), real([2])], .invalidArgument, ["negate", "1 operand"]),
            (.sum(axes: [0, 0]), [real([2])], .shapeMismatch, ["sum", "[2]", "[0, 0]"]),
            (.sum(axes: [1]), [real([2])], .shapeMismatch, ["sum", "[1]"]),
            (.bilinear(.multiply), [real([2]), real([3])], .shapeMismatch, ["multiply", "[2] and [3]"]),
            (.bilinear(.multiply), [bit([2]), real([2])], .invalidArgument, ["multiply", "bit [2]"]),
            (.toReal, [real([2])], .invalidArgument, ["toReal", "integer"]),
            (.isZero, [bit([2])], .invalidArgument, ["isZero"]),
            (.and, [bit([2])], .invalidArgument, ["and", "two operands"]),
            (.xor, [bit([2]), bit([1])], .shapeMismatch, ["xor", "[2] and [1]"]),
            (.not, [real([2])], .invalidArgument, ["not", "bit"]),
            (.select, [real([2]), bit([2])], .invalidArgument, ["select"]),
            (.select, [bit([2]), real([3])], .shapeMismatch, ["select", "[2] and [3]"]),
            (.maximum(axis: 0), [real([0, 2])], .shapeMismatch, ["maximum", "[0, 2]"]),
            (.argmax(axis: 2), [real([1, 2])], .shapeMismatch, ["argmax", "[1, 2]"]),
            (.polynomial([]), [real([2])], .invalidArgument, ["polynomial"]),
            (.polynomial([.nan]), [real([2])], .invalidArgument, ["polynomial"]),
            (.polynomial([1]), [integer([2])], .invalidArgument, ["polynomial", "real"]),
            (.clamp(low: 1, high: 0), [real([2])], .invalidArgument, ["clamp", "1.0 and 0.0"]),
            (.clamp(low: -.infinity, high: 0), [real([2])], .invalidArgument, ["clamp", "-inf"]),
            (.clamp(low: 0, high: 1), [integer([2])], .invalidArgument, ["clamp", "real"]),
            (.sine, [bit([2])], .invalidArgument, ["sine"]),
        ]
        for (operation, operands, code, words) in cases {
            let error = #expect(throws: CrypTenError.self, "\(operation.name)") { try operation.result(of: operands) }
            #expect(error?.code == code, "\(operation.name)")
            for word in words {
                #expect(error?.message.contains(word) == true, "'\(error?.message ?? "")' doesn't say '\(word)'")
            }
        }
    }
}
