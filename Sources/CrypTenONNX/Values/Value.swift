internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// What a name of the graph stands for while the graph is imported.
///
/// Operators are written once, over values. On what is known, or is made of weights alone, they compute at once, in double
/// or exactly in integers; on expressions they build expressions.
struct Value: Sendable {
    enum Content: Sendable {
        /// Public, and known to whoever imports: constants and shape arithmetic.
        case known(Tensor)
        /// Made of secret constants; its numbers are there at the owner only. Exists while a model is prepared, before
        /// any input; afterwards it is a parameter and so an expression.
        case weight(Weight)
        case expression(CrypTensor)
        /// A sequence. No operator sees one that doesn't take them.
        case list([Value])
        /// An optional value that isn't there. No operator sees one that doesn't take it.
        case nothing
    }

    /// A secret constant, or what the owner computes of secret constants.
    struct Weight: Sendable {
        var shape: Shape
        /// Nil for who has only the skeleton.
        var tensor: Tensor?
        /// The constants that it is computed of, in order of their first use.
        var sources: [String]
    }

    let type: ONNXElementType
    let content: Content
    /// Of data that may lack numbers: 1 where they do and 0 elsewhere, in the value's shape; those numbers are 0.
    var missing: CrypTensor?

    init(_ type: ONNXElementType, known tensor: Tensor) {
        self.type = type
        content = .known(tensor)
    }

    init(_ type: ONNXElementType, weight: Weight) {
        self.type = type
        content = .weight(weight)
    }

    init(_ type: ONNXElementType, _ expression: CrypTensor) {
        self.type = type
        content = .expression(expression)
    }

    /// A sequence of tensors; of an empty one, the type that they would have.
    init(_ type: ONNXElementType, list: [Value]) {
        self.type = type
        content = .list(list)
    }

    private init(nothing type: ONNXElementType) {
        self.type = type
        content = .nothing
    }

    /// An optional value that isn't there.
    static let nothing = Value(nothing: .float)

    /// Known numbers of type int64, as shape arithmetic has them.
    init(integers: [Int], shape: Shape) {
        self.init(.int64, known: Tensor(integers.map { Int64($0) }, shape: shape))
    }

    var shape: Shape {
        switch content {
        case .known(let tensor): tensor.shape
        case .weight(let weight): weight.shape
        case .expression(let expression): expression.shape
        case .list(let values): [values.count]
        case .nothing: [0]
        }
    }

    /// The tensors of a sequence; nil where it is none.
    var list: [Value]? {
        if case .list(let values) = content { return values }
        return nil
    }

    /// Whether it is an optional value that isn't there.
    var isNothing: Bool {
        if case .nothing = content { return true }
        return false
    }

    /// What it is where it is no tensor, for messages; nil for a tensor.
    var otherKind: String? {
        switch content {
        case .list(let values): "a sequence of \(values.count) tensors"
        case .nothing: "an optional value that isn't there"
        case .known, .weight, .expression: nil
        }
    }

    /// The known numbers, or nil where the value isn't known.
    var knownTensor: Tensor? {
        if case .known(let tensor) = content { return tensor }
        return nil
    }

    /// The numbers of a known value, or of a weight at its owner; nil otherwise.
    var numbers: Tensor? {
        switch content {
        case .known(let tensor): tensor
        case .weight(let weight): weight.tensor
        case .expression, .list, .nothing: nil
        }
    }

    /// What the numbers were made of, where they are a weight.
    var sources: [String] {
        if case .weight(let weight) = content { return weight.sources }
        return []
    }

    /// The value as an expression; known numbers become public constants.
    ///
    /// Infinities, and numbers as large as masks have them, from ``largest`` on, are held at ±``saturation``: then a sum with a score,
    /// and its differences, still lie in the range of the fixed point.
    ///
    /// - Throws: ``NeedsRun`` for a weight: while a model is prepared there are no expressions of weights; `.outOfRange` where a
    ///   known element isn't a number.
    func expression() throws -> CrypTensor {
        switch content {
        case .known(let tensor): return try checked(CrypTensor(constant: tensor.saturated(beyond: Value.largest)))
        case .weight: throw NeedsRun()
        case .expression(let expression): return expression
        case .list, .nothing:
            throw CrypTenError(
                .unsupportedOperator,
                "it is \(otherKind ?? "no tensor"), where a tensor is computed with"
            )
        }
    }

    /// What a public real number that is too large becomes: 2²⁸, a quarter of what products of reals may be with 16 fraction bits.
    static let saturation: Double = 0x1p28

    /// The magnitude from which public real numbers are no amounts: 2³², which has room in a sum with 28 fraction bits.
    static let largest: Double = 0x1p32

    /// The same value under another type of the same kind.
    func retyped(_ type: ONNXElementType) -> Value {
        switch content {
        case .known(let tensor): Value(type, known: tensor)
        case .weight(let weight): Value(type, weight: weight)
        case .expression(let expression): Value(type, expression)
        case .list(let values): Value(type, list: values)
        case .nothing: self
        }
    }

    /// The value itself, where it is a tensor.
    func tensor(_ operation: Operation) throws -> Value {
        guard let otherKind else { return self }
        throw operation.unsupported("\(otherKind) stands where a tensor belongs")
    }
}

/// An operator on weights alone that isn't computed by the owner but by the parties, as a part of the network.
struct NeedsRun: Error {}

/// An expression without an error, or the error.
func checked(_ expression: CrypTensor) throws -> CrypTensor {
    if let error = expression.error { throw error }
    return expression
}

extension Tensor {
    /// These numbers, reals beyond a magnitude as ±`limit`; what isn't a number stays so.
    func saturated(beyond magnitude: Double, as limit: Double = Value.saturation) -> Tensor {
        // A tensor of weights is as large as its file: it is looked at where it lies.
        let isBeyond =
            switch elements {
            case .float(let numbers): numbers.contains { Double($0.magnitude) > magnitude }
            case .double(let numbers): numbers.contains { $0.magnitude > magnitude }
            case .int32, .int64, .bool: false
            }
        guard isBeyond, case let numbers = doubles else { return self }
        return Tensor(numbers.map { $0.magnitude > magnitude ? ($0 < 0 ? -limit : limit) : $0 }, shape: shape)
    }
}
