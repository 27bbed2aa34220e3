public import CrypTenBase
public import CrypTenRing

/// A tensor of an expression: secret, or public where all that it is made of is.
///
/// Nothing is computed and nothing is sent by making one. A session's `reveal` and `evaluate` plan and run the whole
/// expression at once, and `cost` prices it before a byte moves. An ill-formed expression is a tensor that carries its
/// `error`, which names the operation, the shapes and the place in the source, and which those calls throw.
///
/// The numbers of *rounds* that the functions state hold for shared operands, so they include the opening that masks
/// them; linear functions need none. Independent functions share their rounds.
public struct CrypTensor: Sendable, CustomStringConvertible {
    package let node: Node

    package init(_ node: Node) {
        self.node = node
    }

    /// A public tensor of numbers that everybody knows and that the plan contains.
    public init(constant tensor: Tensor, file: StaticString = #fileID, line: UInt = #line) {
        self.init(constant: tensor, at: SourceOrigin(file: "\(file)", line: line))
    }

    /// A public scalar, a real number.
    public init(_ value: Double, file: StaticString = #fileID, line: UInt = #line) {
        self.init(constant: Tensor(value), file: file, line: line)
    }

    /// A public scalar, an integer.
    public init(_ value: Int, file: StaticString = #fileID, line: UInt = #line) {
        self.init(whole: value, at: SourceOrigin(file: "\(file)", line: line))
    }

    /// The extents, outermost first; `[]` for a tensor that carries an error.
    public var shape: Shape {
        node.shape
    }

    /// The number of axes.
    public var rank: Int {
        node.shape.rank
    }

    /// The number of elements.
    public var count: Int {
        node.shape.count
    }

    /// What the elements are, and so how they are encoded.
    public var kind: ElementKind {
        node.kind
    }

    /// Whether the value is secret or known to all.
    public var visibility: Visibility {
        node.visibility
    }

    /// What is wrong with the expression: the first ill-formed operation in it, or nil.
    public var error: CrypTenError? {
        node.error
    }

    /// Kind, visibility and shape, or the error; never a value.
    public var description: String {
        if let error { return "CrypTensor(error: \(error))" }
        return "CrypTensor(\(visibility.rawValue) \(kind.rawValue) \(shape))"
    }
}

/// Literals stand for public scalars: `maximum(x, 0.5)`.
extension CrypTensor: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    /// A literal.
    public init(floatLiteral value: Double) {
        self.init(constant: Tensor(value), at: nil)
    }

    /// A literal.
    public init(integerLiteral value: Int) {
        self.init(whole: value, at: nil)
    }
}

/// Names the layer that the expressions in the body belong to, for cost reports and progress; names nest:
/// `"block1.conv2"`.
public func withLayer<Result, Failure: Error>(
    _ name: String,
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let full = LayerScope.current.map { "\($0).\(name)" } ?? name
    return try LayerScope.$current.binding(full, throwing: body)
}

// MARK: How functions make expressions

extension CrypTensor {
    /// Runs a function's body; what it throws becomes a tensor that carries the error and where the function was
    /// called.
    ///
    /// An operand's error spreads as it is: the first ill-formed operation is the one that is reported.
    package static func composing(
        _ operands: [CrypTensor],
        file: StaticString,
        line: UInt,
        _ body: (SourceOrigin) throws -> CrypTensor
    ) -> CrypTensor {
        if let broken = operands.first(where: { $0.node.error != nil }) { return broken }
        let origin = SourceOrigin(file: "\(file)", line: line)
        do {
            return try body(origin)
        } catch let part as IllFormedPart {
            return part.tensor
        } catch let problem as CrypTenError {
            return CrypTensor(failing: problem, at: origin)
        } catch {
            preconditionFailure("bodies throw CrypTenError")
        }
    }

    /// This; where it carries an error, the end of the function that is being composed, which then is this tensor.
    ///
    /// For parts of whose extents something is made: an ill-formed one has none, though all operands were well-formed. Only for
    /// bodies of `composing`, and what they call.
    func wellFormed() throws -> CrypTensor {
        if node.error != nil { throw IllFormedPart(tensor: self) }
        return self
    }

    /// Ends a body of `composing` early; the error is the part's own, which says already where it happened.
    private struct IllFormedPart: Error {
        let tensor: CrypTensor
    }

    /// A tensor that carries an error.
    package init(failing problem: CrypTenError, at origin: SourceOrigin?) {
        var located = problem
        located.locate(origin.map { [$0] } ?? [])
        node = Node(
            source: .constant(Tensor(0)),
            shape: [],
            kind: .real,
            visibility: .public,
            session: nil,
            origin: origin,
            layer: LayerScope.current,
            error: located
        )
    }

    /// A constant made at a place in the user's code, or the error that its numbers aren't finite.
    package init(constant tensor: Tensor, at origin: SourceOrigin?) {
        let finite =
            switch tensor.elements {
            case .float(let values): values.allSatisfy(\.isFinite)
            case .double(let values): values.allSatisfy(\.isFinite)
            case .int32, .int64, .bool: true
            }
        if finite {
            self.init(Node(.constant(tensor), [], origin: origin))
        } else {
            self.init(
                failing: CrypTenError(.outOfRange, "constant \(tensor.shape) holds infinities or NaN"),
                at: origin
            )
        }
    }

    /// A public integer.
    init(whole value: Int, at origin: SourceOrigin?) {
        self.init(Node(.constant(Tensor(.int64([Int64(value)]), shape: [])), [], origin: origin))
    }

    /// One primitive on this tensor and others.
    ///
    /// Without an origin an error names the operands' origins.
    package func applying(_ operation: Primitive, _ others: CrypTensor..., at origin: SourceOrigin? = nil) -> CrypTensor
    {
        CrypTensor(Node(operation, [node] + others.map(\.node), origin: origin))
    }

    /// The constant that this is, or nil where it isn't one.
    package var constantValue: Tensor? {
        if case .constant(let tensor) = node.operation, node.error == nil { return tensor }
        return nil
    }

    /// A position of an axis from 0 on; a negative axis counts from the last.
    func normalized(axis: Int, in function: String) throws -> Int {
        guard (-rank..<rank).contains(axis) else {
            throw CrypTenError(
                .invalidArgument,
                "\(function) can't use axis \(axis) of shape \(shape): it has \(rank) axes"
            )
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Positions of different axes from 0 on; nil stands for all axes.
    func normalized(axes: [Int]?, in function: String) throws -> [Int] {
        guard let axes else { return Array(0..<rank) }
        let positions = try axes.map { try normalized(axis: $0, in: function) }
        guard Set(positions).count == positions.count else {
            throw CrypTenError(
                .invalidArgument,
                "\(function) can't use axes \(axes) of shape \(shape): one is named twice"
            )
        }
        return positions
    }

    /// Positions that a function lists one by one: no more than this, whatever extents a shape has.
    private static let longestList = 1 << 26

    /// Checks that as many positions as these extents have together, those of 0 counted as 1, can be listed.
    ///
    /// - Throws: `.outOfRange` where they are more than 2^26, of this tensor's shape: a shape costs nothing, also an empty one, and a list of
    ///   its positions may be more than memory holds.
    func checkListed(_ extents: [Int], in function: String) throws {
        guard Shape.positions(extents) <= CrypTensor.longestList else {
            throw CrypTenError(
                .outOfRange,
                "\(function) of shape \(shape) takes a list of extents \(extents), and 2^26 positions are the most; make it smaller"
            )
        }
    }

    /// A shape of extents from a caller, or the error that says why there is none.
    func checkedShape(_ dimensions: [Int], in function: String) throws -> Shape {
        do {
            return try Shape(checking: dimensions)
        } catch let problem as CrypTenError {
            throw CrypTenError(problem.code, "\(function) can't give shape \(shape) new extents: \(problem.message)")
        }
    }
}
